//! The statements: names quoted as they stand in the catalogue, values bound.

use super::catalogue::{Checked, Leaf, Pointing, Tag};
use crate::declaration::{Bind, Condition, Dialect, Rows, Table, condition};

/// PostgreSQL's way to write a condition.
pub(super) struct Postgres<'a> {
    pub(super) tables: &'a [Checked],
    /// Rows are found by a part of a table that is small, so that the index of the tag must not be used: the planner, whose figures
    /// know nothing of a run that is new, would read all of the run from it for each part.
    pub(super) in_part: bool,
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
        match self.tables[table].tag {
            Some(Tag::Text) | None if self.in_part => format!("{column} || '' = {}", place()),
            Some(Tag::Text) | None => format!("{column} = {}", place()),
            Some(Tag::Padded) if self.in_part => format!("{column}::text = {}", place()),
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
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
    /// It tells the tables and places of rows that it locks; this deletes those of them at which nobody points.
    pub(super) locked: Option<String>,
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
        let mut rows = self.rows(table, guarded);
        let of = format!("FROM {} AS target WHERE {}", self.checked[table].sql, rows.sql);
        rows.sql = match most {
            None => format!("SELECT count(*) {of}"),
            Some(most) => format!("SELECT count(*) FROM (SELECT 1 {of} LIMIT {most}) AS counted"),
        };
        rows
    }

    /// How many rows of a run there are that may be deleted and at which no other row points.
    pub(super) fn free(self, table: usize) -> Condition {
        let mut rows = self.rows(table, true);
        let held = self.held(table, true);
        rows.sql = format!("SELECT count(*) FROM {} AS target WHERE {}{held}", self.checked[table].sql, rows.sql);
        rows
    }

    /// True where some rows of a run may have to stay.
    pub(super) fn is_guarded(self, table: usize) -> bool {
        self.rows(table, true) != self.rows(table, false)
    }

    /// How many rows with the tag there are in one table of the catalogue, counted up to some.
    pub(super) fn some(self, tagged: usize, leaf: &Leaf, most: u64) -> Condition {
        let mut rows = self.rows(tagged, true);
        let some = format!("SELECT 1 FROM ONLY {} WHERE {} LIMIT {most}", leaf.sql, rows.sql);
        rows.sql = format!("SELECT count(*) FROM ({some}) AS counted");
        rows
    }

    /// Places of rows with the tag in one table of the catalogue, in their order, behind a place that is bound last.
    pub(super) fn places(self, tagged: usize, leaf: &Leaf, most: u64) -> Condition {
        let mut rows = self.rows(tagged, true);
        let after = rows.binds.len() + 1;
        rows.sql = format!(
            "SELECT ctid::text FROM ONLY {} WHERE {} AND ctid > ${after}::text::tid ORDER BY ctid LIMIT {most}",
            leaf.sql, rows.sql
        );
        rows
    }

    /// Deletes a table's rows by parts of one of the tables that it consists of.
    pub(super) fn by_own(self, table: usize, leaf: &Leaf, part: PartOf, careful: bool) -> Deletion {
        let rows = self.rows_in_part(table, None);
        let piece = piece("target.ctid", part, rows.binds.len());
        let of = format!("{piece} AND {}", rows.sql);
        let from = format!("ONLY {}", leaf.sql);
        let held = self.held(table, careful);
        if held.is_empty() {
            return Deletion {
                sql: format!("DELETE FROM {from} AS target WHERE {of}"),
                binds: rows.binds,
                locked: None,
            };
        }
        locking(&from, &format!("{of}{held}"), &held, None, rows.binds)
    }

    /// Deletes a table's rows by parts of a table that has the tag of them, `most` of them at a time: nobody knows beforehand how
    /// many belong to one row with the tag.
    pub(super) fn by_tagged(self, table: usize, leaf: &Leaf, part: PartOf, careful: bool, most: u64) -> Deletion {
        let binds = self.rows(table, true).binds.len();
        let tagged = format!("ONLY {}", leaf.sql);
        let rows = self.rows_in_part(table, Some((&tagged, &piece("ctid", part, binds))));
        let from = &self.checked[table].sql;
        let held = self.held(table, careful);
        if held.is_empty() {
            let chosen = format!(
                "SELECT target.tableoid AS relation, target.ctid AS place, target.xmin AS version FROM {from} AS target \
                 WHERE {} LIMIT {most}",
                rows.sql
            );
            return Deletion {
                sql: deletion(from, &format!("({chosen}) AS chosen"), UNCHANGED),
                binds: rows.binds,
                locked: None,
            };
        }
        locking(from, &format!("{}{held}", rows.sql), &held, Some(most), rows.binds)
    }

    fn rows(self, table: usize, guarded: bool) -> Condition {
        let dialect = Postgres { tables: self.checked, in_part: false };
        condition(self.declared, &dialect, Rows { table, guarded, part: None })
    }

    fn rows_in_part(self, table: usize, part: Option<(&str, &str)>) -> Condition {
        let dialect = Postgres { tables: self.checked, in_part: true };
        condition(self.declared, &dialect, Rows { table, guarded: true, part })
    }

    /// True for rows at which no other row points that would be changed with them, or be in the way.
    fn held(self, table: usize, careful: bool) -> String {
        let pointing = self.checked[table].pointing.iter().filter(|key| careful || key.changes_rows || key.is_own);
        let nobody = |key: &Pointing| {
            let equal =
                |(child, parent): &(String, String)| format!("pointing.{} = target.{}", quoted(child), quoted(parent));
            let mut pairs: Vec<String> = key.columns.iter().map(equal).collect();
            if key.is_own {
                pairs.push("(pointing.tableoid, pointing.ctid) <> (target.tableoid, target.ctid)".to_owned());
            }
            format!(" AND NOT EXISTS (SELECT 1 FROM {} AS pointing WHERE {})", key.child, pairs.join(" AND "))
        };
        pointing.map(nobody).collect()
    }
}

/// Locks rows before it is looked again who points at them: from then on nobody can begin to.
fn locking(from: &str, of: &str, held: &str, most: Option<u64>, binds: Vec<Bind>) -> Deletion {
    let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
    let places = "target.tableoid::int8::text, target.ctid::text";
    Deletion {
        sql: format!("SELECT {places} FROM {from} AS target WHERE {of}{limit} FOR UPDATE OF target"),
        binds,
        locked: Some(deletion(from, "unnest($1::text[]::oid[], $2::text[]::tid[]) AS chosen (relation, place)", held)),
    }
}

/// A row that somebody has changed while it was waited for may be of the run no more. That its place is another one is not enough: older
/// servers do not compare the place again of a row that they have found by it.
const UNCHANGED: &str = " AND target.xmin = chosen.version";

/// Deletes chosen rows by their tables and places. One that somebody has changed since has another place, and waits for its turn.
fn deletion(from: &str, chosen: &str, held: &str) -> String {
    format!(
        "DELETE FROM {from} AS target USING {chosen} \
         WHERE target.ctid = chosen.place AND target.tableoid = chosen.relation{held}"
    )
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
