//! Every code can be reached, and what lies just below its threshold does not reach it; the documented table is the code.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::tests::{codes, following, judged, plateau, searched, spec, staged, tick};
use super::*;
use crate::app::ApplicationId;
use crate::failure::{Failure, FailureKind};
use crate::fixtures::load_test;
use crate::guard::Drift;
use crate::layout::{LayoutMoment, LayoutSeen, LayoutSight, Placed};
use crate::load::Mark;
use crate::parity::{Difference, JudgedWaiver, Severity, Waiver, WaiverState};
use crate::ramp::{Advice, Config, Knee, Observation, State};
use crate::recheck::LateChange;
use crate::restore::ForeignChange;

/// What reaches a rule, and what hardly does not.
struct Case {
    rule: &'static Rule,
    reached: Verdict,
    below: Verdict,
}

fn case(rule: &'static Rule, reached: Verdict, below: Verdict) -> Case {
    Case { rule, reached, below }
}

/// A whole load on its line, of six windows of ramp and eighteen of plateau.
fn load(change: impl Fn(usize, &mut Tick)) -> Vec<Tick> {
    let mut ticks = following(&spec(), |_| 1.0);
    ticks.iter_mut().enumerate().for_each(|(position, tick)| change(position, tick));
    ticks
}

fn of_load(change: impl Fn(usize, &mut Tick)) -> Verdict {
    judged(&spec(), &load(change), Cause::Completed)
}

/// A whole load whose windows at these places are changed.
fn at(places: &[usize], change: impl Fn(&mut Tick)) -> Verdict {
    of_load(|position, tick| {
        if places.contains(&position) {
            change(tick);
        }
    })
}

fn marked(places: &[usize], mark: Mark) -> Verdict {
    at(places, |tick| tick.marks.push(mark))
}

fn silent(tick: &mut Tick) {
    (tick.count, tick.kpi_per_min, tick.requests) = (Some(0), Some(0.0), 0);
    tick.marks.push(Mark::Approximate);
}

fn without_kpi(tick: &mut Tick) {
    (tick.count, tick.kpi_per_min) = (Some(0), Some(0.0));
}

fn ended(cause: Cause) -> Verdict {
    judged(&spec(), &load(|_, _| {}), cause)
}

fn ending(change: impl FnOnce(&mut Ending)) -> Verdict {
    let mut ending = Ending::because(Cause::Completed);
    change(&mut ending);
    judge(&Facts::new(&spec(), &spec().profile(), &load(|_, _| {}), &ending))
}

fn of_search(end: &str) -> Verdict {
    let (spec, ending) = searched(end);
    judge(&Facts::new(&spec, &spec.profile(), &[], &ending))
}

fn shop() -> ApplicationId {
    "shop".parse().unwrap()
}

fn drift(reverted: bool) -> Verdict {
    let [expected, found] = ["3", "9"].map(str::to_owned);
    let drift = Drift { application: shop(), field: "replicas".to_owned(), expected, found, by: None, reverted };
    ending(|ending| ending.drifts.push(drift))
}

fn foreign(forced: bool) -> Verdict {
    let [field, original, applied, found] = ["replicas", "1", "3", "9"].map(str::to_owned);
    let change = ForeignChange { application: shop(), field, original, applied, found, forced };
    ending(|ending| ending.foreign_changes.push(change))
}

fn late(put_back: bool) -> Verdict {
    let [expected, found] = ["1", "3"].map(str::to_owned);
    let drift = Drift { application: shop(), field: "replicas".to_owned(), expected, found, by: None, reverted: false };
    ending(|ending| ending.late_changes.push(LateChange { drift, put_back }))
}

fn failure(kind: FailureKind) -> Failure {
    Failure { activity: "restore shop".to_owned(), kind, message: "gone".to_owned() }
}

