//! What proves a mock and what does not, condition by condition.

use super::super::{Answer, FaultKind, Journalled, MockProof, MockSight, MockSpec, RouteCounts, Simulator};

fn spec() -> MockSpec {
    MockSpec { name: "psp".to_owned(), on_leak: super::super::LeakPolicy::Mark, other_traffic: false }
}

fn sight() -> MockSight {
    let simulator = Simulator { at: "http://hoverfly:8888".to_owned(), mode: "simulate".to_owned(), webserver: true };
    MockSight { name: "psp".to_owned(), simulators: vec![simulator], ..MockSight::default() }
}

fn proof() -> MockProof {
    let tagged = Answer {
        status: 200,
        mocked_by: Some("psp".to_owned()),
        real_marker: Some(false),
        journal: vec![Journalled { mode: "simulate".to_owned(), status: 200 }],
        routes: RouteCounts { mock: 1, ..RouteCounts::default() },
        ..Answer::default()
    };
    let untagged = Answer {
        status: 200,
        real_marker: Some(true),
        routes: RouteCounts { real: 1, ..RouteCounts::default() },
        ..Answer::default()
    };
    MockProof { before: sight(), tagged: Some(tagged), untagged: Some(untagged), after: sight(), unread: None }
}

/// What is found once something is changed of a proof.
fn found(change: impl FnOnce(&mut MockProof)) -> (Vec<FaultKind>, String) {
    let mut proof = proof();
    change(&mut proof);
    let faults = proof.faults(&spec());
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    (faults.iter().map(|fault| fault.kind).collect(), texts.join("\n"))
}

fn tagged(change: impl FnOnce(&mut Answer)) -> (Vec<FaultKind>, String) {
    found(|proof| change(proof.tagged.as_mut().unwrap()))
}

fn untagged(change: impl FnOnce(&mut Answer)) -> (Vec<FaultKind>, String) {
    found(|proof| change(proof.untagged.as_mut().unwrap()))
}

fn is(found: (Vec<FaultKind>, String), kind: FaultKind, says: &str) {
    assert_eq!(found.0, [kind], "{}", found.1);
    assert!(found.1.contains(says), "{}", found.1);
}

#[test]
fn all_conditions_together_are_a_proof() {
    assert_eq!(found(|_| {}), (vec![], String::new()));
}

#[test]
fn a_simulator_that_is_set_up_otherwise_gets_no_probe() {
    for mode in ["spy", "capture", "modify"] {
        let mut spying = MockProof { before: sight(), ..MockProof::default() };
        spying.before.simulators[0].mode = mode.to_owned();
        assert!(!spying.allows_tagged());
        let says = format!("mock psp: Hoverfly at http://hoverfly:8888 is in mode {mode}; expected simulate");
        is(found(|proof| *proof = spying), FaultKind::Broken, &says);
    }
    let proxy = found(|proof| proof.before.simulators[0].webserver = false);
    is(proxy, FaultKind::Broken, "is a proxy and no webserver; expected one that was started with -webserver");
    is(found(|proof| proof.after.simulators[0].mode = "spy".to_owned()), FaultKind::Broken, "in mode spy");
}

#[test]
fn a_tagged_probe_must_take_the_route_to_the_mock() {
    let routes = |mock, leak, real| RouteCounts { mock, leak, real, missed: 0 };
    let took = |routes| tagged(move |answer| (answer.routes, answer.journal) = (routes, vec![]));
    is(took(routes(0, 1, 0)), FaultKind::Bypassed, "X-Load-Test: true was stopped by the leak trap");
    is(took(routes(0, 0, 1)), FaultKind::Bypassed, "took the route to the real dependency");
    is(took(routes(0, 0, 0)), FaultKind::Bypassed, "was counted by no route to the mock");
    is(took(routes(1, 0, 0)), FaultKind::Bypassed, "no simulator has seen the tagged probe");
    is(tagged(|answer| answer.routes.mock = 2), FaultKind::Broken, "took 2 requests while one tagged probe was sent");
}

#[test]
fn a_tagged_probe_must_be_answered_by_the_simulation() {
    is(
        tagged(|answer| answer.fetched = true),
        FaultKind::Bypassed,
        "fetched from the real dependency (header Hoverfly)",
    );
    is(tagged(|answer| answer.mocked_by = None), FaultKind::Broken, "has no header X-Mocked-By");
    is(tagged(|answer| answer.journal[0].mode = "spy".to_owned()), FaultKind::Broken, "in mode spy; expected simulate");
    is(tagged(|answer| answer.status = 201), FaultKind::Broken, "with status 200, and 201 came back");
    let missed = tagged(|answer| (answer.status, answer.journal[0].status, answer.mocked_by) = (502, 502, None));
    is(missed, FaultKind::Broken, "the simulation has no answer for the tagged probe (status 502)");
    let twice = tagged(|answer| answer.journal.push(answer.journal[0].clone()));
    is(twice, FaultKind::Broken, "have seen the tagged probe 2 times; expected exactly once");
}

#[test]
fn an_untagged_probe_must_be_answered_by_the_real_dependency() {
    let mocked = untagged(|answer| answer.mocked_by = Some("psp".to_owned()));
    is(mocked, FaultKind::Broken, "the mock answered the probe without X-Load-Test");
    let seen = untagged(|answer| answer.journal.push(Journalled { mode: "simulate".to_owned(), status: 502 }));
    is(seen, FaultKind::Broken, "the mock answered the probe without X-Load-Test");
    is(untagged(|answer| answer.routes.real = 0), FaultKind::Broken, "not counted by the route to the real dependency");
    is(untagged(|answer| answer.real_marker = Some(false)), FaultKind::Broken, "does not bear the mark of the real");
    is(untagged(|answer| answer.routes.leak = 1), FaultKind::Broken, "the leak trap took the untagged probe");
    assert_eq!(untagged(|answer| answer.real_marker = None).0, [], "nobody has said what marks it");
}

#[test]
fn what_could_not_be_tried_is_no_proof() {
    is(found(|proof| proof.unread = Some("no answer".to_owned())), FaultKind::Broken, "could not be proved: no answer");
    is(found(|proof| proof.tagged = None), FaultKind::Broken, "no tagged probe was sent");
    is(found(|proof| proof.untagged = None), FaultKind::Broken, "no untagged probe was sent");
    let nothing = super::super::faults(&[spec()], &[]);
    assert_eq!(nothing.len(), 1, "a mock of which nothing was told is not proved");
}

#[test]
fn the_untagged_probe_follows_a_good_tagged_one_only() {
    assert!(proof().allows_untagged(&spec()));
    let mut leaked = proof();
    leaked.tagged.as_mut().unwrap().routes = RouteCounts { real: 1, ..RouteCounts::default() };
    assert!(!leaked.allows_untagged(&spec()));
    assert!(!MockProof { tagged: None, ..proof() }.allows_untagged(&spec()));
}

#[test]
fn the_traffic_of_others_is_borne_where_it_is_known() {
    let other = MockSpec { other_traffic: true, ..spec() };
    let mut busy = proof();
    busy.tagged.as_mut().unwrap().routes = RouteCounts { mock: 3, real: 2, ..RouteCounts::default() };
    busy.untagged.as_mut().unwrap().routes = RouteCounts { mock: 1, real: 5, ..RouteCounts::default() };
    assert_eq!(busy.faults(&other), []);
    assert_eq!(busy.faults(&spec()).len(), 1);
}
