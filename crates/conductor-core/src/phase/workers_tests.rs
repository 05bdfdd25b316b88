//! When load workers are asked for, and when they are not.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::fixtures::{self, load_test};
use crate::learnt::Learnt;
use crate::ramp::Reason;
use crate::release::Release;
use crate::scale::{Observed, Plan};

/// A cost of 0.1 % a user beside 4 % of an idle worker: one runs 710 users at 75 %.
const COST: WorkerCost = WorkerCost { cpu_per_user: 0.1, idle_cpu: 4.0, windows: 20, most_users: 600.0 };

fn created(most: u32, cost: Option<WorkerCost>) -> Created {
    let workers = json!({ "workers": { "application": "load-workers", "most": most } });
    let spec = load_test("600/min", json!({ "rampUp": "30m", "plateau": "30m", "load": workers }));
    let learnt = cost.map(|cost| Learnt {
        run: "workers-1".parse().unwrap(),
        ended: jiff::Timestamp::UNIX_EPOCH,
        gain: 0.3,
        gain_sd: 0.02,
        lag_s: 5.0,
        releases: BTreeMap::new(),
        cost: Some(cost),
    });
    Created { learnt, ..fixtures::created(spec) }
}

fn changes(scale_steps: Vec<ScaleStep>) -> Changes {
    let observed = Observed::new(Release::single(""), Allocation::of_replicas(1));
    let baseline = BTreeMap::from([("load-workers".parse().unwrap(), observed)]);
    Changes { baseline, plan: Plan { scale_steps, ..Plan::default() } }
}

fn begun(most: u32, cost: Option<WorkerCost>, users_ahead: f64) -> Workers {
    Workers::begin(&created(most, cost), &changes(vec![]), users_ahead).unwrap()
}

fn window(users: u64, workers: u32, cpu: f64, marks: Vec<Mark>) -> Measurement {
    let generator = GeneratorStatus { users, workers: Some(workers), cpu_percent: Some(cpu), marks };
    Measurement::new(None, Some(generator))
}

/// A window of workers that cost what [`COST`] says.
fn costing(users: u64, workers: u32) -> Measurement {
    window(users, workers, 4.0 + 0.1 * users as f64 / f64::from(workers), vec![])
}

fn asked(workers: &Workers) -> Option<(u32, u32)> {
    workers.asked().map(|step| (step.from.replicas, step.to.replicas))
}

fn told(workers: &Workers) -> Option<(Level, String)> {
    workers.news().map(|note| (note.level, note.message.clone()))
}

#[test]
fn more_are_asked_for_before_the_first_is_full_and_no_more_than_the_users_ahead_need() {
    let mut workers = begun(12, None, 1.0);
    let mut users = 0;
    while workers.asked().is_none() {
        users += 40;
        workers.see(&costing(users, 1), 1_900.0);
        assert!(users <= 700, "it is full, and nothing was asked for");
    }
    assert!((178..=240).contains(&users), "a worker must have run a quarter of its users, and {users} is late");
    assert_eq!(asked(&workers), Some((1, 3)));
    let message = "load workers are scaled, load-workers: 1 replica → 3 replicas: 1900 users are ahead, and one worker \
                   runs 710 at 75 % CPU";
    assert_eq!(told(&workers), Some((Level::Info, message.to_owned())));
}

#[test]
fn one_request_at_a_time_and_a_rest_after_its_answer_and_never_fewer() {
    let mut workers = begun(12, Some(COST), 1_000.0);
    assert_eq!(asked(&workers), Some((1, 2)), "the former run's cost tells at the beginning");
    workers.see(&costing(300, 1), 3_000.0);
    assert_eq!((asked(&workers), told(&workers)), (Some((1, 2)), None), "it is not answered yet");
    workers.answer(true);
    assert_eq!(asked(&workers), None);
    for _ in 0..REST {
        workers.see(&costing(600, 2), 3_000.0);
        assert_eq!(asked(&workers), None, "users are being spread");
    }
    workers.see(&costing(600, 2), 3_000.0);
    assert_eq!(asked(&workers), Some((2, 5)));
    workers.answer(true);
    for _ in 0..20 {
        workers.see(&costing(50, 5), 50.0);
        assert_eq!(asked(&workers), None);
    }
}

#[test]
fn where_the_most_is_not_enough_it_is_given_and_that_is_told_once() {
    let mut workers = begun(4, Some(COST), 4_000.0);
    assert_eq!(asked(&workers), Some((1, 4)));
    let message = "load workers are scaled, load-workers: 1 replica → 4 replicas; 6 load workers are needed, and \
                   spec.load.workers.most is 4: 4000 users are ahead, and one worker runs 710 at 75 % CPU";
    assert_eq!(told(&workers), Some((Level::Warning, message.to_owned())));
    workers.answer(true);
    for _ in 0..10 {
        workers.see(&costing(2_000, 4), 9_000.0);
        assert_eq!((asked(&workers), told(&workers)), (None, None));
    }
}

#[test]
fn what_a_worker_has_hardly_tried_is_not_extrapolated() {
    let little = WorkerCost { most_users: 170.0, ..COST };
    assert_eq!(asked(&begun(12, Some(little), 5_000.0)), None);
    let mut workers = begun(12, None, 1.0);
    for users in 1..=170 {
        workers.see(&costing(users, 1), 5_000.0);
        assert_eq!(asked(&workers), None, "with {users} users");
    }
}

