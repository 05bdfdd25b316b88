//! The workers of the load generator while load is generated: when more of them are asked for, ahead of saturation. Pure.
//!
//! Up only, one request at a time, and with a rest after each: workers that join let users be spread anew. What a user
//! costs a worker is fitted from the run's own windows, or was learnt by the former run until they tell. Where neither
//! tells, a worker that stays above its CPU does.

use super::{Changes, Level, Measurement, Note};
use crate::app::Allocation;
use crate::load::{GeneratorStatus, Mark};
use crate::ramp::{Advice, Mode, Profile};
use crate::run::Created;
use crate::scale::ScaleStep;
use crate::sizing::{Point, WorkerCost, point};
use crate::spec::LoadWorkers;

/// How far ahead the line is looked at, seconds, and intervals if that is longer: a new worker may need a new machine.
const AHEAD_S: f64 = 600.0;
const AHEAD_INTERVALS: f64 = 5.0;
/// Relative standard deviation of KPI per user from which on the line ahead says nothing of users; that of a ratio that
/// was told is below.
const UNKNOWN: f64 = 0.3;
/// A cost counts once a worker has run this share of the users that it says one can: less is too far to extrapolate.
const TRIED: f64 = 0.25;
/// Fewest windows to fit a cost to: what they do not tell is a worker too many, and waiting may be one too few.
const FEWEST: usize = 3;
/// Windows in a row above the planned CPU that count without any cost: one may be a neighbour on the machine.
const BUSY: u32 = 2;
/// Windows after an answer in which users are being spread anew.
const REST: u32 = 2;
/// Windows after a failure before it is tried again.
const REST_AFTER_FAILURE: u32 = 10;
/// Most windows that are kept; beyond them every other one is dropped.
const MOST_WINDOWS: usize = 480;

/// Where the scaling of the load workers stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Workers {
    plan: LoadWorkers,
    /// What the application has, as far as it was answered.
    present: Allocation,
    /// What was asked for and is not answered yet.
    asked: Option<ScaleStep>,
    learnt: Option<WorkerCost>,
    windows: Windows,
    busy: u32,
    rest: u32,
    /// Whether people know that `most` is not enough.
    told_short: bool,
    news: Option<Note>,
}

/// The windows from which the cost is fitted. Their number is bounded.
#[derive(Clone, Debug, PartialEq)]
struct Windows {
    kept: Vec<Point>,
    every: u64,
    seen: u64,
}

/// Workers needed, and why.
struct Need {
    workers: u32,
    why: String,
}

impl Workers {
    /// The workers of a run whose load begins; `None` where the test does not let them be scaled.
    pub(super) fn begin(created: &Created, changes: &Changes, users_ahead: f64) -> Option<Self> {
        let load = &created.spec.load;
        let plan = load.workers.clone()?;
        let learnt = created.learnt.as_ref().filter(|_| load.learn_from_last_run).and_then(|learnt| learnt.cost);
        let mut workers = Self {
            present: match changes.plan.scaled(&plan.application) {
                Some(scaled) => scaled.clone(),
                None => changes.baseline.get(&plan.application)?.allocation.clone(),
            },
            plan,
            asked: None,
            learnt,
            windows: Windows { kept: Vec::new(), every: 1, seen: 0 },
            busy: 0,
            rest: 0,
            told_short: false,
            news: None,
        };
        if let Some(need) = workers.by_cost(users_ahead) {
            workers.decide(need, None);
        }
        Some(workers)
    }

    /// What was asked for and is not answered yet.
    pub fn asked(&self) -> Option<&ScaleStep> {
        self.asked.as_ref()
    }

    /// What the last window has brought, for people.
    pub(crate) fn news(&self) -> Option<&Note> {
        self.news.as_ref()
    }

    /// Takes in a window, and asks for more workers where the users that are ahead need them.
    pub(super) fn see(&mut self, measurement: &Measurement, users_ahead: f64) {
        self.news = None;
        let Some(status) = &measurement.generator else { return };
        let mut marks = status.marks.clone();
        marks.extend(measurement.sample.iter().flat_map(|sample| &sample.marks));
        let rests = self.rest > 0;
        self.rest = self.rest.saturating_sub(1);
        let above = status.cpu_percent.is_some_and(|cpu| cpu > self.plan.target_cpu);
        let busy = above || marks.contains(&Mark::GeneratorBound);
        self.busy = if busy && !marks.contains(&Mark::WorkerJoined) { self.busy.saturating_add(1) } else { 0 };
        if rests {
            return;
        }
        if let Some(point) = point(status.users, status.workers, status.cpu_percent, &marks) {
            self.windows.keep(point);
        }
        let needs = [self.by_cost(users_ahead), self.by_cpu(status)].into_iter().flatten();
        if let Some(need) = needs.max_by_key(|need| need.workers).filter(|_| self.asked.is_none()) {
            self.decide(need, status.workers);
        }
    }

