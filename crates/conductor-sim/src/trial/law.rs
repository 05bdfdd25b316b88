//! The algorithms that can be compared. Those that the product runs come from `conductor_core::ramp`; the peers and the
//! oracle live here only, for comparison, and are in `peers`.

mod peers;

use std::fmt;
use std::str::FromStr;

use conductor_core::ramp::{self, Alarm, Congestion, Mode, Observation, Window};

use super::Bench;
use crate::draw::Chance;
use peers::Peer;

pub(crate) use peers::oracle_users;

/// An algorithm that steers load by a KPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// The product's own: feed-forward on a learnt ratio. It is told what the plant's hints tell.
    Adaptive,
    /// The same, told the users per KPI event with an error of 25 % (lognormal, drawn for each seed).
    AdaptivePrior,
    /// The same, told whether response times and failures speak of congestion.
    AdaptiveCongestion,
    /// The same, told both.
    AdaptiveBoth,
    /// Zalando's published rule, continued on the plateau.
    Published,
    /// Zalando's published rule, which stops at the end of the ramp.
    PublishedFrozen,
    /// The right ratio, known beforehand, and no feedback.
    Fixed,
    /// A PID controller, tuned on the named scenarios and scaled by the right ratio.
    Pid,
    /// JMeter's `tstFeedback` of the throughput shaping timer.
    TstFeedback,
    /// The goal-based load pattern of Visual Studio.
    GoalBased,
    /// Perfect knowledge of ratio, lag and capacity, and no feedback: what is left is mostly chance, but for systems that do not
    /// come back from a collapse by themselves.
    Oracle,
}

/// A name that is no algorithm's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is no algorithm; expected all or some of {}", Algorithm::names())]
pub struct UnknownAlgorithm {
    /// The name.
    pub name: String,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 11] = [
        Self::Adaptive,
        Self::AdaptivePrior,
        Self::AdaptiveCongestion,
        Self::AdaptiveBoth,
        Self::Published,
        Self::PublishedFrozen,
        Self::Fixed,
        Self::Pid,
        Self::TstFeedback,
        Self::GoalBased,
        Self::Oracle,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::AdaptivePrior => "adaptive+prior",
            Self::AdaptiveCongestion => "adaptive+congestion",
            Self::AdaptiveBoth => "adaptive+both",
            Self::Published => "published",
            Self::PublishedFrozen => "published-frozen",
            Self::Fixed => "fixed",
            Self::Pid => "pid",
            Self::TstFeedback => "tst-feedback",
            Self::GoalBased => "goal-based",
            Self::Oracle => "oracle",
        }
    }

    /// Whether it is told of congestion even where the plant does not say so.
    pub(crate) const fn tells_congestion(self) -> bool {
        matches!(self, Self::AdaptiveCongestion | Self::AdaptiveBoth)
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.name() == text);
        known.ok_or_else(|| UnknownAlgorithm { name: text.to_owned() })
    }
}

/// What an algorithm sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Seconds since the load began.
    pub(crate) at_s: f64,
    /// Users running.
    pub(crate) users: f64,
    /// KPI events in the last tick; `None` when they are not known.
    pub(crate) count: Option<f64>,
    /// What response times and failures say.
    pub(crate) congestion: Congestion,
}

/// What an algorithm commands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Users from now on.
    pub(crate) users: f64,
    /// Users started or stopped per second.
    pub(crate) spawn_rate: f64,
    /// Whether it says that the KPI is gone.
    pub(crate) is_stalled: bool,
    /// What it is doing, where it tells.
    pub(crate) mode: Option<Mode>,
    /// Users at the limit it has found, where it has found one.
    pub(crate) knee_users: Option<f64>,
}

/// An algorithm at work.
pub(crate) enum Law<'a> {
    /// One of the product's.
    Product(Box<Product>),
    /// One for comparison.
    Peer(Peer<'a>),
}

