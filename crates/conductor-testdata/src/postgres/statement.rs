//! The statements: names quoted as they stand in the catalogue, values bound.

use super::catalogue::{Checked, Leaf, Tag};
use crate::declaration::{Bind, Condition, Dialect, Rows, Table, condition};

/// PostgreSQL's way to write a condition.
pub(super) struct Postgres<'a> {
    pub(super) tables: &'a [Checked],
}

impl Dialect for Postgres<'_> {
    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }

    fn table(&self, table: usize) -> String {
        self.tables[table].sql.clone()
    }

    fn place(&self, position: usize) -> String {
        format!("${position}::text")
    }

    fn tagged(&self, table: usize, column: &str, place: &mut dyn FnMut() -> String) -> String {
        let column = quoted(column);
        match self.tables[table].tag {
            Some(Tag::Text) | None => format!("{column} = {}", place()),
            Some(Tag::Padded) => format!("{column} = {}::bpchar", place()),
            Some(Tag::Loose) => format!("{column}::text = {} COLLATE \"C\"", place()),
        }
    }

    fn value(&self, table: usize, column: &str, place: &str) -> String {
        let known = self.tables[table].columns.iter().find(|known| known.name == column);
        known.map_or_else(|| place.to_owned(), |known| format!("{place}::{}", known.kind))
    }
}

/// What one batch is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartOf {
    /// Pages of a table.
    Pages,
    /// Rows of a table, by their places.
    Rows,
}

/// Deletes a part of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deletion {
    /// Locks the part before, so that what is looked at afterwards stays so.
    pub(super) lock: Option<String>,
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
}

/// What is known of the tables of a declaration.
#[derive(Clone, Copy)]
pub(super) struct Statements<'a> {
    pub(super) declared: &'a [Table],
    pub(super) checked: &'a [Checked],
}

impl Statements<'_> {
    /// How many rows of a run there are, or whether there are more than some.
    pub(super) fn count(self, table: usize, guarded: bool, most: Option<u64>) -> Condition {
        let mut rows = self.rows(table, guarded, None);
        let of = format!("FROM {} AS target WHERE {}", self.checked[table].sql, rows.sql);
        rows.sql = match most {
            None => format!("SELECT count(*) {of}"),
            Some(most) => format!("SELECT count(*) FROM (SELECT 1 {of} LIMIT {most}) AS counted"),
        };
        rows
    }

    /// True where some rows of a run may have to stay.
    pub(super) fn is_guarded(self, table: usize) -> bool {
        self.rows(table, true, None) != self.rows(table, false, None)
    }

    /// Places of rows with the tag in one table of the catalogue, in their order, behind a place that is bound last.
    pub(super) fn places(self, tagged: usize, leaf: &Leaf, most: u64) -> Condition {
        let mut rows = self.rows(tagged, true, None);
        let after = rows.binds.len() + 1;
        rows.sql = format!(
            "SELECT ctid::text FROM ONLY {} WHERE {} AND ctid > ${after}::text::tid ORDER BY ctid LIMIT {most}",
            leaf.sql, rows.sql
        );
        rows
    }

    /// Deletes a table's rows by parts of one of the tables that it consists of.
    pub(super) fn by_own(self, table: usize, leaf: &Leaf, part: PartOf, careful: bool) -> Deletion {
        let rows = self.rows(table, true, None);
        let piece = piece("target.ctid", part, rows.binds.len());
        self.deletion(table, &format!("ONLY {}", leaf.sql), &format!("{piece} AND {}", rows.sql), rows.binds, careful)
    }

    /// Deletes a table's rows by parts of a table that has the tag of them.
    pub(super) fn by_tagged(self, table: usize, leaf: &Leaf, part: PartOf, careful: bool) -> Deletion {
        let binds = self.rows(table, true, None).binds.len();
        let from = format!("ONLY {}", leaf.sql);
        let rows = self.rows(table, true, Some((&from, &piece("ctid", part, binds))));
        self.deletion(table, &self.checked[table].sql, &rows.sql, rows.binds, careful)
    }

    fn rows(self, table: usize, guarded: bool, part: Option<(&str, &str)>) -> Condition {
        condition(self.declared, &Postgres { tables: self.checked }, Rows { table, guarded, part })
    }

    fn deletion(self, table: usize, from: &str, of: &str, binds: Vec<Bind>, careful: bool) -> Deletion {
        let checked = &self.checked[table];
        let held: Vec<String> = checked
            .pointing
            .iter()
            .filter(|key| careful || key.changes_rows || key.is_own)
            .map(|key| {
                let equal = |(child, parent): &(String, String)| {
                    format!("pointing.{} = target.{}", quoted(child), quoted(parent))
                };
                let pairs: Vec<String> = key.columns.iter().map(equal).collect();
                format!(" AND NOT EXISTS (SELECT 1 FROM {} AS pointing WHERE {})", key.child, pairs.join(" AND "))
            })
            .collect();
        let lock = format!("SELECT count(*) FROM (SELECT 1 FROM {from} AS target WHERE {of} FOR UPDATE) AS locked");
        Deletion {
            lock: (!held.is_empty()).then_some(lock),
            sql: format!("DELETE FROM {from} AS target WHERE {of}{}", held.concat()),
            binds,
        }
    }
}

/// True for what is in a part, whose values are bound after those of a condition.
fn piece(place: &str, part: PartOf, bound: usize) -> String {
    let (first, second) = (bound + 1, bound + 2);
    match part {
        PartOf::Pages => format!("{place} >= ${first}::text::tid AND {place} < ${second}::text::tid"),
        PartOf::Rows => format!("{place} = ANY(${first}::text[]::tid[])"),
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
