//! The network as an environment has it: users by workers, a dead man's switch, and the traces that runs leave behind.
//! It knows no ports, no faults and no wall clock: what the world is like in a tick is an argument.

use std::collections::{BTreeMap, VecDeque};

use conductor_core::load::{LoadSetting, Mark};
use conductor_core::run::RunId;

use crate::draw::Chance;
use crate::model::{self, Model, STEP_S};
use crate::network::{Network, Responses};
use crate::plant::{Noise, Plant, TestDataModel, WorkerModel};

/// Length of a tick, nanoseconds.
pub(crate) const TICK_NS: i128 = (STEP_S * 1e9) as i128;
/// CPU of a worker above which its latencies are its own, percent.
const BOUND_PERCENT: f64 = 90.0;

/// What the world is like in a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// What the plant is like.
    pub(crate) plant: model::Conditions,
    /// Workers of the load generator.
    pub(crate) workers: u32,
}

/// What happened in one tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) tick: u64,
    pub(crate) count: u64,
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    pub(crate) response_ms: f64,
    pub(crate) mark: Option<Mark>,
}

/// What one run has caused.
#[derive(Default)]
pub(crate) struct Traces {
    pub(crate) buckets: Vec<Bucket>,
    /// KPI events that have become rows, by store.
    written: Vec<u64>,
    /// Events whose rows are written later: the tick, the store and how many.
    unwritten: VecDeque<(u64, usize, u64)>,
}

/// Users, and what they have caused.
pub(crate) struct Kernel {
    network: Network,
    limits: WorkerModel,
    max_users: f64,
    response_ms: f64,
    stores: Vec<TestDataModel>,
    next: u64,
    run: Option<RunId>,
    setting: LoadSetting,
    armed: u64,
    workers: u32,
    traces: BTreeMap<RunId, Traces>,
}

impl Kernel {
    pub(crate) fn new(plant: &Plant, model: &Model) -> Self {
        let environment = &plant.environment;
        let chance = match environment.noise {
            Noise::Binomial => Chance::new(environment.seed),
            Noise::None => Chance::none(),
        };
        Self {
            network: Network::new(model, chance),
            limits: environment.workers.clone(),
            max_users: model.max_users,
            response_ms: environment.response_ms,
            stores: environment.test_data.clone(),
            next: 0,
            run: None,
            setting: LoadSetting { users: 0, spawn_rate: 0.0 },
            armed: 0,
            workers: environment.workers.count,
            traces: BTreeMap::new(),
        }
    }

    /// The first tick that was not lived through.
    pub(crate) fn next_tick(&self) -> u64 {
        self.next
    }

    /// The share of what the checkout can do that it does.
    pub(crate) fn used(&self) -> f64 {
        self.network.used()
    }

    /// Users running.
    pub(crate) fn running(&self) -> u64 {
        self.network.running().unsigned_abs()
    }

    /// Users beyond which users slow each other: what the workers hold, or the whole generator.
    fn most_users(&self) -> f64 {
        let held = self.limits.users_per_worker.map_or_else(
            || self.max_users / f64::from(self.limits.count) * f64::from(self.workers),
            |users| users as f64 * f64::from(self.workers),
        );
        // Without workers there are no users that could be slow.
        if held.is_nan() { 0.0 } else { held.min(self.max_users) }
    }

    /// The busiest worker's CPU in percent of one core.
    pub(crate) fn cpu_percent(&self) -> f64 {
        let most = self.most_users();
        if most > 0.0 { (100.0 * self.network.running() as f64 / most).min(100.0) } else { 0.0 }
    }

    /// True when the generator is what limits the load.
    pub(crate) fn is_bound(&self) -> bool {
        self.cpu_percent() > BOUND_PERCENT
    }

    /// Runs so many users from now on.
    pub(crate) fn set(&mut self, run: &RunId, setting: &LoadSetting) {
        self.run = Some(run.clone());
        self.setting = setting.clone();
        self.armed = self.next;
    }

