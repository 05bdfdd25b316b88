//! The load test that unit tests start from.

use serde_json::{Value, json};

use crate::restore::ForeignPolicy;
use crate::run::Created;
use crate::spec::LoadTestSpec;
use crate::view::Tick;

/// A load test of orders in a shop: one minute of ramp-up, one of plateau. `fields` of its spec replace these, or are added.
pub(crate) fn load_test(target: &str, fields: Value) -> LoadTestSpec {
    let mut document = json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "rehearsal" },
        "spec": {
            "environment": "shop",
            "kpi": { "name": "orders", "target": target },
            "rampUp": "1m",
            "plateau": "1m"
        }
    });
    for (name, value) in fields.as_object().unwrap() {
        document["spec"][name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// A run of it without applications in scope, which has learnt nothing.
pub(crate) fn created(spec: LoadTestSpec) -> Created {
    Created::new(spec, Vec::new(), ForeignPolicy::Report, Value::Null)
}

/// A tick at a time, in seconds since the load began, of which nothing else is known.
pub(crate) fn tick(at_s: f64) -> Tick {
    let nothing = json!({
        "atS": at_s, "fromS": at_s, "toS": at_s, "count": null, "kpiPerMin": null, "setPointPerMin": 0.0, "users": null,
        "usersWanted": 0, "requests": 0, "failures": 0, "latency": null, "cpuPercent": null, "marks": [], "advice": null
    });
    serde_json::from_value(nothing).unwrap()
}
