//! Whether two runs differ by more than chance explains: what was changed, what was measured, and how sure that is. Pure.
//!
//! Windows of one run are no independent samples: a control law and a queue make each resemble the one before. Their mean is
//! therefore estimated by *batch means*: windows that follow each other are averaged until the averages do not resemble their
//! neighbours any more (Law and Carson, “A sequential procedure for determining the length of a steady-state simulation”,
//! Operations Research 27, 1979); what resemblance is left, where there are too few windows for that, widens the interval as in an
//! autoregressive process of the first order, by (1 + r) / (1 − r). The two sets of batch means are compared by Welch's test, which does not ask for equal
//! scatter (Welch, “The generalization of ‘Student's’ problem when several different population variances are involved”,
//! Biometrika 34, 1947). Each interval is one of 99 %, so that among the four figures one is called different by chance in at
//! most 4 of 100 comparisons.

mod batches;
mod changes;
mod metrics;

use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use serde::Serialize;

pub use batches::Interval;
pub use changes::Change;
pub use metrics::Metric;

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The first run.
    pub first: String,
    /// The second run.
    pub second: String,
    /// What is not the same in both.
    pub changes: Vec<Change>,
    /// What was measured in both.
    pub metrics: Vec<Metric>,
    /// Whether there is a difference, in a sentence.
    pub sentence: String,
}

/// Compares two runs, by the windows of their level stretches.
pub fn compare(first: &RunView, second: &RunView) -> Comparison {
    let metrics = metrics::all(first, second);
    Comparison {
        first: first.id.to_string(),
        second: second.id.to_string(),
        changes: changes::all(first, second),
        sentence: sentence(first, second, &metrics),
        metrics,
    }
}

fn sentence(first: &RunView, second: &RunView, metrics: &[Metric]) -> String {
    for run in [first, second] {
        match run.verdict.as_ref().map(|verdict| verdict.outcome) {
            Some(Outcome::Passed | Outcome::Warned | Outcome::Failed) => {}
            Some(outcome @ (Outcome::Invalid | Outcome::Cancelled)) => {
                return format!("Nothing is to be said of a difference: run {} is {outcome}.", run.id);
            }
            None => return format!("Nothing is to be said of a difference yet: run {} goes on.", run.id),
        }
    }
    let told: Vec<&Metric> = metrics.iter().filter(|metric| metric.difference.is_some()).collect();
    if told.is_empty() {
        return "Nothing is to be said of a difference: there are too few windows on a level.".to_owned();
    }
    let real: Vec<String> = told.iter().filter(|metric| metric.is_real()).map(|metric| metric.words()).collect();
    if real.is_empty() {
        return "No difference is larger than chance explains.".to_owned();
    }
    format!("The difference is real: {}.", real.join("; "))
}

#[cfg(test)]
mod tests;
