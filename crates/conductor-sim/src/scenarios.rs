//! The named scenarios: plants that a control law for load must master, each with one thing that is hard about it.

use conductor_core::units::{Rate, Span};

use crate::plant::{
    CapacityDrop, CapacityModel, CheckoutModel, EnvironmentModel, GeneratorLimits, Hints, JourneyModel, KpiModel,
    LostSample, Plant, RatioModel, RatioStep, RunModel, WarmUpModel,
};

/// The named scenarios, from nothing special to what is out of reach.
pub fn scenarios() -> Vec<Plant> {
    let step = RatioStep { at: Span::minutes(50), factor: 0.5 };
    let noise = RatioModel { noise: 0.2, ..RatioModel::default() };
    let cold = WarmUpModel { extra_think_time: 1.0, capacity_loss: 0.5, time_constant: Span::seconds(400) };
    let lossy = KpiModel { report_delay: Span::seconds(45), lost_samples: 0.03, lost_read_as: LostSample::Zero };
    let slow = JourneyModel { think_time: Span::seconds(150), login: Span::seconds(90), ..JourneyModel::default() };
    let halved = drop(60, 0.5);
    vec![
        Plant { generator: starting(200.0), ..plant("nom4200", 4200.0, 1.6) },
        plant("nom600", 600.0, 1.6),
        plant("small60", 60.0, 1.6),
        Plant { checkout: checkout(3.0, 6.0, 5.0), ..plant("tiny3", 3.0, 6.0) },
        Plant {
            journey: JourneyModel { think_time: Span::seconds(30), checkout_ratio: 1.0, ..JourneyModel::default() },
            generator: starting(5000.0),
            ..plant("huge1e6", 1e6, 1.6)
        },
        Plant { ratio: RatioModel { drift: -0.4, ..RatioModel::default() }, ..plant("drift-40%", 600.0, 2.0) },
        Plant { ratio: RatioModel { step: Some(step), ..RatioModel::default() }, ..plant("qstep-50%", 600.0, 2.0) },
        Plant { warm_up: cold, ..plant("coldcache", 600.0, 1.6) },
        Plant { journey: slow, ..plant("startlag", 120.0, 1.6) },
        soft_knee(),
        Plant { ratio: noise, ..plant("noisyq", 600.0, 1.6) },
        Plant { kpi: lossy, ..plant("dropouts", 600.0, 1.6) },
        Plant { capacity: halved, ..plant("capdrop50", 600.0, 1.25) },
        Plant { capacity: halved, ..cliff(plant("capdrop-cliff", 600.0, 1.25)) },
        plant("overcap", 600.0, 0.7),
        cliff(plant("overcap-cliff", 600.0, 0.7)),
        Plant { generator: starting(200.0), ..cliff(plant("overcap2x-4200", 4200.0, 0.5)) },
        Plant {
            generator: GeneratorLimits { max_users: Some(1350), max_spawn_rate: None },
            ..plant("genbound", 600.0, 1.6)
        },
        Plant { capacity: drop(55, 0.0), ..plant("outage5m", 600.0, 1.6) },
    ]
}

/// A healthy plant with so many times the capacity that the target needs.
fn plant(name: &str, target_per_min: f64, headroom: f64) -> Plant {
    Plant {
        name: name.to_owned(),
        run: RunModel { target: rate(target_per_min), ramp_up: Span::minutes(30), plateau: Span::minutes(60) },
        journey: JourneyModel::default(),
        checkout: checkout(target_per_min, headroom, 1.0),
        kpi: KpiModel::default(),
        ratio: RatioModel::default(),
        capacity: CapacityModel::default(),
        warm_up: WarmUpModel::default(),
        generator: GeneratorLimits::default(),
        hints: Hints::default(),
        environment: EnvironmentModel::default(),
    }
}

fn checkout(target_per_min: f64, headroom: f64, service_s: f64) -> CheckoutModel {
    CheckoutModel {
        service_time: Some(std::time::Duration::from_secs_f64(service_s).into()),
        capacity: Some(rate(target_per_min * headroom)),
        ..CheckoutModel::default()
    }
}

/// A knee that bends so slowly that the line ends just under it.
fn soft_knee() -> Plant {
    let mut plant = plant("softknee", 600.0, 1.08);
    plant.checkout.peak_concurrency = Some(30.0 * 10.0 * 1.08);
    plant
}

/// Impatient users who try again: beyond the knee the system collapses, and stays so.
fn cliff(mut plant: Plant) -> Plant {
    plant.checkout.timeout = Some(Span::seconds(30));
    plant.checkout.retry_share = Some(0.6);
    plant
}

/// Another capacity from the fiftieth minute on.
fn drop(until_minute: u64, factor: f64) -> CapacityModel {
    CapacityModel { drop: Some(CapacityDrop { from: Span::minutes(50), to: Span::minutes(until_minute), factor }) }
}

fn starting(users_per_second: f64) -> GeneratorLimits {
    GeneratorLimits { max_users: None, max_spawn_rate: Some(rate(60.0 * users_per_second)) }
}

/// A rate of this file, which its tests prove to be sound.
fn rate(per_minute: f64) -> Rate {
    match Rate::per_minute(per_minute) {
        Ok(rate) => rate,
        Err(error) => unreachable!("a scenario is malformed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_sound_and_has_a_name_of_its_own() {
        let scenarios = scenarios();
        assert_eq!(scenarios.len(), 19);
        for (position, plant) in scenarios.iter().enumerate() {
            assert_eq!(plant.check(), Ok(()), "{}", plant.name);
            assert!(scenarios[..position].iter().all(|other| other.name != plant.name), "{}", plant.name);
        }
    }
}
