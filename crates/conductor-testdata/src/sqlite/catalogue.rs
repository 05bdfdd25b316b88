//! Checks a declaration against the database's own catalogue, and makes the statements from what was found there.

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SqliteTestDataSettings;
use super::foreign_keys::{self, ForeignKey};
use crate::declaration::{Condition, Dialect, Rows, Table, children_first, condition};

/// A declared table that exists, with all its names quoted.
pub(super) struct Checked {
    /// The table's name, for people.
    pub(super) name: String,
    /// Its rows of a run.
    pub(super) of_run: Condition,
    /// Those of them that the row guards let pass, where there are any.
    pub(super) guarded: Option<Condition>,
    /// Those of them at which no row points whose own table it would be changed in.
    pub(super) deletable: Condition,
    /// More rows of a run than these are suspicious.
    pub(super) most_rows: Option<u64>,
    table: String,
}

impl Checked {
    pub(super) fn count_sql(&self, condition: &Condition, most: Option<u64>) -> String {
        let rows = format!("FROM {} WHERE {}", self.table, condition.sql);
        match most {
            None => format!("SELECT COUNT(*) {rows}"),
            Some(most) => format!("SELECT COUNT(*) FROM (SELECT 1 {rows} LIMIT {most})"),
        }
    }

    /// Deletes one batch in the order of the row ids.
    pub(super) fn delete_sql(&self, batch: u64) -> String {
        let (table, condition) = (&self.table, &self.deletable.sql);
        format!(
            "DELETE FROM {table} WHERE rowid IN \
             (SELECT rowid FROM {table} WHERE {condition} ORDER BY rowid LIMIT {batch})"
        )
    }
}

struct Sqlite<'a>(&'a [Table]);

impl Dialect for Sqlite<'_> {
    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }

    fn table(&self, table: usize) -> String {
        quoted(&self.0[table].table)
    }

    fn place(&self, position: usize) -> String {
        format!("?{position}")
    }

    /// A column of numbers would take 007 for 7.
    fn tagged(&self, _table: usize, column: &str, place: &mut dyn FnMut() -> String) -> String {
        let place = place();
        format!("{column} = {place} COLLATE BINARY AND CAST({column} AS TEXT) = {place} COLLATE BINARY")
    }
}

/// Checks all tables of a declaration, and puts children before their parents.
pub(super) async fn check(
    settings: &SqliteTestDataSettings,
    connection: &mut SqliteConnection,
) -> Result<Vec<Checked>, PortError> {
    let violations = settings.violations();
    if !violations.is_empty() {
        let shown: Vec<String> = violations
            .iter()
            .map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}"))
            .collect();
        return Err(refused(settings, &shown.join("; ")));
    }
    for (position, declared) in settings.tables.iter().enumerate() {
        columns(settings, position, connection).await?;
        triggers(settings, declared, connection).await?;
    }
    let keys = foreign_keys::read(settings, connection).await?;
    let tables = &settings.tables;
    let is = |table: &Table, name: &str| table.table.eq_ignore_ascii_case(name);
    let mut parents = vec![BTreeSet::new(); tables.len()];
    for (position, declared) in tables.iter().enumerate() {
        parents[position].extend(declared.parent(tables));
        let own = keys.iter().filter(|key| is(declared, &key.child));
        parents[position].extend(own.filter_map(|key| tables.iter().position(|table| is(table, &key.parent))));
        let undeclared = |key: &&ForeignKey| {
            key.changes_rows() && is(declared, &key.parent) && !tables.iter().any(|table| is(table, &key.child))
        };
        if let Some(key) = keys.iter().find(undeclared) {
            let act = format!(
                "deleting from {} would change rows of {} (ON DELETE {}), which is not declared; expected it among tables",
                declared.table, key.child, key.on_delete
            );
            return Err(refused(settings, &act));
        }
    }
    let order = children_first(&parents).map_err(|circle| {
        let names: Vec<&str> = circle.iter().map(|table| tables[*table].table.as_str()).collect();
        refused(settings, &format!("the tables {} point at each other in a circle", names.join(", ")))
    })?;
    Ok(order.into_iter().map(|table| checked(tables, table, &keys)).collect())
}

