//! What is changed of a Stack, there and back.

use serde_json::{Value as Json, json};

use super::*;
use crate::marker::Holder;
use crate::object::Object;
use crate::stack_set::Stack;

fn fields(spec: &Json) -> StackFields {
    let mut whole = json!({ "podTemplate": { "spec": { "containers": [{ "name": "main", "image": "shop:1" }] } } });
    json_patch::merge(&mut whole, spec);
    let stack = json!({
        "apiVersion": "zalando.org/v1",
        "kind": "Stack",
        "metadata": {},
        "spec": whole,
        "status": { "desiredReplicas": 2 },
    });
    serde_json::from_value::<Stack>(stack).unwrap().fields().unwrap()
}

fn allocation(of: &StackFields) -> Allocation {
    let Owned { replicas, resources, .. } = of.owned.clone();
    Allocation { replicas, resources, autoscaling: of.bounds() }
}

fn applied(mut to: StackFields, changes: Vec<Change>) -> StackFields {
    for Change { field, from, to: value } in changes {
        assert_eq!(to.fields().get(&field), from.as_ref(), "{field}");
        to.set(&field, value);
    }
    to
}

#[test]
fn a_stack_is_scaled_by_its_replicas_or_held_by_its_bounds_and_what_was_absent_is_absent_again() {
    for (spec, replicas, bounds) in [
        (json!({ "replicas": 3 }), 3, None),
        (json!({}), 1, None),
        (json!({ "autoscaler": { "minReplicas": 1, "maxReplicas": 4 } }), 2, Some([1, 4])),
        (json!({ "autoscaler": { "maxReplicas": 4 } }), 2, Some([1, 4])),
        (json!({ "autoscaler": { "minReplicas": 3, "maxReplicas": 9 }, "replicas": 7 }), 2, Some([3, 9])),
    ] {
        let before = fields(&spec);
        let from = allocation(&before);
        assert_eq!((from.replicas, from.autoscaling), (replicas, bounds.map(|[min, max]| Bounds { min, max })));
        let to = Allocation { replicas: 6, autoscaling: from.autoscaling.map(|_| Bounds::pinned(6)), ..from.clone() };
        let there = applied(before.clone(), before.changes(&before, Way::There, [&from, &to]));
        assert_eq!(allocation(&there), to, "{spec}");
        let back = applied(there.clone(), there.changes(&before, Way::Back, [&to, &from]));
        assert_eq!(back, before, "{spec}");
    }
}

#[test]
fn bounds_that_are_opened_on_the_way_back_are_those_that_are_closed_afterwards() {
    let before = fields(&json!({ "autoscaler": { "maxReplicas": 4 } }));
    let from = allocation(&before);
    let pinned = Allocation { replicas: 6, autoscaling: Some(Bounds::pinned(6)), ..from.clone() };
    let there = applied(before.clone(), before.changes(&before, Way::There, [&from, &pinned]));
    let around = Bounds { min: 1, max: 6 };
    let opened = applied(there.clone(), there.rebounded(&there, Way::There, [Bounds::pinned(6), around]));
    assert_eq!(opened.bounds(), Some(around));
    let opened_from = Allocation { autoscaling: Some(around), ..pinned };
    assert_eq!(applied(opened.clone(), opened.changes(&before, Way::Back, [&opened_from, &from])), before);
}

#[test]
fn a_marker_says_what_the_workload_and_its_bounds_were_as_for_two_objects() {
    let before = fields(&json!({ "autoscaler": { "maxReplicas": 4 } }));
    let mut during = before.clone();
    during.set(&Field::MinReplicas, Some(Value::Count(6)));
    during.set(&Field::MaxReplicas, Some(Value::Count(6)));
    during.set(&Field::Replicas, Some(Value::Count(6)));
    let holder = Holder { run: "one".parse().unwrap(), epoch: 1 };
    let marker = Marker { original: before, holder, applied: vec![during], delivering: false, besides: None };
    let [annotation, _] = marker.write("uid").unwrap();
    assert_eq!(serde_json::from_str::<StackFields>(&annotation.1).unwrap(), marker.original);
    let (workload, bounds) = (marker.of_workload(), marker.of_bounds().unwrap());
    assert_eq!((workload.original.replicas, workload.applied[0].replicas), (2, 6));
    assert_eq!((bounds.original, bounds.applied[0]), (Bounds { min: 1, max: 4 }, Bounds::pinned(6)));
}
