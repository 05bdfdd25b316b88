//! Checks a declaration against the database's own catalogue.

mod read;

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError};

use super::key::{Key, KeyColumn, KeyKind};
use super::session::Session;
use super::settings::MysqlTestDataSettings;
use super::statement::quoted;
use crate::declaration::{RowGuardValue, Table, children_first};
use read::{Column, ForeignKey, Indexed};

/// The only engine with transactions and locks of rows that is everywhere.
const ENGINE: &str = "InnoDB";
/// Types that hold a run's id as it is, whose index may be used.
const TAGS: [&str; 7] = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "varbinary"];
const NUMBERS: [&str; 10] =
    ["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "year"];

/// A declared table that exists, as the catalogue tells of it.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// The table's name, for people.
    pub(super) name: String,
    /// Its name with its database, quoted.
    pub(super) sql: String,
    /// Its primary key.
    pub(super) key: Key,
    /// Keys of rows that point at its rows.
    pub(super) pointing: Vec<Pointing>,
}

/// A foreign key at whose end the table is.
#[derive(Clone, Debug)]
pub(super) struct Pointing {
    /// The table with the rows that point, quoted.
    pub(super) child: String,
    /// Pairs of columns: the child's, and the table's.
    pub(super) columns: Vec<(String, String)>,
}

/// A declaration that fits the database.
pub(super) struct Catalogue {
    /// The declared tables.
    pub(super) tables: Vec<Checked>,
    /// Their numbers, children before parents.
    pub(super) order: Vec<usize>,
}

/// Checks all tables of a declaration.
pub(super) async fn check(settings: &MysqlTestDataSettings, session: &mut Session<'_>) -> Result<Catalogue, PortError> {
    let violations = settings.violations();
    if !violations.is_empty() {
        let shown =
            violations.iter().map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}"));
        return Err(refused(settings, &shown.collect::<Vec<_>>().join("; ")));
    }
    let mut tables = Vec::new();
    let mut parents: Vec<BTreeSet<usize>> =
        settings.tables.iter().map(|declared| declared.parent(&settings.tables).into_iter().collect()).collect();
    for position in 0..settings.tables.len() {
        let mut checked = table(settings, position, session).await?;
        for key in pointing(settings, position, session).await? {
            let child = settings
                .tables
                .iter()
                .position(|declared| settings.database_of(declared) == key.database && declared.table == key.table);
            if let Some(child) = child {
                parents[child].insert(position);
            }
            checked.pointing.push(Pointing {
                child: format!("{}.{}", quoted(&key.database), quoted(&key.table)),
                columns: key.columns,
            });
        }
        tables.push(checked);
    }
    let order = children_first(&parents).map_err(|circle| {
        let names: Vec<&str> = circle.iter().map(|table| tables[*table].name.as_str()).collect();
        refused(settings, &format!("the tables {} point at each other in a circle", names.join(", ")))
    })?;
    Ok(Catalogue { tables, order })
}

async fn table(
    settings: &MysqlTestDataSettings,
    position: usize,
    session: &mut Session<'_>,
) -> Result<Checked, PortError> {
    let declared = &settings.tables[position];
    let (name, database) = (declared.shown(), settings.database_of(declared));
    let of = [database, declared.table.as_str()];
    let Some(found) = read::table(session, of).await? else {
        let act = session.act(&format!("there is no table {name} that {} can see in", settings.user));
        return Err(PortError::new(FailureKind::NotFound, act));
    };
    if found.kind != "BASE TABLE" {
        let kind = found.kind.to_lowercase();
        return Err(refused(settings, &format!("{name} is a {kind}, which is not supported; expected a base table")));
    }
    if found.engine != ENGINE {
        let act = format!("the engine of {name} is {}, which has no transactions; expected {ENGINE}", found.engine);
        return Err(refused(settings, &act));
    }
    let columns = read::columns(session, of).await?;
    let indexes = read::indexes(session, of).await?;
    known(settings, position, &columns)?;
    guards(settings, declared, &name, &columns)?;
    unique(settings, position, &name, &indexes)?;
    let key = key(settings, &name, &columns, &indexes)?;
    let triggers = read::triggers(session, of).await?;
    if !triggers.is_empty() && !declared.allow_triggers {
        let act = format!(
            "table {name} has triggers that a deletion fires ({}), which may write elsewhere; expected none, or \
             allowTriggers: true",
            triggers.join(", ")
        );
        return Err(refused(settings, &act));
    }
    let sql = format!("{}.{}", quoted(database), quoted(&declared.table));
    Ok(Checked { name, sql, key, pointing: Vec::new() })
}

/// Looks whether the declared columns are there, and the tag is one that can be compared exactly.
fn known(settings: &MysqlTestDataSettings, position: usize, columns: &[Column]) -> Result<(), PortError> {
    let declared = &settings.tables[position];
    let name = declared.shown();
    let of_via = declared.via.iter().map(|via| &via.column);
    let of_guard = declared.row_guard.conditions.iter().map(|guard| &guard.column);
    let keys = parent_columns(settings, position);
    for wanted in declared.tag_column.iter().chain(of_via).chain(of_guard).chain(keys) {
        if !columns.iter().any(|column| column.name == *wanted) {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let act = format!("table {name} has no column {wanted}; expected one of {}", known.join(", "));
            return Err(refused(settings, &act));
        }
    }
    let tag = columns.iter().find(|column| Some(&column.name) == declared.tag_column.as_ref());
    match tag {
        // A number is equal to every text without one: 0 would be all runs.
        Some(tag) if !TAGS.contains(&tag.kind.as_str()) => {
            let act = format!(
                "column {} of {name} is of type {}; expected char, varchar, text or varbinary for a tag",
                tag.name, tag.declared
            );
            Err(refused(settings, &act))
        }
        Some(_) | None => Ok(()),
    }
}