fn guarded(guarded: &Guarded) -> Verdict {
    let ending = Ending::because(Cause::Completed);
    let (spec, ticks) = (spec(), load(|_, _| {}));
    judge(&Facts { guarded: Some(guarded), ..Facts::new(&spec, &spec.profile(), &ticks, &ending) })
}

/// A run that was seen with load beside this pod, before the load.
fn laid_out(rule: &str, sight: LayoutSight) -> Verdict {
    let spec = load_test("2000/min", json!({ "plateau": "3m", "interval": "10s", "verdict": { "sharedNodes": rule } }));
    let layout = [LayoutSeen { when: LayoutMoment::BeforeLoad, sight }];
    let (ending, ticks) = (Ending::because(Cause::Completed), load(|_, _| {}));
    judge(&Facts { layout: &layout, ..Facts::new(&spec, &spec.profile(), &ticks, &ending) })
}

fn layout_cases() -> Vec<Case> {
    let placed = |node: &str, pod: &str| [Placed { node: node.to_owned(), pod: pod.to_owned() }];
    let beside = |node: &str| LayoutSight::of(&placed("node-1", "load/locust"), &placed(node, "shop/checkout"));
    let unread = || LayoutSight::unread("pods is forbidden");
    vec![
        case(&layout::SHARED_NODES, laid_out("invalid", beside("node-1")), laid_out("invalid", beside("node-2"))),
        case(&layout::SHARED_NODES_WARNED, laid_out("warn", beside("node-1")), laid_out("ignore", beside("node-1"))),
        case(&layout::LAYOUT_UNREAD, laid_out("invalid", unread()), laid_out("ignore", unread())),
    ]
}

fn waiver() -> Waiver {
    serde_json::from_value(json!({ "aspect": "env.DEBUG", "reason": "a test", "until": "2030-01-31" })).unwrap()
}

/// A run of an environment with one difference from production.
fn differing(rule: &str, severity: Severity, is_waived: bool) -> Verdict {
    differing_in(&load(|_, _| {}), Cause::Completed, rule, severity, is_waived)
}

fn differing_in(ticks: &[Tick], cause: Cause, rule: &str, severity: Severity, is_waived: bool) -> Verdict {
    let spec = load_test("2000/min", json!({ "plateau": "3m", "interval": "10s", "verdict": { "parity": rule } }));
    let difference = Difference {
        application: Some(shop()),
        container: None,
        aspect: "env.DEBUG".to_owned(),
        production: Some("off".to_owned()),
        test: Some("on".to_owned()),
        severity,
        waived: is_waived.then(waiver),
    };
    let state = if is_waived { WaiverState::Applied } else { WaiverState::Expired };
    let waivers = vec![JudgedWaiver { waiver: waiver(), state, differences: 1 }];
    let report = Report { differences: vec![difference], waivers, ..Report::default() };
    let ending = Ending::because(cause);
    judge(&Facts { parity: Some(&report), ..Facts::new(&spec, &spec.profile(), ticks, &ending) })
}

#[test]
fn where_no_load_was_measured_differences_from_production_are_no_reason() {
    let refused = Cause::Failed(failure(FailureKind::Rejected));
    assert_eq!(codes(&differing_in(&[], refused, "invalid", Severity::Error, false)), ["run_failed"]);
}

/// A load whose ramp takes two minutes, twelve windows, some of which are marked.
fn long_ramp(places: &[usize]) -> Verdict {
    let spec = load_test("2000/min", json!({ "rampUp": "2m", "plateau": "3m", "interval": "10s" }));
    let mut ticks = following(&spec, |_| 1.0);
    places.iter().for_each(|place| ticks[*place].marks.push(Mark::GeneratorBound));
    judged(&spec, &ticks, Cause::Completed)
}

fn level(share: f64) -> Verdict {
    judged(&spec(), &plateau(|_| share), Cause::Completed)
}

fn stages(stages: Value) -> Verdict {
    let spec = staged(stages);
    judged(&spec, &following(&spec, |_| 1.0), Cause::Completed)
}

