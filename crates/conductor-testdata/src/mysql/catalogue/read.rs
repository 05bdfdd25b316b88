//! What is read of `information_schema`.

use conductor_core::ports::PortError;
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::super::session::Session;
use super::super::trouble::{Trouble, TroubleKind};

/// A table as the catalogue tells of it.
pub(super) struct Found {
    pub(super) kind: String,
    pub(super) engine: String,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type without lengths, such as `varchar`.
    pub(super) kind: String,
    /// Its type as it was declared.
    pub(super) declared: String,
}

/// A column of an index.
pub(super) struct Indexed {
    pub(super) index: String,
    pub(super) is_unique: bool,
    pub(super) column: String,
    /// Only a beginning of its values is in the index.
    pub(super) is_part: bool,
}

/// A foreign key that points at a declared table.
#[derive(Clone, Debug)]
pub(super) struct ForeignKey {
    pub(super) database: String,
    pub(super) table: String,
    /// Pairs of columns: its own, and those that it points at.
    pub(super) columns: Vec<(String, String)>,
    pub(super) on_delete: String,
}

impl ForeignKey {
    /// True where rows that point are changed or deleted with what they point at.
    pub(super) fn changes_rows(&self) -> bool {
        !matches!(self.on_delete.as_str(), "RESTRICT" | "NO ACTION")
    }
}

/// The table of exactly this name; `None` where there is none that the user can see.
pub(super) async fn table(session: &mut Session<'_>, of: [&str; 2]) -> Result<Option<Found>, PortError> {
    let sql = "SELECT CAST(TABLE_NAME AS CHAR), CAST(TABLE_TYPE AS CHAR), CAST(COALESCE(ENGINE, '') AS CHAR) \
               FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
    let rows = texts::<3>(session, sql, of).await?;
    let found = rows.into_iter().find(|[name, ..]| name == of[1]);
    Ok(found.map(|[_, kind, engine]| Found { kind, engine }))
}

pub(super) async fn columns(session: &mut Session<'_>, of: [&str; 2]) -> Result<Vec<Column>, PortError> {
    let sql = "SELECT CAST(COLUMN_NAME AS CHAR), LOWER(CAST(DATA_TYPE AS CHAR)), LOWER(CAST(COLUMN_TYPE AS CHAR)) \
               FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
    let rows = texts::<3>(session, sql, of).await?;
    Ok(rows.into_iter().map(|[name, kind, declared]| Column { name, kind, declared }).collect())
}

/// All indexes, column by column.
pub(super) async fn indexes(session: &mut Session<'_>, of: [&str; 2]) -> Result<Vec<Indexed>, PortError> {
    let sql = "SELECT CAST(INDEX_NAME AS CHAR), CAST(NON_UNIQUE AS CHAR), CAST(COALESCE(COLUMN_NAME, '') AS CHAR), \
               CAST(COALESCE(SUB_PART, '') AS CHAR) FROM information_schema.STATISTICS \
               WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX";
    let rows = texts::<4>(session, sql, of).await?;
    let indexed = |[index, not_unique, column, part]: [String; 4]| Indexed {
        index,
        is_unique: not_unique == "0",
        column,
        is_part: !part.is_empty(),
    };
    Ok(rows.into_iter().map(indexed).collect())
}

/// What fires when rows are deleted.
pub(super) async fn triggers(session: &mut Session<'_>, of: [&str; 2]) -> Result<Vec<String>, PortError> {
    let sql = "SELECT CAST(TRIGGER_NAME AS CHAR) FROM information_schema.TRIGGERS \
               WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND EVENT_MANIPULATION = 'DELETE' \
               ORDER BY TRIGGER_NAME";
    Ok(texts::<1>(session, sql, of).await?.into_iter().map(|[name]| name).collect())
}

/// Keys that point at the table, of tables that the user can see.
pub(super) async fn foreign_keys(session: &mut Session<'_>, of: [&str; 2]) -> Result<Vec<ForeignKey>, PortError> {
    let sql = "SELECT CAST(own.CONSTRAINT_NAME AS CHAR), CAST(own.TABLE_SCHEMA AS CHAR), CAST(own.TABLE_NAME AS CHAR), \
               CAST(own.COLUMN_NAME AS CHAR), CAST(own.REFERENCED_COLUMN_NAME AS CHAR), CAST(rules.DELETE_RULE AS CHAR) \
               FROM information_schema.KEY_COLUMN_USAGE AS own \
               JOIN information_schema.REFERENTIAL_CONSTRAINTS AS rules \
               ON rules.CONSTRAINT_SCHEMA = own.CONSTRAINT_SCHEMA AND rules.CONSTRAINT_NAME = own.CONSTRAINT_NAME \
               AND rules.TABLE_NAME = own.TABLE_NAME \
               WHERE own.REFERENCED_TABLE_SCHEMA = ? AND own.REFERENCED_TABLE_NAME = ? \
               ORDER BY own.TABLE_SCHEMA, own.TABLE_NAME, own.CONSTRAINT_NAME, own.ORDINAL_POSITION";
    let mut keys: Vec<(String, ForeignKey)> = Vec::new();
    for [name, database, table, column, references, on_delete] in texts::<6>(session, sql, of).await? {
        match keys.last_mut() {
            Some((last, key)) if *last == name && key.database == database && key.table == table => {
                key.columns.push((column, references));
            }
            Some(_) | None => {
                keys.push((name, ForeignKey { database, table, columns: vec![(column, references)], on_delete }));
            }
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// How many keys of all tables point at the table, those that the user cannot see, too; `None` where that is not for the
/// user to know.
pub(super) async fn all_foreign_keys(session: &mut Session<'_>, of: [&str; 2]) -> Result<Option<usize>, PortError> {
    // The engine's own catalogue: its name in MariaDB, and in MySQL.
    for view in ["INNODB_SYS_FOREIGN", "INNODB_FOREIGN"] {
        let sql = format!(
            "SELECT CAST(ID AS CHAR) FROM information_schema.{view} WHERE CAST(REF_NAME AS CHAR) = CONCAT(?, '/', ?)"
        );
        match session.rows_or(&sql, &of).await? {
            Ok(rows) => return Ok(Some(rows.len())),
            Err(trouble) if trouble.kind == TroubleKind::Denied => return Ok(None),
            Err(trouble) if trouble.kind == TroubleKind::Refused => {}
            Err(trouble) => return Err(session.failed("could not read the catalogue of", trouble)),
        }
    }
    Ok(None)
}

async fn texts<const N: usize>(
    session: &mut Session<'_>,
    sql: &str,
    of: [&str; 2],
) -> Result<Vec<[String; N]>, PortError> {
    let act = "could not read the catalogue of";
    let rows = session.rows(act, sql, &of).await?;
    let row = |row: &MySqlRow| {
        let mut texts = [const { String::new() }; N];
        for (position, text) in texts.iter_mut().enumerate() {
            *text = row.try_get(position)?;
        }
        Ok(texts)
    };
    rows.iter().map(row).collect::<Result<_, sqlx::Error>>().map_err(|error| session.failed(act, Trouble::from(error)))
}
