//! Checks a declaration against the database's own catalogue.

mod read;
mod via;

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError};

use super::session::Session;
use super::settings::PostgresTestDataSettings;
use crate::declaration::{Table, children_first};
use read::Key;
use via::Equality;

/// The oldest version that finds rows by a range of pages without reading the whole table.
const OLDEST: i32 = 140_000;

/// A declared table that exists, as the catalogue tells of it.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// The table's name, for people.
    pub(super) name: String,
    /// Its name with its schema, quoted.
    pub(super) sql: String,
    /// Its columns.
    pub(super) columns: Vec<Column>,
    /// How its tag is compared, where it has one.
    pub(super) tag: Option<Tag>,
    /// The tables that hold its rows: itself, or its partitions.
    pub(super) leaves: Vec<Leaf>,
    /// Keys of rows that point at its rows.
    pub(super) pointing: Vec<Pointing>,
    /// Its rows can be locked, which takes the right to update one of its columns.
    may_lock: bool,
    /// What of it fires when rows are deleted, and may do anything.
    triggers: Vec<String>,
    /// Numbers of its relations, with that of itself.
    tree: Vec<i64>,
}

/// A column, and its type as it is written in SQL.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    tag: Option<Tag>,
    equality: Equality,
}

/// How a column is compared with the run's id, so that exactly this run is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// As it is.
    Text,
    /// With blanks to its length.
    Padded,
    /// As text, byte by byte: of this type or with this collation, different texts may be equal. No index helps.
    Loose,
}

/// A table that holds rows.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) oid: i64,
    /// Its name with its schema, quoted.
    pub(super) sql: String,
    /// Rows of a page at most, as far as is known.
    pub(super) rows_per_page: u64,
    /// Columns by which an index finds rows.
    indexed: Vec<String>,
}

/// A foreign key at whose end the table is.
#[derive(Clone, Debug)]
pub(super) struct Pointing {
    /// The table with the rows that point, quoted.
    pub(super) child: String,
    /// Pairs of columns: the child's, and the table's.
    pub(super) columns: Vec<(String, String)>,
    /// Rows that point are changed or deleted with what they point at.
    pub(super) changes_rows: bool,
    /// They are of the same table.
    pub(super) is_own: bool,
}

impl Checked {
    /// True where an index finds rows by the column, in every table that holds some.
    pub(super) fn is_indexed(&self, column: &str) -> bool {
        self.leaves.iter().all(|leaf| leaf.is_indexed(column))
    }
}

impl Leaf {
    /// True where an index finds rows by the column.
    pub(super) fn is_indexed(&self, column: &str) -> bool {
        self.indexed.iter().any(|indexed| indexed == column)
    }
}

/// A declaration that fits the database.
pub(super) struct Catalogue {
    /// The declared tables.
    pub(super) tables: Vec<Checked>,
    /// Their numbers, children before parents.
    pub(super) order: Vec<usize>,
    /// What is worth to know.
    pub(super) remarks: Vec<String>,
}

/// Checks all tables of a declaration.
pub(super) async fn check(
    settings: &PostgresTestDataSettings,
    session: &mut Session<'_>,
) -> Result<Catalogue, PortError> {
    let violations = settings.violations();
    if !violations.is_empty() {
        let shown =
            violations.iter().map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}"));
        return Err(refused(settings, &shown.collect::<Vec<_>>().join("; ")));
    }
    let version = read::version(session).await?;
    if version < OLDEST {
        let act = session.act(&format!(
            "the server is PostgreSQL {}, which cannot find rows by their pages; expected 14 or newer for",
            version / 10_000
        ));
        return Err(PortError::new(FailureKind::Rejected, act));
    }
    let mut tables = Vec::new();
    for position in 0..settings.tables.len() {
        tables.push(table(settings, position, session).await?);
    }
    distinct(settings, &tables)?;
    via::fitting(settings, &tables)?;
    let trees: Vec<&[i64]> = tables.iter().map(|table| &table.tree[..]).collect();
    let keys = read::keys(session, &trees.concat()).await?;
    let parents = parents(settings, &tables, &keys)?;
    let order = children_first(&parents).map_err(|circle| {
        let names: Vec<&str> = circle.iter().map(|table| tables[*table].name.as_str()).collect();
        refused(settings, &format!("the tables {} point at each other in a circle", names.join(", ")))
    })?;
    let mut remarks = remarks(settings, &tables, &keys);
    for key in &keys {
        for table in tables.iter_mut().filter(|table| key.is_outermost_of(&table.tree)) {
            let is_own = table.tree.contains(&key.child);
            let Key { child_sql, columns, .. } = key.clone();
            let pairs = columns.into_iter().map(|[child, parent]| (child, parent)).collect();
            let changes_rows = key.on_delete().is_some();
            table.pointing.push(Pointing { child: child_sql, columns: pairs, changes_rows, is_own });
        }
    }
    remarks.extend(via::unkept(settings, &mut tables));
    for table in tables.iter().filter(|table| !table.may_lock && !table.pointing.is_empty()) {
        let name = &table.name;
        if table.pointing.iter().any(|key| key.changes_rows || key.is_own) {
            let act = format!(
                "{} lacks the right to UPDATE {name}, by which rows are locked while it is looked who points at them; expected \
                 GRANT UPDATE on one of its columns",
                settings.user
            );
            return Err(refused(settings, &act));
        }
        remarks.push(format!(
            "{} may not UPDATE {name}: if a row that stays points at one of the run's, nothing more is deleted",
            settings.user
        ));
    }
    Ok(Catalogue { tables, order, remarks })
}