fn environment_cases() -> Vec<Case> {
    let open = Guarded::Open { because: "there is no policy".to_owned() };
    let incomplete = ending(|ending| ending.teardown_failures.push(failure(FailureKind::Unavailable)));
    let clean = || ending(|_| {});
    let matters = |rule, waived| differing(rule, Severity::Error, waived);
    vec![
        case(&environment::DRIFTED, drift(false), drift(true)),
        case(&environment::DRIFT_REVERTED, drift(true), drift(false)),
        case(&environment::PARITY_GAP, matters("invalid", false), differing("invalid", Severity::Warn, false)),
        case(&environment::PARITY_GAP_WARNED, matters("warn", false), matters("report", false)),
        case(&environment::WAIVERS_USED, matters("warn", true), matters("warn", false)),
        case(&environment::FREEZE_UNAVAILABLE, guarded(&open), guarded(&Guarded::Alone)),
        case(&environment::RESTORE_INCOMPLETE, incomplete, clean()),
        case(&environment::CHANGED_BY_OTHERS, foreign(false), foreign(true)),
        case(&environment::RESTORED_BY_FORCE, foreign(true), foreign(false)),
        case(&environment::RESTORED_AGAIN, late(true), late(false)),
        case(&environment::CHANGED_AFTERWARDS, late(false), late(true)),
    ]
}

fn generator_cases() -> Vec<Case> {
    let clean = || at(&[], |_| {});
    vec![
        case(&generator::RESTARTED, marked(&[9], Mark::GeneratorRestarted), marked(&[2], Mark::GeneratorRestarted)),
        case(&generator::RESTARTED_BESIDE, marked(&[2], Mark::GeneratorRestarted), clean()),
        case(&generator::COUNTER_RESET, marked(&[6], Mark::CounterReset), marked(&[5], Mark::CounterReset)),
        case(&generator::COUNTER_RESET_BESIDE, marked(&[5], Mark::CounterReset), clean()),
        case(&generator::WORKERS_LOST, marked(&[23], Mark::WorkerLost), marked(&[0], Mark::WorkerLost)),
        case(&generator::WORKERS_LOST_BESIDE, marked(&[0], Mark::WorkerLost), marked(&[9], Mark::WorkerJoined)),
        case(&generator::BOUND, marked(&[10, 11], Mark::GeneratorBound), marked(&[10], Mark::GeneratorBound)),
        case(&generator::BOUND_BESIDE, long_ramp(&[3, 4]), long_ramp(&[3])),
        case(&generator::STATS_STALE, at(&[10, 11], silent), at(&[10], silent)),
        case(&generator::LATE_ROWS, marked(&[10, 20], Mark::LateRows), marked(&[10], Mark::LateRows)),
    ]
}

fn load_cases() -> Vec<Case> {
    let hold = json!({ "hold": "1m" });
    let ramp = json!({ "ramp": "2m", "to": "1200/min" });
    let failed = |kind| ended(Cause::Failed(failure(kind)));
    let unmeasured = |tick: &mut Tick| tick.count = None;
    vec![
        case(&whole::CONDUCTOR_LOST, ended(Cause::Abandoned), ended(Cause::Completed)),
        case(&whole::GENERATOR_LOST, failed(FailureKind::GeneratorLost), failed(FailureKind::Unavailable)),
        case(&whole::PLATEAU_CUT_SHORT, ended(Cause::DeadlineExceeded), ended(Cause::Completed)),
        case(&whole::CANCELLED, ended(Cause::Cancelled { by: "ops".to_owned() }), ended(Cause::Completed)),
        case(&whole::RUN_FAILED, failed(FailureKind::Rejected), failed(FailureKind::KpiUnmeasured)),
        case(&level::KPI_UNMEASURED, at(&[10, 11], unmeasured), at(&[10], unmeasured)),
        case(&level::STALLED, at(&[10, 11], without_kpi), at(&[10], without_kpi)),
        case(&level::STALLED_ONCE, at(&[10], without_kpi), at(&[10, 11], without_kpi)),
        case(&level::STALLED_BESIDE, at(&[3, 4], without_kpi), at(&[0, 1], without_kpi)),
        case(&level::TARGET_NOT_HELD, level(0.949), level(0.951)),
        case(&level::NEAR_MISS, level(1.041), level(1.039)),
        case(&level::NOTHING_JUDGED, stages(json!([ramp])), stages(json!([ramp, hold]))),
    ]
}

