//! The phase machine: its golden table, and what holds for every sequence of events.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::app::Allocation;
use crate::fixtures::{self, load_test};
use crate::guard::Guarded;
use crate::layout::{LayoutMoment, LayoutSeen, LayoutSight};
use crate::load::{GeneratorFacts, GeneratorStatus, KpiSample, Mark};
use crate::mocks::{LeakPolicy, MockSpec};
use crate::phase::{Exactness, Level, Note, Phase};
use crate::recheck::LateChange;
use crate::release::{Release, Rollout};
use crate::run::{Record, Run};
use crate::scale::{Observed, ScaleStep};
use crate::spec::{Intent, ScaleChoice, VersionChoice};
use crate::units::Span;

fn created() -> Created {
    let workers = serde_json::json!({ "workers": { "application": "load-workers", "most": 4 } });
    let spec = load_test("600/min", serde_json::json!({ "interval": "10s", "load": workers }));
    let version = VersionChoice::Release("v2".to_owned());
    let shop = Intent::new("shop".parse().unwrap(), version, ScaleChoice::Keep);
    Created { scope: vec![shop], recheck_after: "60s".parse().unwrap(), ..fixtures::created(spec) }
}

fn failure() -> Failure {
    Failure { activity: "test".to_owned(), kind: FailureKind::Rejected, message: "no".to_owned() }
}

fn baseline() -> Baseline {
    let observed = || Observed::new(Release::single("v1"), Allocation::of_replicas(1));
    ["shop", "load-workers"].map(|name| (name.parse().unwrap(), observed())).into()
}

/// A request for twice the target, held for three minutes.
fn retargeted(request: u64) -> Event {
    let span = |text: &str| text.parse().ok();
    let change = Retarget { target: "1200/min".parse().unwrap(), within: span("1m"), plateau: span("3m") };
    Event::Retargeted { request, change, by: "ops".to_owned() }
}

/// An interval in which the only worker of the load generator was at its limit.
fn overloaded() -> Event {
    let marks = vec![Mark::GeneratorBound];
    let generator = GeneratorStatus { users: 50, workers: Some(1), cpu_percent: Some(100.0), marks };
    Event::Measured(Box::new(Measurement::new(None, Some(generator))))
}

fn two_workers() -> ScaleStep {
    let [from, to] = [1, 2].map(Allocation::of_replicas);
    ScaleStep { application: "load-workers".parse().unwrap(), from, to }
}

/// One event of each kind.
fn events() -> Vec<Event> {
    let generator =
        GeneratorFacts { version: "1".to_owned(), workers: None, counting: "exact".to_owned(), by_name: false };
    vec![
        Event::Created(Box::new(created())),
        Event::Begun { learnt: None },
        Event::Started,
        Event::PreflightPassed { production: BTreeMap::new(), generator, parity: None },
        Event::BaselineRecorded { baseline: baseline() },
        Event::Frozen { guarded: Guarded::Frozen },
        Event::Deployed,
        Event::ScaledUp,
        Event::MocksProbed { proofs: Vec::new() },
        Event::Rehearsed { sample: rehearsal() },
        overloaded(),
        retargeted(1),
        Event::WorkersScaled(two_workers()),
        Event::WorkersNotScaled(failure()),
        Event::Drifted { drifts: Vec::new() },
        Event::Reverted { drifts: Vec::new() },
        Event::NotReverted { drifts: Vec::new(), failure: failure() },
        Event::LoadStopped,
        Event::Restored { found: Baseline::new(), foreign: vec![], failures: vec![] },
        Event::Thawed,
        Event::CleanedUp { deleted: vec![], failures: vec![] },
        Event::Rechecked { found: baseline(), late: vec![], failures: vec![] },
        Event::Rechecked { found: baseline(), late: vec![late(true)], failures: vec![] },
        Event::PutBackAgain { found: baseline(), late: vec![], failures: vec![] },
        Event::Failed(failure()),
        Event::StopRequested { by: "ops".to_owned() },
        Event::DeadlineExceeded,
        Event::Abandoned,
        Event::Resumed,
        Event::Adopted { changes: Changes { baseline: baseline(), plan: Plan::default() } },
        Event::LayoutSeen(Box::new(LayoutSeen { when: LayoutMoment::BeforeLoad, sight: LayoutSight::default() })),
        Event::Noted(Note { level: Level::Info, message: "so".to_owned() }),
    ]
}

