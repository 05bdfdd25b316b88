//! What is not the same in two runs.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::spec::LoadTestSpec;
use conductor_core::view::RunView;
use serde::Serialize;
use serde_json::Value;

use crate::Side;

/// Something that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What it is.
    pub what: String,
    /// In the first run.
    pub first: String,
    /// In the second run.
    pub second: String,
}

/// Every change: of the load test, field by field, of what came of it, and of versions and allocation during the load.
pub(crate) fn all(first: &Side, second: &Side) -> Vec<Change> {
    let mut changes = of_specs(&first.spec, &second.spec);
    let (first, second) = (&first.view, &second.view);
    let mut look = |what: String, of: &dyn Fn(&RunView) -> String| {
        let (first, second) = (of(first), of(second));
        if first != second {
            changes.push(Change { what, first, second });
        }
    };
    look("line of the load".to_owned(), &|run| {
        let points = run.profile.points().iter().map(|point| format!("{}/min at {} s", point.per_min, point.at_s));
        points.collect::<Vec<_>>().join(", ")
    });
    look("load generator".to_owned(), &|run| {
        run.generator.as_ref().map_or_else(|| "not known".to_owned(), |generator| generator.version.clone())
    });
    let names: BTreeSet<_> =
        [first, second].into_iter().flat_map(|run| &run.applications).map(|one| one.application.clone()).collect();
    for name in names {
        look(name.to_string(), &|run| {
            let found = run.applications.iter().find(|one| one.application == name);
            found.map_or_else(|| "not there".to_owned(), |one| one.during())
        });
    }
    changes
}

/// Every field of the load tests that differs, by its path. What is as when absent is left out of a load test as it is kept.
fn of_specs(first: &LoadTestSpec, second: &LoadTestSpec) -> Vec<Change> {
    let leaves = |spec: &LoadTestSpec| {
        let mut found = BTreeMap::new();
        // What was read from a journal can be written again.
        leaves(String::new(), &serde_json::to_value(spec).unwrap_or_default(), &mut found);
        found
    };
    let (first, second) = (leaves(first), leaves(second));
    let shown =
        |of: &BTreeMap<String, String>, path: &str| of.get(path).map_or_else(|| "absent".to_owned(), String::clone);
    let paths: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    paths
        .into_iter()
        .filter(|path| first.get(*path) != second.get(*path))
        .map(|path| Change { what: path.clone(), first: shown(&first, path), second: shown(&second, path) })
        .collect()
}

/// What stands at the end of each path. A list of plain values is one.
fn leaves(path: String, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(inner, value, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (position, item) in items.iter().enumerate() {
                leaves(format!("{path}[{position}]"), item, found);
            }
        }
        Value::String(text) => drop(found.insert(path, text.clone())),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => drop(found.insert(path, value.to_string())),
    }
}
