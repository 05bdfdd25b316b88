//! Checks a declaration against the database's own catalogue, and makes the statements from what was found there.

use std::collections::BTreeMap;

use conductor_core::ports::{FailureKind, PortError};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::{SqliteTestDataSettings, Table};

/// A declared table that exists, with all its names quoted.
pub(super) struct Checked {
    /// The table's name, for people.
    pub(super) name: String,
    /// Tables its foreign keys and its `via` point at.
    pub(super) parents: Vec<String>,
    table: String,
    /// What tells the run's rows, with one bound value: the run's id.
    condition: String,
}

impl Checked {
    pub(super) fn count_sql(&self) -> String {
        format!("SELECT COUNT(*) FROM {} WHERE {}", self.table, self.condition)
    }

    /// Deletes one batch in the order of the row ids; its second bound value is the batch's size.
    pub(super) fn delete_sql(&self) -> String {
        let Self { table, condition, .. } = self;
        format!(
            "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {condition} ORDER BY rowid LIMIT ?2)"
        )
    }
}

/// Checks all tables of a declaration.
pub(super) async fn check(
    settings: &SqliteTestDataSettings,
    connection: &mut SqliteConnection,
) -> Result<Vec<Checked>, PortError> {
    if settings.batch_size == 0 {
        return Err(refused(settings, "batchSize is 0; expected 1 or more"));
    }
    if settings.tables.is_empty() {
        return Err(refused(settings, "no tables are declared; expected at least one"));
    }
    let mut columns = BTreeMap::new();
    for declared in &settings.tables {
        if columns.insert(declared.table.clone(), columns_of(settings, declared, connection).await?).is_some() {
            return Err(refused(settings, &format!("table {} is declared twice", declared.table)));
        }
    }
    let mut checked = Vec::new();
    for declared in &settings.tables {
        let condition = condition(settings, declared, &columns, 0)?;
        let mut parents = foreign_keys(settings, declared, connection).await?;
        parents.extend(declared.via.iter().map(|via| via.references.clone()));
        parents.retain(|parent| *parent != declared.table);
        checked.push(Checked { name: declared.table.clone(), parents, table: quoted(&declared.table), condition });
    }
    Ok(checked)
}

/// How a row of the table is known to be of the run.
fn condition(
    settings: &SqliteTestDataSettings,
    declared: &Table,
    columns: &BTreeMap<String, Vec<String>>,
    depth: usize,
) -> Result<String, PortError> {
    let table = &declared.table;
    if depth > settings.tables.len() {
        return Err(refused(settings, &format!("the path from {table} to a tag goes round in a circle")));
    }
    let known = |table: &str, column: &str| match columns.get(table) {
        Some(columns) if columns.iter().any(|known| known == column) => Ok(quoted(column)),
        Some(columns) => Err(refused(
            settings,
            &format!("table {table} has no column {column}; expected one of {}", columns.join(", ")),
        )),
        None => Err(refused(settings, &format!("table {table} is referenced but not declared"))),
    };
    match (&declared.tag_column, &declared.via) {
        (Some(tag), None) => Ok(format!("{} = ?1", known(table, tag)?)),
        (None, Some(via)) => {
            let (column, parent_column) = (known(table, &via.column)?, known(&via.references, &via.parent_column)?);
            let parent = settings.tables.iter().find(|other| other.table == via.references);
            let parent =
                parent.ok_or_else(|| refused(settings, &format!("table {} is not declared", via.references)))?;
            let inner = condition(settings, parent, columns, depth + 1)?;
            Ok(format!("{column} IN (SELECT {parent_column} FROM {} WHERE {inner})", quoted(&via.references)))
        }
        (Some(_), Some(_)) => {
            Err(refused(settings, &format!("table {table} has both tagColumn and via; expected one of them")))
        }
        (None, None) => Err(refused(
            settings,
            &format!("table {table} has neither tagColumn nor via, so that rows of others could match"),
        )),
    }
}

async fn columns_of(
    settings: &SqliteTestDataSettings,
    declared: &Table,
    connection: &mut SqliteConnection,
) -> Result<Vec<String>, PortError> {
    let names = names(settings, connection, "SELECT name FROM pragma_table_info(?)", &declared.table).await?;
    if names.is_empty() {
        let act =
            format!("test data {}: there is no table {} in {}", settings.name, declared.table, settings.path.display());
        return Err(PortError::new(FailureKind::NotFound, act));
    }
    let without_rowid = names_flag(settings, connection, &declared.table).await?;
    if without_rowid {
        return Err(refused(settings, &format!("table {} is WITHOUT ROWID, which is not supported", declared.table)));
    }
    Ok(names)
}

async fn foreign_keys(
    settings: &SqliteTestDataSettings,
    declared: &Table,
    connection: &mut SqliteConnection,
) -> Result<Vec<String>, PortError> {
    names(settings, connection, "SELECT \"table\" FROM pragma_foreign_key_list(?)", &declared.table).await
}

async fn names(
    settings: &SqliteTestDataSettings,
    connection: &mut SqliteConnection,
    sql: &'static str,
    table: &str,
) -> Result<Vec<String>, PortError> {
    let rows = sqlx::query(sql).bind(table).fetch_all(connection).await.map_err(|source| unread(settings, source))?;
    rows.iter().map(|row| row.try_get(0).map_err(|source| unread(settings, source))).collect()
}

async fn names_flag(
    settings: &SqliteTestDataSettings,
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<bool, PortError> {
    let sql = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE";
    let row =
        sqlx::query(sql).bind(table).fetch_optional(connection).await.map_err(|source| unread(settings, source))?;
    row.map_or(Ok(false), |row| row.try_get(0).map_err(|source| unread(settings, source)))
}

fn unread(settings: &SqliteTestDataSettings, source: sqlx::Error) -> PortError {
    let act = format!("test data {}: could not read the catalogue of {}", settings.name, settings.path.display());
    super::because(act, source)
}

fn refused(settings: &SqliteTestDataSettings, problem: &str) -> PortError {
    PortError::new(FailureKind::Rejected, format!("test data {}: {problem}", settings.name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
