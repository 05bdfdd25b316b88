//! The limit of what was tested, as far as a run has shown it: what a search has found, or where the control law saw the KPI no longer
//! grow with users.

use conductor_core::view::RunView;

use crate::batches::Interval;

/// Standard errors of an interval of 99 %.
const SURE_99: f64 = 2.576;
/// Standard errors of an interval of 95 %, in which searches tell their margins.
const SURE_95: f64 = 1.96;

/// Where the limit is, per minute; `None` where the run has not found one.
pub(crate) fn of(run: &RunView) -> Option<Interval> {
    if let Some(search) = &run.search {
        let found = search.found();
        let (trial, high) = (found.sustained?, found.not_sustained_per_min?);
        let (mean, margin) = (trial.mean_per_min?, trial.margin_per_min?);
        return Some(Interval { estimate: mean, low: mean - margin / SURE_95 * SURE_99, high: high.max(mean) });
    }
    let advice = run.ticks.iter().rev().filter_map(|tick| tick.advice.as_ref()).find(|advice| advice.knee.is_some())?;
    let estimate = advice.knee?.kpi_per_min;
    let margin = SURE_99 * advice.gain_sd * estimate;
    Some(Interval { estimate, low: estimate - margin, high: estimate + margin })
}

/// How much higher the other is: the distances of the ends from the estimates add up as those of independent errors do (Zou and
/// Donner, “Construction of confidence limits about effect measures”, Statistics in Medicine 27, 2008).
pub(crate) fn difference(first: &Interval, second: &Interval) -> Interval {
    let estimate = second.estimate - first.estimate;
    let down = (second.estimate - second.low).hypot(first.high - first.estimate);
    let up = (second.high - second.estimate).hypot(first.estimate - first.low);
    Interval { estimate, low: estimate - down, high: estimate + up }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_difference_are_those_of_a_worked_example() {
        let (first, second) = (
            Interval { estimate: 100.0, low: 96.0, high: 103.0 },
            Interval { estimate: 120.0, low: 116.0, high: 123.0 },
        );
        let Interval { estimate, low, high } = difference(&first, &second);
        assert_eq!((estimate, low, high), (20.0, 15.0, 25.0));
    }
}
