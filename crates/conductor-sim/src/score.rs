//! What a run is worth: how near its KPI came to what could be achieved, and at what cost. The figures of many runs
//! side by side are in `table`.

use crate::trial::{Bench, Trace, WINDOW_S};

/// The scores of one run, in the order of [`Score::ALL`].
pub(crate) type Scores = [f64; Score::ALL.len()];

/// What a run is judged by. Each is taken on windows of a minute, whatever the interval of the algorithm. "Achievable"
/// is the line, or the greatest KPI that the plant can sustain at that moment where that is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Score {
    /// Root mean square of KPI minus achievable KPI, percent of the target.
    Rmse,
    /// The same during the ramp.
    RmseRamp,
    /// The same on the plateau.
    RmsePlateau,
    /// Minutes after the ramp to the first window from which four of five are within 5 % or two standard deviations of
    /// chance of the achievable KPI; the plateau's length when there is none.
    SettleMin,
    /// The most by which the KPI exceeds the achievable one, percent of the target.
    Overshoot,
    /// Mean of KPI minus achievable KPI on the plateau, percent of the target.
    PlateauMeanError,
    /// Windows of the plateau within 5 % of the achievable KPI, percent.
    Inside5Pct,
    /// The plateau's KPI in percent of the achievable one.
    KpiOfSustainable,
    /// Mean excess of users over those needed on the plateau, percent.
    UsersBeyondNeed,
    /// The greatest excess of users over those at the knee, or those needed where these are more, percent.
    PeakUsersBeyondKnee,
    /// Decisions that called the KPI gone while it was not.
    FalseStallAlarms,
    /// Users started and stopped, for each user needed at the end.
    Churn,
}

impl Score {
    /// Every score.
    pub const ALL: [Self; 12] = [
        Self::Rmse,
        Self::RmseRamp,
        Self::RmsePlateau,
        Self::SettleMin,
        Self::Overshoot,
        Self::PlateauMeanError,
        Self::Inside5Pct,
        Self::KpiOfSustainable,
        Self::UsersBeyondNeed,
        Self::PeakUsersBeyondKnee,
        Self::FalseStallAlarms,
        Self::Churn,
    ];

    /// Its name in tables and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rmse => "rmse",
            Self::RmseRamp => "rmse_ramp",
            Self::RmsePlateau => "rmse_plateau",
            Self::SettleMin => "settle_min",
            Self::Overshoot => "overshoot",
            Self::PlateauMeanError => "plateau_mean_error",
            Self::Inside5Pct => "inside_5pct",
            Self::KpiOfSustainable => "kpi_of_sustainable",
            Self::UsersBeyondNeed => "users_beyond_need",
            Self::PeakUsersBeyondKnee => "peak_users_beyond_knee",
            Self::FalseStallAlarms => "false_stall_alarms",
            Self::Churn => "churn",
        }
    }

    /// True when more is better.
    pub const fn is_better_when_greater(self) -> bool {
        matches!(self, Self::Inside5Pct | Self::KpiOfSustainable)
    }
}

/// What could be achieved on a plant in each scored window, the load's beginning first.
pub(crate) struct Yardstick {
    target: f64,
    /// The last window of the ramp.
    ramp: usize,
    achievable: Vec<f64>,
    /// True where the plant can do anything at all.
    serves: Vec<bool>,
    knee_users: Vec<f64>,
    needed: Vec<f64>,
    /// From when to when the KPI may be called gone, seconds.
    outage: Option<(f64, f64)>,
}