fn search_cases() -> Vec<Case> {
    let [found, none] = ["\"limitFound\"", "\"noLimitSeen\""];
    vec![
        case(&search::USERS_CAPPED, of_search("\"usersCapped\""), of_search(found)),
        case(&search::CUT_SHORT, of_search("null"), of_search(found)),
        case(&search::NOTHING_SUSTAINED, of_search("\"nothingSustained\""), of_search(found)),
        case(&search::LIMIT_FOUND, of_search(found), of_search(none)),
        case(&search::NO_LIMIT_SEEN, of_search(none), of_search(found)),
    ]
}

fn has(verdict: &Verdict, rule: &Rule) -> bool {
    verdict.causes.iter().any(|cause| (cause.code.as_str(), cause.outcome) == (rule.code, rule.outcome))
}

#[test]
fn every_code_is_reached_and_what_lies_just_below_does_not_reach_it() {
    let cases = [environment_cases(), layout_cases(), generator_cases(), load_cases(), search_cases()].concat_cases();
    for Case { rule, reached, below } in &cases {
        assert!(has(reached, rule), "{}: {:?}", rule.code, reached.causes);
        assert!(!has(below, rule), "{} below its threshold: {:?}", rule.code, below.causes);
        let cause = reached.causes.iter().find(|cause| cause.code == rule.code && cause.outcome == rule.outcome);
        let cause = cause.unwrap();
        assert!(!cause.evidence.is_empty() && cause.advice == rule.advice, "{cause:?}");
        assert!(reached.outcome >= rule.outcome, "{}: {:?}", rule.code, reached.outcome);
    }
    let covered: BTreeSet<_> = cases.iter().map(|case| (case.rule.code, case.rule.outcome)).collect();
    let missing: Vec<_> = rules()
        .map(|rule| (rule.code, rule.outcome))
        .filter(|(code, _)| {
            !["slo_", "error_budget", "mocks_", "kpi_sources", "foreign", "cross_"]
                .iter()
                .any(|of| code.starts_with(of))
        })
        .filter(|rule| !covered.contains(rule))
        .collect();
    assert_eq!(missing, [], "a rule without a case");
}

/// Lists of cases, one after the other.
trait ConcatCases {
    fn concat_cases(self) -> Vec<Case>;
}