/// One of the product's laws at work.
pub(crate) struct Product {
    config: ramp::Config,
    /// What one user has produced before the load.
    rehearsal: Option<Window>,
    /// Absent only while a step is taken.
    state: Option<ramp::State>,
}

/// The stream of chance that the error of a prior is drawn from.
const PRIOR: u64 = 0x7072_696f;
/// The error of a prior, as the standard deviation of its logarithm.
const PRIOR_ERROR: f64 = 0.25;

impl<'a> Law<'a> {
    pub(crate) fn new(bench: &'a Bench, algorithm: Algorithm, seed: u64) -> Self {
        match algorithm {
            Algorithm::Adaptive | Algorithm::AdaptiveCongestion => {
                Self::Product(Box::new(Product::new(bench, ramp::Algorithm::Adaptive, bench.model.users_per_kpi)))
            }
            Algorithm::AdaptivePrior | Algorithm::AdaptiveBoth => {
                let error = libm::exp(PRIOR_ERROR * Chance::new(seed ^ PRIOR).normal());
                Self::Product(Box::new(Product::new(
                    bench,
                    ramp::Algorithm::Adaptive,
                    Some(error / bench.nominal_gain),
                )))
            }
            Algorithm::Published => Self::Product(Box::new(Product::new(bench, ramp::Algorithm::Published, None))),
            Algorithm::PublishedFrozen => {
                Self::Product(Box::new(Product::new(bench, ramp::Algorithm::PublishedFrozen, None)))
            }
            Algorithm::Fixed => Self::Peer(Peer::fixed(bench)),
            Algorithm::Pid => Self::Peer(Peer::pid(bench)),
            Algorithm::TstFeedback => Self::Peer(Peer::tst_feedback(bench)),
            Algorithm::GoalBased => Self::Peer(Peer::goal_based(bench)),
            Algorithm::Oracle => Self::Peer(Peer::oracle(bench, &bench.oracle)),
        }
    }

    pub(crate) fn decide(&mut self, seen: &Seen) -> Order {
        match self {
            Self::Product(product) => product.decide(seen),
            Self::Peer(peer) => peer.decide(seen),
        }
    }
}

impl Product {
    fn new(bench: &Bench, algorithm: ramp::Algorithm, users_per_kpi: Option<f64>) -> Self {
        let config = ramp::Config {
            users_per_kpi,
            kpi_lag_s: bench.model.kpi_lag_s,
            ..ramp::Config::new(algorithm, bench.model.line.clone(), bench.tick_s)
        };
        let rehearsal = bench.model.first_kpi_s.map(|first_s| Window { from_s: -first_s, to_s: 0.0, count: 1.0 });
        let state = Some(ramp::State::new(&config));
        Self { config, rehearsal, state }
    }

    fn decide(&mut self, seen: &Seen) -> Order {
        let from_s = seen.at_s - self.config.interval_s;
        let window = if seen.at_s > 0.0 {
            seen.count.map(|count| Window { from_s, to_s: seen.at_s, count })
        } else {
            self.rehearsal
        };
        let observation =
            Observation { at_s: seen.at_s, users: seen.users as u64, window, congestion: seen.congestion };
        let state = self.state.take().unwrap_or_else(|| ramp::State::new(&self.config));
        let (state, advice) = ramp::step(&self.config, state, &observation);
        self.state = Some(state);
        let is_stalled = match advice.alarm {
            Some(Alarm::Stalled) => true,
            Some(Alarm::GeneratorShort) | None => false,
        };
        Order {
            users: advice.users as f64,
            spawn_rate: advice.spawn_rate,
            is_stalled,
            mode: (self.config.algorithm == ramp::Algorithm::Adaptive).then_some(advice.mode),
            knee_users: advice.knee.map(|knee| knee.users),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_what_they_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        let error = "zalando".parse::<Algorithm>().unwrap_err().to_string();
        assert!(error.starts_with("\"zalando\" is no algorithm; expected all or some of adaptive, "), "{error}");
    }
}