/// The shop has another version than after the way back, the run's or somebody else's.
fn late(put_back: bool) -> LateChange {
    let [field, expected, found] = ["version of main", "v1", if put_back { "v2" } else { "v9" }].map(str::to_owned);
    let application = "shop".parse().unwrap();
    LateChange { drift: Drift { application, field, expected, found, by: None, reverted: false }, put_back }
}

/// What the run changes of the shop.
fn rolled_out() -> Changes {
    let [from, to] = ["v1", "v2"].map(Release::single);
    let rollout = Rollout::new("shop".parse().unwrap(), from, to);
    Changes { baseline: baseline(), plan: Plan { rollouts: vec![rollout], scale_steps: vec![two_workers()] } }
}

/// What one user has caused in ten seconds.
fn rehearsal() -> KpiSample {
    let (from, to) = (seconds(0), seconds(10));
    KpiSample { from, to, count: Some(1), requests: 3, failures: 0, latency: None, responses: None, marks: vec![] }
}

/// One state of each kind, in the order of a run.
fn states() -> Vec<State> {
    let created = created();
    let changes = Changes { baseline: baseline(), plan: Plan::default() };
    let ending = Ending::because(Cause::Completed);
    let back = WayBack { changes: rolled_out(), found: baseline(), at: Timestamp::UNIX_EPOCH };
    let load = Box::new(Load::begin(&created, &changes, Timestamp::UNIX_EPOCH, &rehearsal(), &[]));
    vec![
        State::Waiting,
        State::Accepted,
        State::Preflight,
        State::RecordingBaseline { production: BTreeMap::new() },
        State::Freezing { changes: changes.clone() },
        State::Deploying { changes: changes.clone() },
        State::ScalingUp { changes: changes.clone() },
        State::ProvingMocks { changes: changes.clone() },
        State::Rehearsing { changes: changes.clone(), mocks: Vec::new() },
        State::GeneratingLoad { changes: changes.clone(), load },
        State::StoppingLoad { changes: changes.clone(), ending: ending.clone() },
        State::ScalingDown { changes, ending: ending.clone() },
        State::Thawing { back: back.clone(), ending: ending.clone() },
        State::CleaningUp { back: back.clone(), ending: ending.clone() },
        State::Rechecking { back: back.clone(), ending: ending.clone() },
        State::PuttingBackAgain { back, ending: ending.clone() },
        State::Finished { ending },
    ]
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn mock() -> MockSpec {
    MockSpec { name: "psp".to_owned(), on_leak: LeakPolicy::Abort, other_traffic: false }
}

/// What is so where an event leads elsewhere in a run with mocks: of the one that tells what was found of them, nothing was.
fn with_mocks(event: &Event) -> &'static str {
    if event.name() == "MocksProbed" { "not proved" } else { "with mocks" }
}

/// All accepted pairs as (state, event, state afterwards); those are tried during and at the end of the load whose
/// answer depends on it.
fn accepted() -> Vec<(&'static str, String, &'static str)> {
    let created = created();
    let unlooked = Created { recheck_after: Span::seconds(0), ..created.clone() };
    let mocked = Created { mocks: vec![mock()], ..created.clone() };
    let mut rows = Vec::new();
    for state in states() {
        for event in events() {
            let (now, then) = (seconds(5), seconds(120));
            let by_time = matches!(event.name(), "Measured" | "Retargeted");
            let times = if by_time { vec![(now, ""), (then, " (at its end)")] } else { vec![(now, "")] };
            for (at, suffix) in times {
                if let Ok(transition) = step(&created, state.clone(), at, &event) {
                    let came_back = matches!(&event, Event::Rechecked { late, .. } if !late.is_empty());
                    let suffix = if came_back { " (something came back)" } else { suffix };
                    let next = transition.state.name();
                    rows.push((state.name(), format!("{}{suffix}", event.name()), next));
                    let others = [(&unlooked, "without a second look"), (&mocked, with_mocks(&event))];
                    for (created, when) in others {
                        let otherwise =
                            step(created, state.clone(), at, &event).map(|transition| transition.state.name());
                        rows.extend(
                            otherwise
                                .ok()
                                .filter(|otherwise| *otherwise != next)
                                .map(|otherwise| (state.name(), format!("{} ({when})", event.name()), otherwise)),
                        );
                    }
                }
            }
        }
    }
    rows
}

