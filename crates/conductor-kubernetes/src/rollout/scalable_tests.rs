//! Where objects of custom kinds stand by what they say.

use std::sync::Arc;

use conductor_core::app::Bounds;
use serde_json::{Value, json};

use super::*;
use crate::rollout::Before;
use crate::scalable::Declared;

fn live(replicas: Value, status: Value) -> Scalable {
    let meta = json!({ "name": "search", "namespace": "shop", "generation": 5 });
    let text = json!({ "metadata": meta, "spec": { "replicas": replicas }, "status": status });
    let declared = Declared::of_search_clusters(["/spec/replicas", "/status/replicas"], None);
    serde_json::from_value::<Scalable>(text).unwrap().of_kind(&Arc::new(declared))
}

#[test]
fn a_scalable_has_settled_when_there_are_as_many_as_are_wanted() {
    let six = Wanted { replicas: Some(6), ..Wanted::default() };
    let underway = |ready, why: Option<&str>| Progress::underway(ready, 6, why.map(str::to_owned));
    for (name, replicas, status, expected) in [
        ("all", json!(6), json!({ "replicas": 6 }), Progress::Settled { replicas: 6 }),
        ("too few", json!(6), json!({ "replicas": 2 }), underway(2, None)),
        ("nothing said", json!(6), json!({}), underway(0, None)),
        ("too many", json!(6), json!({ "replicas": 7 }), underway(6, Some("1 replica too many"))),
        ("changed by others", json!(4), json!({ "replicas": 4 }), underway(4, Some("but spec.replicas is 4"))),
        (
            "an older generation",
            json!(6),
            json!({ "replicas": 6, "observedGeneration": 4 }),
            underway(6, Some("its controller has not seen the change yet")),
        ),
        ("this one", json!(6), json!({ "replicas": 6, "observedGeneration": 5 }), Progress::Settled { replicas: 6 }),
        (
            "no number",
            json!("six"),
            json!({}),
            Progress::Failed("it has no number of replicas (.spec.replicas); expected one".to_owned()),
        ),
    ] {
        assert_eq!(scalable(&live(replicas, status), &six), expected, "{name}");
    }
}

#[test]
fn what_was_there_before_the_write_and_what_an_autoscaler_has_still_to_do_are_no_end() {
    let found = live(json!(6), json!({ "replicas": 6 }));
    let mut written = found.meta().clone();
    written.generation = Some(6);
    let after = Wanted { before: Before::of_scalable(&written), ..Wanted::default() };
    assert_eq!(scalable(&found, &after), Progress::underway(6, 6, Some("the change is not seen yet".to_owned())));
    let bounds = Wanted { bounds: Some(Bounds { min: 1, max: 4 }), ..Wanted::default() };
    let out = "but spec.replicas is 6, out of the bounds of its autoscaler".to_owned();
    assert_eq!(scalable(&found, &bounds), Progress::underway(6, 6, Some(out)));
}
