//! Hints and their words, and versions that have changed since.

use serde_json::json;

use super::*;
use crate::app::Allocation;
use crate::fixtures::{self, load_test};
use crate::scale::Observed;

fn created(load: serde_json::Value) -> Created {
    let spec = load_test("600/min", json!({ "load": load }));
    Created { learnt: Some(learnt()), ..fixtures::created(spec) }
}

fn learnt() -> Learnt {
    Learnt {
        run: "told-1".parse().unwrap(),
        ended: Timestamp::UNIX_EPOCH,
        gain: 6.4,
        gain_sd: 0.02,
        lag_s: 9.25,
        releases: BTreeMap::from([("shop".parse().unwrap(), Release::single("v1"))]),
        cost: Some(WorkerCost { cpu_per_user: 0.1, idle_cpu: 5.0, windows: 20, most_users: 90.0 }),
    }
}

#[test]
fn hints_are_told_with_their_unit_and_origin() {
    let words = Hints::of(&created(json!({ "kpiLag": "60s" }))).words("orders");
    assert_eq!(
        words,
        [
            "0.156 users for one of orders a minute, learnt by run told-1",
            "60 s from users to orders, from the load test"
        ]
    );
}

#[test]
fn a_load_test_that_does_not_want_it_is_told_nothing_even_if_something_was_recorded() {
    assert_eq!(Hints::of(&created(json!({ "learnFromLastRun": false }))), Hints::default());
    let own = Hints::of(&created(json!({ "learnFromLastRun": false, "usersPerKpi": 0.5 })));
    assert_eq!(own.users_per_kpi.map(|hint| hint.value), Some(0.5));
    assert_eq!(own.kpi_lag_s, None);
}

#[test]
fn versions_that_changed_since_are_named_and_new_applications_are_not() {
    let view = |name: &str, version: &str| {
        let observed = Observed::new(Release::single(version), Allocation::of_replicas(1));
        let before = observed.clone();
        ApplicationView { application: name.parse().unwrap(), before, during: observed, after: None, deploy_id: None }
    };
    assert!(learnt().other_versions(&[view("shop", "v1"), view("basket", "v9")]).is_empty());
    assert_eq!(learnt().other_versions(&[view("shop", "v2")]), ["shop v1 → v2"]);
}

#[test]
fn a_former_run_tells_how_many_workers_the_target_needs() {
    let created = created(json!({ "usersPerKpi": 3.0 }));
    let sizing = Hints::of(&created).sizing(&created, Some(2)).unwrap();
    assert_eq!((sizing.users, sizing.users_per_worker, sizing.workers), (1800.0, 700.0, 3));
    let without = Created { learnt: Some(Learnt { cost: None, ..learnt() }), ..created };
    assert_eq!(Hints::of(&without).sizing(&without, None), None);
}
