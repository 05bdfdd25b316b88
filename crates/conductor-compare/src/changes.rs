//! What is not the same in two runs.

use std::collections::BTreeSet;

use conductor_core::view::RunView;
use serde::Serialize;

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

/// Every change: of the test, of what it ran on, and of versions and allocation during the load.
pub(crate) fn all(first: &RunView, second: &RunView) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut look = |what: String, of: &dyn Fn(&RunView) -> String| {
        let (first, second) = (of(first), of(second));
        if first != second {
            changes.push(Change { what, first, second });
        }
    };
    look("load test".to_owned(), &|run| run.name.clone());
    look("environment".to_owned(), &|run| run.environment.clone());
    look("KPI".to_owned(), &|run| run.kpi.clone());
    look("target".to_owned(), &|run| format!("{}/min", run.target_per_min));
    look("line of the load".to_owned(), &|run| {
        let points = run.profile.points().iter().map(|point| format!("{}/min at {} s", point.per_min, point.at_s));
        points.collect::<Vec<_>>().join(", ")
    });
    look("control law".to_owned(), &|run| format!("{:?}", run.algorithm).to_lowercase());
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
