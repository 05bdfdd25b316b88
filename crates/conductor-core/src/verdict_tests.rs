//! The decision table of the verdict.

use super::*;
use crate::failure::{Failure, FailureKind};
use crate::fixtures::load_test;
use crate::load::Mark;
use crate::search::Search;
use crate::spec::LoadTestSpec;

/// 2,000 orders a minute, one minute of ramp, three of plateau, measured every ten seconds.
pub(super) fn spec() -> LoadTestSpec {
    load_test("2000/min", serde_json::json!({ "plateau": "3m", "interval": "10s" }))
}

pub(super) fn tick(from_s: f64, share_of_target: f64) -> Tick {
    Tick {
        at_s: from_s + 10.0,
        from_s,
        to_s: from_s + 10.0,
        count: Some((share_of_target * 2000.0 / 6.0).round() as u64),
        kpi_per_min: Some(share_of_target * 2000.0),
        set_point_per_min: 2000.0,
        users: Some(300),
        users_wanted: 300,
        workers: None,
        requests: 1000,
        failures: 0,
        latency: None,
        responses: None,
        cpu_percent: None,
        marks: Vec::new(),
        advice: None,
        mocks: vec![],
        cross: None,
        requests_by_name: None,
        figures: None,
        saturation: None,
        broken_slos: vec![],
    }
}

/// A plateau of 18 windows whose shares of the target the function gives.
pub(super) fn plateau(share: impl Fn(usize) -> f64) -> Vec<Tick> {
    (0..18).map(|position| tick(60.0 + 10.0 * position as f64, share(position))).collect()
}

pub(super) fn completed(ticks: &[Tick]) -> Verdict {
    judged(&spec(), ticks, Cause::Completed)
}

pub(super) fn judged(spec: &LoadTestSpec, ticks: &[Tick], cause: Cause) -> Verdict {
    judge(&Facts::new(spec, &spec.profile(), ticks, &Ending::because(cause)))
}

/// The same test with stages, one of which is unlike the plateau.
pub(super) fn staged(stages: serde_json::Value) -> LoadTestSpec {
    let mut document = serde_json::to_value(spec()).unwrap();
    let fields = document["spec"].as_object_mut().unwrap();
    fields.retain(|name, _| !matches!(name.as_str(), "rampUp" | "plateau"));
    fields.insert("stages".to_owned(), stages);
    serde_json::from_value(document).unwrap()
}

/// Windows from the beginning to the end of a line that follow it but for a factor.
pub(super) fn following(spec: &LoadTestSpec, factor: impl Fn(f64) -> f64) -> Vec<Tick> {
    let line = spec.profile();
    let windows = (line.end_s() / 10.0).round() as usize;
    let share = |from_s: f64| line.mean(from_s, from_s + 10.0) / 2000.0 * factor(from_s);
    (0..windows).map(|position| tick(10.0 * position as f64, share(10.0 * position as f64))).collect()
}

pub(super) fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.causes.iter().map(|cause| cause.code.as_str()).collect()
}

#[test]
fn a_held_target_passes() {
    let verdict = completed(&plateau(|position| if position % 2 == 0 { 0.97 } else { 1.03 }));
    assert_eq!((verdict.outcome, verdict.exit_code()), (Outcome::Passed, 0));
    let figures = verdict.holds[0].figures.unwrap();
    assert_eq!(figures.windows, 18);
    assert!(figures.mean_error.abs() < 0.001);
}

#[test]
fn a_mean_six_percent_low_fails_and_says_by_how_much() {
    let verdict = completed(&plateau(|_| 0.94));
    assert_eq!((verdict.outcome, verdict.exit_code()), (Outcome::Failed, 1));
    assert_eq!(codes(&verdict), ["target_not_held"]);
    assert!(verdict.causes[0].message.contains("-6."), "{}", verdict.causes[0].message);
}

#[test]
fn a_good_mean_of_bad_windows_fails() {
    let verdict = completed(&plateau(|position| match position % 6 {
        0 => 0.75,
        1 => 1.25,
        _ => 1.0,
    }));
    assert_eq!(codes(&verdict), ["target_not_held"]);
}

#[test]
fn what_chance_explains_is_not_held_against_a_window() {
    let expected: f64 = 2000.0 / 6.0;
    let three_sigma = 3.0 / expected.sqrt();
    assert!(three_sigma > WINDOW_TOLERANCE);
    let wide = 0.99 * three_sigma;
    let verdict = completed(&plateau(|position| if position % 2 == 0 { 1.0 - wide } else { 1.0 + wide }));
    assert_eq!(verdict.outcome, Outcome::Passed);
}