#[test]
fn a_worker_that_stays_above_its_cpu_tells_where_no_cost_does() {
    let mut workers = begun(12, None, 1.0);
    workers.see(&window(500, 1, 99.0, vec![Mark::GeneratorBound]), 500.0);
    assert_eq!(asked(&workers), None, "one window may be a neighbour's");
    workers.see(&window(500, 1, 40.0, vec![]), 500.0);
    workers.see(&window(500, 1, 99.0, vec![Mark::GeneratorBound]), 500.0);
    assert_eq!(asked(&workers), None, "they are not in a row");
    workers.see(&window(500, 1, 99.0, vec![Mark::GeneratorBound]), 500.0);
    assert_eq!(asked(&workers), Some((1, 2)));
    let message = "load workers are scaled, load-workers: 1 replica → 2 replicas: the busiest worker is at 99 % CPU, and \
                   75 % are planned";
    assert_eq!(told(&workers), Some((Level::Info, message.to_owned())));
    workers.answer(true);
    for _ in 0..10 {
        workers.see(&window(500, 1, 99.0, vec![Mark::GeneratorBound]), 500.0);
        assert_eq!(asked(&workers), None, "the second one has not joined, and a third would not either");
    }
    workers.see(&window(500, 2, 90.1, vec![]), 500.0);
    assert_eq!(asked(&workers), Some((2, 3)));
}

#[test]
fn what_could_not_be_done_is_asked_for_again_after_a_while() {
    let mut workers = begun(12, Some(COST), 1_000.0);
    workers.answer(false);
    for _ in 0..REST_AFTER_FAILURE {
        workers.see(&costing(100, 1), 1_000.0);
        assert_eq!(asked(&workers), None);
    }
    workers.see(&costing(100, 1), 1_000.0);
    assert_eq!(asked(&workers), Some((1, 2)));
}

#[test]
fn workers_that_are_there_already_are_not_asked_for() {
    let mut workers = begun(12, None, 1.0);
    for users in (100..=2_000).step_by(100) {
        workers.see(&costing(users, 4), 2_000.0);
        assert_eq!(asked(&workers), None, "somebody else has scaled them to 4, and 3 are enough");
    }
}

#[test]
fn a_generator_that_does_not_answer_changes_nothing() {
    let mut workers = begun(12, None, 1.0);
    let before = workers.clone();
    workers.see(&Measurement::new(None, None), 5_000.0);
    assert_eq!(workers, before);
}

#[test]
fn a_week_of_windows_takes_no_more_room_than_a_day() {
    let mut workers = begun(12, None, 1.0);
    for number in 0..20_000 {
        workers.see(&costing(1 + number / 50, 1), 1.0);
    }
    let kept = &workers.windows.kept;
    assert!((MOST_WINDOWS / 2..MOST_WINDOWS).contains(&kept.len()), "{}", kept.len());
    let users = |point: Option<&Point>| point.map(|(users, _)| *users);
    assert_eq!(users(kept.first()), Some(1.0), "the beginning is kept");
    assert!(users(kept.last()) > Some(390.0), "and so is the end");
}

#[test]
fn workers_that_were_scaled_before_the_load_are_there_already() {
    let [one, three] = [1, 3].map(Allocation::of_replicas);
    let step = ScaleStep { application: "load-workers".parse().unwrap(), from: one, to: three };
    let begun = |users| Workers::begin(&created(12, Some(COST)), &changes(vec![step.clone()]), users).unwrap();
    assert_eq!(asked(&begun(2_000.0)), None, "three run 2,130");
    assert_eq!(asked(&begun(2_500.0)), Some((3, 4)));
}

#[test]
fn users_ahead_are_those_of_the_line_while_the_law_follows_it_and_knows_its_ratio() {
    let line = Profile::ramp(600.0, 1800.0, 1800.0);
    let ahead = |mode, gain_sd, most| {
        let (gain, spawn_rate) = (0.5, 1.0);
        let advice = Advice {
            users: 100,
            spawn_rate,
            set_point_per_min: 0.0,
            alarm: None,
            mode,
            reason: Reason::Begin,
            gain,
            gain_sd,
            lag_s: 0.0,
            efficiency: None,
            knee: None,
        };
        users_ahead(&advice, &line, 300.0, 60.0, most)
    };
    // In ten minutes the line is at 300 a minute, and a user is worth half an order a minute.
    assert_eq!(ahead(Mode::Track, 0.1, None), 600.0);
    assert_eq!(ahead(Mode::Boot, 0.29, None), 600.0);
    assert_eq!(ahead(Mode::Track, 0.1, Some(450)), 450.0);
    assert_eq!(ahead(Mode::Boot, 0.31, None), 100.0, "the ratio is not known");
    assert_eq!(ahead(Mode::Hold, 0.1, None), 100.0, "the system takes no more");
    let step = Profile::from_nothing().then(300.0, 60.0).then(0.0, 240.0).then(0.0, 30.0).then(600.0, 30.0);
    assert_eq!(highest(&step, 0.0, 600.0), 240.0, "a peak between counts");
}
