//! What is wrong with declared tables, before any database is asked.

use super::{Table, path};

/// A field, what is wrong with it, and what is expected.
pub(crate) type Violation = (String, String, String);

/// Everything that is wrong. A declaration without violations leads from every table to a tag.
pub(crate) fn violations(tables: &[Table]) -> Vec<Violation> {
    let mut found = Vec::new();
    if tables.is_empty() {
        found.push(violation("tables", "it is empty", "the tables in which runs leave rows"));
    }
    for (position, declared) in tables.iter().enumerate() {
        of_table(tables, position, declared, &mut found);
        of_guard(position, declared, &mut found);
    }
    found
}

fn of_table(tables: &[Table], position: usize, declared: &Table, found: &mut Vec<Violation>) {
    let at = |field: &str| format!("tables[{position}].{field}");
    let shown = declared.shown();
    if declared.table.is_empty() {
        found.push(violation(&at("table"), "it is empty", "the name of a table"));
    }
    let same = |other: &&Table| other.is(declared.schema.as_deref(), &declared.table);
    if tables[..position].iter().any(|other| same(&other)) {
        found.push(violation(&at("table"), &format!("{shown} is declared twice"), "each table once"));
    }
    let whole = format!("tables[{position}]");
    match (&declared.tag_column, &declared.via) {
        (Some(_), None) => {}
        (None, Some(via)) => match declared.parent(tables) {
            None => {
                let parent = super::shown(via.schema.as_deref().or(declared.schema.as_deref()), &via.references);
                let problem = format!("{parent} is not declared");
                found.push(violation(&at("via.references"), &problem, "a declared table"));
            }
            Some(_) if goes_round(tables, position) => {
                let problem = format!("the path from {shown} to a tag goes round in a circle");
                found.push(violation(&at("via"), &problem, "a path to a table with a tagColumn"));
            }
            Some(_) => {}
        },
        (Some(_), Some(_)) => {
            let problem = format!("{shown} has both tagColumn and via");
            found.push(violation(&whole, &problem, "one of them"));
        }
        (None, None) => {
            let problem = format!("{shown} has neither tagColumn nor via, so that rows of others could match");
            found.push(violation(&whole, &problem, "one of them"));
        }
    }
}

/// True when following `via` never comes to an end.
fn goes_round(tables: &[Table], position: usize) -> bool {
    let path = path(tables, position);
    path.last().and_then(|last| tables[*last].parent(tables)).is_some()
}

fn of_guard(position: usize, declared: &Table, found: &mut Vec<Violation>) {
    let at = |field: &str| format!("tables[{position}].rowGuard.{field}");
    if declared.row_guard.most_rows == Some(0) {
        found.push(violation(&at("mostRows"), "0 lets nothing be deleted", "1 or more"));
    }
    for (number, condition) in declared.row_guard.conditions.iter().enumerate() {
        let at = |field: &str| at(&format!("where[{number}].{field}"));
        let (_, takes_value) = condition.op.sql();
        match (&condition.value, takes_value) {
            (None, true) => found.push(violation(&at("value"), "it is missing", "what the column is compared with")),
            (Some(_), false) => {
                found.push(violation(&at("value"), "there is nothing to compare with it", "no value with this op"));
            }
            (Some(_), true) | (None, false) => {}
        }
    }
}

fn violation(field: &str, problem: &str, expected: &str) -> Violation {
    (field.to_owned(), problem.to_owned(), expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::tests::tables;

    fn told(written: serde_json::Value) -> Vec<String> {
        let shown = |(field, problem, expected)| format!("{field}: {problem}; expected {expected}");
        violations(&tables(written)).into_iter().map(shown).collect()
    }

    #[test]
    fn a_table_that_could_match_rows_of_others_is_refused() {
        let via = |table: &str, parent: &str| serde_json::json!({ "table": table, "via": { "column": "p", "references": parent, "parentColumn": "id" } });
        assert_eq!(told(serde_json::json!([])), ["tables: it is empty; expected the tables in which runs leave rows"]);
        assert_eq!(
            told(serde_json::json!([{ "table": "orders" }])),
            [
                "tables[0]: orders has neither tagColumn nor via, so that rows of others could match; expected one of them"
            ]
        );
        let mut both = via("lines", "orders");
        both["tagColumn"] = "run_id".into();
        assert_eq!(
            told(serde_json::json!([both, via("notes", "orders")])),
            [
                "tables[0]: lines has both tagColumn and via; expected one of them",
                "tables[1].via.references: orders is not declared; expected a declared table",
            ]
        );
        assert_eq!(
            told(serde_json::json!([via("a", "b"), via("b", "a"), via("c", "c"), via("d", "a")])),
            [
                "tables[0].via: the path from a to a tag goes round in a circle; expected a path to a table with a tagColumn",
                "tables[1].via: the path from b to a tag goes round in a circle; expected a path to a table with a tagColumn",
                "tables[2].via: the path from c to a tag goes round in a circle; expected a path to a table with a tagColumn",
                "tables[3].via: the path from d to a tag goes round in a circle; expected a path to a table with a tagColumn",
            ]
        );
        let twice = serde_json::json!([
            { "table": "orders", "tagColumn": "run_id" },
            { "table": "orders", "schema": "old", "tagColumn": "run_id" },
            { "table": "orders", "schema": "old", "tagColumn": "run" },
            { "table": "", "tagColumn": "run" }
        ]);
        assert_eq!(
            told(twice),
            [
                "tables[2].table: old.orders is declared twice; expected each table once",
                "tables[3].table: it is empty; expected the name of a table",
            ]
        );
    }

    #[test]
    fn a_guard_that_says_nothing_is_refused() {
        let guard = serde_json::json!([{ "table": "orders", "tagColumn": "run_id", "rowGuard": { "mostRows": 0, "where": [
            { "column": "test" },
            { "column": "test", "op": "isNotNull", "value": 1 },
            { "column": "test", "op": "isNull" },
            { "column": "test", "value": true }
        ] } }]);
        assert_eq!(
            told(guard),
            [
                "tables[0].rowGuard.mostRows: 0 lets nothing be deleted; expected 1 or more",
                "tables[0].rowGuard.where[0].value: it is missing; expected what the column is compared with",
                "tables[0].rowGuard.where[1].value: there is nothing to compare with it; expected no value with this op",
            ]
        );
    }
}