    /// The run whose users run, when it is another one than this.
    pub(crate) fn other_run(&self, run: &RunId) -> Option<&RunId> {
        self.run.as_ref().filter(|active| *active != run && self.running() > 0)
    }

    /// Stops all users.
    pub(crate) fn stop(&mut self) {
        self.setting.users = 0;
        self.network.stop_all();
    }

    /// What a run has caused.
    pub(crate) fn traces(&self, run: &RunId) -> Option<&Traces> {
        self.traces.get(run)
    }

    /// Rows of a run in one store, by table.
    pub(crate) fn rows(&self, run: &RunId, store: usize) -> Vec<(String, u64)> {
        let events = self.traces.get(run).and_then(|traces| traces.written.get(store)).copied().unwrap_or_default();
        let tables = self.stores.get(store).map(|store| store.tables.as_slice()).unwrap_or_default();
        tables.iter().map(|table| (table.name.clone(), events * u64::from(table.rows_per_kpi))).collect()
    }

    /// Deletes a run's rows in one store.
    pub(crate) fn delete(&mut self, run: &RunId, store: usize) {
        if let Some(events) = self.traces.get_mut(run).and_then(|traces| traces.written.get_mut(store)) {
            *events = 0;
        }
    }

    /// True when ticks change nothing.
    pub(crate) fn is_idle(&self) -> bool {
        let unwritten = self.traces.values().any(|traces| !traces.unwritten.is_empty());
        self.setting.users == 0 && self.network.running() == 0 && !unwritten
    }

    /// Lets ticks pass in which nothing happens.
    pub(crate) fn skip_to(&mut self, tick: u64) {
        self.next = self.next.max(tick);
    }

    /// Lives through one tick.
    pub(crate) fn tick(&mut self, conditions: &Conditions) {
        let tick = self.next;
        self.next += 1;
        let switch = self.limits.dead_man_switch.map(|time| (time.as_secs_f64() / STEP_S) as u64);
        if switch.is_some_and(|ticks| tick > self.armed + ticks) {
            self.stop();
        }
        let mark = self.workers_are(conditions.workers);
        let users = if self.workers == 0 { 0.0 } else { self.setting.users as f64 };
        self.network.command(users, self.setting.spawn_rate);
        let count = self.network.step(&conditions.plant, self.most_users()).unsigned_abs();
        let responses = self.network.take_responses();
        if let Some(run) = self.run.clone() {
            self.keep(run, self.bucket(tick, count, &responses, mark));
        }
        self.write(tick);
    }

    /// Takes in how many workers there are; lost ones take their users with them.
    fn workers_are(&mut self, workers: u32) -> Option<Mark> {
        let before = std::mem::replace(&mut self.workers, workers);
        if workers < before {
            let lost = self.network.running() * i64::from(before - workers) / i64::from(before);
            self.network.lose(lost);
            return Some(Mark::WorkerLost);
        }
        (workers > before).then_some(Mark::WorkerJoined)
    }

    fn bucket(&self, tick: u64, count: u64, responses: &Responses, mark: Option<Mark>) -> Bucket {
        let requests = (responses.stages + responses.answered) as f64;
        let waited_ms = responses.stages as f64 * self.response_ms + 1000.0 * responses.waited_s;
        Bucket {
            tick,
            count,
            requests: requests as u64,
            failures: responses.given_up.unsigned_abs(),
            response_ms: if requests > 0.0 { waited_ms / requests } else { 0.0 },
            mark,
        }
    }

    fn keep(&mut self, run: RunId, bucket: Bucket) {
        let stores = self.stores.len();
        let traces = self.traces.entry(run).or_default();
        traces.written.resize(stores, 0);
        traces.buckets.push(bucket);
        for (position, store) in self.stores.iter().enumerate().filter(|_| bucket.count > 0) {
            let later = (store.write_delay.as_secs_f64() / STEP_S) as u64;
            traces.unwritten.push_back((bucket.tick + later, position, bucket.count));
        }
    }

