//! A world that means harm, made out of bytes: property tests draw and shrink them, the fuzzer mutates them. It shows the
//! law one observation after the other; what must hold of the answers is said in `bounds`.
//!
//! The first bytes are the configuration. Each pair after them turns one knob of the world and lets it run for some
//! intervals, so that a behaviour lasts long enough to be believed. Without any byte it is an ordinary run.

use super::{Algorithm, Config, Congestion, Observation, Profile, Window};

/// Bytes of the configuration.
pub(super) const HEADER: usize = 6;
/// Bytes of a turn of a knob.
pub(super) const TURN: usize = 2;

/// A knob of the world; its number is the low part of a turn's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knob {
    Kpi = 0,
    PerUser = 1,
    Limit = 2,
    Users = 3,
    Clock = 4,
    Window = 5,
    Congestion = 6,
    Nothing = 7,
}

/// What the KPI does with users.
#[derive(Clone, Copy, Debug)]
enum Kpi {
    /// It follows them up to the limit.
    Follows,
    /// The same, one interval late.
    FollowsLate,
    /// Beyond the limit it falls as users grow.
    Collapses,
    /// It falls as users grow, always.
    Opposes,
    Nothing,
    /// Nothing and much in turn.
    Bursts,
    /// It is what the target asks for, whatever the users.
    Pleases,
    /// It halves and doubles in turn.
    Flutters,
    /// One event.
    One,
    Enormous,
}

const KPIS: [Kpi; 10] = [
    Kpi::Follows,
    Kpi::FollowsLate,
    Kpi::Collapses,
    Kpi::Opposes,
    Kpi::Nothing,
    Kpi::Bursts,
    Kpi::Pleases,
    Kpi::Flutters,
    Kpi::One,
    Kpi::Enormous,
];

/// The world.
#[derive(Clone, Debug)]
pub(super) struct Adversary<'a> {
    pub(super) config: Config,
    turns: std::slice::Chunks<'a, u8>,
    left: u32,
    ticks: u64,
    at_s: f64,
    users: u64,
    kpi: Kpi,
    per_user_min: f64,
    limit_per_min: f64,
    users_as: u8,
    clock: u8,
    window: u8,
    congestion: u8,
}

/// A value between two bounds, its logarithm even.
fn spread(part: u8, of: u8, from: f64, to: f64) -> f64 {
    from * (to / from).powf(f64::from(part) / f64::from(of))
}

