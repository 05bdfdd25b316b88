//! The objectives of a run with what was observed, row by row.

use conductor_core::slo::{SloResult, SloStatus};
use conductor_core::view::RunView;

use crate::text::{clock, figure};

/// An objective.
pub(crate) struct SloRow {
    pub(crate) slo: String,
    pub(crate) status: String,
    pub(crate) observed: String,
    pub(crate) limit: String,
    pub(crate) broken: String,
    pub(crate) budget: String,
    pub(crate) class: &'static str,
}

/// The objectives, in the order of the load test; none before the run has ended.
pub(crate) fn rows(view: &RunView) -> Vec<SloRow> {
    view.verdict.iter().flat_map(|verdict| &verdict.slos).map(row).collect()
}

fn row(result: &SloResult) -> SloRow {
    let told = |value: Option<f64>| value.map_or_else(String::new, |value| figure(value, Some(&result.unit)));
    let first = result.first_broken.map(|(from, to)| format!(", first {} – {}", clock(from), clock(to)));
    let burnt = result.burn_rate.map(|rate| format!("burn rate up to {}", figure(rate, None)));
    let spent = result.budget_spent.map(|share| format!("{:.0} % spent", share * 100.0));
    SloRow {
        slo: result.slo.clone(),
        status: result.status.to_string(),
        observed: told(result.observed),
        limit: told(result.limit),
        broken: format!("{} of {}{}", result.broken, result.judged, first.unwrap_or_default()),
        budget: spent.into_iter().chain(burnt).collect::<Vec<_>>().join(", "),
        class: match result.status {
            SloStatus::Met => "",
            SloStatus::NearMiss | SloStatus::Breached | SloStatus::Unmeasured => "warning",
        },
    }
}
