//! Writes by what is found.

use super::*;
use crate::service::tests::steady;

fn holder(run: &str, epoch: u64) -> Holder {
    Holder { run: run.parse().unwrap(), epoch }
}

fn revision(text: &str) -> Revision {
    text.parse().unwrap()
}

fn scaled(way: Way, from: u32, to: u32) -> Wish {
    Wish { desired: Some(Change { from, to }), ..Wish::nothing(way) }
}

fn deployed(way: Way, from: &str, to: &str) -> Wish {
    Wish { definition: Some(Change { from: revision(from), to: revision(to) }), ..Wish::nothing(way) }
}

/// A service with the marker of a write on it.
fn marked(definition: &str, tasks: u32, marker: &Marker) -> Service {
    Service { tags: marker.write(), ..steady(definition, tasks, "1") }
}

#[test]
fn what_was_there_before_is_kept_from_the_first_change_on() {
    let own = holder("one", 1);
    let first = decide(&steady("shop:7", 2, "1"), &own, &deployed(Way::There, "shop:7", "shop:8")).unwrap();
    let mut marker = first.marker.unwrap();
    assert_eq!((first.definition, first.desired), (Some(revision("shop:8")), None));
    assert_eq!(marker.definition, Some(Kept { before: revision("shop:7"), applied: vec![revision("shop:8")] }));
    for (from, to) in [(2, 6), (6, 12)] {
        let write = decide(&marked("shop:8", from, &marker), &own, &scaled(Way::There, from, to)).unwrap();
        assert_eq!(write.desired, Some(to));
        marker = write.marker.unwrap();
    }
    assert_eq!(marker.desired, Some(Kept { before: 2, applied: vec![6, 12] }));
}

#[test]
fn what_is_there_already_is_not_written_and_nothing_is_kept_of_it() {
    let own = holder("one", 1);
    let write = decide(&steady("shop:7", 6, "1"), &own, &scaled(Way::There, 2, 6)).unwrap();
    assert_eq!(write, Write { marker: None, desired: None, definition: None });
    let marker = Marker { desired: Some(Kept { before: 2, applied: vec![6] }), ..Marker::new(own.clone()) };
    let write = decide(&marked("shop:7", 6, &marker), &own, &scaled(Way::There, 2, 6)).unwrap();
    assert_eq!(write, Write { marker: Some(marker), desired: None, definition: None }, "it was the run's");
}

#[test]
fn what_somebody_else_has_changed_is_not_written_over() {
    let own = holder("one", 1);
    let told = |live: &Service, wish: &Wish| decide(live, &own, wish).unwrap_err().to_string();
    assert_eq!(
        told(&steady("shop:7", 9, "1"), &scaled(Way::There, 2, 6)),
        "somebody else changed desired_count: it is 9, and neither 2 nor 6"
    );
    assert_eq!(
        told(&steady("shop:9", 2, "1"), &deployed(Way::Back, "shop:8", "shop:7")),
        "somebody else changed the task definition: it is shop:9, and neither shop:8 nor shop:7"
    );
    // What the run has given at any time is its own.
    let marker = Marker { desired: Some(Kept { before: 2, applied: vec![6, 12] }), ..Marker::new(own.clone()) };
    assert_eq!(decide(&marked("shop:7", 6, &marker), &own, &scaled(Way::Back, 12, 2)).unwrap().desired, Some(2));
}

#[test]
fn the_way_back_claims_the_service_and_keeps_what_it_was() {
    let marker = Marker { desired: Some(Kept { before: 2, applied: vec![6] }), ..Marker::new(holder("one", 1)) };
    let write = decide(&marked("shop:7", 6, &marker), &holder("one", 2), &scaled(Way::Back, 6, 2)).unwrap();
    assert_eq!(write.marker.unwrap(), Marker { holder: holder("one", 2), ..marker });
    let without = decide(&steady("shop:7", 6, "1"), &holder("one", 2), &scaled(Way::Back, 6, 2)).unwrap();
    assert_eq!((without.marker, without.desired), (None, Some(2)), "the journal knows it as well");
}

