//! Whether two runs differ by more than chance explains: what was changed, what was measured, and how sure that is. Pure.
//!
//! Windows of one run are no independent samples: a control law and a queue make each resemble the one before. Their mean is
//! therefore estimated by *batch means*: windows that follow each other are averaged until the averages do not resemble their
//! neighbours any more (Law and Carson, “A sequential procedure for determining the length of a steady-state simulation”,
//! Operations Research 27, 1979); what resemblance is left, where there are too few windows for that, widens the interval as in an
//! autoregressive process of the first order, by (1 + r) / (1 − r). The two sets of batch means are compared by Welch's test, which does not ask for equal
//! scatter (Welch, “The generalization of ‘Student's’ problem when several different population variances are involved”,
//! Biometrika 34, 1947). Each interval is one of 99 %, so that of each figure alone chance makes a difference in at most 1 of 100
//! comparisons, and among several the more figures there are, the more often; the sentence says how many there are.
//!
//! Percentiles are those of the sums of histograms, which journals keep of the requests that objectives name.

mod batches;
mod changes;
mod limit;
mod metrics;

use conductor_core::phase::Event;
use conductor_core::run::Record;
use conductor_core::spec::LoadTestSpec;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use serde::Serialize;

pub use batches::Interval;
pub use changes::Change;
pub use metrics::Metric;

/// A run that is compared.
#[derive(Clone, Debug)]
pub struct Side {
    /// What is known of it.
    pub view: RunView,
    /// The load test that it was created with.
    pub spec: LoadTestSpec,
}

impl Side {
    /// A run with what its journal says that it was created with; `None` where the journal does not begin with that.
    pub fn of(view: RunView, journal: Vec<Record>) -> Option<Self> {
        let Event::Created(created) = journal.into_iter().next()?.event else { return None };
        Some(Self { view, spec: created.spec })
    }
}

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
pub fn compare(first: &Side, second: &Side) -> Comparison {
    let metrics = metrics::all(&first.view, &second.view);
    Comparison {
        first: first.view.id.to_string(),
        second: second.view.id.to_string(),
        changes: changes::all(first, second),
        sentence: sentence(&first.view, &second.view, &metrics),
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
    let figures = told.len();
    format!("The difference is real: {} (of {figures} figures, each with an interval of 99 %).", real.join("; "))
}

#[cfg(test)]
mod tests;
