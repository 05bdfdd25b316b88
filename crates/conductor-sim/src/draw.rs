//! Counts and numbers by chance, from a seed. The same seed gives the same numbers on every machine: the generator is
//! named, and what is transcendental is computed in Rust. What is drawn for what is in `network` and `trial`.

mod quantiles;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

pub(crate) use quantiles::Quantiles;

/// Above this variance a count is drawn from the normal distribution, which it then hardly differs from.
const LARGE: f64 = 25.0;
/// Up to so many trials their joint probability is cheaper to multiply than to exponentiate.
const FEW: i64 = 16;
/// Multiples of it, less their whole parts, are spread evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_8;
/// Keeps a draw below what rounding makes of a distribution's whole sum.
const BELOW_ONE: f64 = 1.0 - 1e-12;

/// A stream of chance.
pub(crate) struct Chance {
    source: Xoshiro256PlusPlus,
    /// Where numbers stand that are spread evenly, where chance plays no part.
    even: Option<f64>,
    /// The normal draw that the last pair left over.
    spare: Option<f64>,
}

/// A probability that several counts are drawn with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    probability: f64,
    /// The logarithm of the probability that one trial does not have the rarer outcome.
    ln_rest: f64,
}

impl Odds {
    pub(crate) fn new(probability: f64) -> Self {
        Self { probability, ln_rest: libm::log(1.0 - rarer(probability)) }
    }

    pub(crate) fn probability(self) -> f64 {
        self.probability
    }
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self { source: Xoshiro256PlusPlus::seed_from_u64(seed), even: None, spare: None }
    }

    /// No chance: counts are their means, rounded so that nothing is lost over time.
    pub(crate) fn none() -> Self {
        Self { even: Some(0.5), ..Self::new(0) }
    }

    /// A number from 0 to less than 1.
    #[inline]
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A draw from the standard normal distribution (Marsaglia's polar method).
    pub(crate) fn normal(&mut self) -> f64 {
        if self.even.is_some() {
            return 0.0;
        }
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// A factor with mean 1 and this coefficient of variation, from the gamma distribution (Marsaglia and Tsang).
    pub(crate) fn factor(&mut self, variation: f64) -> f64 {
        if self.even.is_some() {
            return 1.0;
        }
        let shape = 1.0 / (variation * variation);
        // The method wants a shape of at least 1; a smaller one is drawn one higher and scaled down.
        let (raised, scale) =
            if shape < 1.0 { (shape + 1.0, libm::pow(1.0 - self.uniform(), 1.0 / shape)) } else { (shape, 1.0) };
        let d = raised - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && libm::log(1.0 - self.uniform()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                return d * v * scale / shape;
            }
        }
    }

    /// How many of `trials` succeed.
    #[inline]
    pub(crate) fn binomial(&mut self, trials: i64, probability: f64) -> i64 {
        self.count(trials, probability, |rest| {
            if trials <= FEW { power(rest, trials) } else { libm::exp(trials as f64 * libm::log(rest)) }
        })
    }

    /// How many of `trials` succeed, where several counts are drawn with the same probability.
    #[inline]
    pub(crate) fn binomial_of(&mut self, trials: i64, odds: Odds) -> i64 {
        self.count(trials, odds.probability, |_| libm::exp(trials as f64 * odds.ln_rest))
    }

    /// How many of `trials` succeed, where their distributions are made ready.
    #[inline]
    pub(crate) fn binomial_by(&mut self, trials: i64, quantiles: &Quantiles) -> Option<i64> {
        let row = quantiles.row(trials).filter(|_| self.even.is_none())?;
        let place = self.uniform() * BELOW_ONE;
        Some(quantiles.count(row, trials, place))
    }

    /// The count; `none` gives the probability that no trial has the rarer outcome, from that of one.
    #[inline]
    fn count(&mut self, trials: i64, probability: f64, none: impl FnOnce(f64) -> f64) -> i64 {
        if trials <= 0 || probability <= 0.0 {
            return 0;
        }
        if probability >= 1.0 {
            return trials;
        }
        let mean = trials as f64 * probability;
        if let Some(even) = &mut self.even {
            *even = (*even + GOLDEN).fract();
            return ((mean + *even) as i64).min(trials);
        }
        let variance = mean * (1.0 - probability);
        if variance > LARGE {
            let drawn = mean + variance.sqrt() * self.normal();
            // Adding a half and cutting rounds what is not negative.
            return ((drawn.max(0.0) + 0.5) as i64).min(trials);
        }
        let p = rarer(probability);
        let rare = self.inverted(trials, p / (1.0 - p), none(1.0 - p));
        if probability > 0.5 { trials - rare } else { rare }
    }

    /// The count by inversion: `odds` of one trial, `none` the probability that none succeeds.
    #[inline]
    fn inverted(&mut self, trials: i64, odds: f64, none: f64) -> i64 {
        let scale = (trials + 1) as f64 * odds;
        let (mut probability, mut left, mut count) = (none, self.uniform() * BELOW_ONE, 0);
        while left > probability && count < trials {
            left -= probability;
            count += 1;
            let inverse = INVERSES.get(count as usize).copied().unwrap_or_else(|| 1.0 / count as f64);
            probability *= scale * inverse - odds;
        }
        count
    }
}

