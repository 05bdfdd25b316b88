//! The laws of other tools, for comparison only, and what perfect knowledge would do. Each is as its source or its
//! published formula says; none of them learns anything that it is not told here.

use super::{Order, Seen};
use crate::model::Model;
use crate::trial::Bench;

/// The law of another tool at work.
pub(crate) struct Peer<'a> {
    bench: &'a Bench,
    law: PeerLaw<'a>,
    /// Users commanded last.
    commanded: f64,
}

enum PeerLaw<'a> {
    Fixed,
    Pid { integral: f64, last_error: f64 },
    TstFeedback { users: f64 },
    GoalBased,
    Oracle { users: &'a [f64], tick: usize },
}

impl<'a> Peer<'a> {
    pub(crate) fn fixed(bench: &'a Bench) -> Self {
        Self::new(bench, PeerLaw::Fixed)
    }

    pub(crate) fn pid(bench: &'a Bench) -> Self {
        Self::new(bench, PeerLaw::Pid { integral: 0.0, last_error: 0.0 })
    }

    pub(crate) fn tst_feedback(bench: &'a Bench) -> Self {
        Self::new(bench, PeerLaw::TstFeedback { users: 1.0 })
    }

    pub(crate) fn goal_based(bench: &'a Bench) -> Self {
        Self::new(bench, PeerLaw::GoalBased)
    }

    pub(crate) fn oracle(bench: &'a Bench, users: &'a [f64]) -> Self {
        Self::new(bench, PeerLaw::Oracle { users, tick: 0 })
    }

    fn new(bench: &'a Bench, law: PeerLaw<'a>) -> Self {
        Self { bench, law, commanded: 0.0 }
    }

    /// Decides; without a measurement, the laws that need one change nothing.
    pub(crate) fn decide(&mut self, seen: &Seen) -> Order {
        let Bench { model, tick_s, nominal_gain, .. } = self.bench;
        let (now, next) = (model.line.at(seen.at_s), model.line.at(seen.at_s + tick_s));
        let measured = seen.count.map(|count| count * 60.0 / tick_s);
        let users = match (&mut self.law, measured) {
            (PeerLaw::Fixed, _) => (next / nominal_gain).ceil(),
            (PeerLaw::Oracle { users, tick }, _) => {
                let wanted = users.get(*tick).copied().unwrap_or(self.commanded);
                *tick += 1;
                (wanted + 0.5).floor()
            }
            (PeerLaw::Pid { integral, last_error }, Some(measured)) => {
                let error = now - measured;
                let wanted = pid(integral, error, error - *last_error, tick_s / 60.0);
                *last_error = error;
                ((wanted / nominal_gain).max(1.0) + 0.5).floor()
            }
            (PeerLaw::TstFeedback { users }, Some(measured)) => {
                *users = tst_feedback(*users, measured, now);
                *users
            }
            (PeerLaw::GoalBased, Some(measured)) => goal_based(seen.users, measured, next),
            (PeerLaw::Pid { .. } | PeerLaw::TstFeedback { .. } | PeerLaw::GoalBased, None) => self.commanded,
        };
        self.commanded = users;
        Order {
            users,
            spawn_rate: (users - seen.users).abs() / tick_s,
            is_stalled: false,
            mode: None,
            knee_users: None,
        }
    }
}

/// The positional form, which does not wind up below zero.
fn pid(integral: &mut f64, error: f64, change: f64, minutes: f64) -> f64 {
    // The best of a grid over eight of the named scenarios.
    const PROPORTIONAL: f64 = 0.1;
    const INTEGRAL: f64 = 0.6;
    const DERIVATIVE: f64 = 0.2;
    let grown = *integral + INTEGRAL * error * minutes;
    let wanted = PROPORTIONAL * error + grown + DERIVATIVE * change;
    if wanted > 0.0 {
        *integral = grown;
    }
    wanted
}

fn tst_feedback(users: f64, measured: f64, line: f64) -> f64 {
    /// The share of users that may be waiting before some are taken away.
    const SPARE: f64 = 0.1;
    /// JMeter counts them in 32 bits.
    const MOST: f64 = i32::MAX as f64;
    if line <= 0.0 {
        users
    } else if measured > line {
        let delayed = users * (1.0 - line / measured);
        if delayed > (users * SPARE).ceil() { (users * (1.0 - SPARE)).floor() } else { users }
    } else if measured < line {
        (users * (2.0 - measured / line)).ceil().min(MOST)
    } else {
        users
    }
}

fn goal_based(running: f64, measured: f64, goal: f64) -> f64 {
    const BAND: f64 = 0.05;
    /// The most that users change at once, as a share of them, and at least so many.
    const MOST: f64 = 0.5;
    const AT_LEAST: f64 = 10.0;
    let users = running.max(1.0);
    let factor = if measured <= 0.0 { 2.0 } else { goal / measured };
    let wanted = if (factor - 1.0).abs() > BAND {
        let most = AT_LEAST.max(MOST * users);
        (users * factor).clamp(users - most, users + most)
    } else {
        users
    };
    (wanted + 0.5).floor().max(1.0)
}

/// Users at each tick with perfect knowledge of ratio, lag and capacity, never beyond 97 % of what can be served.
pub(crate) fn oracle_users(model: &Model, tick_s: f64) -> Vec<f64> {
    const SUSTAINED: f64 = 0.97;
    /// The part of a journey that counts as its lag when users start evenly.
    const JOURNEY_SHARE: f64 = 0.417;
    let ticks = (model.length_s() / tick_s) as usize;
    let mut users = Vec::with_capacity(ticks + 1);
    let mut last = 1.0;
    for tick in 0..=ticks {
        let at_s = (tick + 1) as f64 * tick_s;
        let lag_s = model.at(at_s).think_s * JOURNEY_SHARE + model.login_s + model.station.service_s;
        let ahead_s = (at_s + lag_s).min(model.length_s());
        let half_ahead_s = (at_s + lag_s * 0.5).min(model.length_s());
        let most = model.knee(half_ahead_s).kpi_per_min;
        if most > 0.0 {
            last = model.users_for(half_ahead_s, model.line.at(ahead_s).min(SUSTAINED * most)).max(1.0);
        }
        last = last.min(model.max_users);
        users.push(last);
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tst_feedback_doubles_from_nothing_and_lets_a_tenth_go() {
        assert_eq!(tst_feedback(100.0, 0.0, 600.0), 200.0);
        assert_eq!(tst_feedback(100.0, 540.0, 600.0), 111.0);
        assert_eq!(tst_feedback(100.0, 900.0, 600.0), 90.0);
        assert_eq!(tst_feedback(100.0, 610.0, 600.0), 100.0);
    }

    #[test]
    fn goal_based_stays_in_its_band_and_within_half_of_the_users() {
        assert_eq!(goal_based(100.0, 590.0, 600.0), 100.0);
        assert_eq!(goal_based(100.0, 500.0, 600.0), 120.0);
        assert_eq!(goal_based(100.0, 10.0, 600.0), 150.0);
        assert_eq!(goal_based(100.0, 6000.0, 600.0), 50.0);
        assert_eq!(goal_based(0.0, 0.0, 600.0), 2.0);
    }

    #[test]
    fn a_pid_controller_does_not_wind_up_below_zero() {
        let mut integral = 0.0;
        for _ in 0..100 {
            pid(&mut integral, -600.0, 0.0, 1.0);
        }
        assert_eq!(integral, 0.0);
        assert!(pid(&mut integral, 600.0, 0.0, 1.0) > 0.0);
    }
}