impl<'a> Adversary<'a> {
    /// Bytes that are missing count as zero.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (header, turns) = bytes.split_at(bytes.len().min(HEADER));
        let byte = |position: usize| header.get(position).copied().unwrap_or_default();
        let target = spread(byte(0), 255, 1.0, 1e6);
        let interval_s = match byte(1) {
            0 => 60.0,
            other => 5.0 + 115.0 * f64::from(other) / 255.0,
        };
        let config = Config {
            users_per_kpi: (byte(3) > 127).then(|| spread(byte(3) - 128, 127, 1e-3, 1e3)),
            kpi_lag_s: (byte(4) > 127).then(|| 300.0 * f64::from(byte(4) - 128) / 127.0),
            max_users: (byte(5) > 127).then(|| spread(byte(5) - 128, 127, 1.0, 1e7) as u64),
            ..Config::new(Algorithm::Adaptive, profile(byte(2), target, interval_s), interval_s)
        };
        Self {
            config,
            turns: turns.chunks(TURN),
            left: 8,
            ticks: 0,
            at_s: 0.0,
            users: 1,
            kpi: Kpi::Follows,
            per_user_min: 6.0,
            limit_per_min: f64::MAX,
            users_as: 0,
            clock: 0,
            window: 0,
            congestion: 0,
        }
    }

    /// What is seen next, after so many users were advised.
    pub(super) fn next(&mut self, advised: u64) -> Option<Observation> {
        while self.left == 0 {
            let turn = self.turns.next()?;
            let (knob, length) = (turn[0], turn.get(1).copied().unwrap_or_default());
            self.turn(knob & 7, knob >> 3);
            // A wrong value of a clock or a window is rarely worth more than one look.
            self.left = 1 + u32::from(length % 10);
        }
        self.left -= 1;
        let before_s = self.at_s;
        let late = self.users;
        self.users = self.running(advised);
        let at_s = self.tell_time();
        let window = (self.ticks > 0).then(|| self.count(before_s, late)).flatten();
        self.ticks += 1;
        Some(Observation { at_s, users: self.users, window, congestion: self.congestion() })
    }

    fn turn(&mut self, knob: u8, value: u8) {
        match knob {
            0 => self.kpi = KPIS[usize::from(value) % KPIS.len()],
            1 => self.per_user_min = spread(value, 31, 1e-3, 1e3),
            2 => self.limit_per_min = self.config.profile.highest() * spread(value, 31, 0.03, 3.0),
            3 => self.users_as = value,
            4 => self.clock = value,
            5 => self.window = value,
            6 => self.congestion = value,
            _ => {}
        }
    }

    /// Users that the generator says it runs.
    fn running(&self, advised: u64) -> u64 {
        match self.users_as % 9 {
            1 => advised * 9 / 10,
            2 => advised / 2,
            3 => 0,
            4 => advised.saturating_mul(2),
            5 => self.users,
            6 => 1,
            7 => 10_000_000,
            8 if self.ticks.is_multiple_of(2) => 0,
            _ => advised,
        }
    }

    /// Lets time pass, and tells what the clock says.
    fn tell_time(&mut self) -> f64 {
        let interval_s = self.config.interval_s;
        if self.ticks == 0 {
            return 0.0;
        }
        let passes = match self.clock % 12 {
            1 => 0.1,
            2 => 0.5,
            3 => 1.5,
            4 => 3.0,
            5 => 20.0,
            6 => 0.0,
            7 => 1e-6,
            8 => [0.3, 1.9][usize::from(self.ticks.is_multiple_of(2))],
            _ => 1.0,
        };
        self.at_s += passes * interval_s;
        match self.clock % 12 {
            9 => f64::NAN,
            10 => f64::INFINITY,
            11 => self.at_s - 2.5 * interval_s,
            _ => self.at_s,
        }
    }

    fn congestion(&self) -> Congestion {
        match self.congestion % 4 {
            1 => Congestion::Congested,
            2 => Congestion::Clear,
            3 if self.ticks.is_multiple_of(2) => Congestion::Congested,
            _ => Congestion::Unknown,
        }
    }

    /// The KPI in the time since `before_s`, when there were `late` users.
    fn count(&self, before_s: f64, late: u64) -> Option<Window> {
        let (from_s, to_s) = (before_s, self.at_s);
        let per_min = self.per_min(late);
        let honest = Window { from_s, to_s, count: (per_min * (to_s - from_s) / 60.0).round() };
        let length_s = self.config.interval_s;
        match self.window % 13 {
            1 => None,
            2 if self.ticks.is_multiple_of(2) => None,
            3 => Some(Window { from_s: to_s - 1e-3, ..honest }),
            4 => Some(Window { from_s: to_s - 5.0 * length_s, ..honest }),
            5 => Some(Window { from_s: from_s + 3.0 * length_s, to_s: to_s + 3.0 * length_s, ..honest }),
            6 => Some(Window { from_s: from_s - 1e4, to_s: to_s - 1e4, ..honest }),
            7 => Some(Window { from_s: to_s, to_s: from_s, ..honest }),
            8 => Some(Window { count: -honest.count - 1.0, ..honest }),
            9 => Some(Window { count: f64::NAN, ..honest }),
            10 => Some(Window { count: f64::INFINITY, ..honest }),
            11 => Some(Window { to_s: f64::INFINITY, ..honest }),
            12 => Some(Window { from_s: f64::NEG_INFINITY, ..honest }),
            _ => Some(honest),
        }
    }

    fn per_min(&self, late: u64) -> f64 {
        let even = self.ticks.is_multiple_of(2);
        let worth = self.users as f64 * self.per_user_min;
        let target = self.config.profile.highest();
        match self.kpi {
            Kpi::Follows => worth.min(self.limit_per_min),
            Kpi::FollowsLate => (late.min(self.users) as f64 * self.per_user_min).min(self.limit_per_min),
            Kpi::Collapses if worth > self.limit_per_min => self.limit_per_min * (self.limit_per_min / worth).powi(3),
            Kpi::Collapses => worth,
            Kpi::Opposes => target * target / worth.max(1.0),
            Kpi::Nothing => 0.0,
            Kpi::Bursts => {
                if even {
                    0.0
                } else {
                    10.0 * worth
                }
            }
            Kpi::Pleases => target,
            Kpi::Flutters => worth.min(self.limit_per_min) * if even { 0.5 } else { 2.0 },
            Kpi::One => 60.0 / self.config.interval_s,
            Kpi::Enormous => 1e12,
        }
    }
}

/// Lines of many shapes: long and short ramps, steps, and loads that are over before an interval is.
fn profile(shape: u8, target_per_min: f64, interval_s: f64) -> Profile {
    let (ramp_up_s, plateau_s) = match shape % 8 {
        1 => (0.0, 1800.0),
        2 => (600.0, 0.0),
        3 => (0.3 * interval_s, 0.2 * interval_s),
        4 => (300.0, 1200.0),
        5 => (0.0, 0.0),
        6 => (7200.0, 600.0),
        7 => (interval_s, 3600.0),
        _ => (1800.0, 3600.0),
    };
    Profile::ramp(target_per_min, ramp_up_s, plateau_s)
}