#[test]
fn a_plateau_without_samples_is_invalid() {
    assert_eq!(completed(&[]).exit_code(), 3);
    let half = completed(&plateau(|_| 1.0)[..9]);
    assert_eq!((half.outcome, codes(&half)), (Outcome::Invalid, vec!["kpi_unmeasured"]));
    assert!(half.causes[0].message.contains("only 50 % of the plateau"), "{}", half.causes[0].message);
}

#[test]
fn a_generator_at_its_limit_makes_the_run_invalid_whatever_the_kpi_was() {
    let mut ticks = plateau(|_| 0.8);
    ticks.iter_mut().for_each(|tick| tick.marks.push(Mark::GeneratorBound));
    let verdict = completed(&ticks);
    assert_eq!(codes(&verdict), ["generator_bound", "target_not_held"]);
    assert_eq!(verdict.exit_code(), 3);
}

#[test]
fn endings_other_than_completion_decide_by_their_cause() {
    let failure = |kind| Cause::Failed(Failure { activity: "rehearse".to_owned(), kind, message: "no".to_owned() });
    let cases = [
        (Cause::Cancelled { by: "ops".to_owned() }, 4, "cancelled"),
        (failure(FailureKind::KpiUnmeasured), 3, "kpi_unmeasured"),
        (failure(FailureKind::GeneratorLost), 3, "generator_lost"),
        (failure(FailureKind::ForeignTraffic), 3, "foreign_traffic"),
        (failure(FailureKind::Rejected), 1, "run_failed"),
        (Cause::DeadlineExceeded, 3, "plateau_cut_short"),
        (Cause::Abandoned, 3, "conductor_lost"),
    ];
    for (cause, exit_code, code) in cases {
        let verdict = judged(&spec(), &plateau(|_| 1.0), cause);
        assert_eq!((verdict.exit_code(), codes(&verdict)), (exit_code, vec![code]));
    }
}

#[test]
fn what_could_not_be_put_back_outweighs_every_outcome_in_the_exit_code() {
    let mut ending = Ending::because(Cause::Completed);
    ending.teardown_failures.push(Failure {
        activity: "restore shop".to_owned(),
        kind: FailureKind::Unavailable,
        message: "gone".to_owned(),
    });
    let verdict = judge(&Facts::new(&spec(), &spec().profile(), &plateau(|_| 1.0), &ending));
    assert_eq!((verdict.outcome, verdict.restored, verdict.exit_code()), (Outcome::Warned, false, 5));
    assert_eq!(codes(&verdict), ["restore_incomplete"]);
}

#[test]
fn every_hold_is_judged_and_the_one_that_failed_is_named() {
    let spec = staged(serde_json::json!([
        { "ramp": "1m", "to": "1200/min" },
        { "hold": "2m" },
        { "step": "2400/min", "hold": "2m" },
        { "ramp": "1m", "to": "1200/min" },
        { "hold": "2m" },
    ]));
    let good = judged(&spec, &following(&spec, |_| 1.0), Cause::Completed);
    assert_eq!((good.outcome, codes(&good)), (Outcome::Passed, vec![]));
    let holds: Vec<_> = good.holds.iter().map(|hold| (hold.from_s, hold.to_s, hold.level_per_min)).collect();
    assert_eq!(holds, [(60.0, 180.0, 1200.0), (180.0, 300.0, 2400.0), (360.0, 480.0, 1200.0)]);
    assert!(good.holds.iter().all(|hold| hold.measured == 1.0 && hold.figures.unwrap().windows == 12));
    let low = following(&spec, |from_s| if (180.0..300.0).contains(&from_s) { 0.9 } else { 1.0 });
    let low = judged(&spec, &low, Cause::Completed);
    assert_eq!(codes(&low), ["target_not_held"]);
    assert!(
        low.causes[0].message.starts_with(
            "hold 2 of 3, 2400/min from 3m to 5m: orders held a mean of 2160/min, -10.0 % of the target of 2400/min;"
        ),
        "{}",
        low.causes[0].message
    );
}

#[test]
fn ramps_are_not_judged_and_neither_is_a_stretch_shorter_than_an_interval() {
    let spec = staged(serde_json::json!([
        { "ramp": "2m", "to": "1200/min" },
        { "hold": "9s" },
        { "ramp": "51s", "to": "2000/min" },
        { "hold": "1m" },
    ]));
    let verdict = judged(&spec, &following(&spec, |from_s| if from_s < 180.0 { 0.2 } else { 1.0 }), Cause::Completed);
    assert_eq!((verdict.outcome, verdict.holds.len()), (Outcome::Passed, 1));
}

#[test]
fn a_hold_without_samples_makes_the_run_invalid_by_its_name() {
    let spec = staged(serde_json::json!([
        { "step": "1200/min", "hold": "1m" },
        { "step": "2400/min", "hold": "1m" },
    ]));
    let mut ticks = following(&spec, |_| 1.0);
    ticks[7..10].iter_mut().for_each(|tick| tick.count = None);
    let verdict = judged(&spec, &ticks, Cause::Completed);
    assert_eq!(codes(&verdict), ["kpi_unmeasured"]);
    assert_eq!(verdict.causes[0].message, "only 50 % of hold 2 of 2, 2400/min from 1m to 2m has samples of orders");
}