    fn write(&mut self, tick: u64) {
        for Traces { written, unwritten, .. } in self.traces.values_mut() {
            unwritten.retain(|(due, store, events)| {
                let is_due = *due <= tick;
                if is_due {
                    written[*store] += events;
                }
                !is_due
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bed {
        kernel: Kernel,
        model: Model,
    }

    impl Bed {
        /// Users order once in ten seconds; 3000 orders a minute can be served.
        fn new(change: impl FnOnce(&mut Plant)) -> Self {
            let mut plant: Plant = serde_json::from_value(serde_json::json!({
                "run": { "target": "1500/min" },
                "journey": { "thinkTime": "9s", "checkoutRatio": 1.0 },
                "checkout": { "capacity": "50/s" },
                "generator": { "maxSpawnRate": "10000/s" },
                "environment": { "noise": "none" }
            }))
            .unwrap();
            change(&mut plant);
            let model = Model::new(&plant);
            Self { kernel: Kernel::new(&plant, &model), model }
        }

        /// Lives through a time with so many workers.
        fn live(&mut self, seconds: u32, workers: u32) {
            for _ in 0..2 * seconds {
                self.kernel.tick(&Conditions { plant: self.model.at(0.0), workers });
            }
        }

        /// KPI events in the third minute with so many users.
        fn settled(&mut self, users: u64) -> u64 {
            let run: RunId = "r".parse().unwrap();
            self.kernel.set(&run, &LoadSetting { users, spawn_rate: 1e6 });
            let workers = self.kernel.workers;
            self.live(180, workers);
            self.kernel.traces(&run).unwrap().buckets.iter().rev().take(120).map(|bucket| bucket.count).sum()
        }
    }

    #[test]
    fn users_cause_events_in_proportion() {
        let events = Bed::new(|_| ()).settled(100);
        assert!((580..=600).contains(&events), "{events}");
    }

    #[test]
    fn users_beyond_what_the_workers_hold_cause_nothing() {
        let mut bed = Bed::new(|plant| plant.environment.workers.users_per_worker = Some(50));
        let events = bed.settled(400);
        assert!((580..=680).contains(&events), "{events}");
        assert!(bed.kernel.is_bound());
    }

    #[test]
    fn a_generator_without_limits_is_never_full() {
        let mut bed = Bed::new(|_| ());
        bed.settled(5000);
        assert_eq!((bed.kernel.cpu_percent(), bed.kernel.is_bound()), (0.0, false));
        bed.live(1, 0);
        assert_eq!((bed.kernel.cpu_percent(), bed.kernel.running()), (0.0, 0));
    }

    #[test]
    fn requests_are_those_of_journeys_and_checkouts() {
        let mut bed = Bed::new(|_| ());
        bed.settled(100);
        let run: RunId = "r".parse().unwrap();
        let last: Vec<Bucket> = bed.kernel.traces(&run).unwrap().buckets.iter().rev().take(120).copied().collect();
        let requests: u64 = last.iter().map(|bucket| bucket.requests).sum();
        assert!((4060..=4200).contains(&requests), "{requests}");
        assert!(last.iter().all(|bucket| bucket.failures == 0 && bucket.response_ms < 400.0));
    }

    #[test]
    fn a_lost_worker_takes_its_users_with_it_and_another_takes_them_over() {
        let mut bed = Bed::new(|_| ());
        bed.settled(100);
        bed.kernel.setting.spawn_rate = 2.0;
        bed.live(1, 1);
        assert!((51..=52).contains(&bed.kernel.running()), "{}", bed.kernel.running());
        bed.live(60, 1);
        assert_eq!(bed.kernel.running(), 100);
    }

    #[test]
    fn a_dead_man_switch_stops_users_nobody_asks_for_any_more() {
        let seconds = conductor_core::units::Span::seconds;
        let mut bed = Bed::new(|plant| plant.environment.workers.dead_man_switch = Some(seconds(60)));
        bed.settled(100);
        assert_eq!(bed.kernel.running(), 0);
    }
}
