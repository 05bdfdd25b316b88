//! What a declaration says of SQL stores: tables, and how a row of them is known to be of a run. Nothing here knows a database.

mod condition;
mod guard;
mod order;
mod violations;

use serde::{Deserialize, Serialize};

pub use guard::{Operator, RowGuard, RowGuardCondition, RowGuardValue};

pub(crate) use condition::{Bind, Condition, Dialect, Rows, condition};
pub(crate) use order::children_first;
pub(crate) use violations::violations;

/// One table and how its rows are known to be of the run: exactly one of `tagColumn` and `via`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// The table.
    pub table: String,
    /// The schema it is in; absent: the one that the store takes tables from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The column that holds the run's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_column: Option<String>,
    /// The parent row that has the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// What else must be true before a row is deleted.
    #[serde(default, skip_serializing_if = "RowGuard::is_empty")]
    pub row_guard: RowGuard,
    /// Triggers of the database's own that fire when rows are deleted are wanted: they may write elsewhere, which nobody checks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_triggers: bool,
}

/// A column that points at a parent row, which must be declared too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Via {
    /// The column of the table.
    pub column: String,
    /// The parent's table.
    pub references: String,
    /// The schema of the parent's table; absent: the schema of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The parent's column. No two of its rows may have the same value in it: else a row could be of the run and of somebody else, too.
    pub parent_column: String,
}

impl Table {
    /// The table as people call it.
    pub(crate) fn shown(&self) -> String {
        shown(self.schema.as_deref(), &self.table)
    }

    fn is(&self, schema: Option<&str>, table: &str) -> bool {
        self.table == table && self.schema.as_deref() == schema
    }

    /// The declared table that its `via` points at; none has a tag column, or points at what is not declared.
    pub(crate) fn parent(&self, tables: &[Self]) -> Option<usize> {
        let via = self.via.as_ref()?;
        let schema = via.schema.as_deref().or(self.schema.as_deref());
        tables.iter().position(|other| other.is(schema, &via.references))
    }
}

/// The declared tables from one up to that with the tag, both included. It ends, however they are declared.
pub(crate) fn path(tables: &[Table], from: usize) -> Vec<usize> {
    let mut path = vec![from];
    while let Some(parent) = path.last().and_then(|last| tables[*last].parent(tables)) {
        if path.contains(&parent) {
            break;
        }
        path.push(parent);
    }
    path
}

fn shown(schema: Option<&str>, table: &str) -> String {
    schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Tables as an environment writes them.
    pub(crate) fn tables(written: serde_json::Value) -> Vec<Table> {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn the_path_leads_from_a_row_to_the_tag() {
        let tables = tables(serde_json::json!([
            { "table": "orders", "tagColumn": "run_id" },
            { "table": "parcels", "via": { "column": "line", "references": "lines", "parentColumn": "id" } },
            { "table": "lines", "via": { "column": "order", "references": "orders", "parentColumn": "id" } },
        ]));
        assert_eq!(path(&tables, 1), [1, 2, 0]);
        assert_eq!(path(&tables, 0), [0]);
    }

    #[test]
    fn a_parent_is_in_the_schema_of_its_child_unless_another_is_named() {
        let tables = tables(serde_json::json!([
            { "table": "orders", "tagColumn": "run_id" },
            { "table": "orders", "schema": "old", "tagColumn": "run_id" },
            { "table": "lines", "schema": "old",
              "via": { "column": "order", "references": "orders", "parentColumn": "id" } },
            { "table": "notes",
              "via": { "column": "order", "references": "orders", "schema": "old", "parentColumn": "id" } },
        ]));
        let parents: Vec<Option<usize>> = tables.iter().map(|table| table.parent(&tables)).collect();
        assert_eq!(parents, [None, None, Some(1), Some(1)]);
    }

    #[test]
    fn what_an_older_conductor_does_not_know_is_written_only_where_it_says_something() {
        let declared = tables(serde_json::json!([{ "table": "orders", "tagColumn": "run_id" }]));
        let written = serde_json::to_value(&declared).unwrap();
        assert_eq!(written, serde_json::json!([{ "table": "orders", "tagColumn": "run_id" }]));
    }
}