#[test]
fn a_load_that_is_nowhere_level_is_not_judged_and_says_so() {
    let spec = staged(serde_json::json!([{ "ramp": "2m", "to": "1200/min" }]));
    let verdict = judged(&spec, &following(&spec, |_| 0.1), Cause::Completed);
    assert_eq!((codes(&verdict), verdict.exit_code()), (vec!["nothing_judged"], 0));
    assert_eq!(verdict.outcome, Outcome::Warned);
}

#[test]
fn a_hold_between_two_windows_is_passed_by_unless_it_is_the_only_one() {
    let stages = serde_json::json!([
        { "ramp": "55s", "to": "1200/min" },
        { "hold": "10s" },
        { "ramp": "55s", "to": "2000/min" },
        { "hold": "1m" },
    ]);
    let spec = staged(stages.clone());
    let verdict = judged(&spec, &following(&spec, |_| 1.0), Cause::Completed);
    assert_eq!((verdict.outcome, verdict.holds[0].figures), (Outcome::Passed, None));
    let only = staged(serde_json::json!([stages[0], stages[1], { "ramp": "55s", "to": "6/min" }]));
    let verdict = judged(&only, &following(&only, |_| 1.0), Cause::Completed);
    assert_eq!((codes(&verdict), verdict.outcome), (vec!["kpi_unmeasured"], Outcome::Invalid));
    assert_eq!(verdict.causes[0].message, "no window of orders lies within a level stretch of the load");
}

/// A search that ended after two levels, the second of which was not sustained.
pub(super) fn searched(end: &str) -> (LoadTestSpec, Ending) {
    let mut document = serde_json::to_value(spec()).unwrap();
    let fields = document["spec"].as_object_mut().unwrap();
    fields.retain(|name, _| !matches!(name.as_str(), "rampUp" | "plateau" | "limits"));
    fields.insert("search".to_owned(), serde_json::json!({ "from": "1000/min" }));
    let spec: LoadTestSpec = serde_json::from_value(document).unwrap();
    let LoadShape::Search(plan) = &spec.shape else { panic!("{:?}", spec.shape) };
    let mut search = serde_json::to_value(Search::begin(plan, spec.interval, None)).unwrap();
    let trial = |level: f64, sustained: bool| {
        serde_json::json!({
            "levelPerMin": level, "sustained": sustained, "meanPerMin": level - 10.0, "marginPerMin": 20.0,
            "users": 300.0, "knee": null, "generatorBound": false, "usersCapped": false,
        })
    };
    search["trials"] = serde_json::json!([trial(1000.0, true), trial(1020.0, false)]);
    search["found"] = serde_json::json!({ "sustained": trial(1000.0, true), "notSustainedPerMin": 1020.0 });
    search["end"] = serde_json::from_str(end).unwrap();
    let search = Some(serde_json::from_value(search).unwrap());
    (spec, Ending { search, ..Ending::because(Cause::Completed) })
}

#[test]
fn a_search_is_judged_by_what_it_has_found() {
    let cases = [
        ("\"limitFound\"", Outcome::Passed, "limit_found"),
        ("\"noLimitSeen\"", Outcome::Passed, "no_limit_seen"),
        ("\"nothingSustained\"", Outcome::Failed, "nothing_sustained"),
        ("\"generatorBound\"", Outcome::Invalid, "generator_bound"),
        ("\"usersCapped\"", Outcome::Invalid, "users_capped"),
        ("\"unmeasured\"", Outcome::Invalid, "kpi_unmeasured"),
        ("null", Outcome::Invalid, "search_cut_short"),
    ];
    for (end, outcome, code) in cases {
        let (spec, ending) = searched(end);
        let verdict = judge(&Facts::new(&spec, &spec.profile(), &[], &ending));
        assert_eq!((verdict.outcome, codes(&verdict), verdict.holds.len()), (outcome, vec![code], 0), "{end}");
    }
    let (spec, ending) = searched("\"limitFound\"");
    let verdict = judge(&Facts::new(&spec, &spec.profile(), &[], &ending));
    assert_eq!(
        verdict.causes[0].message,
        "orders: 990 ± 20/min were sustained at the level of 1000/min with 300 users; 1020/min was not sustained"
    );
    let (_, ending) = searched("\"noLimitSeen\"");
    let message = &judge(&Facts::new(&spec, &spec.profile(), &[], &ending)).causes[0].message;
    assert!(message.starts_with("no limit was seen, orders were sustained all the way up to 2000/min: "), "{message}");
}
