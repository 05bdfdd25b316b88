//! What a write makes of an object and its marker.

use std::collections::BTreeMap;

use conductor_core::app::Bounds;

use super::*;
use crate::field::Owned;

fn holder(run: &str, epoch: u64) -> Holder {
    Holder { run: run.parse().unwrap(), epoch }
}

fn count(field: Field, from: u32, to: u32) -> Change {
    Change { field, from: Some(Value::Count(from)), to: Some(Value::Count(to)) }
}

fn pin(way: Way, from: Bounds, to: Bounds) -> Wish {
    let changes = vec![count(Field::MinReplicas, from.min, to.min), count(Field::MaxReplicas, from.max, to.max)];
    Wish { way, changes, contested: BTreeSet::new() }
}

const BEFORE: Bounds = Bounds { min: 1, max: 4 };
const DURING: Bounds = Bounds::pinned(20);

#[test]
fn the_first_write_keeps_what_was_there_and_the_last_takes_the_marker_with_it() {
    let me = holder("one", 1);
    let there = decide(&BEFORE, None, &me, &pin(Way::There, BEFORE, DURING)).unwrap();
    let marker = there.marker.clone().unwrap();
    assert_eq!(there.fields, DURING);
    assert_eq!((marker.original, marker.applied.as_slice()), (BEFORE, [DURING].as_slice()));
    let again = decide(&DURING, Some(&marker), &me, &pin(Way::There, BEFORE, DURING)).unwrap();
    assert_eq!(again, there, "twice is once");
    let back = decide(&DURING, Some(&marker), &me, &pin(Way::Back, DURING, BEFORE)).unwrap();
    assert_eq!(back, After { fields: BEFORE, marker: None });
    assert_eq!(decide(&BEFORE, None, &me, &pin(Way::Back, DURING, BEFORE)).unwrap(), back, "twice is once");
}

#[test]
fn what_was_before_stays_however_often_the_run_writes() {
    let me = holder("one", 1);
    let first = decide(&BEFORE, None, &me, &pin(Way::There, BEFORE, DURING)).unwrap();
    let more = Bounds::pinned(30);
    let second = decide(&DURING, first.marker.as_ref(), &me, &pin(Way::There, DURING, more)).unwrap();
    let marker = second.marker.unwrap();
    assert_eq!((marker.original, marker.applied), (BEFORE, vec![DURING, more]));
}

#[test]
fn somebody_elses_value_is_not_overwritten() {
    let foreign = Bounds { min: 1, max: 9 };
    let refused = decide(&foreign, None, &holder("one", 1), &pin(Way::There, BEFORE, DURING)).unwrap_err();
    assert_eq!(refused.to_string(), "somebody else changed maxReplicas: it is 9, and neither 4 nor 20");
}

#[test]
fn what_an_autoscaler_writes_too_may_hold_anything_and_what_the_caller_saw_was_before() {
    let contested = BTreeSet::from([Field::MaxReplicas]);
    let wish =
        |way, from, to| Wish { way, changes: vec![count(Field::MaxReplicas, from, to)], contested: contested.clone() };
    // It has moved on its own to where it is wanted.
    let live = Bounds { min: 1, max: 20 };
    let there = decide(&live, None, &holder("one", 1), &wish(Way::There, 4, 20)).unwrap();
    assert_eq!((there.fields, there.marker.as_ref().unwrap().original), (live, BEFORE));
    // And back again, to somewhere else.
    let moved = Bounds { min: 1, max: 3 };
    let back = decide(&moved, there.marker.as_ref(), &holder("one", 1), &wish(Way::Back, 20, 4)).unwrap();
    assert_eq!(back, After { fields: BEFORE, marker: None });
}

#[test]
fn the_marker_stays_while_anything_of_the_run_is_left_and_goes_when_the_rest_is_others() {
    let me = holder("one", 1);
    let marker = decide(&BEFORE, None, &me, &pin(Way::There, BEFORE, DURING)).unwrap().marker;
    let changes = vec![count(Field::MinReplicas, 20, 1)];
    let half = Wish { way: Way::Back, changes, contested: BTreeSet::new() };
    let after = decide(&DURING, marker.as_ref(), &me, &half).unwrap();
    assert_eq!((after.fields, after.marker.is_some()), (Bounds { min: 1, max: 20 }, true));
    let nothing = Wish::nothing(BTreeSet::new());
    let foreign = Bounds { min: 7, max: 9 };
    assert_eq!(decide(&foreign, marker.as_ref(), &me, &nothing).unwrap().marker, None, "all of it is somebody else's");
    assert!(decide(&Bounds { min: 7, max: 20 }, marker.as_ref(), &me, &nothing).unwrap().marker.is_some());
}

#[test]
fn another_runs_object_and_a_conductor_that_was_replaced_are_refused() {
    let marker = decide(&BEFORE, None, &holder("one", 2), &pin(Way::There, BEFORE, DURING)).unwrap().marker;
    let refused = |holder| {
        decide(&DURING, marker.as_ref(), &holder, &pin(Way::Back, DURING, BEFORE)).map_err(|error| error.to_string())
    };
    assert_eq!(refused(holder("two", 9)).unwrap_err(), "load test one has changed it and not put it back");
    assert_eq!(
        refused(holder("one", 1)).unwrap_err(),
        "a newer conductor drives load test one (epoch 2, this one has 1)"
    );
    assert!(refused(holder("one", 3)).is_ok());
}