impl<const N: usize> ConcatCases for [Vec<Case>; N] {
    fn concat_cases(self) -> Vec<Case> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn a_kpi_that_nobody_asked_for_is_unmeasured_and_one_that_was_refused_has_stalled() {
    let gone = |failures: u64, marked: usize| {
        of_load(|position, tick| {
            if (10..13).contains(&position) {
                without_kpi(tick);
                tick.failures = failures;
                if position < 10 + marked {
                    tick.marks.push(Mark::NoKpiRequest);
                }
            }
        })
    };
    let renamed = gone(10, 3);
    assert_eq!((codes(&renamed)[0], renamed.outcome), ("kpi_unmeasured", Outcome::Invalid));
    assert_eq!(
        renamed.causes[0].message,
        "orders was zero from 1m40s to 2m10s, where 1000 were to be counted; of 3000 requests meanwhile none was one that it \
         counts: its row is gone, or users do not come there"
    );
    assert_eq!(codes(&gone(11, 3))[0], "stalled", "somebody was refused on the way there");
    assert_eq!(codes(&gone(0, 2))[0], "stalled", "the KPI was asked for");
    assert_eq!(codes(&marked(&[10, 11, 12], Mark::NoKpiRequest)), [""; 0], "by itself it says nothing");
}

#[test]
fn a_generator_is_at_its_limit_by_its_cpu_or_by_its_users_too() {
    let cpu = |percent| of_load(|_, tick| tick.cpu_percent = Some(percent));
    assert_eq!(codes(&cpu(90.0)), [""; 0]);
    let bound = cpu(90.1);
    assert_eq!(codes(&bound), ["generator_bound", "generator_bound"], "in the plateau and beside it");
    assert_eq!([bound.causes[0].outcome, bound.causes[1].outcome], [Outcome::Invalid, Outcome::Warned]);
    let users = |users| of_load(|position, tick| tick.users = Some(if position < 6 { 300 } else { users }));
    assert_eq!(codes(&users(269)), [""; 0], "a tenth less and one user");
    let short = users(268);
    assert_eq!(codes(&short), ["generator_bound"]);
    assert_eq!(
        short.causes[0].message,
        "the load generator ran fewer users than it was told to in 100 % of the plateau"
    );
}

#[test]
fn users_that_could_not_be_started_yet_are_not_missed() {
    let starting = |position: usize, tick: &mut Tick| {
        let config = Config::new(crate::ramp::Algorithm::Adaptive, spec().profile(), 10.0);
        let seen = Observation { at_s: 0.0, users: 1, window: None, congestion: crate::ramp::Congestion::Unknown };
        let (_, advice) = crate::ramp::step(&config, State::new(&config), &seen);
        tick.advice = Some(Advice { spawn_rate: 1.0, users: 300, ..advice });
        tick.users = Some(9 * position as u64);
    };
    assert_eq!(codes(&of_load(starting)), [""; 0], "one a second, of which nine tenths are expected in time");
    let slower = of_load(|position, tick| {
        starting(position, tick);
        tick.users = Some(6 * position as u64);
    });
    assert!(codes(&slower).contains(&"generator_bound"), "{:?}", slower.causes);
}

#[test]
fn a_worker_that_is_missing_is_lost_whether_it_is_marked_or_not() {
    let fewer = of_load(|position, tick| tick.workers = Some(if position == 12 { 3 } else { 4 }));
    assert_eq!((codes(&fewer), fewer.outcome), (vec!["workers_lost"], Outcome::Invalid));
    let told: Vec<String> = fewer.causes[0].evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "a load worker was lost: 1 window, from 2m to 2m10s; load generator",
            "fewest load workers: 3 workers (limit 4 workers); load generator"
        ]
    );
    let more = of_load(|position, tick| tick.workers = Some(if position < 12 { 3 } else { 4 }));
    assert_eq!(codes(&more), [""; 0], "those that join are no loss");
}

#[test]
fn statistics_that_do_not_go_on_are_stale_and_those_that_catch_up_are_not() {
    let stuck = |places: std::ops::Range<usize>, catches_up: bool| {
        let mut ticks = load(|_, _| {});
        let from_s = ticks[places.start].from_s;
        for tick in &mut ticks[places.clone()] {
            (tick.from_s, tick.to_s, tick.count, tick.kpi_per_min, tick.requests) = (from_s, from_s, Some(0), None, 0);
        }
        if catches_up {
            let late = &mut ticks[places.end];
            let windows = places.len() as u64 + 1;
            late.from_s = from_s;
            late.count = late.count.map(|count| count * windows);
        } else {
            ticks.truncate(places.end);
        }
        judged(&spec(), &ticks, Cause::Completed)
    };
    let verdict = stuck(12..24, false);
    assert_eq!((codes(&verdict), verdict.outcome), (vec!["stats_stale"], Outcome::Invalid));
    assert_eq!(
        verdict.causes[0].message,
        "the load generator's statistics stood still in 67 % of the plateau, although 300 users ran"
    );
    assert_eq!(codes(&stuck(12..15, true)), [""; 0], "all was counted in the end");
}

