//! The decision table of the verdict.

use super::*;
use crate::failure::Failure;
use crate::spec::LoadTestSpec;

/// 2,000 orders a minute, one minute of ramp, three of plateau, measured every ten seconds.
fn spec() -> LoadTestSpec {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "rehearsal" },
        "spec": {
            "environment": "shop",
            "kpi": { "name": "orders", "target": "2000/min" },
            "rampUp": "1m",
            "plateau": "3m",
            "interval": "10s"
        }
    }))
    .unwrap()
}

fn tick(from_s: f64, share_of_target: f64) -> Tick {
    Tick {
        at_s: from_s + 10.0,
        from_s,
        to_s: from_s + 10.0,
        count: Some((share_of_target * 2000.0 / 6.0).round() as u64),
        kpi_per_min: Some(share_of_target * 2000.0),
        set_point_per_min: 2000.0,
        users: Some(300),
        users_wanted: 300,
        requests: 1000,
        failures: 0,
        latency: None,
        cpu_percent: None,
        marks: Vec::new(),
        advice: None,
    }
}

/// A plateau of 18 windows whose shares of the target the function gives.
fn plateau(share: impl Fn(usize) -> f64) -> Vec<Tick> {
    (0..18).map(|position| tick(60.0 + 10.0 * position as f64, share(position))).collect()
}

fn completed(ticks: &[Tick]) -> Verdict {
    judge(&spec(), ticks, &Ending::because(Cause::Completed))
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.causes.iter().map(|cause| cause.code.as_str()).collect()
}

#[test]
fn a_held_target_passes() {
    let verdict = completed(&plateau(|position| if position % 2 == 0 { 0.97 } else { 1.03 }));
    assert_eq!((verdict.outcome, verdict.exit_code()), (Outcome::Passed, 0));
    let figures = verdict.plateau.unwrap();
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
fn a_lost_worker_is_a_warning() {
    let mut ticks = plateau(|_| 1.0);
    ticks[4].marks.push(Mark::WorkerLost);
    let verdict = completed(&ticks);
    assert_eq!((verdict.outcome, verdict.exit_code()), (Outcome::Warned, 0));
}

#[test]
fn endings_other_than_completion_decide_by_their_cause() {
    let failure = |kind| Cause::Failed(Failure { activity: "rehearse".to_owned(), kind, message: "no".to_owned() });
    let cases = [
        (Cause::Cancelled { by: "ops".to_owned() }, 4, "cancelled"),
        (failure(FailureKind::KpiUnmeasured), 3, "kpi_unmeasured"),
        (failure(FailureKind::Rejected), 1, "run_failed"),
        (Cause::DeadlineExceeded, 3, "plateau_cut_short"),
        (Cause::Abandoned, 3, "conductor_lost"),
    ];
    for (cause, exit_code, code) in cases {
        let verdict = judge(&spec(), &plateau(|_| 1.0), &Ending::because(cause));
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
    let verdict = judge(&spec(), &plateau(|_| 1.0), &ending);
    assert_eq!((verdict.outcome, verdict.restored, verdict.exit_code()), (Outcome::Warned, false, 5));
    assert_eq!(codes(&verdict), ["restore_incomplete"]);
}
