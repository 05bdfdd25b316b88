//! What is seen during the load, sight by sight.

use super::super::{FaultKind, LeakPolicy, MockSight, MockSpec, RouteCounts, Simulator};
use super::Watch;

fn spec(on_leak: LeakPolicy) -> MockSpec {
    MockSpec { name: "psp".to_owned(), on_leak, other_traffic: false }
}

/// A sight with so much counted: arrived at the simulator, and by the routes to the mock, the trap and the real one.
fn sight([arrived, mock, leak, real]: [u64; 4]) -> MockSight {
    let simulator = Simulator { at: "http://hoverfly:8888".to_owned(), mode: "simulate".to_owned(), webserver: true };
    let routes = RouteCounts { mock, leak, real, missed: 0 };
    MockSight { name: "psp".to_owned(), simulators: vec![simulator], arrived, routes, unread: None }
}

/// Watches sights that follow each other after a first one, ten seconds apart.
fn watched(spec: MockSpec, sights: &[MockSight]) -> Watch {
    let mut watch = Watch::begin(&[spec], &sights[..1]);
    for (position, sight) in sights.iter().enumerate().skip(1) {
        watch.see(std::slice::from_ref(sight), 10.0 * position as f64, true);
    }
    watch
}

fn texts(watch: &Watch) -> Vec<String> {
    watch.faults().iter().map(ToString::to_string).collect()
}

#[test]
fn load_that_the_mock_takes_is_no_fault() {
    // Requests are under way at each sight: they have arrived and are not counted by the route yet.
    let sights = [[5, 5, 0, 1], [105, 100, 0, 1], [205, 203, 0, 1], [305, 305, 0, 1]].map(sight);
    assert_eq!(texts(&watched(spec(LeakPolicy::Abort), &sights)), [""; 0]);
}

#[test]
fn what_the_trap_or_the_real_route_takes_is_seen_at_once_and_told_once() {
    let watch = watched(spec(LeakPolicy::Mark), &[[0, 0, 0, 3], [9, 9, 2, 3], [9, 9, 5, 4], [9, 9, 5, 4]].map(sight));
    let [leaked, real] = watch.faults() else { panic!("{:?}", watch.faults()) };
    assert_eq!(
        (leaked.kind, leaked.requests, leaked.from_s, leaked.to_s),
        (FaultKind::Bypassed, Some(5), Some(10.0), Some(20.0))
    );
    assert!(leaked.message.contains("stopped by the leak trap"), "{leaked}");
    assert_eq!((real.kind, real.requests), (FaultKind::Bypassed, Some(1)));
    assert!(real.message.contains("took the route to the real dependency during the load"), "{real}");
    assert!(!watch.ends());
    assert!(watched(spec(LeakPolicy::Abort), &[[0, 0, 0, 0], [9, 9, 1, 0]].map(sight)).ends());
}

#[test]
fn a_mode_that_changes_is_seen_at_once() {
    let mut spying = sight([9, 9, 0, 0]);
    spying.simulators[0].mode = "spy".to_owned();
    let watch = watched(spec(LeakPolicy::Abort), &[sight([0, 0, 0, 0]), spying]);
    assert_eq!(texts(&watch), ["mock psp: Hoverfly at http://hoverfly:8888 is in mode spy; expected simulate"]);
    assert!(watch.ends());
}

#[test]
fn what_comes_to_the_mock_another_way_is_seen_at_the_next_sight() {
    let sights = [[0, 0, 0, 0], [17, 10, 0, 0], [27, 20, 0, 0], [37, 30, 0, 0]].map(sight);
    assert_eq!(texts(&watched(spec(LeakPolicy::Mark), &sights[..2])), [""; 0], "they may be under way");
    let sights = [[0, 0, 0, 0], [17, 10, 0, 0], [17, 10, 0, 0], [17, 10, 0, 0]].map(sight);
    let watch = watched(spec(LeakPolicy::Mark), &sights);
    assert_eq!(watch.faults().len(), 1);
    let fault = &watch.faults()[0];
    assert_eq!((fault.kind, fault.requests, fault.from_s), (FaultKind::Broken, Some(7), Some(20.0)));
    assert!(fault.message.contains("requests came to the mock that its route has not taken"), "{fault}");
}

#[test]
fn an_answer_that_the_simulation_lacks_is_a_fault() {
    let mut missed = sight([9, 9, 0, 0]);
    missed.routes.missed = 4;
    let watch = watched(spec(LeakPolicy::Mark), &[sight([0, 0, 0, 0]), missed]);
    assert_eq!(watch.faults()[0].requests, Some(4));
    assert!(watch.faults()[0].message.contains("the simulation had no answer"), "{}", watch.faults()[0]);
}

#[test]
fn one_sight_may_fail_and_two_in_a_row_may_not() {
    let unread = MockSight {
        unread: Some("no answer".to_owned()),
        ..MockSight { name: "psp".to_owned(), ..MockSight::default() }
    };
    let whole = |count| sight([count, count, 0, 0]);
    let once = watched(spec(LeakPolicy::Mark), &[whole(1), unread.clone(), whole(2), unread.clone(), whole(3)]);
    assert_eq!(texts(&once), [""; 0]);
    let twice = watched(spec(LeakPolicy::Mark), &[whole(1), unread.clone(), unread]);
    assert_eq!(twice.faults()[0].kind, FaultKind::Broken);
    assert!(twice.faults()[0].message.contains("could not be watched"), "{}", twice.faults()[0]);
}

#[test]
fn counters_that_begin_anew_are_no_fault() {
    let router = [[50, 50, 2, 3], [90, 30, 0, 0], [99, 40, 0, 0]].map(sight);
    assert_eq!(texts(&watched(spec(LeakPolicy::Mark), &router)), [""; 0]);
    let simulator = [[50, 50, 0, 0], [4, 60, 0, 0], [14, 70, 0, 0], [14, 70, 0, 0]].map(sight);
    assert_eq!(texts(&watched(spec(LeakPolicy::Mark), &simulator)), [""; 0]);
}

#[test]
fn among_the_traffic_of_others_it_tells_when_the_mock_stands_still() {
    let other = || MockSpec { other_traffic: true, ..spec(LeakPolicy::Mark) };
    let busy = [[0, 0, 0, 0], [9, 9, 0, 40], [19, 19, 0, 80]].map(sight);
    assert_eq!(texts(&watched(other(), &busy)), [""; 0]);
    let bypassed = [[0, 0, 0, 0], [9, 9, 0, 40], [9, 9, 0, 99]].map(sight);
    let watch = watched(other(), &bypassed);
    assert_eq!((watch.faults()[0].kind, watch.faults()[0].requests), (FaultKind::Bypassed, Some(59)));
}
