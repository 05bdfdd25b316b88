//! Users and the KPI events they cause, tick by tick. It knows no ports, no faults and no wall clock: what the world is
//! like in a tick is an argument.

use std::collections::{BTreeMap, VecDeque};

use conductor_core::load::{LoadSetting, Mark};
use conductor_core::run::RunId;

use crate::chance::Chance;
use crate::plant::{Beyond, GeneratorModel, Plant, TestDataModel, UserModel};

/// Length of a tick, nanoseconds.
pub(crate) const TICK_NS: i128 = 250_000_000;
const TICK_S: f64 = 0.25;
const TICK_MIN: f64 = TICK_S / 60.0;
/// Steps a user takes on its way to its first KPI event; they give the lag its spread.
const STEPS: usize = 6;
/// How sharp the knee is: capacity and demand are joined by this norm.
const KNEE: f64 = 8.0;
/// CPU of a worker above which its latencies are its own, percent.
const BOUND_PERCENT: f64 = 90.0;

/// What the world is like in a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// KPI events per minute that can be served.
    pub(crate) capacity_per_min: f64,
    /// Workers of the load generator.
    pub(crate) workers: u32,
    /// What KPI events per user are multiplied by.
    pub(crate) drift: f64,
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
    users: UserModel,
    generator: GeneratorModel,
    stores: Vec<TestDataModel>,
    chance: Chance,
    next: u64,
    run: Option<RunId>,
    wanted: f64,
    spawn_rate: f64,
    armed: u64,
    workers: u32,
    /// Users on their way to their first KPI event, the newest first.
    starting: [f64; STEPS],
    producing: f64,
    debts: [f64; 3],
    traces: BTreeMap<RunId, Traces>,
}

impl Kernel {
    pub(crate) fn new(plant: &Plant) -> Self {
        Self {
            users: plant.users,
            generator: plant.generator,
            stores: plant.test_data.clone(),
            chance: Chance::new(plant.seed, plant.users.noise),
            next: 0,
            run: None,
            wanted: 0.0,
            spawn_rate: 1.0,
            armed: 0,
            workers: plant.generator.workers,
            starting: [0.0; STEPS],
            producing: 0.0,
            debts: [0.0; 3],
            traces: BTreeMap::new(),
        }
    }

    /// The first tick that was not lived through.
    pub(crate) fn next_tick(&self) -> u64 {
        self.next
    }

    /// Users running.
    pub(crate) fn running(&self) -> u64 {
        self.all().round() as u64
    }

    /// The busiest worker's CPU in percent of one core.
    pub(crate) fn cpu_percent(&self) -> f64 {
        let most = f64::from(self.workers) * self.generator.users_per_worker as f64;
        if most > 0.0 { (100.0 * self.all() / most).min(100.0) } else { 0.0 }
    }

    /// True when the generator is what limits the load.
    pub(crate) fn is_bound(&self) -> bool {
        self.cpu_percent() > BOUND_PERCENT
    }

    /// Runs so many users from now on.
    pub(crate) fn set(&mut self, run: &RunId, setting: &LoadSetting) {
        self.run = Some(run.clone());
        self.wanted = setting.users as f64;
        self.spawn_rate = setting.spawn_rate.max(0.0);
        self.armed = self.next;
    }

    /// Stops all users.
    pub(crate) fn stop(&mut self) {
        self.wanted = 0.0;
        self.starting = [0.0; STEPS];
        self.producing = 0.0;
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
        self.wanted <= 0.0 && self.all() <= 0.0 && !unwritten
    }

    /// Lets ticks pass in which nothing happens.
    pub(crate) fn skip_to(&mut self, tick: u64) {
        self.next = self.next.max(tick);
    }

