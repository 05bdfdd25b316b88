//! Service level objectives: what response times and failures of the requests shall be, in words that a person writes and reads.
//!
//! `p95(checkout) < 800ms over 2m then abort` is read by [`Slo::from_str`](std::str::FromStr), which points at what is wrong, and
//! written again by its `Display`, which is read as the same. What the windows of a run say of one is found by a
//! [`Watches`], which see them one by one: while the load runs, to end it, and afterwards, for the verdict. Both are the same. The grammar is in `docs/slos.md`.

mod baseline;
mod error;
mod parse;
mod result;
mod stretch;
mod watch;
mod write;

pub use baseline::{BaselineError, BaselineFigures};
pub use error::SloError;
pub use parse::MOST_CHARACTERS;
pub use result::{SloResult, SloStatus};
pub use watch::{Watches, broken_now, results};

use crate::units::Span;

/// What hundred percent are in the unit of [`Percentile`].
pub(crate) const PERCENTILE_WHOLE: u32 = 100_000;
/// What hundred percent are in the unit of shares.
pub(crate) const SHARE_WHOLE: u32 = 1_000_000;
/// What a factor of 1 is in the unit of [`Limit::Baseline`].
pub(crate) const FACTOR_WHOLE: u32 = 1_000;

/// An objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slo {
    /// What is judged.
    pub metric: Metric,
    /// The requests it is of, by name or by method and name; `None` for all of them.
    pub requests: Option<String>,
    /// What it must be below.
    pub limit: Limit,
    /// What is added up before it is judged.
    pub judged: Judged,
    /// The part of the load in which it is judged.
    pub during: During,
    /// What a breach leads to.
    pub then: Then,
}

/// What is judged of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A percentile of response times.
    Percentile(Percentile),
    /// The arithmetic mean of response times.
    Mean,
    /// The share of requests that failed.
    ErrorRate,
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

/// What a figure must be below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A response time, in microseconds.
    Time(u64),
    /// A share, in millionths.
    Share(u32),
    /// So many thousandths of what the baseline run had.
    Baseline(u32),
}

/// What is added up before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// All of the stretch, at its end.
    Whole,
    /// The last so much time, at every measurement.
    Over(Span),
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
}

impl Slo {
    /// The name by which its requests are counted; the empty one means all of them.
    pub fn counted_as(&self) -> &str {
        self.requests.as_deref().unwrap_or_default()
    }

    /// True when it has an error budget, which a breach has spent: it allows for a share of bad minutes, or of failed requests.
    pub fn has_budget(&self) -> bool {
        matches!((self.metric, self.judged), (_, Judged::Minutes(_)) | (Metric::ErrorRate, Judged::Whole))
    }
}

#[cfg(test)]
#[path = "slo/parse_tests.rs"]
mod parse_tests;
#[cfg(test)]
#[path = "slo/run_tests.rs"]
mod run_tests;
#[cfg(test)]
#[path = "slo/watch_tests.rs"]
mod watch_tests;
