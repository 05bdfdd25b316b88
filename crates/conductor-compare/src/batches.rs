//! Means of windows that resemble their neighbours, and the interval of the difference of two of them.

use conductor_core::requests::Histogram;
use serde::Serialize;

/// The most batches that windows are put into at first: more than thirty gain nothing (Schmeiser, “Batch size effects in the
/// analysis of simulation output”, Operations Research 30, 1982).
const MOST: usize = 20;
/// The fewest that say something.
const FEWEST: usize = 5;
/// Requests beyond a percentile that each batch must have, so that it is not a matter of one or two.
const ENOUGH: u32 = 2;
/// The correlation of neighbours from which on they are put together.
const ALIKE: f64 = 0.2;
/// The most that is believed of what resemblance is left.
const MOST_ALIKE: f64 = 0.7;
/// How much more resemblance than was seen there may be, times the number of batches: with few of them it is known badly, and an
/// interval that takes it for certain is too narrow. With this much it leaves out the truth in at most 1 of 100 pairs of runs
/// (see the tests), which is what it shall.
const UNSURE: f64 = 2.0;

/// An estimate with what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower end of the interval of 99 %.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Batches of a series: their mean, the variance of it, and its degrees of freedom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Batches {
    pub(crate) mean: f64,
    variance: f64,
    freedom: f64,
    /// How far the estimate may be off because its source rounds.
    rounding: f64,
}

impl Batches {
    /// Of values in the order of time; `None` where there are too few.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut length = values.len().div_ceil(MOST).max(1);
        let mut means = means(values, length);
        while means.len() >= 2 * FEWEST && resemblance(&means) > ALIKE {
            length *= 2;
            means = self::means(values, length);
        }
        Self::around(mean(&means), &means)
    }

    /// Of what the batches tell one by one of this estimate.
    fn around(estimate: f64, means: &[f64]) -> Option<Self> {
        if means.len() < FEWEST {
            return None;
        }
        let count = means.len() as f64;
        let squares: f64 = means.iter().map(|value| (value - estimate).powi(2)).sum();
        // What is estimated of few values is too low, by (1 + 3 r) / n (Marriott and Pope, Biometrika 41, 1954).
        let seen = (resemblance(means) + 1.0 / count) / (1.0 - 3.0 / count);
        let left = (seen + UNSURE / count).clamp(0.0, MOST_ALIKE);
        let widened = (1.0 + left) / (1.0 - left);
        let freedom = (count / widened - 1.0).max(1.0);
        let variance = widened * squares / (count - 1.0) / count;
        Some(Self { mean: estimate, variance, freedom, rounding: 0.0 })
    }

    /// Of a percentile of all that these windows, in the order of time, have counted; `None` where they are too few, or have too
    /// few requests. The estimate is that of the sum of the histograms. How sure it is is told by the same percentile of batches
    /// of windows around it, each of a sum of histograms, too (sectioning: Asmussen and Glynn, “Stochastic Simulation”, 2007,
    /// III.5); no percentile is averaged.
    pub(crate) fn percentile(windows: &[&Histogram], percent: u32) -> Option<Self> {
        let quantile = |counted: &[&Histogram]| {
            let mut sum = Histogram::default();
            counted.iter().for_each(|one| sum.add(one));
            let enough = sum.count() >= u64::from(ENOUGH * 100 / (100 - percent));
            sum.quantile_ms(percent, 100).filter(|_| enough).map(|ms| ms as f64)
        };
        let estimate = quantile(windows)?;
        let mut length = windows.len().div_ceil(MOST).max(1);
        loop {
            if windows.len() / length < FEWEST {
                return None;
            }
            let sections: Option<Vec<f64>> = windows.chunks_exact(length).map(quantile).collect();
            match sections {
                Some(found) if found.len() < 2 * FEWEST || resemblance(&found) <= ALIKE => {
                    return Self::around(estimate, &found).map(|all| Self { rounding: rounding(estimate), ..all });
                }
                Some(_) => length *= 2,
                None => length += 1,
            }
        }
    }

    /// How much larger the other mean is, by Welch's test.
    pub(crate) fn difference(&self, other: &Self) -> Interval {
        let estimate = other.mean - self.mean;
        let variance = self.variance + other.variance;
        let freedom = if variance > 0.0 {
            variance.powi(2) / (self.variance.powi(2) / self.freedom + other.variance.powi(2) / other.freedom)
        } else {
            self.freedom + other.freedom
        };
        let margin = quantile(freedom) * variance.sqrt() + self.rounding + other.rounding;
        Interval { estimate, low: estimate - margin, high: estimate + margin }
    }
}

/// How far a response time may be off that is rounded to two significant digits, and to a millisecond below 100 ms.
fn rounding(ms: f64) -> f64 {
    let digits = if ms < 100.0 { 0 } else { ms.log10().floor() as i32 - 1 };
    10_f64.powi(digits) / 2.0
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Means of so many values that follow each other; what is left at the end is left out.
fn means(values: &[f64], length: usize) -> Vec<f64> {
    values.chunks_exact(length).map(mean).collect()
}

/// How much each value is like the one before it: from −1 to 1.
fn resemblance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let products: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

/// The 99.5 % quantile of Student's distribution, by the published table; between its rows that of the fewer degrees.
fn quantile(freedom: f64) -> f64 {
    const TABLE: [f64; 30] = [
        63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947,
        2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
    ];
    let row = (freedom.floor().max(1.0) as usize).min(TABLE.len());
    TABLE[row - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_a_worked_example() {
        // Five against five: means 3 and 13, variances of the means 0.5 and 0.5, eight degrees: 10 ± 3.355.
        let first = Batches::of(&[1.0, 5.0, 3.0, 2.0, 4.0]).unwrap();
        let second = Batches::of(&[11.0, 15.0, 13.0, 12.0, 14.0]).unwrap();
        let Interval { estimate, low, high } = first.difference(&second);
        assert!((estimate - 10.0).abs() < 1e-12 && (low - 6.645).abs() < 1e-9 && (high - 13.355).abs() < 1e-9);
        assert_eq!(Batches::of(&[1.0; 4]), None);
    }

    #[test]
    fn values_that_resemble_their_neighbours_make_longer_batches() {
        let alternating: Vec<f64> = (0..40).map(|position| f64::from(position % 2)).collect();
        assert!(Batches::of(&alternating).unwrap().freedom > 12.0, "twenty batches, which are all the same");
        let drift: Vec<f64> = (0..40).map(f64::from).collect();
        assert!(Batches::of(&drift).unwrap().freedom < 10.0);
    }
}
