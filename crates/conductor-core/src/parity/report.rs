//! In what a test environment differs from production, as it is told and kept with the run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::severity::Severity;
use super::waiver::{Day, Waiver};
use crate::app::ApplicationId;
use crate::phase::Level;

/// In what a test environment would differ from production while load is generated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many applications were compared.
    pub applications: u32,
    /// The differences, those of the cluster first.
    pub differences: Vec<Difference>,
    /// What became of each waiver.
    pub waivers: Vec<JudgedWaiver>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
    /// Why there is nothing to compare with, where there is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomparable: Option<String>,
}

/// Something that is not in the test environment what it is in production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The application; absent for the cluster itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    /// Its container, where the aspect is one of a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What differs, such as `env.FEATURE_X`.
    pub aspect: String,
    /// What it is in production; absent where production has no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<String>,
    /// What it is in the test environment while load is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// How much it matters for what a load test tells of production.
    #[serde(alias = "level")]
    pub severity: Severity,
    /// The waiver by which it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waiver>,
}

/// A waiver, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedWaiver {
    /// The waiver.
    pub waiver: Waiver,
    /// What became of it.
    pub state: WaiverState,
    /// How many differences it is about.
    pub differences: u32,
}

/// What becomes of a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WaiverState {
    /// It accepts differences.
    Applied,
    /// Its last day has passed: it accepts nothing.
    Expired,
    /// There is no difference that it is about.
    Unused,
}

impl Report {
    /// The report of an environment of which nothing tells what it is like in production.
    pub fn incomparable(why: &str) -> Self {
        Self { incomparable: Some(why.to_owned()), ..Self::default() }
    }

    /// The report where nothing could be read.
    pub fn unread(why: String) -> Self {
        Self { notes: vec![why], ..Self::default() }
    }

    /// The report of these differences on a day.
    pub(super) fn of(mut differences: Vec<Difference>, waivers: &[Waiver], today: Day) -> Self {
        let judge = |waiver: &Waiver| {
            let mut about: Vec<&mut Difference> =
                differences.iter_mut().filter(|difference| waiver.is_about(difference)).collect();
            let state = match about.len() {
                0 => WaiverState::Unused,
                _ if waiver.until < today => WaiverState::Expired,
                _ => WaiverState::Applied,
            };
            for difference in &mut about {
                if state == WaiverState::Applied && difference.waived.is_none() {
                    difference.waived = Some(waiver.clone());
                }
            }
            JudgedWaiver { waiver: waiver.clone(), state, differences: count(about.len()) }
        };
        let waivers = waivers.iter().map(judge).collect();
        Self { differences, waivers, ..Self::default() }
    }

    /// The differences that nobody has accepted.
    pub fn unwaived(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.waived.is_none())
    }

    /// Those of them by which what is measured is not what production would show.
    pub fn errors(&self) -> impl Iterator<Item = &Difference> {
        self.unwaived().filter(|difference| difference.severity == Severity::Error)
    }

    /// How much of it somebody should look at.
    pub fn level(&self) -> Level {
        let matters = self.unwaived().any(|difference| difference.severity >= Severity::Warn);
        let is_stale = self.waivers.iter().any(|judged| judged.state == WaiverState::Expired);
        if matters || is_stale || !self.notes.is_empty() { Level::Warning } else { Level::Info }
    }

    /// All of it in one sentence.
    pub fn summary(&self) -> String {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        if let Some(why) = &self.incomparable {
            return format!("not compared with production: {why}");
        }
        let all = self.differences.len();
        let mut words = match (self.applications, all) {
            (0, 0) => "not compared with production".to_owned(),
            (_, 0) => "no differences from production".to_owned(),
            (_, _) => format!("{all} difference{} from production", plural(all)),
        };
        let waived = all - self.unwaived().count();
        if waived > 0 {
            words.push_str(&format!(", {waived} of them waived"));
        }
        let errors = self.errors().count();
        if errors > 0 {
            words.push_str(&format!(", {errors} of severity error"));
        }
        let expired = self.waivers.iter().filter(|judged| judged.state == WaiverState::Expired).count();
        if expired > 0 {
            words.push_str(&format!("; {expired} waiver{} expired", plural(expired)));
        }
        for note in &self.notes {
            words.push_str(&format!("; {note}"));
        }
        words
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { container, aspect, production, test, waived, .. } = self;
        write!(f, "{aspect}")?;
        if let Some(container) = container {
            write!(f, " of {container}")?;
        }
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        write!(f, ": production {}, test {}", shown(production), shown(test))?;
        if let Some(Waiver { reason, until, .. }) = waived {
            write!(f, "; waived until {until}: {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for JudgedWaiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiver, state, .. } = self;
        match state {
            WaiverState::Applied => write!(f, "waiver of {waiver} applies"),
            WaiverState::Expired => write!(f, "waiver of {waiver} has expired and waives nothing"),
            WaiverState::Unused => write!(f, "waiver of {waiver} matches no difference and may go"),
        }
    }
}