impl Yardstick {
    pub(crate) fn new(bench: &Bench) -> Self {
        /// Looks at the plant in each window.
        const LOOKS: u32 = 6;
        /// A capacity under this share is an outage.
        const OUTAGE: f64 = 0.05;
        let model = &bench.model;
        let windows = bench.windows();
        let middle_s = |window: usize| ((window as f64 - 0.5) * WINDOW_S).max(0.0);
        let knees: Vec<_> = (0..=windows).map(|window| model.knee(middle_s(window))).collect();
        let achievable = |window: usize| {
            let look = |look: u32| {
                let at_s = (window as f64 - 1.0 + (f64::from(look) + 0.5) / f64::from(LOOKS)) * WINDOW_S;
                model.line.at(at_s).min(model.knee(at_s).kpi_per_min)
            };
            if window == 0 { 0.0 } else { (0..LOOKS).map(look).sum::<f64>() / f64::from(LOOKS) }
        };
        let needed = |window: usize| {
            model.users_for(middle_s(window), model.line.at(middle_s(window))).max(1.0).min(model.max_users)
        };
        let outage = model.drop.filter(|(_, _, factor)| *factor < OUTAGE).map(|(from_s, to_s, _)| {
            let minute = |at_s: f64| (at_s / WINDOW_S).floor() * WINDOW_S;
            (minute(from_s), minute(to_s) + GRACE_S)
        });
        Self {
            target: model.target_per_min,
            ramp: ((model.ramp_up_s / WINDOW_S).round() as usize).min(windows),
            achievable: (0..=windows).map(achievable).collect(),
            serves: knees.iter().map(|knee| knee.kpi_per_min > 0.0).collect(),
            knee_users: knees.iter().map(|knee| knee.users).collect(),
            needed: (0..=windows).map(needed).collect(),
            outage,
        }
    }

    /// What could be achieved in each window, events per minute.
    pub(crate) fn achievable(&self) -> &[f64] {
        &self.achievable
    }

    /// Users at the knee in each window.
    pub(crate) fn knee_users(&self) -> &[f64] {
        &self.knee_users
    }

    /// The scores of a run; not a number where there is no window to take one on.
    pub(crate) fn scores(&self, trace: &Trace) -> Scores {
        Score::ALL.map(|score| self.score(score, trace))
    }

    fn score(&self, score: Score, trace: &Trace) -> f64 {
        let windows = self.achievable.len() - 1;
        let (all, ramp, plateau) = (1..=windows, 1..=self.ramp, self.ramp + 1..=windows);
        let error = |window: usize| trace.kpi_per_min[window] - self.achievable[window];
        let rmse = |windows| 100.0 * mean(windows, |window| error(window).powi(2)).sqrt() / self.target;
        let serving = |window: &usize| self.serves[*window];
        let excess = |window: usize, than: f64| (trace.users[window] - than).max(0.0);
        match score {
            Score::Rmse => rmse(all),
            Score::RmseRamp => rmse(ramp),
            Score::RmsePlateau => rmse(plateau),
            Score::SettleMin => self.settle_min(trace),
            Score::Overshoot => 100.0 * all.map(error).fold(f64::NEG_INFINITY, f64::max) / self.target,
            Score::PlateauMeanError => 100.0 * mean(plateau, error) / self.target,
            Score::Inside5Pct => {
                let inside = |window: usize| error(window).abs() <= 0.05 * self.achievable[window].max(1e-9);
                100.0 * mean(plateau, |window| f64::from(u8::from(inside(window))))
            }
            Score::KpiOfSustainable => {
                let achievable = mean(plateau.clone(), |window| self.achievable[window]);
                100.0 * mean(plateau, |window| trace.kpi_per_min[window]) / achievable
            }
            Score::UsersBeyondNeed => {
                let beyond = |window: usize| excess(window, self.needed[window]) / self.needed[window];
                100.0 * mean(plateau.filter(serving), beyond)
            }
            Score::PeakUsersBeyondKnee => {
                let beyond = |window: usize| {
                    let knee = self.knee_users[window];
                    excess(window, knee.max(self.needed[window])) / knee.max(1.0)
                };
                100.0 * all.filter(serving).map(beyond).fold(0.0, f64::max)
            }
            Score::FalseStallAlarms => {
                let is_true = |at_s: &&f64| self.outage.is_some_and(|(from_s, to_s)| (from_s..to_s).contains(*at_s));
                (trace.stall_alarms_s.len() - trace.stall_alarms_s.iter().filter(is_true).count()) as f64
            }
            Score::Churn => {
                let changed: f64 = trace.users.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
                changed / self.needed[windows]
            }
        }
    }

    fn settle_min(&self, trace: &Trace) -> f64 {
        const OF: usize = 5;
        const INSIDE: usize = 4;
        let inside = |window: usize| {
            let achievable = self.achievable[window];
            let chance = 2.0 / (achievable * WINDOW_S / 60.0).max(1e-9).sqrt();
            (trace.kpi_per_min[window] - achievable).abs() <= chance.max(0.05) * achievable.max(1e-9)
        };
        let windows = self.achievable.len() - 1;
        let settled = |from: &usize| (*from..*from + OF).filter(|window| inside(*window)).count() >= INSIDE;
        let first = (self.ramp..(windows + 1).saturating_sub(OF)).find(settled).unwrap_or(windows);
        (first - self.ramp) as f64 * WINDOW_S / 60.0
    }
}

