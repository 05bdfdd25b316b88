//! A small plant without chance: each user produces events a fixed lag after it began, up to a capacity, second by second.

use super::bounds::Bounds;
use super::*;

/// What the system does. A change at a time is given as what holds from then on.
#[derive(Clone, Debug)]
pub(super) struct Plant {
    /// KPI events per user and minute.
    pub(super) per_user_min: f64,
    /// The same from a time on, seconds.
    pub(super) then_per_user_min: Option<(usize, f64)>,
    pub(super) lag_s: usize,
    /// KPI events per minute at most.
    pub(super) capacity_per_min: f64,
    /// The same from each of these times on, seconds.
    pub(super) then_capacity_per_min: Vec<(usize, f64)>,
    /// Whether the KPI falls as more users come than the capacity is for.
    pub(super) collapses: bool,
    /// Users that the generator can run.
    pub(super) most_users: f64,
    /// Windows that are lost.
    pub(super) lost: fn(usize) -> bool,
    /// What one user has produced before the load.
    pub(super) rehearsal: Option<Window>,
}

impl Default for Plant {
    fn default() -> Self {
        Self {
            per_user_min: 6.0,
            then_per_user_min: None,
            lag_s: 9,
            capacity_per_min: f64::MAX,
            then_capacity_per_min: Vec::new(),
            collapses: false,
            most_users: f64::MAX,
            lost: |_| false,
            rehearsal: None,
        }
    }
}

/// What came of one interval.
#[derive(Clone, Debug)]
pub(super) struct Tick {
    pub(super) at_s: f64,
    /// Users that ran at its end.
    pub(super) users: f64,
    pub(super) kpi_per_min: f64,
    pub(super) advice: Advice,
}

impl Plant {
    fn per_min(&self, second: usize, users: f64) -> f64 {
        let worth =
            self.then_per_user_min.filter(|(at, _)| second >= *at).map_or(self.per_user_min, |(_, worth)| worth);
        let changed = self.then_capacity_per_min.iter().rev().find(|(at, _)| second >= *at);
        let capacity = changed.map_or(self.capacity_per_min, |(_, capacity)| *capacity);
        let offered = users * worth;
        if offered <= capacity {
            offered
        } else if self.collapses {
            capacity * (capacity / offered).powi(2)
        } else {
            capacity
        }
    }

    /// Runs a law against the plant until the line ends. Every advice of the adaptive one stays within bounds.
    pub(super) fn run(&self, config: &Config) -> Vec<Tick> {
        let mut bounds = Bounds::new(config);
        let mut users = vec![1.0_f64];
        let first = seen(0.0, 1, self.rehearsal);
        let (mut state, mut advice) = step(config, State::new(config), &first);
        let mut check = |seen: &Observation, advice: &Advice| match config.algorithm {
            Algorithm::Adaptive => bounds.check(seen, advice),
            Algorithm::Published | Algorithm::PublishedFrozen => Bounds::can_be_carried_out(config, advice),
        };
        check(&first, &advice).unwrap();
        let mut ticks = Vec::new();
        let mut rest = 0.0;
        for number in 1..=(config.profile.end_s() / config.interval_s) as usize {
            let mut count = 0.0;
            for _ in 0..config.interval_s as usize {
                let now = users.last().copied().unwrap();
                let wanted = (advice.users as f64).min(self.most_users);
                users.push(now + (wanted - now).clamp(-advice.spawn_rate, advice.spawn_rate));
                let second = users.len() - 1;
                let producing = users[second.saturating_sub(self.lag_s)].min(users[second]);
                rest += self.per_min(second, producing) / 60.0;
                count += rest.floor();
                rest -= rest.floor();
            }
            let at_s = number as f64 * config.interval_s;
            let running = users.last().copied().unwrap();
            let lost = (self.lost)(number);
            let seen = seen(at_s, running.round() as u64, window(at_s, config.interval_s, count).filter(|_| !lost));
            (state, advice) = step(config, state, &seen);
            check(&seen, &advice).unwrap();
            let kpi_per_min = count * 60.0 / config.interval_s;
            ticks.push(Tick { at_s, users: running, kpi_per_min, advice: advice.clone() });
        }
        ticks
    }
}

/// The mean KPI from a time on, events per minute.
pub(super) fn mean_from(ticks: &[Tick], from_s: f64) -> f64 {
    let later: Vec<f64> = ticks.iter().filter(|tick| tick.at_s > from_s).map(|tick| tick.kpi_per_min).collect();
    later.iter().sum::<f64>() / later.len() as f64
}

/// The ticks as a table, for messages.
pub(super) fn told(ticks: &[Tick]) -> String {
    let line = |tick: &Tick| {
        let Tick { at_s, users, kpi_per_min, advice } = tick;
        let alarm = advice.alarm;
        format!(
            "{at_s:>6} s {users:>9.1} users {kpi_per_min:>9.1}/min -> {} in {} {alarm:?}",
            advice.users, advice.mode
        )
    };
    ticks.iter().map(line).collect::<Vec<_>>().join("\n")
}
