//! What is read of `information_schema`.

use std::collections::BTreeMap;

use conductor_core::ports::PortError;
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::super::session::Session;
use super::super::trouble::{Trouble, TroubleKind};

/// The character set in which the session writes texts.
const SESSION: &str = "utf8mb4";

/// A table as the catalogue tells of it.
pub(super) struct Found {
    /// Its database and its name, as the server writes them.
    pub(super) place: [String; 2],
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
    /// How its texts are written and compared; empty where it has none.
    pub(super) charset: String,
    pub(super) collation: String,
}

impl Column {
    /// Its character set and its collation, where it is not the character set of the session.
    pub(super) fn collated(&self) -> Option<[String; 2]> {
        let is_other = !self.charset.is_empty() && self.charset != SESSION;
        is_other.then(|| [self.charset.clone(), self.collation.clone()])
    }

    /// Its type, for people.
    pub(super) fn shown(&self) -> String {
        if self.collation.is_empty() { self.declared.clone() } else { format!("{} {}", self.declared, self.collation) }
    }
}

/// A column of an index.
#[derive(Clone, Debug)]
pub(super) struct Indexed {
    pub(super) index: String,
    /// Its place in the index, from 1 on.
    pub(super) place: u64,
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

/// The table of exactly this name, or of the same letters where the server folds names; `None` where there is none that the
/// user can see.
pub(super) async fn table(
    session: &mut Session<'_>,
    of: [&str; 2],
    folds_names: bool,
) -> Result<Option<Found>, PortError> {
    let sql = "SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), CAST(TABLE_TYPE AS CHAR), \
               CAST(COALESCE(ENGINE, '') AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
    let rows = texts::<4>(session, sql, &of).await?;
    let is_it = |[database, name, ..]: &[String; 4]| {
        let found = [database, name];
        match folds_names {
            false => found == of,
            true => found.map(|text| text.to_lowercase()) == of.map(str::to_lowercase),
        }
    };
    let found = rows.into_iter().find(is_it);
    Ok(found.map(|[database, name, kind, engine]| Found { place: [database, name], kind, engine }))
}

pub(super) async fn columns(session: &mut Session<'_>, of: [&str; 2]) -> Result<Vec<Column>, PortError> {
    let sql = "SELECT CAST(COLUMN_NAME AS CHAR), LOWER(CAST(DATA_TYPE AS CHAR)), LOWER(CAST(COLUMN_TYPE AS CHAR)), \
               CAST(COALESCE(CHARACTER_SET_NAME, '') AS CHAR), CAST(COALESCE(COLLATION_NAME, '') AS CHAR) \
               FROM information_schema.COLUMNS \
               WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
    let rows = texts::<5>(session, sql, &of).await?;
    let column =
        |[name, kind, declared, charset, collation]: [String; 5]| Column { name, kind, declared, charset, collation };
    Ok(rows.into_iter().map(column).collect())
}

/// All indexes, column by column.
pub(super) async fn indexes(session: &mut Session<'_>, of: [&str; 2]) -> Result<Vec<Indexed>, PortError> {
    let sql = "SELECT CAST(INDEX_NAME AS CHAR), CAST(NON_UNIQUE AS CHAR), CAST(COALESCE(COLUMN_NAME, '') AS CHAR), \
               CAST(COALESCE(SUB_PART, '') AS CHAR), CAST(SEQ_IN_INDEX AS CHAR) FROM information_schema.STATISTICS \
               WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX";
    let rows = texts::<5>(session, sql, &of).await?;
    let indexed = |[index, not_unique, column, part, place]: [String; 5]| Indexed {
        index,
        place: place.parse().unwrap_or_default(),
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
    Ok(texts::<1>(session, sql, &of).await?.into_iter().map(|[name]| name).collect())
}

/// Keys of a table that point at another one, if the user can see them.
///
/// They are asked for by the table that has them: by the one at their end the server would open all its tables. Its comparison may
/// take tables for one whose names only look alike.
pub(super) async fn foreign_keys(
    session: &mut Session<'_>,
    of: [&str; 2],
    child: &[String; 2],
) -> Result<Vec<ForeignKey>, PortError> {
    let sql = "SELECT CAST(own.CONSTRAINT_NAME AS CHAR), CAST(own.TABLE_SCHEMA AS CHAR), CAST(own.TABLE_NAME AS CHAR), \
               CAST(own.COLUMN_NAME AS CHAR), CAST(own.REFERENCED_COLUMN_NAME AS CHAR), CAST(rules.DELETE_RULE AS CHAR) \
               FROM information_schema.KEY_COLUMN_USAGE AS own \
               JOIN information_schema.REFERENTIAL_CONSTRAINTS AS rules \
               ON rules.CONSTRAINT_SCHEMA = own.CONSTRAINT_SCHEMA AND rules.CONSTRAINT_NAME = own.CONSTRAINT_NAME \
               AND rules.TABLE_NAME = own.TABLE_NAME \
               WHERE own.REFERENCED_TABLE_SCHEMA = ? AND own.REFERENCED_TABLE_NAME = ? \
               AND CAST(own.REFERENCED_TABLE_SCHEMA AS BINARY) = CAST(? AS BINARY) \
               AND CAST(own.REFERENCED_TABLE_NAME AS BINARY) = CAST(? AS BINARY) \
               AND own.TABLE_SCHEMA = ? AND own.TABLE_NAME = ? \
               AND rules.CONSTRAINT_SCHEMA = ? AND rules.TABLE_NAME = ? \
               ORDER BY own.CONSTRAINT_NAME, own.ORDINAL_POSITION";
    let asked = [of[0], of[1], of[0], of[1], &child[0], &child[1], &child[0], &child[1]];
    let mut keys: Vec<(String, ForeignKey)> = Vec::new();
    for [name, database, table, column, references, on_delete] in texts::<6>(session, sql, &asked).await? {
        match keys.last_mut() {
            Some((last, key)) if *last == name => key.columns.push((column, references)),
            Some(_) | None => {
                keys.push((name, ForeignKey { database, table, columns: vec![(column, references)], on_delete }));
            }
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// The tables that point at a table, with the number of their keys that do, those that the user cannot see, too; `None` where
/// that is not for the user to know.
///
/// Of MySQL it is not left to the server to say so: it might show less instead.
pub(super) async fn children(
    session: &mut Session<'_>,
    of: [&str; 2],
    has_process: bool,
) -> Result<Option<BTreeMap<[String; 2], usize>>, PortError> {
    let act = "could not read the catalogue of";
    // The engine's own catalogue: its name in MariaDB, where names are those of files, and in MySQL.
    let views = [
        "SELECT CAST(CONVERT(CAST(CAST(SUBSTRING_INDEX(FOR_NAME, '/', 1) AS BINARY) AS CHAR CHARACTER SET filename) \
         USING utf8mb4) AS CHAR), \
         CAST(CONVERT(CAST(CAST(SUBSTRING(FOR_NAME, LOCATE('/', FOR_NAME) + 1) AS BINARY) AS CHAR CHARACTER SET filename) \
         USING utf8mb4) AS CHAR) FROM information_schema.INNODB_SYS_FOREIGN WHERE CAST(REF_NAME AS BINARY) = \
         CONCAT(CAST(CONVERT(? USING filename) AS BINARY), '/', CAST(CONVERT(? USING filename) AS BINARY))",
        "SELECT CAST(SUBSTRING_INDEX(FOR_NAME, '/', 1) AS CHAR), CAST(SUBSTRING(FOR_NAME, LOCATE('/', FOR_NAME) + 1) AS CHAR) \
         FROM information_schema.INNODB_FOREIGN WHERE CAST(REF_NAME AS BINARY) = CAST(CONCAT(?, '/', ?) AS BINARY)",
    ];
    for (sql, is_open) in views.into_iter().zip([true, has_process]) {
        if !is_open {
            return Ok(None);
        }
        let rows = match session.rows_or(sql, &of).await? {
            Ok(rows) => rows,
            Err(trouble) if trouble.kind == TroubleKind::Denied => return Ok(None),
            Err(trouble) if trouble.kind == TroubleKind::Refused => continue,
            Err(trouble) => return Err(session.failed(act, trouble)),
        };
        let mut children = BTreeMap::new();
        for row in &rows {
            let read = |at: usize| row.try_get(at).map_err(|error| session.failed(act, Trouble::from(error)));
            *children.entry([read(0)?, read(1)?]).or_default() += 1;
        }
        return Ok(Some(children));
    }
    Ok(None)
}

async fn texts<const N: usize>(
    session: &mut Session<'_>,
    sql: &str,
    of: &[&str],
) -> Result<Vec<[String; N]>, PortError> {
    let act = "could not read the catalogue of";
    let rows = session.rows(act, sql, of).await?;
    let row = |row: &MySqlRow| {
        let mut texts = [const { String::new() }; N];
        for (position, text) in texts.iter_mut().enumerate() {
            *text = row.try_get(position)?;
        }
        Ok(texts)
    };
    rows.iter().map(row).collect::<Result<_, sqlx::Error>>().map_err(|error| session.failed(act, Trouble::from(error)))
}