fn page() -> String {
    let mut page = String::from(
        "# The phases of a run\n\nMade by a test from the transition function; do not edit. `LayoutSeen`, `Noted` and \
         `Resumed` are accepted everywhere but change nothing, and are left out.\n\n```mermaid\nstateDiagram-v2\n    [*] --> Waiting\n    [*] --> Accepted\n",
    );
    let rows: Vec<_> =
        accepted().into_iter().filter(|row| !["LayoutSeen", "Noted", "Resumed"].contains(&row.1.as_str())).collect();
    for (state, event, next) in rows.iter().filter(|row| row.0 != row.2) {
        writeln!(page, "    {state} --> {next}: {event}").unwrap();
    }
    page.push_str("    Finished --> [*]\n```\n\n| state | phase | event | next state |\n|---|---|---|---|\n");
    for (state, event, next) in &rows {
        let phase: Phase = states().iter().find(|known| known.name() == *state).unwrap().phase();
        writeln!(page, "| {state} | {phase} | {event} | {next} |").unwrap();
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a golden file is read; the code under test still reads none")]
fn the_documented_table_is_the_transition_function() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/phases.md");
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == page,
        "docs/phases.md is not what the code does; run the test with UPDATE_GOLDEN=1 and read the diff"
    );
}

#[test]
fn entering_a_state_again_issues_the_same_commands() {
    for state in states() {
        assert_eq!(state.on_entry(), state.clone().on_entry(), "{}", state.name());
        assert_eq!(state.on_entry().is_empty(), matches!(state.name(), "Waiting" | "Finished"), "{}", state.name());
    }
}

#[test]
fn a_plan_that_cannot_be_made_ends_the_run_before_any_change() {
    let state = State::RecordingBaseline { production: BTreeMap::new() };
    let event = Event::BaselineRecorded { baseline: BTreeMap::new() };
    let transition = step(&created(), state, seconds(1), &event).unwrap();
    let State::Finished { ending } = transition.state else { panic!("it is {}", transition.state.name()) };
    let Cause::Failed(failure) = ending.cause else { panic!("{:?}", ending.cause) };
    assert_eq!(
        failure.message,
        "shop does not exist in the environment; load-workers, which runs the load workers, does not exist in the environment"
    );
}

/// A state of the way back, by its name.
fn on_the_way_back(name: &str) -> State {
    states().into_iter().find(|state| state.name() == name).unwrap()
}

#[test]
fn what_was_changed_is_looked_at_again_unless_the_run_does_not_want_that() {
    let cleaned = Event::CleanedUp { deleted: vec![], failures: vec![] };
    let next = |created: &Created, state| step(created, state, seconds(70), &cleaned).unwrap();
    let again = next(&created(), on_the_way_back("CleaningUp"));
    assert_eq!(again.state.name(), "Rechecking");
    let [Command::Recheck(back)] = &again.commands[..] else { panic!("{:?}", again.commands) };
    assert_eq!(back.at, seconds(0), "the time of the clean-up counts");
    let never = Created { recheck_after: Span::seconds(0), ..created() };
    assert_eq!(next(&never, on_the_way_back("CleaningUp")).state.name(), "Finished");
    let State::CleaningUp { mut back, ending } = on_the_way_back("CleaningUp") else { unreachable!() };
    back.changes.plan = Plan::default();
    assert_eq!(next(&created(), State::CleaningUp { back, ending }).state.name(), "Finished", "nothing was changed");
}

