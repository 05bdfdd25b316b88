//! What holds of any object and any sequence of looks.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A count as the API may show it, small so that equal ones meet.
fn counts() -> impl Strategy<Value = Option<i32>> {
    prop_oneof![1 => Just(None), 6 => (0..4_i32).prop_map(Some)]
}

fn statuses() -> impl Strategy<Value = Value> {
    let revisions = || prop::sample::select(vec!["a", "b"]);
    let observed = prop_oneof![Just(None), (2..=3_i64).prop_map(Some)];
    (observed, [(); 5].map(|()| counts()), revisions(), revisions()).prop_map(
        |(observed, [all, updated, ready, available, terminating], current, update)| {
            json!({
                "observedGeneration": observed, "replicas": all.unwrap_or(0), "updatedReplicas": updated,
                "readyReplicas": ready, "availableReplicas": available, "terminatingReplicas": terminating,
                "currentRevision": current, "updateRevision": update,
            })
        },
    )
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn object(replicas: Option<i32>, partition: i32, status: &Value) -> Value {
    json!({
        "metadata": { "generation": 3 },
        "spec": {
            "replicas": replicas,
            "serviceName": "any",
            "selector": {},
            "template": {},
            "updateStrategy": { "rollingUpdate": { "partition": partition } },
        },
        "status": status,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// In the terms of `kubectl rollout status`, and of ours.
    #[test]
    fn a_deployment_is_settled_exactly_when_every_count_says_so(
        replicas in counts(), wanted in prop::option::of(0..4_u32), status in statuses(),
    ) {
        let mut object = object(replicas, 0, &status);
        object["spec"]["updateStrategy"].take();
        let [all, updated, ready, available, terminating] =
            ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas"]
                .map(|count| number(&status, &format!("/{count}")));
        let spec = i64::from(replicas.unwrap_or(1));
        let kubectl =
            number(&status, "/observedGeneration") >= 3 && updated >= spec && all <= updated && available >= updated;
        let ours = available == spec
            && ready >= spec
            && terminating == 0
            && wanted.is_none_or(|wanted| i64::from(wanted) == spec);
        let live: Deployment = serde_json::from_value(object).unwrap();
        let progress = deployment(&live, &Wanted { replicas: wanted, ..Wanted::default() });
        prop_assert_eq!(matches!(progress, Progress::Settled { .. }), kubectl && ours, "{:?}", progress);
    }

    #[test]
    fn a_settled_stateful_set_has_every_replica_available_and_what_shall_be_updated_is(
        replicas in counts(), partition in 0..3_i32, wanted in prop::option::of(0..4_u32), status in statuses(),
    ) {
        let live: StatefulSet = serde_json::from_value(object(replicas, partition, &status)).unwrap();
        let progress = stateful_set(&live, &Wanted { replicas: wanted, ..Wanted::default() });
        if matches!(progress, Progress::Settled { .. }) {
            let spec = i64::from(replicas.unwrap_or(1));
            prop_assert!(number(&status, "/observedGeneration") >= 3);
            for count in ["replicas", "readyReplicas", "availableReplicas"] {
                prop_assert_eq!(number(&status, &format!("/{count}")), spec);
            }
            prop_assert!(number(&status, "/updatedReplicas") >= spec - i64::from(partition));
            prop_assert!(partition > 0 || status["currentRevision"] == status["updateRevision"]);
            prop_assert!(wanted.is_none_or(|wanted| i64::from(wanted) == spec));
        }
    }

    #[test]
    fn what_is_believed_was_settled_all_along(looks in prop::collection::vec((0..6_i64, 0..4_u32), 1..40)) {
        let mut steady = Steady::new(Duration::from_secs(10));
        let (mut now, mut settled_since) = (0, None);
        for (pause, replicas) in looks {
            now += pause;
            // One in four looks finds it underway.
            let progress = if replicas == 0 { Progress::underway(0, 1, None) } else { Progress::Settled { replicas: 1 } };
            settled_since = if replicas == 0 { None } else { settled_since.or(Some(now)) };
            let answer = steady.see(Timestamp::from_second(now).unwrap(), progress);
            let believed = settled_since.is_some_and(|since| now - since >= 10);
            prop_assert_eq!(matches!(answer, Progress::Settled { .. }), believed);
        }
    }
}
