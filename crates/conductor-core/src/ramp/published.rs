//! The ratio rule of Zalando's article: users ÷ KPI × target. It knows neither lag nor noise nor capacity.
//!
//! As published it aims at the full target in the time that is left of the ramp; it is given the line one interval
//! ahead here, so that the ramp-up of the spec holds for both laws. A KPI of zero resets it to one user, as published.

use super::{Config, Observation, profile};

pub(super) fn wanted(config: &Config, observation: &Observation) -> f64 {
    let line = profile::set_point(config, observation.at_s + config.interval_s);
    let Some(window) = observation.window else { return observation.users.max(1) as f64 };
    let minutes = (window.to_s - window.from_s) / 60.0;
    if window.count <= 0.0 || observation.users == 0 || minutes <= 0.0 {
        return 1.0;
    }
    observation.users as f64 / (window.count / minutes) * line
}
