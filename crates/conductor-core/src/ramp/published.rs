//! The ratio rule of Zalando's article on its load test conductor (2021), as published: users ÷ KPI × target, reached in
//! the time that is left of the ramp-up. It knows neither lag nor noise nor capacity; a KPI of zero resets it to one user.
//! On other lines than a ramp-up, each straight piece is a ramp of its own.
//!
//! What the article leaves open is what happens after the ramp-up: both readings are here. Where users are to be taken
//! away its formula gives a negative rate, which generators refuse; they are taken away at once then.

use super::adaptive::Setting;
use super::{Alarm, Config, Observation};

/// What is set when nothing is known, or nothing was counted.
const FIRST: Setting = Setting { users: 1.0, spawn_rate: 1.0, alarm: None };

pub(super) fn setting(config: &Config, observation: &Observation, frozen: bool) -> Setting {
    let users = observation.users as f64;
    let level = config.profile.is_level(observation.at_s);
    let ahead = config.profile.ahead(observation.at_s);
    let left_s = ahead.filter(|_| !level).map_or(0.0, |ahead| ahead.at_s - observation.at_s);
    let target = ahead.map_or(0.0, |ahead| ahead.per_min);
    if frozen && left_s <= 0.0 {
        return Setting { users, spawn_rate: 0.0, alarm: None };
    }
    let Some(window) = observation.window else { return Setting { users: users.max(1.0), ..FIRST } };
    if observation.users == 0 {
        return FIRST;
    }
    if window.count <= 0.0 {
        return Setting { alarm: Some(Alarm::Stalled), ..FIRST };
    }
    let required = (users * target * window.minutes() / window.count + 0.5).floor();
    let intervals_left = (left_s / config.interval_s).max(1.0);
    let spawn_rate = (required - users) / intervals_left / config.interval_s;
    Setting { users: required, spawn_rate: if spawn_rate < 0.0 { users } else { spawn_rate }, alarm: None }
}