/// No two declared tables may have a row in common: each has its own guard.
fn distinct(settings: &PostgresTestDataSettings, tables: &[Checked]) -> Result<(), PortError> {
    for (position, table) in tables.iter().enumerate() {
        let shares = |other: &&Checked| other.tree.iter().any(|oid| table.tree.contains(oid));
        if let Some(other) = tables[..position].iter().find(shares) {
            let act =
                format!("{} and {} have rows in common; expected one of them among tables", other.name, table.name);
            return Err(refused(settings, &act));
        }
    }
    Ok(())
}

/// The tables that each table points at. Nothing else may be changed by what is deleted.
fn parents(
    settings: &PostgresTestDataSettings,
    tables: &[Checked],
    keys: &[Key],
) -> Result<Vec<BTreeSet<usize>>, PortError> {
    let number = |oid: i64| tables.iter().position(|table| table.tree.contains(&oid));
    let mut parents: Vec<BTreeSet<usize>> =
        settings.tables.iter().map(|declared| declared.parent(&settings.tables).into_iter().collect()).collect();
    for key in keys {
        let Some(parent) = number(key.parent) else { continue };
        match (number(key.child), key.on_delete()) {
            (Some(child), _) => drop(parents[child].insert(parent)),
            (None, Some(act)) => {
                let act = format!(
                    "deleting from {} would change rows of {} (ON DELETE {act}), which is not declared; expected it among tables",
                    tables[parent].name, key.child_name
                );
                return Err(refused(settings, &act));
            }
            (None, None) => {}
        }
    }
    Ok(parents)
}

async fn table(
    settings: &PostgresTestDataSettings,
    position: usize,
    session: &mut Session<'_>,
) -> Result<Checked, PortError> {
    let declared = &settings.tables[position];
    let name = declared.shown();
    let found = read::relations(session, declared.schema.as_deref().unwrap_or("public"), &declared.table).await?;
    let Some(root) = found.first() else {
        let act = session.act(&format!("there is no table {name} in"));
        return Err(PortError::new(FailureKind::NotFound, act));
    };
    if let Some(other) = found.iter().find_map(|relation| relation.unfit()) {
        return Err(refused(settings, &format!("{other}; expected a table or a partitioned table")));
    }
    let hidden = found.iter().find(|relation| relation.hides_rows);
    if let Some(hidden) = hidden {
        let act = format!(
            "row security may hide rows of {} from {}; expected a role with BYPASSRLS, or the table's owner",
            hidden.name, settings.user
        );
        return Err(refused(settings, &act));
    }
    let tree: Vec<i64> = found.iter().map(|relation| relation.oid).collect();
    let columns = read::columns(session, root.oid).await?;
    let lacking = found.iter().find(|relation| !relation.lacks.is_empty());
    if let Some(relation) = lacking {
        let act = format!(
            "{} lacks the right to {} {}; expected GRANT SELECT, DELETE on it and its partitions",
            settings.user,
            relation.lacks.join(" and "),
            relation.name
        );
        return Err(refused(settings, &act));
    }
    let tag = tag(settings, position, &name, &columns)?;
    via::unique(settings, position, &name, found.len() > 1 && !root.is_partitioned(), root.oid, session).await?;
    let triggers = triggers(settings, declared, &name, &tree, session).await?;
    let (sql, may_lock) = (root.sql.clone(), found.iter().all(|relation| relation.may_lock));
    let mut leaves = Vec::new();
    for relation in found.iter().filter(|relation| !relation.is_partitioned()) {
        let indexed = read::indexed(session, relation.oid).await?;
        let rows_per_page = relation.rows_per_page();
        leaves.push(Leaf { oid: relation.oid, sql: relation.sql.clone(), rows_per_page, indexed });
    }
    Ok(Checked { name, sql, columns, tag, leaves, pointing: Vec::new(), may_lock, triggers, tree })
}