#[test]
fn what_came_back_is_put_back_again_and_what_others_did_is_only_told() {
    let look = |late: Vec<LateChange>| {
        let event = Event::Rechecked { found: baseline(), late, failures: vec![] };
        step(&created(), on_the_way_back("Rechecking"), seconds(60), &event).unwrap()
    };
    let ending = |state: &State| state.ending().unwrap().clone();
    let quiet = look(vec![]);
    assert_eq!((quiet.state.name(), ending(&quiet.state).exactness()), ("Finished", Exactness::Exact));
    let others = look(vec![late(false)]);
    assert_eq!((others.state.name(), others.commands), ("Finished", vec![]));
    assert_eq!(ending(&others.state).late_changes, [late(false)]);
    assert_eq!(ending(&others.state).exactness(), Exactness::ButForOthers);
    let ours = look(vec![late(true)]);
    let [Command::RestoreAgain(back)] = &ours.commands[..] else { panic!("{:?}", ours.commands) };
    assert_eq!(back.changes.plan.applications().into_iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop"]);
    let done = |failures| {
        let event = Event::PutBackAgain { found: baseline(), late: vec![], failures };
        ending(&step(&created(), ours.state.clone(), seconds(65), &event).unwrap().state)
    };
    assert_eq!((done(vec![]).late_changes, done(vec![]).exactness()), (vec![late(true)], Exactness::Exact));
    assert_eq!(done(vec![failure()]).exactness(), Exactness::Incomplete);
}

#[test]
fn a_way_back_that_failed_is_looked_at_again_too() {
    let failed = Event::Failed(failure());
    let state = step(&created(), on_the_way_back("ScalingDown"), seconds(9), &failed).unwrap().state;
    let State::Thawing { back, ending } = state else { panic!("it is {}", state.name()) };
    assert_eq!((back.found, back.at, ending.teardown_failures), (Baseline::new(), seconds(9), vec![failure()]));
}

/// A run whose load has just begun.
fn under_load() -> State {
    states().into_iter().find(|state| state.load().is_some()).unwrap()
}

/// The load of a run after 30 of its 120 seconds, with what was learnt until then.
fn half_a_minute_of_load() -> State {
    let mut state = under_load();
    for second in [10, 20, 30] {
        let (from, to) = (seconds(second - 10), seconds(second));
        let count = Some(10 * second as u64);
        let sample =
            KpiSample { from, to, count, requests: 3, failures: 0, latency: None, responses: None, marks: vec![] };
        let measured = Event::Measured(Box::new(Measurement::new(Some(sample), None)));
        state = step(&created(), state, to, &measured).unwrap().state;
    }
    state
}

#[test]
fn a_changed_target_keeps_what_was_learnt_and_the_line_goes_on_without_a_jump() {
    let state = half_a_minute_of_load();
    let before = state.load().unwrap().clone();
    let transition = step(&created(), state, seconds(30), &retargeted(1)).unwrap();
    let load = transition.state.load().unwrap();
    assert_eq!((&load.ramp, &load.advice, load.measured_to), (&before.ramp, &before.advice, before.measured_to));
    assert_eq!([0.0, 15.0, 30.0, 60.0, 90.0].map(|at_s| load.profile.at(at_s)), [0.0, 150.0, 300.0, 750.0, 1200.0]);
    assert_eq!(load.ends(), seconds(30 + 60 + 180));
    assert_eq!(transition.commands, transition.state.on_entry(), "it is measured anew, since it ends at another time");
}

#[test]
fn a_request_that_was_done_or_comes_too_late_is_refused() {
    let once = step(&created(), half_a_minute_of_load(), seconds(30), &retargeted(3)).unwrap().state;
    for done in [1, 3] {
        let refused = step(&created(), once.clone(), seconds(40), &retargeted(done)).unwrap_err();
        assert_eq!(*refused.state, once);
    }
    assert!(step(&created(), once.clone(), seconds(40), &retargeted(4)).is_ok());
    assert!(step(&created(), once.clone(), seconds(269), &retargeted(4)).is_ok(), "it lasts longer now");
    let refused = step(&created(), once, seconds(270), &retargeted(4)).unwrap_err();
    assert_eq!(refused.to_string(), "Retargeted is not accepted while GeneratingLoad");
}

#[test]
fn load_workers_are_part_of_what_is_put_back_from_the_moment_on_that_they_are_asked_for() {
    let mut state = under_load();
    for second in [10, 20] {
        assert_eq!(state.load().unwrap().workers_asked(), None);
        state = step(&created(), state, seconds(second), &overloaded()).unwrap().state;
    }
    assert_eq!(state.load().unwrap().workers_asked(), Some(&two_workers()));
    assert_eq!(state.changes().unwrap().plan.scale_steps, [two_workers()]);
    assert!(state.on_entry().contains(&Command::ScaleWorkers(two_workers())), "a crash before it is done");
    for answer in [Event::WorkersScaled(two_workers()), Event::WorkersNotScaled(failure())] {
        let transition = step(&created(), state.clone(), seconds(25), &answer).unwrap();
        assert_eq!(transition.commands, [], "{}", answer.name());
        assert!(!transition.state.on_entry().contains(&Command::ScaleWorkers(two_workers())), "{}", answer.name());
        assert_eq!(transition.state.changes().unwrap().plan.scale_steps, [two_workers()], "{}", answer.name());
    }
    let retargeted = step(&created(), state, seconds(25), &retargeted(1)).unwrap();
    assert!(retargeted.commands.contains(&Command::ScaleWorkers(two_workers())), "what was under way begins anew");
}

#[test]
fn load_workers_are_asked_for_once_beside_the_users() {
    let mut state = under_load();
    let mut asked = 0;
    for second in [10, 20, 30, 40, 50] {
        let transition = step(&created(), state, seconds(second), &overloaded()).unwrap();
        assert!(matches!(transition.commands[0], Command::SetLoad(_)));
        asked +=
            transition.commands[1..].iter().filter(|command| **command == Command::ScaleWorkers(two_workers())).count();
        state = transition.state;
    }
    assert_eq!(asked, 1);
}

/// Picks among the events that the run's state accepts, and now and then among all of them.
fn pick<'a>(run: &Run, events: &'a [Event], at: Timestamp, (choice, any): (usize, bool)) -> &'a Event {
    let created = created();
    let accepted: Vec<&Event> =
        events.iter().filter(|event| step(&created, run.state.clone(), at, event).is_ok()).collect();
    if any || accepted.is_empty() { &events[choice % events.len()] } else { accepted[choice % accepted.len()] }
}