/// How long after an outage the KPI may still be called gone.
const GRACE_S: f64 = 240.0;

fn mean(windows: impl Iterator<Item = usize>, value: impl Fn(usize) -> f64) -> f64 {
    let (sum, count) = windows.fold((0.0, 0_u32), |(sum, count), window| (sum + value(window), count + 1));
    sum / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plant of a five-minute ramp to 100 a minute and ten minutes there, in which nothing is out of reach.
    fn bench() -> Bench {
        let document = serde_json::json!({
            "run": { "target": "100/min", "rampUp": "5m", "plateau": "10m" }, "journey": {}, "checkout": {}
        });
        Bench::new(&serde_json::from_value(document).unwrap(), 60.0)
    }

    fn on_the_line() -> Trace {
        let kpi_per_min =
            (0..=15).map(|minute| if minute == 0 { 0.0 } else { (20.0 * f64::from(minute) - 10.0).min(100.0) });
        let bench = bench();
        let users = Yardstick::new(&bench).needed;
        Trace { users, kpi_per_min: kpi_per_min.collect(), stall_alarms_s: Vec::new(), insights: Vec::new() }
    }

    fn score(score: Score, change: impl FnOnce(&mut Trace)) -> f64 {
        let mut trace = on_the_line();
        change(&mut trace);
        Yardstick::new(&bench()).score(score, &trace)
    }

    #[test]
    fn a_run_on_the_line_is_perfect() {
        let scores = Yardstick::new(&bench()).scores(&on_the_line());
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 100.0, 0.0, 0.0, 0.0];
        for ((score, found), expected) in Score::ALL.into_iter().zip(scores).zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{}: {found}", score.name());
        }
        assert!((scores[11] - 1.0).abs() < 0.01, "every user is started once: {}", scores[11]);
    }

    #[test]
    fn errors_count_where_they_are() {
        let miss = |trace: &mut Trace| trace.kpi_per_min[10] = 60.0;
        assert!((score(Score::RmsePlateau, miss) - 100.0 * (1600.0_f64 / 10.0).sqrt() / 100.0).abs() < 1e-9);
        assert!((score(Score::RmseRamp, miss)).abs() < 1e-9);
        assert!((score(Score::PlateauMeanError, miss) + 4.0).abs() < 1e-9);
        assert!((score(Score::Inside5Pct, miss) - 90.0).abs() < 1e-9);
        assert!((score(Score::KpiOfSustainable, miss) - 96.0).abs() < 1e-9);
        assert!((score(Score::Overshoot, |trace| trace.kpi_per_min[3] = 73.0) - 23.0).abs() < 1e-9);
    }

    #[test]
    fn it_settles_when_four_windows_of_five_are_inside() {
        let off =
            |windows: std::ops::Range<usize>| score(Score::SettleMin, |trace| trace.kpi_per_min[windows].fill(10.0));
        assert_eq!(off(5..8), 2.0);
        assert_eq!(off(5..16), 10.0);
    }

    #[test]
    fn users_too_many_alarms_and_churn_are_counted() {
        let doubled = |trace: &mut Trace| trace.users[12] *= 2.0;
        assert!((score(Score::UsersBeyondNeed, doubled) - 10.0).abs() < 1e-9);
        assert!((score(Score::Churn, doubled) - score(Score::Churn, |_| ()) - 2.0).abs() < 0.01);
        assert_eq!(score(Score::FalseStallAlarms, |trace| trace.stall_alarms_s = vec![60.0, 120.0]), 2.0);
    }

    #[test]
    fn an_alarm_in_an_outage_is_not_false() {
        let document = serde_json::json!({
            "run": { "target": "100/min", "rampUp": "5m", "plateau": "10m" }, "journey": {}, "checkout": {},
            "capacity": { "drop": { "from": "6m", "to": "8m", "factor": 0.0 } }
        });
        let bench = Bench::new(&serde_json::from_value(document).unwrap(), 60.0);
        let trace = Trace { stall_alarms_s: vec![300.0, 420.0, 660.0, 720.0], ..on_the_line() };
        assert_eq!(Yardstick::new(&bench).score(Score::FalseStallAlarms, &trace), 2.0);
    }
}
