//! Binomial distributions that are drawn from very often, made ready: what one draw costs is then a look or two. They
//! give the very counts that drawing without them gives.

use super::{LARGE, rarer};

/// More rows than this are not worth their memory.
const MOST_ROWS: usize = 1024;
/// A draw begins at the count that belongs to its part of so many.
const PARTS: usize = 32;
/// What is less likely than this is never drawn.
const NEVER: f64 = 1e-13;

/// The binomial distributions of 0, 1, 2, … trials.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quantiles {
    rows: Vec<Row>,
    /// Cumulative probabilities of the rarer outcome's counts, row after row.
    cumulative: Vec<f64>,
}

/// One distribution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Where its cumulative probabilities begin.
    begin: u32,
    /// For each part of a draw's range the first count that may be meant.
    guide: [u8; PARTS],
    /// Whether it is failures that are counted.
    counts_failures: bool,
}

impl Quantiles {
    /// The distributions for as many trials as are drawn one by one, and what one trial's probability is then.
    pub(crate) fn new(probability: impl Fn(usize) -> f64) -> Self {
        let mut quantiles = Self::default();
        for trials in 0..MOST_ROWS {
            let probability = probability(trials);
            let is_drawn = probability > 0.0 && probability < 1.0;
            if !is_drawn || trials as f64 * probability * (1.0 - probability) > LARGE {
                break;
            }
            quantiles.add(trials, probability);
        }
        quantiles
    }

    fn add(&mut self, trials: usize, probability: f64) {
        let rare = rarer(probability);
        let odds = rare / (1.0 - rare);
        let begin = self.cumulative.len();
        let mut likelihood = libm::exp(trials as f64 * libm::log(1.0 - rare));
        let mut sum = likelihood;
        for count in 1..=trials {
            self.cumulative.push(sum);
            likelihood *= (trials + 1 - count) as f64 / count as f64 * odds;
            sum += likelihood;
            if sum >= 1.0 - NEVER {
                break;
            }
        }
        // Every draw ends here at the latest.
        self.cumulative.push(f64::INFINITY);
        let mut guide = [0; PARTS];
        for (part, first) in guide.iter_mut().enumerate() {
            let from = part as f64 / PARTS as f64;
            *first = self.cumulative[begin..].iter().take_while(|cumulative| **cumulative <= from).count() as u8;
        }
        self.rows.push(Row { begin: begin as u32, guide, counts_failures: probability > 0.5 });
    }

    /// The distribution for so many trials; `None` where it is not made ready.
    #[inline]
    pub(super) fn row(&self, trials: i64) -> Option<&Row> {
        self.rows.get(usize::try_from(trials).ok()?)
    }

    /// The count of a row's distribution that belongs to a number from 0 to less than 1.
    #[inline]
    pub(super) fn count(&self, row: &Row, trials: i64, place: f64) -> i64 {
        let cumulative = &self.cumulative[row.begin as usize..];
        let mut count = usize::from(row.guide[(place * PARTS as f64) as usize % PARTS]);
        while cumulative[count] <= place {
            count += 1;
        }
        if row.counts_failures { trials - count as i64 } else { count as i64 }
    }
}