#[test]
fn other_runs_and_older_conductors_are_kept_from_writing() {
    let marker = Marker { desired: Some(Kept { before: 2, applied: vec![6] }), ..Marker::new(holder("one", 3)) };
    let live = marked("shop:7", 6, &marker);
    for way in [Way::There, Way::Back] {
        let told = |own: &Holder| decide(&live, own, &scaled(way, 6, 2)).unwrap_err().to_string();
        assert_eq!(told(&holder("two", 9)), "load test one has changed it and not put it back");
        assert_eq!(
            told(&holder("one", 2)),
            "a younger conductor (epoch 3) has taken load test one over from this one (epoch 2)"
        );
    }
}

#[test]
fn a_broken_marker_keeps_runs_from_changing_it_and_nobody_from_putting_it_back() {
    let mut live = steady("shop:7", 6, "1");
    live.tags.insert("loadtest-conductor.dev/desired-count".to_owned(), "2".to_owned());
    let told = decide(&live, &holder("one", 1), &scaled(Way::There, 6, 9)).unwrap_err().to_string();
    assert!(told.starts_with("it has tag loadtest-conductor.dev/desired-count and not "), "{told}");
    assert_eq!(decide(&live, &holder("one", 1), &scaled(Way::Back, 6, 2)).unwrap().desired, Some(2));
}

#[test]
fn what_is_left_of_a_marker_is_what_the_service_still_has_of_the_run() {
    let kept = Kept { before: revision("shop:7"), applied: vec![revision("shop:8")] };
    let desired = Some(Kept { before: 2, applied: vec![6] });
    let marker = Marker { desired, definition: Some(kept), ..Marker::new(holder("one", 1)) };
    let left = |definition: &str, tasks| {
        let left = remainder(&steady(definition, tasks, "1"), &marker);
        (left.definition.is_some(), left.desired.is_some())
    };
    assert_eq!(left("shop:8", 6), (true, true));
    assert_eq!(left("shop:7", 6), (false, true));
    assert_eq!(left("shop:9", 2), (false, false), "what others have put there is not the run's");
}

#[test]
fn what_of_its_autoscaling_was_suspended_is_kept_once() {
    let own = holder("one", 1);
    let partly = Suspended { scheduled: true, ..Suspended::default() };
    let suspend = |from| Wish { suspended: Some(Change { from, to: Suspended::ALL }), ..Wish::nothing(Way::There) };
    let marker = decide(&steady("shop:7", 2, "1"), &own, &suspend(partly)).unwrap().marker.unwrap();
    let again = decide(&marked("shop:7", 2, &marker), &own, &suspend(Suspended::ALL)).unwrap().marker.unwrap();
    assert_eq!(again.suspended, Some(Kept { before: partly, applied: vec![Suspended::ALL] }));
}

#[test]
fn what_somebody_has_set_after_putting_the_run_back_is_theirs() {
    let (own, live) = (holder("one", 2), steady("shop:8", 6, "1"));
    let told = |wish: &Wish| {
        let write = decide(&live, &own, wish).unwrap();
        refuse_theirs(&live, &own, &write).map_err(|refusal| refusal.to_string())
    };
    let begin = "load test one has no tags there and no sign of life: somebody else has put it back, and set ";
    assert_eq!(
        told(&scaled(Way::Back, 6, 2)).unwrap_err(),
        format!("{begin}desired_count to 6 since: it is theirs and stays")
    );
    assert_eq!(
        told(&deployed(Way::Back, "shop:8", "shop:7")).unwrap_err(),
        format!("{begin}the task definition to shop:8 since: it is theirs and stays")
    );
    assert_eq!(told(&scaled(Way::Back, 9, 6)), Ok(()), "nothing is taken away");
}
