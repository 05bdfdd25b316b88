//! What is in a model world, and how it goes on in time.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::load::LoadSetting;
use conductor_core::ports::Production;
use conductor_core::release::Release;
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use conductor_core::scale::{Baseline, Observed};
use jiff::Timestamp;

use super::script::Script;
use crate::calls::CallRecord;
use crate::draw::Chance;
use crate::kernel::{Conditions, Kernel, TICK_NS};
use crate::model::Model;
use crate::plant::{LostSample, Plant, PlantApplication};

/// The stream of chance that decides which samples are lost.
const LUCK: u64 = 0x6c75_636b;

/// What is in a model world.
pub(crate) struct World {
    origin: Timestamp,
    /// Nanoseconds since the origin.
    now_ns: i128,
    /// When the load generator was set first, nanoseconds since the origin.
    load_ns: Option<i128>,
    model: Model,
    /// Decides which samples are lost.
    luck: Chance,
    /// KPI events that the applications of production can serve, per minute.
    production_per_min: f64,
    workers: u32,
    workers_run_as: Option<ApplicationId>,
    applications: BTreeMap<ApplicationId, Application>,
    pub(crate) kernel: Kernel,
    pub(crate) script: Script,
    pub(crate) calls: Vec<CallRecord>,
}

/// An application of the test environment, and its like in production.
struct Application {
    release: Release,
    allocation: Allocation,
    production: Option<Production>,
    kpi_per_replica: Option<f64>,
    /// Replicas that were ready before the last change.
    ready_before: u32,
    /// When the last change of replicas is done, nanoseconds since the origin.
    scaled_ns: i128,
    /// When the last rollout is done, nanoseconds since the origin.
    rolled_ns: i128,
}

impl Application {
    fn new(plant: &PlantApplication) -> Self {
        let production = plant
            .production
            .as_ref()
            .map(|running| Production::new(Release::single(&running.version), running.allocation()));
        Self {
            release: Release::single(&plant.test.version),
            allocation: plant.test.allocation(),
            production,
            kpi_per_replica: plant.kpi_per_replica.map(conductor_core::units::Rate::as_per_minute),
            ready_before: plant.test.replicas,
            scaled_ns: 0,
            rolled_ns: 0,
        }
    }

    /// The application that runs the load generator's workers; it serves nobody, and production has none.
    fn of_workers(count: u32) -> Self {
        Self {
            release: Release::single("workers"),
            allocation: Allocation::of_replicas(count),
            production: None,
            kpi_per_replica: None,
            ready_before: count,
            scaled_ns: 0,
            rolled_ns: 0,
        }
    }

    fn ready(&self, at_ns: i128) -> u32 {
        if at_ns < self.scaled_ns { self.ready_before } else { self.allocation.replicas }
    }

    fn scale(&mut self, to: &Allocation, now_ns: i128, takes: Duration) {
        if self.allocation != *to {
            self.ready_before = self.ready(now_ns);
            self.scaled_ns = now_ns + takes.as_nanos() as i128;
            self.allocation = to.clone();
        }
    }

    fn roll_out(&mut self, to: &Release, now_ns: i128, takes: Duration) {
        if self.release != *to {
            self.rolled_ns = now_ns + takes.as_nanos() as i128;
            self.release = to.clone();
        }
    }
}

impl World {
    pub(crate) fn new(plant: &Plant, origin: Timestamp) -> Self {
        let (environment, model) = (&plant.environment, Model::new(plant));
        let applications = environment.applications.iter();
        let mut applications: BTreeMap<_, _> =
            applications.map(|app| (app.name.clone(), Application::new(app))).collect();
        let workers_run_as = environment.workers.application.clone();
        applications
            .extend(workers_run_as.clone().map(|name| (name, Application::of_workers(environment.workers.count))));
        let in_production = |app: &Application| {
            let replicas =
                app.production.as_ref().map_or(&app.allocation, |production| &production.allocation).replicas;
            Some(app.kpi_per_replica? * f64::from(replicas))
        };
        Self {
            origin,
            now_ns: 0,
            load_ns: None,
            kernel: Kernel::new(plant, &model),
            luck: Chance::new(environment.seed ^ LUCK),
            production_per_min: applications.values().filter_map(in_production).fold(f64::INFINITY, f64::min),
            model,
            workers: environment.workers.count,
            workers_run_as,
            applications,
            script: Script::new(environment.faults.clone()),
            calls: Vec::new(),
        }
    }

    /// Lets time pass until `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let now_ns = self.since_origin(now);
        while (i128::from(self.kernel.next_tick()) + 1) * TICK_NS <= now_ns {
            let at_ns = (i128::from(self.kernel.next_tick()) + 1) * TICK_NS;
            self.others_act(at_ns);
            if self.kernel.is_idle() && !self.script.has_changes() {
                self.kernel.skip_to(u64::try_from(now_ns / TICK_NS).unwrap_or_default());
                break;
            }
            let conditions = self.conditions(at_ns);
            self.kernel.tick(&conditions);
        }
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// Nanoseconds from the world's beginning to `time`.
    pub(crate) fn since_origin(&self, time: Timestamp) -> i128 {
        time.duration_since(self.origin).as_nanos()
    }

