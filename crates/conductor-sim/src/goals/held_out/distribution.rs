//! How held-out plants are drawn: from a seed, each property by a distribution of its own that its comment gives.

use std::time::Duration;

use conductor_core::units::{Rate, Span};

use crate::draw::Chance;
use crate::plant::{
    CapacityDrop, CapacityModel, CheckoutModel, EnvironmentModel, GeneratorLimits, Hints, JourneyModel, KpiModel,
    LostSample, Plant, RatioModel, RatioStep, RunModel, WarmUpModel,
};

/// A plant drawn by chance.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// The plant.
    pub plant: Plant,
    /// Whether the target is within its capacity while that is whole.
    pub is_reachable: bool,
}

/// The stream of chance that plants are drawn from; their runs draw from others.
const PLANT: u64 = 0x706c_616e;

/// The name of a seed's plant.
pub(super) fn name(seed: u64) -> String {
    format!("held-out-{seed}")
}

/// The plant of a seed. The same seed gives the same plant on every machine.
///
/// * target: 10 to 20,000 a minute, log-uniform; ramp 15 to 45 min, plateau 45 to 75 min, uniform,
/// * journeys: 20 to 240 s, log-uniform, of 2 to 10 stages; a login of 20 to 120 s in one plant of five; a checkout ratio
///   of 0.1 to 0.7, log-uniform,
/// * capacity: three plants of five can serve 1.1 to 3 times the target, the others 0.4 to 0.95 times, uniform,
/// * checkout: 0.5 to 3 s, log-uniform; served best at 4 to 30 times as many orders as it would take without contention,
///   log-uniform, so that knees are sharp or soft,
/// * patience: two plants of five are metastable, with a timeout of 10 to 40 s and 40 to 70 % of what is given up tried
///   again; the others have 60 to 180 s and 10 to 40 %,
/// * reports: 0 to 45 s late; in one plant of five up to 5 % of them are lost, half of which plants read zero,
/// * what changes: in three plants of ten nothing; in three of twenty each the ratio drifts by -40 to 20 %, it is noise of 5
///   to 25 %, or the system warms up; in one of eight each the ratio steps to 0.5 to 1.3 times itself between the twentieth
///   minute and the end of the run's third quarter, or the capacity falls to 0.3 to 0.8 of itself on the plateau, for 5 to
///   15 min.
pub fn held_out(seed: u64) -> HeldOut {
    let mut dice = Dice(Chance::new(seed ^ PLANT));
    let target = dice.log_uniform(10.0, 20_000.0);
    let (ramp, plateau) = (dice.uniform(15.0, 45.0).round(), dice.uniform(45.0, 75.0).round());
    let run = RunModel { target: rate(target), ramp_up: seconds(60.0 * ramp), plateau: seconds(60.0 * plateau) };
    let think_s = dice.log_uniform(20.0, 240.0);
    let stages = dice.uniform(2.0, 11.0) as u32;
    let login_s = if dice.happens(0.2) { dice.uniform(20.0, 120.0) } else { 0.0 };
    let ratio = dice.log_uniform(0.1, 0.7);
    let is_reachable = dice.happens(0.6);
    let headroom = if is_reachable { dice.uniform(1.1, 3.0) } else { dice.uniform(0.4, 0.95) };
    let service_s = dice.log_uniform(0.5, 3.0);
    let peak = dice.log_uniform(4.0, 30.0) * target * headroom / 60.0 * service_s;
    let (timeout_s, retry_share) = if dice.happens(0.4) {
        (dice.uniform(10.0, 40.0), dice.uniform(0.4, 0.7))
    } else {
        (dice.uniform(60.0, 180.0), dice.uniform(0.1, 0.4))
    };
    let report_delay = seconds(dice.uniform(0.0, 45.0));
    let lost_samples = if dice.happens(0.2) { dice.uniform(0.0, 0.05) } else { 0.0 };
    let lost_read_as = if dice.happens(0.5) { LostSample::Zero } else { LostSample::Missing };
    let change = Change::draw(&mut dice, 60.0 * ramp, 60.0 * (ramp + plateau));
    // Users are never short for want of a spawn rate: the law is tried, not the generator.
    let users_per_s = (target / 60.0 * think_s / ratio / (60.0 * ramp) * 5.0).max(100.0);
    let plant = Plant {
        name: name(seed),
        run,
        journey: JourneyModel { think_time: seconds(think_s), stages, login: seconds(login_s), checkout_ratio: ratio },
        checkout: CheckoutModel {
            service_time: Some(seconds(service_s)),
            capacity: Some(rate(target * headroom)),
            peak_concurrency: Some(peak.max(2.0)),
            timeout: Some(seconds(timeout_s)),
            retry_share: Some(retry_share),
        },
        kpi: KpiModel { report_delay, lost_samples, lost_read_as },
        ratio: change.ratio,
        capacity: change.capacity,
        warm_up: change.warm_up,
        generator: GeneratorLimits { max_users: None, max_spawn_rate: Some(rate(60.0 * users_per_s)) },
        hints: Hints::default(),
        environment: EnvironmentModel::default(),
    };
    HeldOut { plant, is_reachable }
}

