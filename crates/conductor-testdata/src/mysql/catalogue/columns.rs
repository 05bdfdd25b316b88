//! Checks the columns of a declared table: its tag, what row guards compare, and its keys.

use conductor_core::ports::PortError;

use super::super::key::{Key, KeyColumn, KeyKind};
use super::super::settings::MysqlTestDataSettings;
use super::read::{Column, Indexed};
use super::refused;
use crate::declaration::{RowGuardValue, Table};

/// Types that hold a run's id as it is, whose index may be used.
const TAGS: [&str; 7] = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "varbinary"];
const NUMBERS: [&str; 10] =
    ["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "year"];

/// Looks whether the declared columns are there, and the tag is one that can be compared exactly.
pub(super) fn known(settings: &MysqlTestDataSettings, position: usize, columns: &[Column]) -> Result<(), PortError> {
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
pub(super) fn guards(
    settings: &MysqlTestDataSettings,
    declared: &Table,
    name: &str,
    columns: &[Column],
) -> Result<(), PortError> {
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
pub(super) fn unique(
    settings: &MysqlTestDataSettings,
    position: usize,
    name: &str,
    indexes: &[Indexed],
) -> Result<(), PortError> {
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

pub(super) fn key(
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
        key.push(KeyColumn { name: column.name.clone(), kind, collated: column.collated() });
    }
    if key.is_empty() {
        let act = format!("table {name} has no primary key; expected one, by which rows are deleted in batches");
        return Err(refused(settings, &act));
    }
    Ok(Key { columns: key })
}