    /// The time so many ticks after the world's beginning.
    pub(crate) fn time_of(&self, ticks: i128) -> Timestamp {
        let passed = Duration::from_nanos(u64::try_from(ticks * TICK_NS).unwrap_or_default());
        self.origin.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn now_ns(&self) -> i128 {
        self.now_ns
    }

    pub(crate) fn load_ns(&self) -> Option<i128> {
        self.load_ns
    }

    pub(crate) fn workers(&self) -> u32 {
        self.workers_at(self.now_ns)
    }

    fn workers_at(&self, at_ns: i128) -> u32 {
        let run_as = self.workers_run_as.as_ref().and_then(|name| self.applications.get(name));
        let there = run_as.map_or(self.workers, |app| app.ready(at_ns));
        there.saturating_sub(self.script.workers_lost(at_ns, self.load_ns))
    }

    pub(crate) fn observed(&self) -> Baseline {
        let observed = |(name, app): (&ApplicationId, &Application)| {
            (name.clone(), Observed::new(app.release.clone(), app.allocation.clone()))
        };
        self.applications.iter().map(observed).collect()
    }

    pub(crate) fn production(&self, application: &ApplicationId) -> Option<Production> {
        self.applications.get(application)?.production.clone()
    }

    pub(crate) fn set_load(&mut self, run: &RunId, setting: &LoadSetting) {
        self.load_ns.get_or_insert(self.now_ns);
        self.kernel.set(run, setting);
    }

    /// Begins a rollout and tells how long it will take; `None` when there is no such application.
    pub(crate) fn roll_out(&mut self, application: &ApplicationId, to: &Release, takes: Duration) -> Option<Duration> {
        let app = self.applications.get_mut(application)?;
        app.roll_out(to, self.now_ns, takes);
        Some(left(self.now_ns, app.rolled_ns))
    }

    /// Begins to scale and tells how long it will take; `None` when there is no such application.
    pub(crate) fn scale(&mut self, application: &ApplicationId, to: &Allocation, takes: Duration) -> Option<Duration> {
        let app = self.applications.get_mut(application)?;
        app.scale(to, self.now_ns, takes);
        Some(left(self.now_ns, app.scaled_ns))
    }

    pub(crate) fn changed_by_others(
        &mut self,
        application: &ApplicationId,
        version: Option<&str>,
        replicas: Option<u32>,
    ) -> bool {
        let Some(app) = self.applications.get_mut(application) else { return false };
        if let Some(version) = version {
            app.roll_out(&Release::single(version), self.now_ns, Duration::ZERO);
        }
        if let Some(replicas) = replicas {
            let to = Allocation { replicas, ..app.allocation.clone() };
            app.scale(&to, self.now_ns, Duration::ZERO);
        }
        true
    }

    /// Lets somebody else's changes happen that are due.
    fn others_act(&mut self, at_ns: i128) {
        for (application, version, replicas) in self.script.due_changes(at_ns, self.load_ns) {
            self.changed_by_others(&application, version.as_deref(), replicas);
        }
    }

    /// What becomes of a count: nothing, or what a lost sample looks like.
    pub(crate) fn told(&mut self, count: u64) -> Option<u64> {
        let is_lost = self.model.lost_samples > 0.0 && self.luck.uniform() < self.model.lost_samples;
        match self.model.lost_read_as {
            _ if !is_lost => Some(count),
            LostSample::Missing => None,
            LostSample::Zero => Some(0),
        }
    }

    fn conditions(&self, at_ns: i128) -> Conditions {
        let loaded_ns = self.load_ns.map_or(0, |since| (at_ns - since).max(0));
        let mut plant = self.model.at(loaded_ns as f64 / 1e9);
        plant.capacity *= self.script.capacity(at_ns, self.load_ns) * self.share_of_production(at_ns);
        Conditions { plant, workers: self.workers_at(at_ns) }
    }

    /// The share of what it may have that each application uses which serves the KPI: the one that can serve fewest is the checkout of the
    /// model, and the others have as much to do.
    pub(crate) fn used(&self) -> Vec<Used> {
        let serves = |app: &Application| Some(app.kpi_per_replica? * f64::from(app.ready(self.now_ns)));
        let fewest = self.applications.values().filter_map(serves).fold(f64::INFINITY, f64::min);
        let busiest = self.kernel.used();
        let used = |(name, app): (&ApplicationId, &Application)| {
            let ratio = busiest * fewest / serves(app)?;
            ratio.is_finite().then(|| Used { application: name.clone(), ratio })
        };
        self.applications.iter().filter_map(used).collect()
    }

    /// What the application that can serve fewest can serve, relative to production.
    fn share_of_production(&self, at_ns: i128) -> f64 {
        let served = |app: &Application| Some(app.kpi_per_replica? * f64::from(app.ready(at_ns)));
        let served = self.applications.values().filter_map(served).fold(f64::INFINITY, f64::min);
        let share = served / self.production_per_min;
        // Nothing limits, or production has no replicas at all.
        if share.is_finite() { share } else { 1.0 }
    }
}

fn left(now_ns: i128, done_ns: i128) -> Duration {
    Duration::from_nanos(u64::try_from(done_ns - now_ns).unwrap_or_default())
}