/// Looks whether the declared columns are there, and how the tag is compared.
fn tag(
    settings: &PostgresTestDataSettings,
    position: usize,
    name: &str,
    columns: &[Column],
) -> Result<Option<Tag>, PortError> {
    let declared = &settings.tables[position];
    let of_via = declared.via.iter().map(|via| &via.column);
    let of_guard = declared.row_guard.conditions.iter().map(|guard| &guard.column);
    let keys = settings.tables.iter().filter(|other| other.parent(&settings.tables) == Some(position));
    let keys = keys.filter_map(|child| Some(&child.via.as_ref()?.parent_column));
    for wanted in declared.tag_column.iter().chain(of_via).chain(of_guard).chain(keys) {
        if !columns.iter().any(|column| column.name == *wanted) {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let act = format!("table {name} has no column {wanted}; expected one of {}", known.join(", "));
            return Err(refused(settings, &act));
        }
    }
    let tag = columns.iter().find(|column| Some(&column.name) == declared.tag_column.as_ref());
    match tag {
        None => Ok(None),
        Some(Column { tag: Some(tag), .. }) => Ok(Some(*tag)),
        Some(Column { name: column, kind, tag: None, .. }) => {
            let act =
                format!("column {column} of {name} is of type {kind}; expected text, varchar, char or uuid for a tag");
            Err(refused(settings, &act))
        }
    }
}

/// What fires when rows are deleted, where that is allowed.
async fn triggers(
    settings: &PostgresTestDataSettings,
    declared: &Table,
    name: &str,
    tree: &[i64],
    session: &mut Session<'_>,
) -> Result<Vec<String>, PortError> {
    let rules = read::rules(session, tree).await?;
    if !rules.is_empty() {
        let act = format!("table {name} has rules that replace deletion ({}); expected none", rules.join(", "));
        return Err(refused(settings, &act));
    }
    let found = read::triggers(session, tree).await?;
    if found.is_empty() || declared.allow_triggers {
        return Ok(found);
    }
    let act = format!(
        "table {name} has triggers that a deletion fires ({}), which may write elsewhere; expected none, or allowTriggers: true",
        found.join(", ")
    );
    Err(refused(settings, &act))
}

/// What works, but slowly, or with effects that nobody checks.
fn remarks(settings: &PostgresTestDataSettings, tables: &[Checked], keys: &[Key]) -> Vec<String> {
    let mut remarks = Vec::new();
    for (table, declared) in tables.iter().zip(&settings.tables) {
        let name = &table.name;
        if let Some(tag) = &declared.tag_column {
            if table.tag == Some(Tag::Loose) {
                remarks.push(format!("{name}.{tag} is compared as text, without an index: all of {name} is read"));
            } else if !table.is_indexed(tag) {
                remarks.push(format!("{name}.{tag} has no index: all of {name} is read for each run, and to count"));
            }
        }
        if !table.triggers.is_empty() {
            remarks.push(format!("what triggers of {name} write is not checked: {}", table.triggers.join(", ")));
        }
    }
    for key in keys {
        let Some(parent) = tables.iter().find(|table| key.is_outermost_of(&table.tree)) else { continue };
        let [column, ..] = &key.columns[..] else { continue };
        if !key.is_indexed {
            remarks.push(format!(
                "{}.{} points at {} and has no index: all of {0} is read for each row that is deleted from {2}",
                key.child_name, column[0], parent.name
            ));
        }
    }
    remarks
}

fn refused(settings: &PostgresTestDataSettings, problem: &str) -> PortError {
    PortError::new(FailureKind::Rejected, format!("test data {}: {problem}", settings.name))
}
