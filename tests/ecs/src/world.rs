//! The services of all accounts of a bed, and what happens to them as time goes by. It knows no HTTP and no moto.

mod behaviour;
mod deployment;
mod describe;
mod images;
mod late;
mod scaling;
mod service;
mod task;
mod tasks;
mod tick;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

pub use self::behaviour::Behaviour;
pub use self::late::Answers;
pub use self::scaling::{Autoscaler, Pull};

pub(crate) use self::images::Images;
pub(crate) use self::late::Late;
pub(crate) use self::scaling::Target;
pub(crate) use self::service::{Beginning, Controller, Rules, Service, Status};
pub(crate) use self::tasks::Wanted;

use crate::clock::Clock;
use crate::seen::Seen;
use crate::shared::Shared;
use crate::who::Who;

/// How many tasks a service starts a second, until a test says otherwise.
const PACE: f64 = 20.0;
/// How many steps a service is given to come to rest at once.
const STEPS: u32 = 100_000;
/// Who moves a service in the name of an autoscaler.
pub(crate) const AUTOSCALING: &str = "application-autoscaling";

/// See the module.
pub(crate) struct World {
    clock: Arc<Clock>,
    shared: Arc<Shared>,
    /// By their ARNs.
    services: BTreeMap<String, Service>,
    pub(crate) images: Images,
    /// Tasks a second.
    pub(crate) pace: f64,
    pub(crate) late: Late,
    /// How many tasks a cluster can take, by its name.
    pub(crate) limits: HashMap<String, u32>,
}

impl World {
    pub(crate) fn new(clock: Arc<Clock>, shared: Arc<Shared>) -> Self {
        Self {
            clock,
            shared,
            services: BTreeMap::new(),
            images: Images::default(),
            pace: PACE,
            late: Late::default(),
            limits: HashMap::new(),
        }
    }

    /// Lets everything happen that has come about by now, and answers with the time.
    pub(crate) fn advance(&mut self) -> Duration {
        let now = self.clock.elapsed();
        // Each service by itself: they meet in the room of their cluster only.
        let arns: Vec<String> = self.services.keys().cloned().collect();
        for arn in arns {
            while self.step(&arn, now) {}
        }
        now
    }

    pub(crate) fn add(&mut self, beginning: Beginning) {
        let now = self.clock.elapsed();
        let service = Service::new(beginning, now);
        let arn = service.arn.clone();
        self.late.made(&arn, now);
        self.services.insert(arn.clone(), service);
        self.begin_step(&arn);
    }

    pub(crate) fn service(&mut self, arn: &str) -> Option<&mut Service> {
        self.services.get_mut(arn)
    }

    /// The service of a name in a cluster of a name, if there is exactly one in all accounts and regions.
    pub(crate) fn only(&mut self, cluster: &str, name: &str) -> Option<&mut Service> {
        let mut found = self.services.values_mut().filter(|service| service.cluster == cluster && service.name == name);
        found.next().filter(|_| found.next().is_none())
    }

    /// Lets a service come to rest at once.
    pub(crate) fn settle(&mut self, arn: &str) {
        let now = self.clock.elapsed();
        for _ in 0..STEPS {
            let room = self.room(arn);
            match self.services.get_mut(arn) {
                Some(service) if !service.rests() => service.tick(room, now),
                Some(_) | None => return,
            }
        }
    }

    /// Keeps what descriptions show of a service, for as long as they lag behind.
    pub(crate) fn keep_shown(&mut self, arn: &str) {
        if let Some(service) = self.services.get(arn) {
            self.late.keep(Answers::Services, arn, service.describe(&self.clock), self.clock.elapsed());
        }
    }

    /// What a description shows of a service: what is, or what was.
    pub(crate) fn shown(&self, arn: &str) -> Option<Value> {
        let service = self.services.get(arn)?;
        let before = self.late.shown(Answers::Services, arn, self.clock.elapsed());
        Some(before.cloned().unwrap_or_else(|| service.describe(&self.clock)))
    }

    /// What is true of a service.
    pub(crate) fn truth(&self, arn: &str) -> Option<Value> {
        self.services.get(arn).map(|service| service.describe(&self.clock))
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Running tasks, pending tasks and active services of a cluster.
    pub(crate) fn counts(&self, cluster_arn: &str) -> (u32, u32, usize) {
        let of = || self.services.values().filter(|service| service.cluster_arn == cluster_arn);
        let active = of().filter(|service| service.status == Status::Active).count();
        (of().map(Service::running).sum(), of().map(Service::pending).sum(), active)
    }

    /// The first thing that happens after a change takes its time, too.
    pub(crate) fn begin_step(&mut self, arn: &str) {
        let next = self.clock.elapsed().saturating_add(self.step_time());
        if let Some(service) = self.services.get_mut(arn) {
            service.next_tick = service.next_tick.max(next);
        }
    }

    fn step_time(&self) -> Duration {
        Duration::try_from_secs_f64(1.0 / self.pace).unwrap_or(Duration::MAX)
    }

    /// How many tasks more the cluster of a service can take.
    fn room(&self, arn: &str) -> u32 {
        let Some(service) = self.services.get(arn) else { return 0 };
        let Some(limit) = self.limits.get(&service.cluster) else { return u32::MAX };
        let (running, pending, _) = self.counts(&service.cluster_arn);
        limit.saturating_sub(running + pending)
    }

    /// Lets the next thing happen to a service; false when nothing does until then.
    fn step(&mut self, arn: &str, until: Duration) -> bool {
        let step_time = self.step_time();
        let room = self.room(arn);
        let Some(service) = self.services.get_mut(arn) else { return false };
        let pulls = service.autoscaler.is_some() && service.target.is_some() && service.status == Status::Active;
        let pull = if pulls { service.next_pull } else { Duration::MAX };
        let tick = if service.rests() { Duration::MAX } else { service.next_tick };
        if pull.min(tick) > until {
            if service.rests() {
                service.next_tick = service.next_tick.max(until);
            }
            return false;
        }
        if tick <= pull {
            service.tick(room, tick);
            service.next_tick = tick.saturating_add(step_time);
        } else {
            self.pull(arn, pull);
        }
        true
    }

    /// Lets an autoscaler act.
    fn pull(&mut self, arn: &str, now: Duration) {
        let Some(service) = self.services.get_mut(arn) else { return };
        let (Some(autoscaler), Some(target)) = (service.autoscaler, service.target) else { return };
        service.next_pull = now.saturating_add(autoscaler.every.max(Duration::from_millis(1)));
        let wanted = target.moved(autoscaler, service.desired, service.deploys());
        if wanted != service.desired {
            self.move_to(arn, wanted, now);
        }
    }

    /// Moves a service in the name of Application Auto Scaling.
    pub(crate) fn move_to(&mut self, arn: &str, desired: u32, now: Duration) {
        self.keep_shown(arn);
        let step_time = self.step_time();
        let Some(service) = self.services.get_mut(arn) else { return };
        service.scale(desired, now);
        service.next_tick = service.next_tick.max(now.saturating_add(step_time));
        let body = json!({ "cluster": service.cluster, "service": service.name, "desiredCount": desired });
        let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let who = Who { region, ..Who::user(AUTOSCALING) };
        let mut seen = Seen::new("UpdateService", who, body, now);
        (seen.server, seen.client) = (Some(200), Some(200));
        self.shared.faults.add(seen);
    }
}