#[test]
fn a_system_that_answers_nothing_while_the_time_of_statistics_goes_on_has_stalled() {
    let hung = |tick: &mut Tick| {
        silent(tick);
        tick.marks.clear();
    };
    let verdict = at(&[10, 11, 12, 13], hung);
    assert_eq!(verdict.outcome, Outcome::Failed);
    assert_eq!(codes(&verdict), ["stalled", "target_not_held"]);
    let told = verdict.causes[0].evidence[1].to_string();
    assert_eq!(told, "requests meanwhile: 0 requests, from 1m40s to 2m20s; load generator");
}

#[test]
fn few_users_that_make_no_request_for_a_time_are_no_stale_statistics() {
    let quiet = |requests: u64| {
        let spec = load_test("6/min", json!({ "plateau": "3m", "interval": "10s" }));
        let ticks = load(|position, tick| {
            tick.requests = if position % 2 == 0 { 0 } else { requests };
            tick.count = Some(u64::from(position % 2 == 1));
            tick.set_point_per_min = 6.0;
            tick.marks.push(Mark::Approximate);
        });
        judged(&spec, &ticks, Cause::Completed)
    };
    assert!(!codes(&quiet(9)).contains(&"stats_stale"), "nine are missing in each, which may be chance");
    assert!(codes(&quiet(10)).contains(&"stats_stale"), "ten are not");
}

#[test]
fn a_silence_of_few_events_is_chance() {
    let quiet = |target: &str| {
        let spec = load_test(target, json!({ "plateau": "3m", "interval": "10s" }));
        let level = spec.target.as_per_minute();
        let ticks = load(|position, tick| {
            tick.set_point_per_min = level;
            tick.count = Some(if [12, 13].contains(&position) { 0 } else { (level / 6.0).round() as u64 });
        });
        codes(&judged(&spec, &ticks, Cause::Completed)).contains(&"stalled")
    };
    assert_eq!([quiet("59/min"), quiet("60/min")], [false, true], "20 events that should have been");
}

#[test]
fn two_windows_of_twenty_that_are_too_far_off_are_a_near_miss() {
    let spec = load_test("2000/min", json!({ "plateau": "200s", "interval": "10s" }));
    let judged = |far: &[usize]| {
        let ticks: Vec<Tick> = (0..20)
            .map(|position| {
                let share = if !far.contains(&position) {
                    1.0
                } else if position % 2 == 0 {
                    0.75
                } else {
                    1.25
                };
                tick(60.0 + 10.0 * position as f64, share)
            })
            .collect();
        judged(&spec, &ticks, Cause::Completed)
    };
    assert_eq!(codes(&judged(&[4])), [""; 0]);
    assert_eq!(codes(&judged(&[4, 9])), ["near_miss"]);
    assert_eq!(codes(&judged(&[4, 9, 14])), ["target_not_held"]);
}

#[test]
fn a_target_that_was_not_held_comes_with_the_limit_of_the_system_and_its_interval() {
    let ticks = load(|position, tick| {
        tick.count = tick.count.map(|count| if position < 6 { count } else { count * 3 / 4 });
        (tick.failures, tick.users, tick.users_wanted) = (100, Some(400), 400);
        let config = Config::new(crate::ramp::Algorithm::Adaptive, spec().profile(), 10.0);
        let seen = Observation { at_s: 0.0, users: 1, window: None, congestion: crate::ramp::Congestion::Unknown };
        let (_, advice) = crate::ramp::step(&config, State::new(&config), &seen);
        let knee = Some(Knee { users: 225.0, kpi_per_min: 1500.0 });
        tick.advice = Some(Advice { knee, gain_sd: 0.01, ..advice });
    });
    let mut spec = spec();
    spec.limits.max_users = Some(400);
    let verdict = judged(&spec, &ticks, Cause::Completed);
    assert_eq!(codes(&verdict), ["target_not_held"]);
    let message = &verdict.causes[0].message;
    assert!(message.ends_with("90 % must be; its limit is 1500/min with 225 users, ± 29/min"), "{message}");
    let told: Vec<String> = verdict.causes[0].evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        told[2..],
        [
            "limit of the system: 1500/min; control law",
            "half of its 95 % interval: 29.4/min; control law",
            "users at the limit: 225 users; control law",
            "requests that failed: 10 %, from 1m to 4m; load generator",
            "users asked for, as many as limits.maxUsers allows: 400 users; control law",
            "which application was at its limit first is not known: the environment does not say how saturation is measured; the \
             environment's saturation",
        ]
    );
}

