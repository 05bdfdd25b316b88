//! What an earlier run had, for objectives that are relative to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::stretch::Stretches;
use super::watch::Watch;
use super::{Judged, Limit, Slo};
use crate::run::RunId;
use crate::spec::LoadTestSpec;
use crate::view::RunView;

/// The figures of a baseline run, as the journal of the run that is compared with it keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BaselineFigures {
    /// The baseline run.
    pub run: RunId,
    /// Its figures over all of the same part of its load, by objective's figure and part, in milliseconds or percent.
    pub figures: BTreeMap<String, f64>,
}

/// Why a run cannot be the baseline of a load test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; expected {expected}")]
pub struct BaselineError {
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

impl BaselineFigures {
    /// The figures that the objectives of a load test need of a run.
    ///
    /// # Errors
    /// When the run does not have one of them.
    pub fn of(spec: &LoadTestSpec, run: &RunView, interval_s: f64) -> Result<Self, BaselineError> {
        let mut figures = BTreeMap::new();
        for slo in spec.slos.iter().filter(|slo| matches!(slo.limit, Limit::Baseline(_))) {
            let stretches = Stretches::of(slo.during, &run.profile, interval_s);
            let mut watch = Watch::new(&Slo { judged: Judged::Whole, ..slo.clone() }, None);
            let windows = run.ticks.iter().filter_map(|tick| tick.requests_by_name.as_ref());
            windows.for_each(|window| watch.see(window, &stretches));
            let Some(figure) = watch.of_whole() else {
                return Err(BaselineError {
                    problem: format!("run {} has no {} of its {}", run.id, slo.figure(), slo.during),
                    expected: "a run that had enough of these requests then, and an objective of them, by which they were counted"
                        .to_owned(),
                });
            };
            figures.insert(key(slo), figure);
        }
        Ok(Self { run: run.id.clone(), figures })
    }

    /// What the baseline run had of an objective's figure, in milliseconds or percent.
    pub fn figure(&self, slo: &Slo) -> Option<f64> {
        self.figures.get(&key(slo)).copied()
    }
}

fn key(slo: &Slo) -> String {
    format!("{} during {}", slo.figure(), slo.during)
}