fn checked(tables: &[Table], table: usize, keys: &[ForeignKey]) -> Checked {
    let declared = &tables[table];
    let of = |guarded| condition(tables, &Sqlite(tables), Rows { table, guarded, part: None });
    let (of_run, guarded) = (of(false), of(true));
    let mut deletable = guarded.clone();
    for key in keys.iter().filter(|key| key.parent.eq_ignore_ascii_case(&declared.table)) {
        if key.changes_rows() || key.is_within_one_table() {
            deletable.sql = format!("{} AND {}", deletable.sql, key.nobody_points_at());
        }
    }
    Checked {
        name: declared.table.clone(),
        guarded: (guarded != of_run).then_some(guarded),
        of_run,
        deletable,
        most_rows: declared.row_guard.most_rows,
        table: quoted(&declared.table),
    }
}

/// Looks whether a table is one from which rows can be deleted in batches, and has the columns that it is declared with.
async fn columns(
    settings: &SqliteTestDataSettings,
    position: usize,
    connection: &mut SqliteConnection,
) -> Result<(), PortError> {
    let declared = &settings.tables[position];
    let table = &declared.table;
    let known = names(settings, connection, "SELECT name FROM pragma_table_info(?)", table).await?;
    if known.is_empty() {
        let act = format!("test data {}: there is no table {table} in {}", settings.name, settings.path.display());
        return Err(PortError::new(FailureKind::NotFound, act));
    }
    let kind = "SELECT type || CASE wr WHEN 0 THEN '' ELSE ' WITHOUT ROWID' END FROM pragma_table_list \
                WHERE schema = 'main' AND name = ? COLLATE NOCASE";
    let kind = names(settings, connection, kind, table).await?;
    if let Some(other) = kind.first().filter(|kind| *kind != "table") {
        return Err(refused(
            settings,
            &format!("{table} is a {other}, which is not supported; expected a table with row ids"),
        ));
    }
    let of_via = declared.via.iter().map(|via| &via.column);
    let of_guard = declared.row_guard.conditions.iter().map(|guard| &guard.column);
    let children = settings.tables.iter().filter(|other| other.parent(&settings.tables) == Some(position));
    let keys: Vec<&String> = children.filter_map(|child| Some(&child.via.as_ref()?.parent_column)).collect();
    let all = declared.tag_column.iter().chain(of_via).chain(of_guard).chain(keys.iter().copied());
    if let Some(column) = all.into_iter().find(|column| !known.contains(column)) {
        let known = known.join(", ");
        return Err(refused(settings, &format!("table {table} has no column {column}; expected one of {known}")));
    }
    let unique = "SELECT column.name FROM pragma_index_list(?1) AS found, pragma_index_info(found.name) AS column \
                  WHERE found.\"unique\" AND NOT found.partial \
                  AND (SELECT COUNT(*) FROM pragma_index_info(found.name)) = 1 \
                  UNION SELECT name FROM pragma_table_info(?1) WHERE pk = 1 \
                  AND (SELECT COUNT(*) FROM pragma_table_info(?1) WHERE pk > 0) = 1";
    let unique = names(settings, connection, unique, table).await?;
    if let Some(column) = keys.into_iter().find(|column| !unique.contains(column)) {
        let act = format!(
            "several rows of {table} may have the same {column}, so that a row of others could match by it; expected a \
             parentColumn with a unique index"
        );
        return Err(refused(settings, &act));
    }
    Ok(())
}

/// Triggers may write anywhere. Which of them a deletion fires stands in their text only.
async fn triggers(
    settings: &SqliteTestDataSettings,
    declared: &Table,
    connection: &mut SqliteConnection,
) -> Result<(), PortError> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE \
               AND upper(sql) LIKE '%DELETE%' ORDER BY name";
    let found = names(settings, connection, sql, &declared.table).await?;
    if found.is_empty() || declared.allow_triggers {
        return Ok(());
    }
    let act = format!(
        "table {} has triggers that a deletion may fire ({}), which may write elsewhere; expected none, or allowTriggers: true",
        declared.table,
        found.join(", ")
    );
    Err(refused(settings, &act))
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

pub(super) fn unread(settings: &SqliteTestDataSettings, source: sqlx::Error) -> PortError {
    let act = format!("test data {}: could not read the catalogue of {}", settings.name, settings.path.display());
    super::because(act, source)
}

fn refused(settings: &SqliteTestDataSettings, problem: &str) -> PortError {
    PortError::new(FailureKind::Rejected, format!("test data {}: {problem}", settings.name))
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
