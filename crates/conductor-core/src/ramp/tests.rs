//! Tests of the laws as a whole, by subject. What the figures of the adaptive law are over many seeds is measured by the
//! simulator; here is what must always hold.

mod adversary;
mod behaviour;
mod bounds;
mod edge_properties;
mod edges;
mod knees;
mod plant;
mod restart;
mod safety;
mod time;
mod unanchored;

use super::*;

/// A load of the adaptive law that is told nothing.
fn config(target_per_min: f64, interval_s: f64, ramp_up_s: f64, plateau_s: f64) -> Config {
    Config::new(Algorithm::Adaptive, Profile::ramp(target_per_min, ramp_up_s, plateau_s), interval_s)
}

/// The window of this many seconds up to now.
fn window(at_s: f64, length_s: f64, count: f64) -> Option<Window> {
    Some(Window { from_s: at_s - length_s, to_s: at_s, count })
}

fn seen(at_s: f64, users: u64, window: Option<Window>) -> Observation {
    Observation { at_s, users, window, congestion: Congestion::Unknown }
}
