//! How many workers of the load generator a target needs, learnt from users, KPI per user and worker CPU. Pure.
//!
//! The CPU of a worker is fitted as that of an idle one plus so much a user. The fit is robust: medians of groups of
//! windows, and between them the median of all slopes (Theil–Sen), so that neither a start-up nor a neighbour on the
//! machine decides.

use serde::{Deserialize, Serialize};

use crate::load::Mark;
use crate::view::{RunView, Tick};

/// The CPU up to which a worker is planned where a load test says nothing else, percent of one core: above 90 its figures are its own and not the system's,
/// and users are not spread evenly.
pub const PLANNED_CPU: f64 = 75.0;
/// CPU above which a worker no longer does what it is told, percent of one core.
pub(crate) const LIMIT_CPU: f64 = 90.0;
/// Fewest windows that are worth telling of.
const FEWEST: usize = 5;
/// Groups that windows are put into.
const GROUPS: usize = 24;
/// Users must differ by this factor for a slope to be told from an idle worker's CPU.
const SPREAD: f64 = 1.5;

/// What users cost a worker of the load generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerCost {
    /// CPU of one user on the worker that runs it, percent of one core.
    pub cpu_per_user: f64,
    /// CPU of a worker without users, percent of one core.
    pub idle_cpu: f64,
    /// Windows that it was learnt from.
    pub windows: usize,
    /// The most users that one worker has run in them; what is said of more is extrapolated.
    pub most_users: f64,
}

/// How many workers a target needs, with the figures behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizing {
    /// The target, KPI events per minute.
    pub target_per_min: f64,
    /// Users that reach it.
    pub users: f64,
    /// The CPU up to which a worker is planned, percent of one core.
    pub planned_cpu: f64,
    /// Users that one worker can run at that CPU.
    pub users_per_worker: f64,
    /// Workers needed.
    pub workers: u32,
    /// Workers that there are; one where the generator is a single process.
    pub present: u32,
    /// What users cost.
    pub cost: WorkerCost,
}

/// One window: users on a worker, and the busiest worker's CPU.
pub(crate) type Point = (f64, f64);

impl WorkerCost {
    /// What the windows of a run tell; `None` where the CPU is not known or windows are too few. Windows in which a
    /// worker was at its limit, or workers came and went, tell nothing.
    pub fn learn(ticks: &[Tick]) -> Option<Self> {
        let seen = |tick: &Tick| point(tick.users?, tick.workers, tick.cpu_percent, &tick.marks);
        Self::fit(ticks.iter().filter_map(seen).collect(), FEWEST)
    }

    /// What points tell; `None` where they are fewer than so many.
    pub(crate) fn fit(mut points: Vec<Point>, fewest: usize) -> Option<Self> {
        if points.len() < fewest.max(1) {
            return None;
        }
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let grouped: Vec<Point> = points.chunks(points.len().div_ceil(GROUPS)).map(middle).collect();
        let most_users = points.last()?.0;
        let line = sloped(&grouped).unwrap_or_else(|| (flat(&grouped), 0.0));
        let (cpu_per_user, idle_cpu) = line;
        (cpu_per_user > 0.0).then_some(Self { cpu_per_user, idle_cpu, windows: points.len(), most_users })
    }

    /// Users that one worker can run at this CPU.
    pub fn users_per_worker(self, planned_cpu: f64) -> f64 {
        ((planned_cpu - self.idle_cpu) / self.cpu_per_user).floor().max(1.0)
    }

    /// The workers, each planned for this CPU, that a target needs where one KPI event per minute needs so many users.
    pub fn sizing(self, planned_cpu: f64, target_per_min: f64, users_per_kpi: f64, present: Option<u32>) -> Sizing {
        let users = (target_per_min * users_per_kpi).ceil().max(1.0);
        let users_per_worker = self.users_per_worker(planned_cpu);
        let workers = (users / users_per_worker).ceil() as u32;
        let present = present.unwrap_or(1);
        Sizing { target_per_min, users, planned_cpu, users_per_worker, workers, present, cost: self }
    }
}

impl Sizing {
    /// What a run tells of its own target, with workers planned for this CPU; `None` where it tells nothing.
    pub fn of(view: &RunView, planned_cpu: f64) -> Option<Self> {
        let cost = WorkerCost::learn(&view.ticks)?;
        let present = view.last_tick().and_then(|tick| tick.workers);
        Some(cost.sizing(planned_cpu, view.target_per_min, users_per_kpi(view)?, present))
    }

    /// True when the workers that there are do.
    pub fn is_enough(&self) -> bool {
        self.present >= self.workers
    }
}

/// What a window tells; `None` where it tells nothing.
pub(crate) fn point(users: u64, workers: Option<u32>, cpu_percent: Option<f64>, marks: &[Mark]) -> Option<Point> {
    let disturbed = [Mark::GeneratorBound, Mark::WorkerLost, Mark::WorkerJoined, Mark::GeneratorRestarted];
    if marks.iter().any(|mark| disturbed.contains(mark)) {
        return None;
    }
    let users = users as f64 / f64::from(workers.unwrap_or(1).max(1));
    let cpu = cpu_percent.filter(|cpu| *cpu > 0.0 && *cpu <= LIMIT_CPU)?;
    (users > 0.0).then_some((users, cpu))
}

/// Slope and intercept of a line, where the points are far enough apart and an idle worker does not cost less than
/// nothing.
fn sloped(points: &[Point]) -> Option<(f64, f64)> {
    let (first, last) = (points.first()?, points.last()?);
    if last.0 < SPREAD * first.0 {
        return None;
    }
    let pairs =
        points.iter().enumerate().flat_map(|(number, one)| points[number + 1..].iter().map(move |other| (one, other)));
    let slopes = pairs.filter(|(one, other)| other.0 > one.0).map(|(one, other)| (other.1 - one.1) / (other.0 - one.0));
    let slope = median(slopes.collect())?;
    let idle = median(points.iter().map(|(users, cpu)| cpu - slope * users).collect())?;
    (slope > 0.0 && idle >= 0.0).then_some((slope, idle))
}

/// CPU a user, where nothing can be told of an idle worker: it is counted as the users'.
fn flat(points: &[Point]) -> f64 {
    let upper = &points[points.len() / 2..];
    median(upper.iter().map(|(users, cpu)| cpu / users).collect()).unwrap_or_default()
}

/// The middle of a group, in both directions.
fn middle(points: &[Point]) -> Point {
    let of = |value: fn(&Point) -> f64| median(points.iter().map(value).collect()).unwrap_or_default();
    (of(|point| point.0), of(|point| point.1))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

/// Users for one KPI event per minute: what the law has learnt, else what the later windows show.
fn users_per_kpi(view: &RunView) -> Option<f64> {
    let learnt = view.last_sound_advice().filter(|advice| advice.gain > 0.0 && advice.gain_sd < 0.25);
    if let Some(advice) = learnt {
        return Some(advice.gain.recip());
    }
    let seen =
        view.ticks.iter().filter_map(|tick| Some(tick.users? as f64 / tick.kpi_per_min.filter(|kpi| *kpi > 0.0)?));
    let seen: Vec<f64> = seen.collect();
    median(seen[seen.len() / 2..].to_vec())
}

#[cfg(test)]
#[path = "sizing_tests.rs"]
mod tests;
