//! The schema: made or brought up to date when a store is opened, by one of several conductors that start together.

use std::error::Error;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::connections::{ANSWER_WITHIN, within};
use crate::rows::in_its_words;

/// The migrations; they only ever go forward.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The lock under which the schema is created: no other program takes this number, but by chance, and then waits.
const CREATION: i64 = 0x636f_6e64_7563_746f;

/// Creates the schema where it is missing and brings its tables up to date. `schema` needs no quotes.
pub(super) async fn bring_up_to_date(
    options: &PgConnectOptions,
    schema: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut connection = within(ANSWER_WITHIN, options.connect()).await.map_err(in_its_words)?;
    // Others may be at it for long, and so may a migration.
    let patiently = "SET statement_timeout = 0; SET lock_timeout = 0";
    sqlx::raw_sql(patiently).execute(&mut connection).await.map_err(in_its_words)?;
    create(&mut connection, schema).await.map_err(in_its_words)?;
    MIGRATIONS.run(&mut connection).await.map_err(told)?;
    // All that was asked of it is done.
    let _ = connection.close().await;
    Ok(())
}

/// One that is there is not asked to be created: that would take rights that its owner need not have.
async fn create(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CREATION).execute(&mut *transaction).await?;
    let find = "SELECT to_regnamespace($1) IS NOT NULL";
    let is_there: bool = sqlx::query_scalar(find).bind(schema).fetch_one(&mut *transaction).await?;
    if !is_there {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn told(error: MigrateError) -> Box<dyn Error + Send + Sync> {
    if let MigrateError::VersionMissing(version) = error {
        let newest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        return format!(
            "its tables are of version {version}, and this program knows them up to version {newest}: it is too old"
        )
        .into();
    }
    if let MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) = error {
        return in_its_words(source);
    }
    Box::new(error)
}
