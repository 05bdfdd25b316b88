//! Two counts of the KPI that agree, differ, and are not there.

use super::*;
use crate::crosscheck::Counter;

fn check(steers: Counts, checks: Counts) -> CrossCheck {
    let counter = |name: &str, counts| Counter { name: name.to_owned(), counts };
    CrossCheck { steers: counter("Locust", steers), checks: counter("the shop's database", checks), tolerance: 0.05 }
}

/// A window of ten seconds, with the second count of a window that is `late_s` earlier.
fn tick(from_s: f64, count: u64, check: &CrossCheck, second: Option<u64>, late_s: f64) -> Tick {
    let (from, to) = if second.is_some() { (from_s - late_s, from_s + 10.0 - late_s) } else { (from_s, from_s) };
    let failure = second.is_none().then(|| "it did not answer".to_owned());
    Tick {
        at_s: from_s + 12.0,
        from_s,
        to_s: from_s + 10.0,
        count: Some(count),
        kpi_per_min: Some(count as f64 * 6.0),
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
        mocks: Vec::new(),
        requests_by_name: Default::default(),
        figures: None,
        saturation: None,
        broken_slos: Default::default(),
        cross: Some(CrossTick { check: check.clone(), from_s: from, to_s: to, count: second, failure }),
    }
}

/// Thirty windows of which the first source counts `count`, and the second as the function says.
fn load(check: &CrossCheck, count: u64, late_s: f64, second: impl Fn(usize) -> Option<u64>) -> Vec<Tick> {
    (0..30).map(|position| tick(10.0 * position as f64, count, check, second(position), late_s)).collect()
}

fn causes(ticks: &[Tick]) -> Vec<VerdictCause> {
    super::causes("orders", &[(0.0, 300.0)], ticks)
}

fn codes(ticks: &[Tick]) -> Vec<String> {
    causes(ticks).into_iter().map(|cause| cause.code).collect()
}

#[test]
fn counts_that_agree_within_the_tolerance_say_nothing() {
    let check = check(Counts::Run, Counts::Everybody);
    for (late_s, second) in [(0.0, 333), (3.7, 333), (10.0, 345), (16.0, 320)] {
        assert_eq!(codes(&load(&check, 333, late_s, |_| Some(second))), [""; 0], "{second} with {late_s} s");
    }
}

#[test]
fn more_than_the_runs_own_events_is_somebody_else() {
    let check = check(Counts::Run, Counts::Everybody);
    let found = causes(&load(&check, 300, 4.0, |_| Some(330)));
    let [cause] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((cause.outcome, cause.code.as_str()), (Outcome::Invalid, "foreign_traffic"));
    assert_eq!(
        cause.message,
        "somebody else has made orders while the load ran: Locust has counted 8700 of orders, and the shop's database \
         9570 in the same time (+10.0 %, 5.0 % may be)"
    );
    assert_eq!(cause.evidence[1].to_string(), "mean of orders: 1800/min, from 0s to 5m; Locust");
    assert_eq!(cause.evidence[2].value, Some(1980.0));
    assert!(cause.advice.starts_with("Find who else"), "{}", cause.advice);
}

#[test]
fn it_is_seen_from_the_other_side_as_well() {
    let fewer = |check: &CrossCheck| codes(&load(check, 330, 0.0, |_| Some(300)));
    assert_eq!(fewer(&check(Counts::Everybody, Counts::Run)), ["foreign_traffic"]);
    assert_eq!(fewer(&check(Counts::Run, Counts::Everybody)), ["kpi_sources_disagree"], "the run's own are missing");
    assert_eq!(fewer(&check(Counts::Run, Counts::Run)), ["kpi_sources_disagree"]);
    let more = codes(&load(&check(Counts::Run, Counts::Run), 300, 0.0, |_| Some(330)));
    assert_eq!(more, ["kpi_sources_disagree"], "neither counts anybody else's");
}

#[test]
fn a_handful_of_events_is_no_evidence() {
    let check = check(Counts::Run, Counts::Run);
    // 60 and 75 events: 25 % apart, and 3·√75 = 26 are chance.
    assert_eq!(codes(&load(&check, 4, 0.0, |position| Some(5 - (position as u64 % 2)))), [""; 0]);
    assert_eq!(codes(&load(&check, 4, 0.0, |_| Some(6))), ["kpi_sources_disagree"]);
}

#[test]
fn a_difference_in_one_hold_is_not_thinned_by_the_others() {
    let check = check(Counts::Run, Counts::Everybody);
    let ticks = load(&check, 300, 0.0, |position| Some(if position < 6 { 345 } else { 300 }));
    assert_eq!(codes(&ticks), [""; 0], "3 % of the whole");
    let holds = super::causes("orders", &[(0.0, 60.0), (60.0, 300.0)], &ticks);
    assert_eq!((holds[0].code.as_str(), holds[0].evidence[0].to_s), ("foreign_traffic", Some(60.0)));
}

#[test]
fn a_source_that_does_not_answer_warns_and_says_why() {
    let check = check(Counts::Run, Counts::Everybody);
    let found = causes(&load(&check, 333, 4.0, |position| (position < 10).then_some(333)));
    let [cause] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((cause.outcome, cause.code.as_str()), (Outcome::Warned, "cross_check_missing"));
    assert_eq!(
        cause.message,
        "the shop's database could check only 30 % of the count of orders; at last: it did not answer"
    );
    let dead = causes(&load(&check, 333, 4.0, |_| None));
    assert_eq!((dead.len(), dead[0].code.as_str()), (1, "cross_check_missing"));
}

#[test]
fn what_a_window_of_either_does_not_count_is_not_compared() {
    let check = check(Counts::Run, Counts::Everybody);
    let mut ticks = load(&check, 333, 0.0, |_| Some(333));
    ticks[4].count = None;
    ticks[7].cross.as_mut().unwrap().count = None;
    assert_eq!(codes(&ticks), [""; 0]);
    assert_eq!(super::causes("orders", &[], &ticks), []);
    ticks.iter_mut().for_each(|tick| tick.cross = None);
    assert_eq!(causes(&ticks), [], "there is no second source");
}
