//! The line the KPI shall follow: up to the target, then along it.

use super::Config;

/// The KPI wanted at `at_s` seconds of load, events per minute.
pub fn set_point(config: &Config, at_s: f64) -> f64 {
    if config.ramp_up_s > 0.0 {
        config.target_per_min * (at_s / config.ramp_up_s).clamp(0.0, 1.0)
    } else {
        config.target_per_min
    }
}
