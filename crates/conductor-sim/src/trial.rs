//! One run of an algorithm on a plant: the network lives, the algorithm sees what it may see and commands users. What
//! the algorithms do is in `law`, what a run is worth in `score`, one run to look at in `course`, and many runs are in `table`.

pub(crate) mod law;

use crate::draw::Chance;
use crate::model::{Model, STEP_S};
use crate::network::{Network, Responses};
use crate::plant::{LostSample, Plant};
use law::{Algorithm, Law, Order, Seen};

use conductor_core::ramp::{Congestion, CongestionWatch, Mode};

/// Scores are taken on windows of so many seconds, whatever the interval of the algorithm.
pub(crate) const WINDOW_S: f64 = 60.0;

/// A plant, made ready for many runs.
pub(crate) struct Bench {
    pub(crate) model: Model,
    /// Seconds between two decisions.
    pub(crate) tick_s: f64,
    /// KPI events per user and minute while nothing changes.
    pub(crate) nominal_gain: f64,
    /// Users that perfect knowledge would command at each tick.
    oracle: Vec<f64>,
}

/// What happened in a run.
pub(crate) struct Trace {
    /// Users at the end of each scored window, the load's beginning first.
    pub(crate) users: Vec<f64>,
    /// KPI events per minute in each scored window; zero at the beginning.
    pub(crate) kpi_per_min: Vec<f64>,
    /// When the algorithm said that the KPI is gone, seconds.
    pub(crate) stall_alarms_s: Vec<f64>,
    /// What the algorithm made of it, at each tick.
    pub(crate) insights: Vec<Insight>,
}

/// What an algorithm made of what it saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Insight {
    /// When, seconds since the load began.
    pub at_s: f64,
    /// What it is doing; absent for algorithms without modes.
    pub mode: Option<Mode>,
    /// Users at the plant's limit as it believes, where it has found one.
    pub knee_users: Option<f64>,
}

impl Bench {
    pub(crate) fn new(plant: &Plant, tick_s: f64) -> Self {
        let model = Model::new(plant);
        Self { nominal_gain: model.nominal_gain(), oracle: law::oracle_users(&model, tick_s), tick_s, model }
    }

    /// Scored windows in a run.
    pub(crate) fn windows(&self) -> usize {
        (self.model.length_s() / WINDOW_S) as usize
    }

    /// Runs an algorithm once.
    pub(crate) fn run(&self, algorithm: Algorithm, seed: u64) -> Trace {
        Run::new(self, algorithm, seed).finish()
    }
}

/// A run under way.
struct Run<'a> {
    bench: &'a Bench,
    network: Network,
    law: Law<'a>,
    /// Decides which samples are lost.
    luck: Chance,
    flag: CongestionFlag,
    tells_congestion: bool,
    /// KPI events up to the end of each step, the load's beginning first.
    counted: Vec<i64>,
    trace: Trace,
}

/// Streams of chance beside the network's, so that what one algorithm draws leaves the network of another alone.
const LUCK: u64 = 0x6c75_636b;
const FLAG: u64 = 0x666c_6167;

impl<'a> Run<'a> {
    fn new(bench: &'a Bench, algorithm: Algorithm, seed: u64) -> Self {
        let model = &bench.model;
        let steps = (model.length_s() / STEP_S) as usize;
        let mut counted = Vec::with_capacity(steps + 1);
        counted.push(0);
        let windows = bench.windows() + 1;
        Self {
            bench,
            network: Network::new(model, Chance::new(seed)),
            law: Law::new(bench, algorithm, seed),
            luck: Chance::new(seed ^ LUCK),
            flag: CongestionFlag { chance: Chance::new(seed ^ FLAG), watch: CongestionWatch::default() },
            tells_congestion: model.tells_congestion || algorithm.tells_congestion(),
            counted,
            trace: Trace {
                users: Vec::with_capacity(windows),
                kpi_per_min: Vec::with_capacity(windows),
                stall_alarms_s: Vec::new(),
                insights: Vec::with_capacity((model.length_s() / bench.tick_s) as usize + 1),
            },
        }
    }

    fn finish(mut self) -> Trace {
        let model = &self.bench.model;
        let (steps, tick) = ((model.length_s() / STEP_S) as usize, steps_in(self.bench.tick_s));
        let window = steps_in(WINDOW_S);
        for step in 0..steps {
            if step.is_multiple_of(window) {
                self.score(step, window);
            }
            if step.is_multiple_of(tick) {
                self.decide(step, tick);
            }
            let events = self.network.step(&model.at(step as f64 * STEP_S), model.max_users);
            self.counted.push(self.counted[step] + events);
        }
        if steps.is_multiple_of(window) {
            self.score(steps, window);
        }
        self.trace
    }

