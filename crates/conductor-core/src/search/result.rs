//! What a search has found so far, where it goes next, and when it is over.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Trial;
use crate::spec::SearchPlan;

/// Levels that differ by less than this share are the same one.
const SAME: f64 = 1e-6;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SearchEnd {
    /// Between what was sustained and what was not is no more than the precision.
    LimitFound,
    /// The highest level that was asked for was sustained.
    NoLimitSeen,
    /// Not even the first level was sustained.
    NothingSustained,
    /// A level was not reached because the load generator was at its own limit.
    GeneratorBound,
    /// A level was not reached because no more users are allowed.
    UsersCapped,
    /// A level could not be measured.
    Unmeasured,
}

/// What a search has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The highest level that was sustained.
    pub sustained: Option<Trial>,
    /// The lowest level that was not sustained, events per minute.
    pub not_sustained_per_min: Option<f64>,
}

impl Found {
    /// Takes in a trial that is over.
    pub(super) fn take(&mut self, trial: &Trial) {
        if trial.sustained {
            self.sustained = Some(*trial);
        } else {
            self.not_sustained_per_min = Some(trial.level_per_min);
        }
    }

    /// Whether the search is over by what it has found.
    pub(super) fn end(&self, plan: &SearchPlan) -> Option<SearchEnd> {
        let top = plan.to.as_per_minute() * (1.0 - SAME);
        match (self.sustained, self.not_sustained_per_min) {
            (None, None) => None,
            (None, Some(_)) => Some(SearchEnd::NothingSustained),
            (Some(trial), None) => (trial.level_per_min >= top).then_some(SearchEnd::NoLimitSeen),
            (Some(trial), Some(upper)) => {
                let near = upper / trial.level_per_min <= 1.0 + plan.precision + SAME;
                near.then_some(SearchEnd::LimitFound)
            }
        }
    }

    /// The next level to try, events per minute.
    pub(super) fn next(&self, plan: &SearchPlan) -> f64 {
        match (self.sustained, self.not_sustained_per_min) {
            (None, _) => plan.from.as_per_minute(),
            (Some(trial), None) => (trial.level_per_min * (1.0 + plan.step)).min(plan.to.as_per_minute()),
            (Some(trial), Some(upper)) => (trial.level_per_min * upper).sqrt(),
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let was = if self.sustained { "was sustained" } else { "was not sustained" };
        write!(f, "{:.0}/min {was}", self.level_per_min)?;
        if let (Some(mean), Some(margin), Some(users)) = (self.mean_per_min, self.margin_per_min, self.users) {
            write!(f, ": {mean:.0} ± {margin:.0}/min with {users:.0} users")?;
        }
        if let Some(knee) = self.knee.filter(|_| !self.sustained) {
            write!(f, "; the control law found a limit of {:.0}/min", knee.kpi_per_min)?;
        }
        Ok(())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(trial) = &self.sustained else { return f.write_str("nothing was sustained") };
        let (level, users) = (trial.level_per_min, trial.users.unwrap_or_default());
        let (mean, margin) = (trial.mean_per_min.unwrap_or(level), trial.margin_per_min.unwrap_or_default());
        write!(f, "{mean:.0} ± {margin:.0}/min were sustained at the level of {level:.0}/min with {users:.0} users")?;
        match self.not_sustained_per_min {
            Some(level) => write!(f, "; {level:.0}/min was not sustained"),
            None => Ok(()),
        }
    }
}