/// A number that is compared with a text is compared as a fraction, and matches what nobody means.
fn guards(settings: &MysqlTestDataSettings, declared: &Table, name: &str, columns: &[Column]) -> Result<(), PortError> {
    for guard in &declared.row_guard.conditions {
        let Some(column) = columns.iter().find(|column| column.name == guard.column) else { continue };
        let is_number = NUMBERS.contains(&column.kind.as_str());
        let fits = match &guard.value {
            None => true,
            Some(RowGuardValue::Flag(_) | RowGuardValue::Number(_)) => is_number,
            Some(RowGuardValue::Text(text)) => !is_number || text.trim().parse::<f64>().is_ok(),
        };
        if !fits {
            let kind = if is_number { "a number" } else { "a text" };
            let act = format!(
                "column {} of {name} is of type {}; expected {kind} for rowGuard",
                column.name, column.declared
            );
            return Err(refused(settings, &act));
        }
    }
    Ok(())
}

/// Columns of a table by which declared children are known.
fn parent_columns(settings: &MysqlTestDataSettings, position: usize) -> impl Iterator<Item = &String> {
    let children = settings.tables.iter().filter(move |other| other.parent(&settings.tables) == Some(position));
    children.filter_map(|child| Some(&child.via.as_ref()?.parent_column))
}

/// A row of a child must be of one parent row only.
fn unique(settings: &MysqlTestDataSettings, position: usize, name: &str, indexes: &[Indexed]) -> Result<(), PortError> {
    let columns_of = |index: &str| indexes.iter().filter(|indexed| indexed.index == index).count();
    let is_unique = |column: &String| {
        let mut alone = indexes.iter().filter(|indexed| indexed.is_unique && !indexed.is_part);
        alone.any(|indexed| indexed.column == *column && columns_of(&indexed.index) == 1)
    };
    match parent_columns(settings, position).find(|column| !is_unique(column)) {
        None => Ok(()),
        Some(column) => {
            let act = format!(
                "several rows of {name} may have the same {column}, so that a row of others could match by it; expected a \
                 parentColumn with a unique index"
            );
            Err(refused(settings, &act))
        }
    }
}

fn key(
    settings: &MysqlTestDataSettings,
    name: &str,
    columns: &[Column],
    indexes: &[Indexed],
) -> Result<Key, PortError> {
    let mut key = Vec::new();
    for indexed in indexes.iter().filter(|indexed| indexed.index == "PRIMARY") {
        let Some(column) = columns.iter().find(|column| column.name == indexed.column) else { continue };
        let kind = KeyKind::of(&column.kind, &column.declared).filter(|_| !indexed.is_part);
        let kind = kind.ok_or_else(|| {
            let (column, declared) = (&column.name, &column.declared);
            let act = format!(
                "the primary key of {name} has the column {column} of type {declared}; expected whole numbers, char, varchar, \
                 times, binary or varbinary, as a whole"
            );
            refused(settings, &act)
        })?;
        key.push(KeyColumn { name: column.name.clone(), kind });
    }
    if key.is_empty() {
        let act = format!("table {name} has no primary key; expected one, by which rows are deleted in batches");
        return Err(refused(settings, &act));
    }
    Ok(Key { columns: key })
}

/// Keys that point at a table. Nothing else may be changed by what is deleted.
async fn pointing(
    settings: &MysqlTestDataSettings,
    position: usize,
    session: &mut Session<'_>,
) -> Result<Vec<ForeignKey>, PortError> {
    let declared = &settings.tables[position];
    let name = declared.shown();
    let of = [settings.database_of(declared), declared.table.as_str()];
    let keys = read::foreign_keys(session, of).await?;
    let is_declared = |key: &ForeignKey| {
        let is = |table: &Table| settings.database_of(table) == key.database && table.table == key.table;
        settings.tables.iter().any(is)
    };
    if let Some(key) = keys.iter().find(|key| key.changes_rows() && !is_declared(key)) {
        let act = format!(
            "deleting from {name} would change rows of {}.{} (ON DELETE {}), which is not declared; expected it among tables",
            key.database, key.table, key.on_delete
        );
        return Err(refused(settings, &act));
    }
    match read::all_foreign_keys(session, of).await? {
        Some(all) if all > keys.len() => {
            let act = format!(
                "{} keys of tables that {} cannot see point at {name}, whose rows might be changed; expected a right to see \
                 these tables",
                all - keys.len(),
                settings.user
            );
            Err(refused(settings, &act))
        }
        Some(_) | None => Ok(keys),
    }
}

fn refused(settings: &MysqlTestDataSettings, problem: &str) -> PortError {
    PortError::new(FailureKind::Rejected, format!("test data {}: {problem}", settings.name))
}
