//! The environment: an application and a load generator as rows of a database, and a trail of every change of them.

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres, Transaction};

/// The application that there is.
pub(crate) const APPLICATION: &str = "shop";

/// A field that a run changes.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    Version,
    Replicas,
    Users,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Replicas => "replicas",
            Self::Users => "users",
        }
    }

    /// Each field has an owner of its own, as objects of a cluster have.
    const fn object(self) -> &'static str {
        match self {
            Self::Version | Self::Replicas => APPLICATION,
            Self::Users => "generator",
        }
    }
}

/// The environment. Clones are handles on the same one.
#[derive(Clone)]
pub(crate) struct World(PgPool);

impl World {
    pub(crate) async fn open(url: &str) -> Result<Self, sqlx::Error> {
        PgPoolOptions::new().max_connections(4).connect(url).await.map(Self)
    }

    /// What a field is now.
    pub(crate) async fn read(&self, field: Field) -> Result<String, PortError> {
        let find = sqlx::query_scalar("SELECT value FROM field WHERE object = $1 AND name = $2");
        find.bind(field.object()).bind(field.name()).fetch_one(&self.0).await.map_err(|error| away("read", error))
    }

    /// The run that an object belongs to.
    pub(crate) async fn owner(&self, field: Field) -> Result<Option<String>, PortError> {
        let find = sqlx::query_scalar("SELECT run FROM object WHERE name = $1");
        find.bind(field.object()).fetch_one(&self.0).await.map_err(|error| away("read", error))
    }

    /// Changes a field for a run, by a conductor of this epoch.
    pub(crate) async fn write(&self, run: &RunId, epoch: u64, field: Field, value: &str) -> Result<(), PortError> {
        let mut work = self.0.begin().await.map_err(|error| away("write", error))?;
        owned(&mut work, run, epoch, field).await?;
        let change = "UPDATE field SET value = $3 WHERE object = $1 AND name = $2 AND value <> $3";
        let change = sqlx::query(change).bind(field.object()).bind(field.name()).bind(value);
        let changed = change.execute(&mut *work).await.map_err(|error| away("write", error))?.rows_affected() > 0;
        if changed {
            trail(&mut work, run, epoch, field, Some(value)).await?;
        }
        work.commit().await.map_err(|error| away("write", error))
    }

    /// Takes away what the run has left at an object.
    pub(crate) async fn let_go(&self, run: &RunId, epoch: u64, field: Field) -> Result<(), PortError> {
        let free = "UPDATE object SET run = NULL, epoch = 0 WHERE name = $1 AND run = $2 AND epoch <= $3";
        let free = sqlx::query(free).bind(field.object()).bind(run.as_str()).bind(number(epoch));
        free.execute(&self.0).await.map(drop).map_err(|error| away("let go", error))
    }

    /// Adds rows of test data.
    pub(crate) async fn add_rows(&self, run: &RunId, rows: u64) -> Result<(), PortError> {
        let add = sqlx::query("INSERT INTO orders (run, rows) VALUES ($1, $2)").bind(run.as_str()).bind(number(rows));
        add.execute(&self.0).await.map(drop).map_err(|error| away("write", error))
    }

    /// How many rows there are of a run.
    pub(crate) async fn rows(&self, run: &RunId) -> Result<u64, PortError> {
        let count = sqlx::query_scalar("SELECT coalesce(sum(rows), 0)::bigint FROM orders WHERE run = $1");
        let rows: i64 = count.bind(run.as_str()).fetch_one(&self.0).await.map_err(|error| away("read", error))?;
        Ok(rows.unsigned_abs())
    }

    /// Deletes them.
    pub(crate) async fn delete_rows(&self, run: &RunId) -> Result<(), PortError> {
        let delete = sqlx::query("DELETE FROM orders WHERE run = $1").bind(run.as_str());
        delete.execute(&self.0).await.map(drop).map_err(|error| away("write", error))
    }
}

/// Makes the object the run's, unless it is another run's or a younger conductor's.
async fn owned(work: &mut Transaction<'_, Postgres>, run: &RunId, epoch: u64, field: Field) -> Result<(), PortError> {
    let take = "UPDATE object SET run = $2, epoch = $3 WHERE name = $1 AND (run IS NULL OR run = $2 AND epoch <= $3)";
    let take = sqlx::query(take).bind(field.object()).bind(run.as_str()).bind(number(epoch));
    if take.execute(&mut **work).await.map_err(|error| away("write", error))?.rows_affected() == 1 {
        return Ok(());
    }
    // It stays in the trail though the change does not: nothing else was done in the transaction.
    trail(work, run, epoch, field, None).await?;
    sqlx::query("COMMIT").execute(&mut **work).await.map_err(|error| away("write", error))?;
    let text = format!("{} belongs to another run, or to a younger conductor than {epoch}", field.object());
    Err(PortError::new(FailureKind::Rejected, text))
}

/// Writes down who has changed what; without a value it was refused.
async fn trail(
    work: &mut Transaction<'_, Postgres>,
    run: &RunId,
    epoch: u64,
    field: Field,
    value: Option<&str>,
) -> Result<(), PortError> {
    let tell = "INSERT INTO trail (process, run, epoch, object, field, value) VALUES ($1, $2, $3, $4, $5, $6)";
    let tell = sqlx::query(tell).bind(i64::from(std::process::id())).bind(run.as_str()).bind(number(epoch));
    let tell = tell.bind(field.object()).bind(field.name()).bind(value);
    tell.execute(&mut **work).await.map(drop).map_err(|error| away("write", error))
}

fn number(number: u64) -> i64 {
    i64::try_from(number).expect("numbers of tests are small")
}

fn away(act: &str, error: sqlx::Error) -> PortError {
    PortError::because(FailureKind::Unavailable, format!("could not {act} the environment"), error)
}