fn workload(replicas: u32, image: &str) -> Owned {
    let images = BTreeMap::from([("app".to_owned(), image.to_owned())]);
    Owned { replicas, images, resources: BTreeMap::from([("app".to_owned(), BTreeMap::new())]) }
}

#[test]
fn what_others_have_changed_meanwhile_is_not_the_runs() {
    let me = holder("one", 1);
    let image = |from: &str, to: &str| Change {
        field: Field::Image { container: "app".to_owned() },
        from: Some(Value::Image(from.to_owned())),
        to: Some(Value::Image(to.to_owned())),
    };
    let wish = |way, change| Wish { way, changes: vec![change], contested: BTreeSet::new() };
    let deployed =
        decide(&workload(2, "shop:1"), None, &me, &wish(Way::There, image("shop:1", "shop:2"))).unwrap().marker;
    // Somebody deploys shop:9 before the run scales.
    let scale = wish(Way::There, count(Field::Replicas, 2, 20));
    let scaled = decide(&workload(2, "shop:9"), deployed.as_ref(), &me, &scale).unwrap();
    let marker = scaled.marker.as_ref().unwrap();
    assert_eq!(marker.applied, [workload(2, "shop:2"), workload(20, "shop:2")]);
    assert_eq!(ours(&scaled.fields, marker).collect::<Vec<_>>(), [Field::Replicas]);
    assert_eq!(back(&scaled.fields, marker), [count(Field::Replicas, 20, 2)]);
    let back = decide(&scaled.fields, Some(marker), &me, &wish(Way::Back, count(Field::Replicas, 20, 2))).unwrap();
    assert_eq!(back, After { fields: workload(2, "shop:9"), marker: None });
}

#[test]
fn a_value_that_an_autoscaler_has_chosen_is_not_the_runs_even_if_it_is_the_same() {
    let me = holder("one", 1);
    let scale =
        |way| Wish { way, changes: vec![count(Field::Replicas, 2, 20)], contested: BTreeSet::from([Field::Replicas]) };
    let marker = decide(&workload(2, "shop:1"), None, &me, &scale(Way::There)).unwrap().marker;
    let live = workload(20, "shop:1");
    let parted = |contested| decide(&live, marker.as_ref(), &me, &Wish::nothing(contested)).unwrap().marker;
    assert!(parted(BTreeSet::new()).is_some());
    assert_eq!(parted(BTreeSet::from([Field::Replicas])), None);
}

#[test]
fn where_nothing_is_changed_no_marker_is_left_and_the_same_is_noted_once() {
    let me = holder("one", 1);
    let wish = |changes| Wish { way: Way::There, changes, contested: BTreeSet::new() };
    assert_eq!(decide(&BEFORE, None, &me, &wish(Vec::new())).unwrap(), After { fields: BEFORE, marker: None });
    let mut found = After { fields: workload(1, "shop:1"), marker: None };
    for (from, to) in [(1, 3), (3, 5), (5, 3), (3, 5)] {
        let step = wish(vec![count(Field::Replicas, from, to)]);
        found = decide(&found.fields, found.marker.as_ref(), &me, &step).unwrap();
    }
    let replicas: Vec<u32> = found.marker.unwrap().applied.iter().map(|state| state.replicas).collect();
    assert_eq!(replicas, [3, 5]);
}

#[test]
fn what_a_delivery_has_given_a_container_that_it_has_brought_is_no_change_of_somebody_else() {
    let owned = |containers: &[&str], cpu: Option<&str>| {
        let images = containers.iter().map(|name| ((*name).to_owned(), format!("{name}:1"))).collect();
        let given = cpu.map(|text| BTreeMap::from([("limits.cpu".to_owned(), text.parse().unwrap())]));
        let last = containers.last().unwrap().to_string();
        Owned { replicas: 2, images, resources: given.map(|given| (last, given)).into_iter().collect() }
    };
    let amount = |text: &str| Some(Value::Amount(text.parse().unwrap()));
    let field = |container: &str| Field::Resource { container: container.to_owned(), name: "limits.cpu".to_owned() };
    let wish = |container: &str, way| {
        let change = Change { field: field(container), from: None, to: amount("500m") };
        Wish { way, changes: vec![change], contested: BTreeSet::new() }
    };
    let (me, brought) = (holder("one", 1), owned(&["main", "proxy"], Some("250m")));
    let marker = |original: Owned| Marker {
        applied: vec![original.clone()],
        original,
        holder: me.clone(),
        delivering: false,
        besides: None,
    };
    let delivered = marker(owned(&["main"], None));
    let after = decide(&brought, Some(&delivered), &me, &wish("proxy", Way::There)).unwrap();
    assert_eq!(after.fields.fields().get(&field("proxy")).cloned(), amount("500m"));
    let changed = "somebody else changed limits.cpu of proxy: it is 250m, and neither absent nor 500m";
    let older = marker(owned(&["main", "proxy"], None));
    for (marker, way, why) in [
        (None, Way::There, "the run has changed nothing yet"),
        (Some(&older), Way::There, "it was there before"),
        (Some(&delivered), Way::Back, "back it goes from what is planned"),
    ] {
        let refused = decide(&brought, marker, &me, &wish("proxy", way)).unwrap_err();
        assert_eq!(refused.to_string(), changed, "{why}");
    }
}