proptest! {
    #[test]
    fn every_change_is_followed_by_its_undo(picks in prop::collection::vec((any::<usize>(), prop::bool::weighted(0.2)), 0..60)) {
        let created = created();
        let events = events();
        let mut run = Run::begin(&Record { revision: 1, at: seconds(0), event: Event::Created(Box::new(created)) }).unwrap();
        let mut journal = vec![Record { revision: 1, at: seconds(0), event: events[0].clone() }];
        let mut visited = vec![run.state.name()];
        let mut asked: Vec<ScaleStep> = Vec::new();
        for (position, choice) in picks.into_iter().enumerate() {
            let at = seconds(position as i64 * 10);
            let record = Record { revision: run.revision + 1, at, event: pick(&run, &events, at, choice).clone() };
            let (before, is_adopted) = (run.clone(), matches!(record.event, Event::Adopted { .. }));
            match run.apply(&record) {
                Ok(_) => journal.push(record),
                Err(_) => prop_assert_eq!(&run, &before, "a refused event harms nothing"),
            }
            if before.state.name() != run.state.name() {
                visited.push(run.state.name());
            }
            if is_adopted && before.state.name() == "Finished" {
                // What is left at the applications counts from then on.
                asked.clear();
            }
            asked.extend(run.state.load().and_then(Load::workers_asked).cloned());
            if let Some(changes) = run.state.changes() {
                prop_assert!(asked.iter().all(|step| changes.plan.scale_steps.contains(step)), "{:?} of {:?}", changes, asked);
            }
            if let State::Finished { .. } = before.state {
                prop_assert_eq!(run.state.name(), if is_adopted { "StoppingLoad" } else { "Finished" });
            }
        }
        prop_assert_eq!(&Run::replay(&journal).unwrap(), &run);
        let changed = visited.contains(&"Freezing") || visited.contains(&"StoppingLoad");
        if changed && run.state.name() == "Finished" {
            visited.retain(|state| !matches!(*state, "Rechecking" | "PuttingBackAgain"));
            let way_back = ["StoppingLoad", "ScalingDown", "Thawing", "CleaningUp", "Finished"];
            prop_assert!(visited.ends_with(&way_back), "{:?}", visited);
        }
    }
}
