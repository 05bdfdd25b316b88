//! What a staged run is: the parts there are, what is disturbed, and what is right.

use std::fmt;

use crate::conductor::Running;
use crate::staged::scene::Scene;

/// One staged run.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, by which it is asked for.
    pub name: &'static str,
    /// What is disturbed, and when, in words.
    pub disturbed: &'static str,
    /// What the conductor has to say.
    pub expected: Expected,
    /// What there is.
    pub scenery: Scenery,
    /// Changes files before anything is started.
    pub prepare: fn(&Scene),
    /// Disturbs the run while it goes on.
    pub disturb: fn(&Scene, &mut Running),
}

/// What the conductor has to say of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The outcome, as in JSON.
    pub outcome: &'static str,
    /// The code of the first reason; `None` where there must be no reason at all.
    pub first: Option<&'static str>,
}

impl Expected {
    /// It has passed, and there is nothing to say.
    pub const PASSED: Self = Self { outcome: "passed", first: None };

    /// It has warned first of this.
    pub const fn warned(first: &'static str) -> Self {
        Self { outcome: "warned", first: Some(first) }
    }

    /// It has failed, first for this.
    pub const fn failed(first: &'static str) -> Self {
        Self { outcome: "failed", first: Some(first) }
    }

    /// It is invalid, first for this.
    pub const fn invalid(first: &'static str) -> Self {
        Self { outcome: "invalid", first: Some(first) }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            Some(first) => write!(f, "{}: {first}", self.outcome),
            None => f.write_str(self.outcome),
        }
    }
}

/// The parts of a staged run.
#[derive(Clone, Copy, Debug)]
pub struct Scenery {
    /// What each replica of the shop can do, as a factor: three of them take 3,420 orders a minute at 1.
    pub capacity: f64,
    /// Load workers of a Locust with a master; none where Locust is one process.
    pub workers: u32,
    /// Who counts the orders.
    pub kpi: Kpi,
    /// Whether the shop pays by way of Skipper, with Hoverfly in the provider's place for load tests.
    pub mock: bool,
    /// Whether the conductor reaches Locust by a front that can be stuck.
    pub front: bool,
    /// Whether the shop is in a Kubernetes cluster, where others may deploy.
    pub cluster: bool,
}

impl Scenery {
    /// A shop that has more than enough, and a Locust that is one process and counts.
    pub const LOCAL: Self =
        Self { capacity: 1.0, workers: 0, kpi: Kpi::Locust, mock: false, front: false, cluster: false };
    /// The whole chain: load workers, the mock of the payment provider, and a Prometheus that checks the count of Locust.
    pub const WHOLE: Self = Self { workers: 2, kpi: Kpi::CheckedByPrometheus, mock: true, ..Self::LOCAL };
}

/// Who counts the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kpi {
    /// Locust.
    Locust,
    /// Locust, checked by a Prometheus that scrapes the shop.
    CheckedByPrometheus,
    /// That Prometheus.
    Prometheus,
}
