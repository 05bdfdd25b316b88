//! Counts by chance, from a seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::plant::Noise;

/// Draws counts.
pub(crate) struct Chance {
    source: StdRng,
    noise: Noise,
}

/// Above this mean a Poisson count is drawn from the normal distribution, which it then hardly differs from.
const LARGE: f64 = 30.0;

impl Chance {
    pub(crate) fn new(seed: u64, noise: Noise) -> Self {
        Self { source: StdRng::seed_from_u64(seed), noise }
    }

    /// How many events there are where `mean` are expected. Without noise, what is left of `mean` is carried on in
    /// `debt`.
    pub(crate) fn count(&mut self, mean: f64, debt: &mut f64) -> u64 {
        match self.noise {
            Noise::Poisson => self.poisson(mean),
            Noise::None => {
                *debt += mean;
                let whole = debt.floor();
                *debt -= whole;
                whole as u64
            }
        }
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > LARGE {
            let (u, v): (f64, f64) = (self.source.random(), self.source.random());
            let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            return mean.sqrt().mul_add(normal, mean).round().max(0.0) as u64;
        }
        let (floor, mut product, mut count) = ((-mean).exp(), 1.0, 0);
        loop {
            product *= self.source.random::<f64>();
            if product <= floor {
                return count;
            }
            count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_mean_and_the_spread_of_a_poisson_process() {
        for mean in [0.2, 7.0, 200.0] {
            let mut chance = Chance::new(7, Noise::Poisson);
            let counts: Vec<f64> = (0..20_000).map(|_| chance.count(mean, &mut 0.0) as f64).collect();
            let found = counts.iter().sum::<f64>() / counts.len() as f64;
            let variance = counts.iter().map(|count| (count - found).powi(2)).sum::<f64>() / counts.len() as f64;
            assert!((found / mean - 1.0).abs() < 0.03, "mean {found} instead of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.06, "variance {variance} instead of {mean}");
        }
    }

    #[test]
    fn without_noise_nothing_is_lost_between_counts() {
        let (mut chance, mut debt) = (Chance::new(1, Noise::None), 0.0);
        let total: u64 = (0..1000).map(|_| chance.count(0.3, &mut debt)).sum();
        assert!((299..=300).contains(&total), "{total}");
    }
}