    /// Lives through one tick.
    pub(crate) fn tick(&mut self, conditions: Conditions) {
        let tick = self.next;
        self.next += 1;
        let switch = self.generator.dead_man_switch.map(|time| (time.as_secs_f64() / TICK_S) as u64);
        if switch.is_some_and(|ticks| tick > self.armed + ticks) {
            self.stop();
        }
        let mark = self.workers_are(conditions.workers);
        self.spawn();
        self.progress();
        if let Some(run) = self.run.clone() {
            let mut bucket = self.cause(conditions);
            (bucket.tick, bucket.mark) = (tick, mark);
            self.keep(run, bucket);
        }
        self.write(tick);
    }

    fn all(&self) -> f64 {
        self.starting.iter().sum::<f64>() + self.producing
    }

    /// Takes in how many workers there are; lost ones take their users with them.
    fn workers_are(&mut self, workers: u32) -> Option<Mark> {
        let before = std::mem::replace(&mut self.workers, workers);
        if workers < before {
            let kept = f64::from(workers) / f64::from(before);
            self.starting.iter_mut().for_each(|users| *users *= kept);
            self.producing *= kept;
            return Some(Mark::WorkerLost);
        }
        (workers > before).then_some(Mark::WorkerJoined)
    }

    /// Starts new users, or stops the newest.
    fn spawn(&mut self) {
        let most = self.spawn_rate * TICK_S;
        let wanted = if self.workers == 0 { 0.0 } else { self.wanted };
        let change = (wanted - self.all()).clamp(-most, most);
        if change >= 0.0 {
            self.starting[0] += change;
            return;
        }
        let mut surplus = -change;
        for users in self.starting.iter_mut().chain(std::iter::once(&mut self.producing)) {
            let stopped = surplus.min(*users);
            *users -= stopped;
            surplus -= stopped;
        }
    }

    /// Lets users come nearer to their first KPI event.
    fn progress(&mut self) {
        let lag_s = self.users.lag.as_secs_f64();
        let share = if lag_s > 0.0 { 1.0 - (-(STEPS as f64) * TICK_S / lag_s).exp() } else { 1.0 };
        let mut arriving = 0.0;
        for users in &mut self.starting {
            // With no lag at all a user passes every step at once.
            let present = if lag_s > 0.0 { *users } else { *users + arriving };
            let leaving = present * share;
            let stayed = if lag_s > 0.0 { arriving } else { 0.0 };
            *users = present - leaving + stayed;
            arriving = leaving;
        }
        self.producing += arriving;
    }

    /// What the users cause in one tick.
    fn cause(&mut self, conditions: Conditions) -> Bucket {
        let running = self.all();
        let most = f64::from(self.workers) * self.generator.users_per_worker as f64;
        let useful = if running > most { most / running } else { 1.0 };
        let gain = self.users.kpi_per_user.as_per_minute() * conditions.drift.max(0.0);
        let demand = self.producing * useful * gain;
        let strain = if demand <= 0.0 { 0.0 } else { demand / conditions.capacity_per_min };
        let share = served_share(strain, self.users.beyond_capacity);
        let failing = match self.users.beyond_capacity {
            Beyond::Saturates if share > 0.0 => 0.0,
            Beyond::Saturates | Beyond::Collapses => 1.0 - share,
        };
        let slowed = if failing > 0.0 { 1.0 } else { share };
        let requested = running * useful * self.users.requests_per_user.as_per_minute() * slowed * TICK_MIN;
        let [kpi_debt, request_debt, failure_debt] = &mut self.debts;
        let count = self.chance.count(demand * share * TICK_MIN, kpi_debt);
        let sound = self.chance.count(requested * (1.0 - failing), request_debt).max(count);
        let failures = self.chance.count(requested * failing, failure_debt);
        let response_ms = self.users.response_ms / (1.0 - 0.95 * strain.min(1.0).powi(4)) * strain.clamp(1.0, 100.0);
        Bucket { tick: 0, count, requests: sound + failures, failures, response_ms, mark: None }
    }

