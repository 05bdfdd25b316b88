//! What is measured in one run for a goal: a score, or what only its course tells.

use std::fmt;

use crate::score::{Score, Scores, Yardstick};
use crate::trial::law::Algorithm;
use crate::trial::{Bench, Trace};

/// What is measured in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A score.
    Score(Score),
    /// How far the mean KPI of the last ten minutes is from the target, percent of the target.
    LateError,
    /// Minutes from an outage's beginning to the first decision that calls the KPI gone; infinite when there is none.
    AlarmDelay,
}

impl From<Score> for Measure {
    fn from(score: Score) -> Self {
        Self::Score(score)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Score(score) => score.name(),
            Self::LateError => "late_error",
            Self::AlarmDelay => "alarm_delay_min",
        })
    }
}

/// Everything that is measured in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    scores: Scores,
    late_error: f64,
    alarm_delay_min: f64,
}

impl Record {
    /// Runs an algorithm once.
    pub(super) fn of(bench: &Bench, yardstick: &Yardstick, algorithm: Algorithm, seed: u64) -> Self {
        let trace = bench.run(algorithm, seed);
        Self {
            scores: yardstick.scores(&trace),
            late_error: late_error(&trace, bench.model.target_per_min),
            alarm_delay_min: bench.model.drop.map_or(f64::NAN, |(from_s, ..)| alarm_delay_min(&trace, from_s)),
        }
    }

    pub(super) fn get(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Score(score) => self.scores[score as usize],
            Measure::LateError => self.late_error,
            Measure::AlarmDelay => self.alarm_delay_min,
        }
    }
}

fn late_error(trace: &Trace, target: f64) -> f64 {
    const WINDOWS: usize = 10;
    let late = &trace.kpi_per_min[trace.kpi_per_min.len().saturating_sub(WINDOWS)..];
    100.0 * (late.iter().sum::<f64>() / late.len() as f64 / target - 1.0).abs()
}

fn alarm_delay_min(trace: &Trace, outage_s: f64) -> f64 {
    let first = trace.stall_alarms_s.iter().find(|at_s| **at_s >= outage_s);
    first.map_or(f64::INFINITY, |at_s| (at_s - outage_s) / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(kpi_per_min: Vec<f64>, stall_alarms_s: Vec<f64>) -> Trace {
        Trace { users: vec![0.0; kpi_per_min.len()], kpi_per_min, stall_alarms_s, insights: Vec::new() }
    }

    #[test]
    fn the_last_ten_minutes_count_together() {
        let mut kpi = vec![0.0; 20];
        kpi.extend([110.0, 90.0].repeat(5));
        assert!(late_error(&trace(kpi.clone(), Vec::new()), 100.0) < 1e-9);
        kpi[29] = 0.0;
        assert!((late_error(&trace(kpi, Vec::new()), 100.0) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn an_alarm_before_the_outage_is_none() {
        let alarmed = |alarms: &[f64]| alarm_delay_min(&trace(vec![0.0; 10], alarms.to_vec()), 300.0);
        assert_eq!(alarmed(&[60.0, 480.0]), 3.0);
        assert_eq!(alarmed(&[60.0]), f64::INFINITY);
    }
}