    fn score(&mut self, step: usize, window: usize) {
        self.trace.users.push(self.network.running() as f64);
        self.trace.kpi_per_min.push(self.between(step.saturating_sub(window), step) * 60.0 / WINDOW_S);
    }

    /// KPI events between two steps.
    fn between(&self, from: usize, to: usize) -> f64 {
        (self.counted[to] - self.counted[from]) as f64
    }

    fn decide(&mut self, step: usize, tick: usize) {
        let at_s = step as f64 * STEP_S;
        let delayed = step.saturating_sub(steps_in(self.bench.model.report_delay_s));
        let count = self.between(delayed.saturating_sub(tick), delayed);
        let is_lost = self.bench.model.lost_samples > 0.0 && self.luck.uniform() < self.bench.model.lost_samples;
        let count = match self.bench.model.lost_read_as {
            LostSample::Missing => (!is_lost).then_some(count),
            LostSample::Zero => Some(if is_lost { 0.0 } else { count }),
        };
        let responses = self.network.take_responses();
        let congestion = if self.tells_congestion { self.flag.of(&responses) } else { Congestion::Unknown };
        let seen = Seen { at_s, users: self.network.running() as f64, count, congestion };
        let Order { users, spawn_rate, is_stalled, mode, knee_users } = self.law.decide(&seen);
        self.network.command(users, spawn_rate);
        if is_stalled {
            self.trace.stall_alarms_s.push(at_s);
        }
        self.trace.insights.push(Insight { at_s, mode, knee_users });
    }
}

fn steps_in(seconds: f64) -> usize {
    (seconds / STEP_S).round() as usize
}

/// What response times and failures say, with the error of a measured mean.
struct CongestionFlag {
    chance: Chance,
    watch: CongestionWatch,
}

impl CongestionFlag {
    fn of(&mut self, responses: &Responses) -> Congestion {
        /// How exactly a mean response time is known, relative.
        const NOISE: f64 = 0.05;
        if responses.answered == 0 {
            return self.watch.see(None, None);
        }
        let answered = responses.answered as f64;
        let mean_s = responses.waited_s / answered * (1.0 + NOISE * self.chance.normal());
        self.watch.see(Some(mean_s), Some(responses.given_up as f64 / answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench(document: serde_json::Value, tick_s: f64) -> Bench {
        Bench::new(&serde_json::from_value(document).unwrap(), tick_s)
    }

    fn shop() -> serde_json::Value {
        serde_json::json!({ "run": { "target": "600/min" }, "journey": {}, "checkout": {} })
    }

    #[test]
    fn the_same_seed_gives_the_same_run_and_another_one_another() {
        let bench = bench(shop(), 60.0);
        for algorithm in Algorithm::ALL {
            let (once, again) = (bench.run(algorithm, 7), bench.run(algorithm, 7));
            assert_eq!(once.kpi_per_min, again.kpi_per_min, "{algorithm}");
            assert_ne!(once.kpi_per_min, bench.run(algorithm, 8).kpi_per_min, "{algorithm}");
        }
    }

    #[test]
    fn a_run_is_scored_on_minutes_whatever_the_tick() {
        for tick_s in [15.0, 30.0, 60.0] {
            let trace = bench(shop(), tick_s).run(Algorithm::Fixed, 1);
            assert_eq!((trace.users.len(), trace.kpi_per_min.len()), (91, 91));
            assert_eq!(trace.insights.len(), (5400.0 / tick_s) as usize);
        }
    }

    #[test]
    fn one_user_that_was_quick_before_the_load_makes_the_first_ones_fewer() {
        let mut document = shop();
        document["run"]["rampUp"] = "1m".into();
        let alone = bench(document.clone(), 60.0).run(Algorithm::Adaptive, 1).users[1];
        document["hints"] = serde_json::json!({ "firstKpi": "10s" });
        let told = bench(document, 60.0).run(Algorithm::Adaptive, 1).users[1];
        assert_eq!((alone, told), (200.0, 100.0), "six a minute instead of three");
    }

    #[test]
    fn a_lost_sample_is_missing_or_zero_as_the_plant_says() {
        let mut document = shop();
        document["kpi"] = serde_json::json!({ "lostSamples": 1.0, "lostReadAs": "zero" });
        let zero = bench(document.clone(), 60.0).run(Algorithm::TstFeedback, 1);
        document["kpi"]["lostReadAs"] = "missing".into();
        let missing = bench(document, 60.0).run(Algorithm::TstFeedback, 1);
        assert!(zero.users[40] > 1000.0, "it doubles on zeros");
        assert_eq!(missing.users[40], 0.0, "it waits for what is missing");
    }
}