/// What changes while a plant runs.
#[derive(Default)]
struct Change {
    ratio: RatioModel,
    capacity: CapacityModel,
    warm_up: WarmUpModel,
}

impl Change {
    fn draw(dice: &mut Dice, ramp_s: f64, length_s: f64) -> Self {
        let kind = dice.uniform(0.0, 1.0);
        let mut change = Self::default();
        if kind < 0.15 {
            change.ratio.drift = dice.uniform(-0.4, 0.2);
        } else if kind < 0.30 {
            change.ratio.noise = dice.uniform(0.05, 0.25);
        } else if kind < 0.45 {
            change.warm_up = WarmUpModel {
                extra_think_time: dice.uniform(0.0, 1.0),
                capacity_loss: dice.uniform(0.0, 0.5),
                time_constant: seconds(dice.uniform(120.0, 600.0)),
            };
        } else if kind < 0.575 {
            let at = seconds(dice.uniform(1200.0, 0.75 * length_s));
            change.ratio.step = Some(RatioStep { at, factor: dice.uniform(0.5, 1.3) });
        } else if kind < 0.70 {
            let from_s = dice.uniform(ramp_s + 300.0, length_s - 1500.0);
            let to_s = from_s + dice.uniform(300.0, 900.0);
            let factor = dice.uniform(0.3, 0.8);
            change.capacity.drop = Some(CapacityDrop { from: seconds(from_s), to: seconds(to_s), factor });
        }
        change
    }
}

struct Dice(Chance);

impl Dice {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        low * libm::exp(self.0.uniform() * libm::log(high / low))
    }

    fn happens(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }
}

/// Whole tenths of a second, so that a plant can be written down.
fn seconds(seconds: f64) -> Span {
    Duration::from_millis((seconds * 10.0).round() as u64 * 100).into()
}

/// A rate of this file, which its tests prove to be sound.
fn rate(per_minute: f64) -> Rate {
    match Rate::per_minute(per_minute) {
        Ok(rate) => rate,
        Err(error) => unreachable!("a held-out plant is malformed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plant_is_sound_and_stays_what_it_is() {
        for seed in 0..2000 {
            let drawn = held_out(seed);
            assert_eq!(drawn.plant.check(), Ok(()), "{seed}");
            assert_eq!(drawn, held_out(seed));
            let target = drawn.plant.run.target.as_per_minute();
            assert!((10.0..=20_000.0).contains(&target), "{target}");
        }
    }

    #[test]
    fn plants_are_of_every_kind() {
        let plants: Vec<HeldOut> = (0..1000).map(held_out).collect();
        let share = |is: fn(&HeldOut) -> bool| plants.iter().filter(|plant| is(plant)).count() as f64 / 1000.0;
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.05, "{found} for {wanted}");
        near(share(|drawn| drawn.is_reachable), 0.6);
        near(share(|drawn| drawn.plant.run.target.as_per_minute() < 447.0), 0.5);
        near(share(|drawn| drawn.plant.ratio.drift != 0.0), 0.15);
        near(share(|drawn| drawn.plant.ratio.noise > 0.0), 0.15);
        near(share(|drawn| drawn.plant.warm_up != WarmUpModel::default()), 0.15);
        near(share(|drawn| drawn.plant.ratio.step.is_some()), 0.125);
        near(share(|drawn| drawn.plant.capacity.drop.is_some()), 0.125);
        near(share(|drawn| drawn.plant.kpi.lost_samples > 0.0), 0.2);
    }
}