#[test]
fn invalid_wins_over_failed_and_failed_over_warned_and_what_brings_about_the_other_comes_first() {
    let mut ticks = load(|position, tick| {
        if position >= 6 {
            tick.count = tick.count.map(|count| count / 2);
            tick.marks = vec![Mark::WorkerLost, Mark::GeneratorBound];
        }
    });
    ticks[2].marks.push(Mark::CounterReset);
    let verdict = judged(&spec(), &ticks, Cause::Completed);
    assert_eq!(codes(&verdict), ["workers_lost", "generator_bound", "target_not_held", "counter_reset"]);
    assert_eq!((verdict.outcome, verdict.exit_code()), (Outcome::Invalid, 3));
}

#[test]
fn the_thresholds_of_the_load_test_are_those_that_count() {
    let strict = json!({
        "plateau": "3m", "interval": "10s",
        "verdict": { "meanTolerance": "2%", "nearMiss": "100%", "unmeasuredShare": "0%", "generatorBoundShare": "0%", "generatorCpu": "60%" },
    });
    let spec = load_test("2000/min", strict);
    let judged = |change: &dyn Fn(usize, &mut Tick)| {
        codes(&judged(&spec, &load(change), Cause::Completed)).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(judged(&|_, _| {}), [""; 0]);
    let high = |position: usize, tick: &mut Tick| {
        if position >= 6 {
            tick.count = tick.count.map(|count| count * 103 / 100);
        }
    };
    assert_eq!(judged(&high), ["target_not_held"]);
    let one = |change: fn(&mut Tick)| {
        move |position: usize, tick: &mut Tick| {
            if position == 10 {
                change(tick)
            }
        }
    };
    assert_eq!(judged(&one(|tick| tick.count = None)), ["kpi_unmeasured"]);
    assert_eq!(judged(&one(|tick| tick.cpu_percent = Some(61.0))), ["generator_bound"]);
}

#[test]
fn a_load_that_did_not_come_to_its_end_never_passes() {
    let none = |cause: Cause| judged(&spec(), &load(|_, _| {}), cause);
    for cause in [Cause::Drifted, Cause::Mocks] {
        assert!(none(cause.clone()).outcome >= Outcome::Failed, "{cause:?} of which nothing else is known");
    }
}

fn page() -> String {
    let mut page = include_str!("codes.md").to_owned();
    page.push_str("| outcome | code | when | evidence | what to do |\n|---|---|---|---|---|\n");
    for Rule { outcome, code, when, evidence, advice } in rules() {
        writeln!(page, "| {outcome} | `{code}` | {when} | {evidence} | {advice} |").unwrap();
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a golden file is read; the code under test still reads none")]
fn the_documented_decision_table_is_what_runs_are_judged_by() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verdict.md");
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == page,
        "docs/verdict.md is not what the code does; run the test with UPDATE_GOLDEN=1 and read the diff"
    );
}

#[test]
fn the_table_is_in_the_order_in_which_reasons_are_told() {
    let outcomes: Vec<Outcome> = rules().map(|rule| rule.outcome).collect();
    assert!(outcomes.is_sorted_by(|a, b| a >= b), "{outcomes:?}");
    let rows: BTreeSet<_> = rules().map(|rule| (rule.code, rule.outcome, rule.when)).collect();
    assert_eq!(rows.len(), rules().count(), "a row that is there twice");
}
