//! What users cost a worker, from windows with start-ups, neighbours and workers at their limit.

use super::*;

fn tick(users: u64, workers: Option<u32>, cpu: f64, marks: Vec<Mark>) -> Tick {
    Tick {
        at_s: 0.0,
        from_s: 0.0,
        to_s: 10.0,
        count: Some(0),
        kpi_per_min: None,
        set_point_per_min: 0.0,
        users: Some(users),
        users_wanted: users,
        workers,
        requests: 0,
        failures: 0,
        latency: None,
        responses: None,
        cpu_percent: Some(cpu),
        marks,
        advice: None,
        mocks: vec![],
        cross: None,
        requests_by_name: None,
        figures: None,
        saturation: None,
        broken_slos: vec![],
    }
}

/// A ramp of one worker to `users`, each of which costs a tenth of a percent beside 4 % of an idle one.
fn ramp(users: u64) -> Vec<Tick> {
    (1..=20).map(|step| users * step / 20).map(|users| tick(users, None, 4.0 + 0.1 * users as f64, vec![])).collect()
}

fn near(found: f64, wanted: f64) -> bool {
    (found / wanted - 1.0).abs() < 0.02
}

#[test]
fn a_ramp_tells_what_a_user_and_an_idle_worker_cost() {
    let cost = WorkerCost::learn(&ramp(400)).unwrap();
    assert!(near(cost.cpu_per_user, 0.1) && near(cost.idle_cpu, 4.0), "{cost:?}");
    assert_eq!((cost.windows, cost.most_users), (20, 400.0));
    let sizing = cost.sizing(75.0, 12_000.0, 0.15, Some(2));
    assert_eq!((sizing.users, sizing.users_per_worker), (1_800.0, 710.0));
    assert_eq!((sizing.workers, sizing.present, sizing.is_enough()), (3, 2, false));
    assert_eq!(cost.sizing(38.0, 12_000.0, 0.15, None).workers, 6, "some 340 users fill a worker up to 38 %");
    assert!(cost.sizing(75.0, 4_000.0, 0.15, None).is_enough(), "a single process is one worker");
}

#[test]
fn users_are_counted_by_worker() {
    let ticks: Vec<Tick> =
        ramp(400).iter().map(|one| Tick { workers: Some(4), users: one.users.map(|u| 4 * u), ..one.clone() }).collect();
    let cost = WorkerCost::learn(&ticks).unwrap();
    assert!(near(cost.cpu_per_user, 0.1) && cost.most_users == 400.0, "{cost:?}");
}

#[test]
fn a_fifth_of_windows_with_a_busy_neighbour_changes_nothing() {
    let mut ticks = ramp(400);
    ticks.extend((0..100).map(|_| tick(400, None, 44.0, vec![])));
    for (number, tick) in ticks.iter_mut().enumerate().filter(|(number, _)| number % 5 == 2) {
        tick.cpu_percent = Some(if number % 2 == 0 { 85.0 } else { 2.0 });
    }
    let cost = WorkerCost::learn(&ticks).unwrap();
    assert!((cost.cpu_per_user / 0.1 - 1.0).abs() < 0.1, "{cost:?}");
}

#[test]
fn windows_at_the_limit_or_with_workers_coming_and_going_are_left_out() {
    let mut ticks = ramp(400);
    ticks.extend((0..30).map(|_| tick(2_000, None, 97.0, vec![])));
    ticks.extend((0..30).map(|_| tick(2_000, None, 50.0, vec![Mark::WorkerJoined])));
    assert_eq!(WorkerCost::learn(&ticks), WorkerCost::learn(&ramp(400)));
}

#[test]
fn users_that_never_change_tell_no_idle_worker_and_are_charged_all() {
    let ticks: Vec<Tick> = (0..20).map(|_| tick(400, None, 44.0, vec![])).collect();
    let cost = WorkerCost::learn(&ticks).unwrap();
    assert!(near(cost.cpu_per_user, 0.11) && cost.idle_cpu == 0.0, "{cost:?}");
}

#[test]
fn nothing_is_said_where_nothing_is_known() {
    assert_eq!(WorkerCost::learn(&ramp(400)[..4]), None);
    let unknown: Vec<Tick> = ramp(400).into_iter().map(|tick| Tick { cpu_percent: None, ..tick }).collect();
    assert_eq!(WorkerCost::learn(&unknown), None);
    let silent: Vec<Tick> = ramp(400).into_iter().map(|tick| Tick { cpu_percent: Some(0.0), ..tick }).collect();
    assert_eq!(WorkerCost::learn(&silent), None);
}
