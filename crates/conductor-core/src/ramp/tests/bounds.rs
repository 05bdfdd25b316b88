//! What must hold of every advice, whatever is observed: it can be carried out, it explains itself in numbers, and it is
//! never a jump.

use super::{Advice, Config, Mode, Observation};

/// The most that users may grow in a minute, as a factor.
const GROWTH_PER_MIN: f64 = 4.5;
/// KPI events per user and minute that the first users are taken for at least, where nothing is told.
const FIRST_GAIN: f64 = 3.0;
const LONGEST_LAG_S: u32 = 300;
/// For so long after a stall users may come back at once, minutes.
const RECOVERY_MIN: f64 = 5.0;
/// The most users there are.
const MOST_USERS: u64 = 1_000_000_000;

/// Compares each advice with what was seen and what was advised before.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    config: Config,
    before: Option<(Observation, Advice)>,
    last_s: f64,
    /// Users when the last stall began, or the most before where the generator had lost all, and when the KPI was back.
    stall: Option<(u64, Option<f64>)>,
    /// The most users seen so far.
    most_seen: u64,
}

impl Bounds {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone(), before: None, last_s: f64::NEG_INFINITY, stall: None, most_seen: 0 }
    }

    /// Tells what is wrong with an advice.
    pub(super) fn check(&mut self, seen: &Observation, advice: &Advice) -> Result<(), String> {
        let taken = seen.at_s.is_finite() && seen.at_s > self.last_s;
        self.remember_stall(seen, advice, taken);
        self.most_seen = self.most_seen.max(seen.users);
        let faults = [
            Self::can_be_carried_out(&self.config, advice),
            self.explained(advice),
            if taken { self.growth(seen, advice) } else { self.repeated(advice) },
            self.spawned(seen, advice, taken),
        ];
        if taken {
            self.last_s = seen.at_s;
        }
        self.before = Some((*seen, advice.clone()));
        faults.into_iter().collect()
    }

    /// A generator can do what is advised.
    pub(super) fn can_be_carried_out(config: &Config, advice: &Advice) -> Result<(), String> {
        let most = config.max_users.unwrap_or(MOST_USERS).clamp(1, MOST_USERS);
        let fits = (1..=most).contains(&advice.users) && advice.spawn_rate.is_finite() && advice.spawn_rate >= 0.01;
        if fits { Ok(()) } else { Err(format!("cannot be carried out: {advice:?}")) }
    }

    fn explained(&self, advice: &Advice) -> Result<(), String> {
        let numbers = [
            Some(advice.gain),
            Some(advice.gain_sd),
            Some(advice.lag_s),
            Some(advice.set_point_per_min),
            advice.efficiency,
            advice.knee.map(|knee| knee.users),
            advice.knee.map(|knee| knee.kpi_per_min),
        ];
        let sound = numbers.into_iter().flatten().all(|number| number.is_finite() && number >= 0.0);
        if sound { Ok(()) } else { Err(format!("explains itself with what is no number: {advice:?}")) }
    }

    /// An observation that is not later changes no users.
    fn repeated(&self, advice: &Advice) -> Result<(), String> {
        let before = self.before.as_ref().map_or(1, |(_, advice)| advice.users);
        if advice.users == before { Ok(()) } else { Err(format!("{before} users became {} in no time", advice.users)) }
    }

    /// Users grow by so much from what is observed, or as fast as the line if each of them is worth what the first ones are
    /// taken for; no more in an interval that is cut short by an early observation.
    /// What was advised before may be advised again, and after a stall at most the users of its beginning come back at once.
    fn growth(&self, seen: &Observation, advice: &Advice) -> Result<(), String> {
        let Some((_, before)) = &self.before else { return Ok(()) };
        let users = seen.users as f64;
        let passed_s = self.config.interval_s.min(seen.at_s - self.last_s);
        let growth = GROWTH_PER_MIN.powf(passed_s / 60.0);
        let with_line = users + 1.05 * self.more_for_line(seen.at_s) * passed_s / self.config.interval_s;
        let most = (users * growth).max(users + 1.0).max(with_line).round().max(before.users as f64);
        let recovering = |back_s: f64| seen.at_s - back_s < 60.0 * RECOVERY_MIN;
        let back = self.stall.filter(|(_, back_s)| back_s.is_some_and(recovering));
        let most = back.map_or(most, |(users, _)| most.max(users as f64));
        if advice.users as f64 <= most {
            Ok(())
        } else {
            Err(format!("{} users grew to {} where {most} are allowed", seen.users, advice.users))
        }
    }

    /// Users more that the steepest rise of the line needs that a lag may put next.
    fn more_for_line(&self, at_s: f64) -> f64 {
        let Config { profile, interval_s, users_per_kpi, .. } = &self.config;
        let rise = |lag_s: f64| profile.at(at_s + lag_s + interval_s) - profile.at(at_s + lag_s);
        let steepest = (0..=LONGEST_LAG_S).map(|lag_s| rise(f64::from(lag_s))).fold(0.0, f64::max);
        steepest / users_per_kpi.map_or(FIRST_GAIN, |users| users.recip())
    }

    /// Users are not started faster than it takes to be there at the next interval; taken away they may be at once.
    fn spawned(&self, seen: &Observation, advice: &Advice, taken: bool) -> Result<(), String> {
        let change = advice.users.abs_diff(seen.users) as f64;
        let most = if self.before.is_none() {
            (2.0 * advice.users as f64 / self.config.interval_s).max(0.5)
        } else if !taken {
            0.01
        } else if advice.users >= seen.users {
            change / self.config.interval_s
        } else {
            change / self.config.interval_s.min(10.0)
        };
        if advice.spawn_rate <= most.max(0.01) * (1.0 + 1e-9) {
            Ok(())
        } else {
            Err(format!(
                "{} users a second where {most} would do, from {} to {}",
                advice.spawn_rate, seen.users, advice.users
            ))
        }
    }

    fn remember_stall(&mut self, seen: &Observation, advice: &Advice, taken: bool) {
        let stalled = advice.mode == Mode::Stalled;
        match &mut self.stall {
            _ if !taken => {}
            Some((_, back_s @ None)) if !stalled => *back_s = Some(seen.at_s),
            None | Some((_, Some(_))) if stalled => {
                self.stall = Some((if seen.users > 0 { seen.users } else { self.most_seen }, None));
            }
            None | Some(_) => {}
        }
    }
}