/// Of success and failure the rarer one's probability.
fn rarer(probability: f64) -> f64 {
    if probability > 0.5 { 1.0 - probability } else { probability }
}

/// `base` to a small power.
fn power(base: f64, exponent: i64) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}

/// One over each small count: a division is the slowest part of an inversion.
const INVERSES: [f64; 128] = {
    let mut inverses = [0.0; 128];
    let mut count = 1;
    while count < inverses.len() {
        inverses[count] = 1.0 / count as f64;
        count += 1;
    }
    inverses
};

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_variance(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        const DRAWS: usize = 40_000;
        let drawn: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        let mean = drawn.iter().sum::<f64>() / DRAWS as f64;
        (mean, drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / DRAWS as f64)
    }

    #[test]
    fn counts_have_the_mean_and_the_variance_of_the_binomial_distribution() {
        for (trials, probability) in [(5, 0.3), (14, 0.9), (300, 1.0 / 30.0), (90, 0.7), (5000, 0.02), (40, 0.001)] {
            let (mut once, mut often, mut ready) = (Chance::new(3), Chance::new(3), Chance::new(3));
            let (odds, quantiles) = (Odds::new(probability), Quantiles::new(|_| probability));
            let (mean, variance) = mean_and_variance(|| {
                let count = once.binomial(trials, probability);
                assert_eq!(count, often.binomial_of(trials, odds));
                let made_ready = ready.binomial_by(trials, &quantiles);
                assert!(made_ready.is_none_or(|made_ready| made_ready == count), "{made_ready:?} for {count}");
                assert!((0..=trials).contains(&count));
                count as f64
            });
            let expected = trials as f64 * probability;
            let spread = expected * (1.0 - probability);
            assert!((mean - expected).abs() < 5.0 * (spread / 40_000.0).sqrt(), "{trials} {probability}: {mean}");
            assert!((variance / spread - 1.0).abs() < 0.08, "{trials} {probability}: {variance} for {spread}");
        }
    }

    #[test]
    fn what_is_made_ready_is_what_is_drawn_one_by_one() {
        let quantiles = Quantiles::new(|_| 1.0 / 30.0);
        let mut chance = Chance::new(1);
        assert!(chance.binomial_by(0, &quantiles) == Some(0) && chance.binomial_by(700, &quantiles).is_some());
        assert_eq!((chance.binomial_by(800, &quantiles), chance.binomial_by(-1, &quantiles)), (None, None));
        assert_eq!(Chance::none().binomial_by(5, &quantiles), None, "without chance there is no draw");
        assert_eq!(chance.binomial_by(5, &Quantiles::new(|_| 1.0)), None);
    }

    #[test]
    fn certainty_and_impossibility_draw_nothing() {
        let mut chance = Chance::new(1);
        assert_eq!(
            [chance.binomial(9, 0.0), chance.binomial(9, 1.0), chance.binomial(9, 1.5), chance.binomial(-3, 0.5)],
            [0, 9, 9, 0]
        );
    }

    #[test]
    fn normal_draws_and_factors_have_their_mean_and_spread() {
        let mut chance = Chance::new(5);
        let (mean, variance) = mean_and_variance(|| chance.normal());
        assert!(mean.abs() < 0.025 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        for variation in [0.2, 1.0, 2.0] {
            let (mean, variance) = mean_and_variance(|| chance.factor(variation));
            assert!((mean - 1.0).abs() < 0.025 * variation, "{variation}: {mean}");
            assert!((variance.sqrt() / variation - 1.0).abs() < 0.08, "{variation}: {variance}");
        }
    }

    #[test]
    fn without_chance_nothing_is_lost_between_counts() {
        let mut none = Chance::none();
        let (mut rare, mut usual) = (0, 0);
        for _ in 0..10_000 {
            rare += none.binomial(7, 0.03);
            usual += none.binomial(300, 0.5);
        }
        assert!((rare - 2100).abs() < 30 && usual == 1_500_000, "{rare}, {usual}");
        assert_eq!((none.normal(), none.factor(0.2)), (0.0, 1.0));
    }

    #[test]
    fn a_seed_is_a_stream_for_ever() {
        let mut chance = Chance::new(42);
        let drawn: Vec<i64> = (0..8).map(|_| chance.binomial(300, 0.03)).collect();
        assert_eq!(drawn, [12, 7, 16, 10, 11, 10, 6, 10], "a recorded stream");
    }
}