    /// Takes in that what was asked for was done, or not.
    pub(super) fn answer(&mut self, done: bool) {
        let Some(step) = self.asked.take() else { return };
        self.busy = 0;
        if done {
            self.present = step.to;
        }
        self.rest = if done { REST } else { REST_AFTER_FAILURE };
    }

    fn decide(&mut self, need: Need, running: Option<u32>) {
        let has = self.present.replicas.max(running.unwrap_or_default());
        let LoadWorkers { application, most, .. } = &self.plan;
        let to = self.present.with_replicas(need.workers.min(*most));
        let mut told = Vec::new();
        if to.replicas > has {
            let step = ScaleStep { application: application.clone(), from: self.present.clone(), to };
            told.push(format!("load workers are scaled, {step}"));
            self.asked = Some(step);
        }
        let short = need.workers > has.max(*most) && !self.told_short;
        if short {
            self.told_short = true;
            told.push(format!("{} load workers are needed, and spec.load.workers.most is {most}", need.workers));
        }
        if !told.is_empty() {
            let level = if short { Level::Warning } else { Level::Info };
            self.news = Some(Note { level, message: format!("{}: {}", told.join("; "), need.why) });
        }
    }

    /// The workers that so many users need, by what a user costs.
    fn by_cost(&self, users: f64) -> Option<Need> {
        let cpu = self.plan.target_cpu;
        let tried = |cost: &WorkerCost| cost.most_users >= TRIED * cost.users_per_worker(cpu);
        let fitted = WorkerCost::fit(self.windows.kept.clone(), FEWEST).filter(tried);
        let each = fitted.or(self.learnt.filter(tried))?.users_per_worker(cpu);
        let why = format!("{users:.0} users are ahead, and one worker runs {each:.0} at {cpu} % CPU");
        Some(Need { workers: (users / each).ceil() as u32, why })
    }

    /// The workers among which the present load would be within the planned CPU, where it is not.
    fn by_cpu(&self, status: &GeneratorStatus) -> Option<Need> {
        let running = status.workers.filter(|_| self.busy >= BUSY)?;
        let cpu = status.cpu_percent.unwrap_or(100.0);
        let enough = (f64::from(running) * cpu / self.plan.target_cpu).ceil() as u32;
        let why = format!("the busiest worker is at {cpu:.0} % CPU, and {} % are planned", self.plan.target_cpu);
        Some(Need { workers: enough.max(running.saturating_add(1)), why })
    }
}

impl Windows {
    fn keep(&mut self, point: Point) {
        let number = self.seen;
        self.seen += 1;
        if !number.is_multiple_of(self.every) {
            return;
        }
        self.kept.push(point);
        if self.kept.len() >= MOST_WINDOWS {
            let mut position = 0;
            self.kept.retain(|_| {
                position += 1;
                position % 2 == 1
            });
            self.every *= 2;
        }
    }
}

/// Users that the law is heading for: those that it advises, and while it follows the line, those that the line ahead
/// takes by what it has learnt.
pub(super) fn users_ahead(advice: &Advice, profile: &Profile, at_s: f64, interval_s: f64, most: Option<u64>) -> f64 {
    let follows = match advice.mode {
        Mode::Boot | Mode::Track => true,
        Mode::Test | Mode::Drain | Mode::Climb | Mode::Hold | Mode::Probe | Mode::Stalled => false,
    };
    let advised = advice.users as f64;
    let known = advice.gain > 0.0 && advice.gain_sd < UNKNOWN;
    let ahead_s = at_s + AHEAD_S.max(AHEAD_INTERVALS * interval_s);
    let ahead = if follows && known { highest(profile, at_s, ahead_s) / advice.gain } else { 0.0 };
    advised.max(ahead.ceil()).min(most.map_or(f64::INFINITY, |most| most as f64))
}

/// The highest level of the line between two times.
fn highest(profile: &Profile, from_s: f64, to_s: f64) -> f64 {
    let inside = profile.points().iter().filter(|point| (from_s..=to_s).contains(&point.at_s));
    inside.map(|point| point.per_min).fold(profile.at(from_s).max(profile.at(to_s)), f64::max)
}

#[cfg(test)]
#[path = "workers_tests.rs"]
mod tests;