    fn keep(&mut self, run: RunId, bucket: Bucket) {
        let stores = self.stores.len();
        let traces = self.traces.entry(run).or_default();
        traces.written.resize(stores, 0);
        traces.buckets.push(bucket);
        for (position, store) in self.stores.iter().enumerate().filter(|_| bucket.count > 0) {
            let later = (store.write_delay.as_secs_f64() / TICK_S) as u64;
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

/// The share of the demand that is served when it is `strain` times the capacity.
fn served_share(strain: f64, beyond: Beyond) -> f64 {
    if !strain.is_finite() {
        return 0.0;
    }
    let share = (1.0 + strain.powf(KNEE)).powf(-1.0 / KNEE);
    match beyond {
        Beyond::Saturates => share,
        Beyond::Collapses => share / strain.max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Noise;

    fn kernel(change: impl FnOnce(&mut Plant)) -> Kernel {
        let mut plant = Plant::default();
        plant.users.noise = Noise::None;
        change(&mut plant);
        Kernel::new(&plant)
    }

    /// KPI events a minute in the third minute with so many users.
    fn settled(kernel: &mut Kernel, users: u64, capacity_per_min: f64) -> f64 {
        let run: RunId = "r".parse().unwrap();
        kernel.set(&run, &LoadSetting { users, spawn_rate: 1e6 });
        for _ in 0..720 {
            kernel.tick(Conditions { capacity_per_min, workers: kernel.workers, drift: 1.0 });
        }
        kernel.traces(&run).unwrap().buckets.iter().rev().take(240).map(|bucket| bucket.count as f64).sum()
    }

    #[test]
    fn users_cause_events_in_proportion_below_the_capacity_and_no_more_beyond_it() {
        assert!((settled(&mut kernel(|_| ()), 100, 3000.0) - 600.0).abs() <= 2.0);
        assert!((settled(&mut kernel(|_| ()), 1000, 3000.0) - 3000.0).abs() <= 30.0);
    }

    #[test]
    fn a_collapsing_plant_serves_less_the_more_is_asked_for() {
        let collapsing = || kernel(|plant| plant.users.beyond_capacity = Beyond::Collapses);
        let (some, many) = (settled(&mut collapsing(), 600, 3000.0), settled(&mut collapsing(), 1500, 3000.0));
        assert!(many < 0.5 * some, "{some} with 600 users, {many} with 1500");
    }

    #[test]
    fn users_beyond_what_the_workers_hold_cause_nothing() {
        let mut kernel = kernel(|plant| plant.generator.users_per_worker = 50);
        assert!((settled(&mut kernel, 400, 1e9) - 600.0).abs() <= 2.0);
        assert!(kernel.is_bound());
    }

    #[test]
    fn the_first_events_come_a_lag_after_the_users() {
        let mut kernel = kernel(|_| ());
        let run: RunId = "r".parse().unwrap();
        kernel.set(&run, &LoadSetting { users: 1000, spawn_rate: 1e6 });
        for _ in 0..160 {
            kernel.tick(Conditions { capacity_per_min: 1e9, workers: 2, drift: 1.0 });
        }
        let buckets = &kernel.traces(&run).unwrap().buckets;
        let half = buckets.iter().position(|bucket| bucket.count as f64 >= 0.5 * 25.0).unwrap();
        assert!((7.0..11.0).contains(&(half as f64 * TICK_S)), "half of the events after {} s", half as f64 * TICK_S);
    }

    #[test]
    fn a_lost_worker_takes_its_users_with_it() {
        let mut kernel = kernel(|_| ());
        settled(&mut kernel, 100, 1e9);
        kernel.spawn_rate = 0.0;
        kernel.tick(Conditions { capacity_per_min: 1e9, workers: 1, drift: 1.0 });
        assert_eq!(kernel.running(), 50);
    }

    #[test]
    fn a_dead_man_switch_stops_users_nobody_asks_for_any_more() {
        let seconds = conductor_core::units::Span::seconds;
        let mut kernel = kernel(|plant| plant.generator.dead_man_switch = Some(seconds(60)));
        settled(&mut kernel, 100, 1e9);
        assert_eq!(kernel.running(), 0);
    }
}
