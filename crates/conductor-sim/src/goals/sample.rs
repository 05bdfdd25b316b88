//! What many runs come to, and how far chance may have moved it.

use std::fmt;

use crate::table::quantile;

/// What is made of many runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Half of the runs are better, half of them worse.
    Median,
    /// The size of the median of figures with a sign.
    MedianSize,
    /// 95 % of the runs are at least as good.
    P95,
    /// The worst run.
    Worst,
    /// The mean of all runs, for what is rarely other than zero.
    Mean,
    /// The share of the runs that are at most this, percent.
    Share(f64),
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Median | Self::MedianSize => f.write_str("median"),
            Self::P95 => f.write_str("p95"),
            Self::Worst => f.write_str("worst"),
            Self::Mean => f.write_str("mean"),
            Self::Share(most) => write!(f, "% of runs ≤ {most}"),
        }
    }
}

/// The figures of many runs, least first.
#[derive(Clone, Debug)]
pub(super) struct Sample(Vec<f64>);

/// A bound, and on which side of it a figure must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) value: f64,
    pub(super) is_least: bool,
}

impl Limit {
    pub(super) fn admits(self, figure: f64) -> bool {
        if self.is_least { figure >= self.value } else { figure <= self.value }
    }
}

impl Sample {
    pub(super) fn new(mut figures: Vec<f64>) -> Self {
        figures.sort_unstable_by(f64::total_cmp);
        Self(figures)
    }

    pub(super) fn median(&self) -> f64 {
        quantile(&self.0, 0.5)
    }

    /// The statistic of these runs.
    pub(super) fn get(&self, statistic: Statistic, limit: Limit) -> f64 {
        self.shifted(statistic, limit, 0.0)
    }

    /// True where the limit is further away than so few runs leave room for: the statistic is beyond it still when it is
    /// taken two standard errors nearer. The error of a quantile is that of its place among the runs, which needs no
    /// distribution; those of a share and of a mean count are what they would be at the limit.
    pub(super) fn refutes(&self, statistic: Statistic, limit: Limit) -> bool {
        const ERRORS: f64 = 2.0;
        !limit.admits(self.shifted(statistic, limit, ERRORS))
    }

    /// The statistic, taken so many standard errors to the side where it is wanted.
    fn shifted(&self, statistic: Statistic, limit: Limit, errors: f64) -> f64 {
        let runs = self.0.len() as f64;
        let side = if limit.is_least { errors } else { -errors };
        let at = |place: f64| quantile(&self.0, place.clamp(0.0, 1.0));
        let error = |place: f64| (place * (1.0 - place) / runs).sqrt();
        let tail = |place: f64| if limit.is_least { 1.0 - place } else { place };
        let quantile = |place: f64| at(tail(place) + side * error(place));
        match statistic {
            Statistic::Median => quantile(0.5),
            Statistic::P95 => quantile(0.95),
            Statistic::Worst => quantile(1.0),
            Statistic::MedianSize => {
                let (low, high) = (at(0.5 - errors * error(0.5)), at(0.5 + errors * error(0.5)));
                if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) }
            }
            Statistic::Mean => self.0.iter().sum::<f64>() / runs + side * (limit.value / runs).sqrt(),
            Statistic::Share(most) => {
                let inside = self.0.iter().filter(|figure| **figure <= most).count() as f64;
                100.0 * (inside / runs + side * error(limit.value / 100.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_MOST: Limit = Limit { value: 5.0, is_least: false };
    const AT_LEAST: Limit = Limit { value: 90.0, is_least: true };

    #[test]
    fn the_worst_is_on_the_side_that_is_not_wanted() {
        let sample = Sample::new(vec![3.0, 1.0, 2.0]);
        let both = |statistic| (sample.get(statistic, AT_MOST), sample.get(statistic, AT_LEAST));
        assert_eq!(both(Statistic::Median), (2.0, 2.0));
        assert_eq!(both(Statistic::Worst), (3.0, 1.0));
        assert_eq!(both(Statistic::Share(2.0)).0.round(), 67.0);
        assert_eq!(both(Statistic::Mean).0, 2.0);
    }

    #[test]
    fn a_median_has_a_size_whatever_its_sign() {
        let size = |figures: &[f64]| Sample::new(figures.to_vec()).get(Statistic::MedianSize, AT_MOST);
        assert_eq!((size(&[-3.0, -2.0, 7.0]), size(&[1.0, 2.0, 3.0])), (2.0, 2.0));
    }

    #[test]
    fn a_bound_within_the_error_of_few_runs_is_not_refuted() {
        let sample = Sample::new((0..16).map(|run| 4.0 + 0.15 * f64::from(run)).collect());
        assert!(sample.get(Statistic::Median, AT_MOST) > 5.0);
        assert!(!sample.refutes(Statistic::Median, AT_MOST));
        assert!(sample.refutes(Statistic::Median, Limit { value: 4.4, ..AT_MOST }));
        let many = Sample::new((0..1600).map(|run| 4.0 + 0.0015 * f64::from(run)).collect());
        assert!(many.refutes(Statistic::Median, AT_MOST), "a hundred times as many runs tell");
    }

    #[test]
    fn of_sixteen_runs_two_may_stay_outside_where_four_of_a_hundred_may() {
        let outside = |runs: usize| {
            let figures = (0..16).map(|run| if run < runs { 9.0 } else { 1.0 }).collect();
            Sample::new(figures).refutes(Statistic::Share(5.0), Limit { value: 96.0, is_least: true })
        };
        assert!(!outside(2) && outside(3));
    }
}
