//! Service level objectives: what response times and failures of the requests shall be, and what figures of Prometheus, in words
//! that a person writes and reads.
//!
//! `p95(checkout) < 800ms over 2m then abort` is read by [`Slo::from_str`](std::str::FromStr), which points at what is wrong, and
//! written again by its `Display`, which is read as the same. What the windows of a run say of one is found by a
//! [`Watches`], which see them one by one: while the load runs, to end it, and afterwards, for the verdict. Both are the same. The grammar is in `docs/slos.md`.

mod baseline;
mod error;
mod figure;
mod parse;
mod result;
mod stretch;
mod watch;
mod write;

pub use baseline::{BaselineError, BaselineFigures};
pub use error::SloError;
pub use parse::MOST_CHARACTERS;
pub use result::{SloResult, SloStatus};
pub use watch::{Seen, Watches, broken_now, results};

use crate::units::Span;

/// What hundred percent are in the unit of [`Percentile`].
pub(crate) const PERCENTILE_WHOLE: u32 = 100_000;
/// What hundred percent are in the unit of shares.
pub(crate) const SHARE_WHOLE: u32 = 1_000_000;
/// What a factor of 1 is in the unit of [`Limit::Baseline`].
pub(crate) const FACTOR_WHOLE: u32 = 1_000;
/// What 1 is in the unit of [`Limit::Number`].
pub(crate) const NUMBER_WHOLE: u32 = 1_000_000;

/// An objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slo {
    /// What is judged.
    pub metric: Metric,
    /// The requests it is of, by name or by method and name; `None` for all of them, and for a figure that is not of requests.
    pub requests: Option<String>,
    /// On which side of its limit it must be.
    pub bound: Bound,
    /// What it must be below, or above.
    pub limit: Limit,
    /// What is added up before it is judged.
    pub judged: Judged,
    /// The part of the load in which it is judged.
    pub during: During,
    /// What a breach leads to.
    pub then: Then,
}

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A percentile of response times.
    Percentile(Percentile),
    /// The arithmetic mean of response times.
    Mean,
    /// The share of requests that failed.
    ErrorRate,
    /// A figure of Prometheus, by its query, which gives one number.
    Prometheus(String),
}

/// On which side of its limit a figure must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// Below it.
    #[default]
    Below,
    /// Above it.
    Above,
}

impl Bound {
    /// True when a figure is on the side where it must be.
    pub(crate) fn keeps(self, figure: f64, limit: f64) -> bool {
        match self {
            Self::Below => figure < limit,
            Self::Above => figure > limit,
        }
    }

    /// The one of two figures that is further on the side where it must not be.
    pub(crate) fn worse(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Below => one.max(other),
            Self::Above => one.min(other),
        }
    }

    /// The one of two figures that is further on the side where it must be.
    pub(crate) fn better(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Below => one.min(other),
            Self::Above => one.max(other),
        }
    }
}

/// Which percentile: thousandths of a percent, above none and below all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile(pub(crate) u32);

impl Percentile {
    /// The fewest requests of which it is more than the slowest one.
    pub fn fewest(self) -> u64 {
        u64::from(PERCENTILE_WHOLE.div_ceil(PERCENTILE_WHOLE - self.0))
    }
}

/// What a figure must be below, or above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A response time, in microseconds.
    Time(u64),
    /// A share, in millionths.
    Share(u32),
    /// So many thousandths of what the baseline run had.
    Baseline(u32),
    /// A number of no unit, in millionths.
    Number(i64),
}

/// What is added up before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// All of the stretch, at its end.
    Whole,
    /// The last so much time, at every measurement.
    Over(Span),
    /// Every measurement: it is breached once all of them over so much time were beyond the limit, or, of no time, one was.
    For(Span),
    /// Every minute, of which so many millionths must be good.
    Minutes(u32),
}

/// The part of the load in which an objective is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum During {
    /// Wherever the load is level.
    #[default]
    Plateau,
    /// Wherever it is not.
    Ramp,
    /// All of it.
    Load,
}

/// What a breach leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It is marked, and the run fails at its end.
    #[default]
    Mark,
    /// The run ends, in order.
    Abort,
    /// Receivers of alerts are told, and the verdict warns of it; the run does not fail for it.
    Alert,
}

impl Slo {
    /// The name by which its requests are counted; the empty one means all of them. `None` where it is not of requests.
    pub fn counted_as(&self) -> Option<&str> {
        match self.metric {
            Metric::Percentile(_) | Metric::Mean | Metric::ErrorRate => {
                Some(self.requests.as_deref().unwrap_or_default())
            }
            Metric::Prometheus(_) => None,
        }
    }

    /// The query that gives its figure, where that is one of Prometheus.
    pub fn query(&self) -> Option<&str> {
        match &self.metric {
            Metric::Prometheus(query) => Some(query),
            Metric::Percentile(_) | Metric::Mean | Metric::ErrorRate => None,
        }
    }

    /// True when it has an error budget, which a breach has spent: it allows for a share of bad minutes, or of failed requests.
    pub fn has_budget(&self) -> bool {
        matches!((&self.metric, self.judged), (_, Judged::Minutes(_)) | (Metric::ErrorRate, Judged::Whole))
    }
}

#[cfg(test)]
#[path = "slo/figure_tests.rs"]
mod figure_tests;
#[cfg(test)]
#[path = "slo/parse_tests.rs"]
mod parse_tests;
#[cfg(test)]
#[path = "slo/run_tests.rs"]
mod run_tests;
#[cfg(test)]
#[path = "slo/watch_tests.rs"]
mod watch_tests;
