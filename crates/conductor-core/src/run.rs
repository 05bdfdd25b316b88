//! A run: its identity, its journal's records, and the state they add up to.

mod queue;
mod request_id;
mod waits;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use queue::{active, queue};
pub use request_id::{RequestId, RequestIdError};
pub use waits::Waits;

use crate::app::{ApplicationId, NameError, is_name};
use crate::guard::{DriftPolicy, Guarded};
use crate::learnt::Learnt;
use crate::links::PageTemplate;
use crate::load::GeneratorFacts;
use crate::mocks::MockSpec;
use crate::parity::{Rules, SeverityRule, Waiver};
use crate::phase::{Command, Event, State, step};
use crate::ports::Production;
use crate::restore::ForeignPolicy;
use crate::scale::{Baseline, Plan, PlanError};
use crate::slo::BaselineFigures;
use crate::spec::{LoadTestSpec, LoadWorkers, Scope};
use crate::units::Span;

/// A run's identity. Test data is tagged with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_name(text) && !text.contains('/') { Ok(Self(text.to_owned())) } else { Err(NameError(text.to_owned())) }
    }
}

impl TryFrom<String> for RunId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The number of records in a journal.
pub type Revision = u64;

/// One line of a run's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its place in the journal; the first is 1.
    pub revision: Revision,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What a run was created with; the first event of its journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// What the caller declared.
    pub spec: LoadTestSpec,
    /// The applications that take part, those under test and what is scaled with them.
    pub scope: Scope,
    /// What becomes of values that somebody else changed during the run.
    pub foreign_policy: ForeignPolicy,
    /// What becomes of the run when somebody else changes an application under test.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// How long after the way back it is looked again whether everything stays as it was; zero for never.
    #[serde(default = "no_time")]
    pub recheck_after: Span,
    /// Differences from production that the environment accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// How much differences from production matter in the environment, where that is not as it is for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<SeverityRule>,
    /// The mocks that take the place of real dependencies for what is tagged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mocks: Vec<MockSpec>,
    /// Pages that show runs of the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageTemplate>,
    /// The environment's settings as they were, so that the run can be restored from its journal alone. The domain
    /// does not look inside.
    pub environment: serde_json::Value,
    /// What the last run of the same load test had learnt, found by the engine when the run was created; `None` when
    /// there is none, or the load test does not want it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt: Option<Learnt>,
    /// What the run had that `spec.baseline` names, found by the engine when the run was created; `None` where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineFigures>,
    /// The highest epoch of the conductors that drove the run before this journal, where an earlier one was lost; 0
    /// otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub former_epoch: u64,
    /// Who has asked for the run; `None` where nobody was asked who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// By what they have named their request, which is never used for another run; `None` where they have not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// What it waits for, where its environment was in use; `None` where it begins at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

const fn no_time() -> Span {
    Span::minutes(0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(epoch: &u64) -> bool {
    *epoch == 0
}

impl Created {
    /// A run of a load test, which has learnt nothing and had no conductor before.
    pub fn new(
        spec: LoadTestSpec,
        scope: Scope,
        foreign_policy: ForeignPolicy,
        environment: serde_json::Value,
    ) -> Self {
        Self {
            spec,
            scope,
            foreign_policy,
            drift_policy: DriftPolicy::default(),
            recheck_after: no_time(),
            waivers: Vec::new(),
            severities: Vec::new(),
            mocks: Vec::new(),
            pages: Vec::new(),
            environment,
            learnt: None,
            baseline: None,
            former_epoch: 0,
            by: None,
            request: None,
            waits: None,
        }
    }

    /// What the environment says of differences from production.
    pub fn parity_rules(&self) -> Rules<'_> {
        Rules { waivers: &self.waivers, severities: &self.severities }
    }

    /// The epoch of a conductor that begins to drive the run with this record: higher than that of any before.
    pub fn epoch(&self, revision: Revision) -> u64 {
        self.former_epoch + revision
    }

    /// The applications whose state the run records: those in scope, and the one that runs the load workers.
    pub fn applications(&self) -> Vec<ApplicationId> {
        let scope = self.scope.iter().map(|intent| &intent.application);
        let workers = self.spec.load.workers.iter().map(|workers| &workers.application);
        let workers = workers.filter(|name| self.scope.iter().all(|intent| intent.application != **name));
        scope.chain(workers).cloned().collect()
    }

    /// The applications under test, which are those that are compared with production.
    pub fn under_test(&self) -> Vec<ApplicationId> {
        self.scope.iter().filter(|intent| !intent.support).map(|intent| intent.application.clone()).collect()
    }

    /// The applications that take part and are not under test: what is scaled with every test, and the load workers.
    pub fn beside(&self) -> Vec<ApplicationId> {
        let support = self.scope.iter().filter(|intent| intent.support).map(|intent| &intent.application);
        let workers = self.spec.load.workers.iter().map(|workers| &workers.application);
        let beside: BTreeSet<&ApplicationId> = support.chain(workers).collect();
        beside.into_iter().cloned().collect()
    }

    /// What the run changes before its load.
    ///
    /// # Errors
    /// All applications for which that cannot be said, and load workers that do not exist.
    pub fn plan(
        &self,
        production: &BTreeMap<ApplicationId, Production>,
        baseline: &Baseline,
    ) -> Result<Plan, PlanError> {
        let plan = Plan::make(&self.scope, production, baseline);
        let absent = |workers: &&LoadWorkers| !baseline.contains_key(&workers.application);
        let Some(workers) = self.spec.load.workers.as_ref().filter(absent) else { return plan };
        let mut problems = plan.err().map_or_else(Vec::new, |PlanError(problems)| problems);
        let name = &workers.application;
        problems.push(format!("{name}, which runs the load workers, does not exist in the environment"));
        Err(PlanError(problems))
    }

    /// Why this generator cannot be used for the run, `None` when it can.
    pub fn unfit(&self, generator: &GeneratorFacts) -> Option<String> {
        let counted = self.spec.slos.iter().find(|slo| slo.counted_as().is_some());
        if let Some(slo) = counted.filter(|_| !generator.by_name) {
            return Some(format!(
                "{} does not tell requests by name with their response times, and spec.slos has \"{slo}\"; expected a load \
                 generator that does, as Locust with conductor_locust.py beside its locustfile, or no spec.slos",
                generator.version
            ));
        }
        let workers = self.spec.load.workers.as_ref().filter(|_| generator.workers.is_none())?;
        Some(format!(
            "{} is one process without workers, and spec.load.workers scales {}; expected a load generator with workers, \
             or no spec.load.workers",
            generator.version, workers.application
        ))
    }
}

/// A run as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What it was created with.
    pub created: Created,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its turn came, which is when it was created unless it had to wait; `None` until then.
    pub begun_at: Option<Timestamp>,
    /// Where it is.
    pub state: State,
    /// How many records its journal has.
    pub revision: Revision,
    /// Whether others can change the applications, once that is known.
    pub guarded: Option<Guarded>,
}

/// Why a journal cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It has no records.
    #[error("the journal is empty")]
    Empty,
    /// Its first record is not the run's creation.
    #[error("the journal begins with {0}, not with Created")]
    NotCreated(&'static str),
    /// A record is missing or repeated.
    #[error("record {found} follows record {after}")]
    Gap {
        /// The last good revision.
        after: Revision,
        /// The one that follows.
        found: Revision,
    },
    /// A record does not belong where it stands.
    #[error("record {revision} does not belong there: {reason}")]
    Refused {
        /// The record.
        revision: Revision,
        /// Why.
        reason: String,
    },
}

impl Run {
    /// The run that the first record of a journal begins.
    ///
    /// # Errors
    /// When the record is not the run's creation.
    pub fn begin(first: &Record) -> Result<Self, ReplayError> {
        let Event::Created(created) = &first.event else {
            return Err(ReplayError::NotCreated(first.event.name()));
        };
        Ok(Self::new((**created).clone(), first.at, first.revision))
    }

    /// A run that the first record of its journal, of this time and revision, creates.
    pub fn new(created: Created, at: Timestamp, revision: Revision) -> Self {
        let (state, begun_at) = match created.waits {
            Some(_) => (State::Waiting, None),
            None => (State::Accepted, Some(at)),
        };
        Self { created, created_at: at, begun_at, state, revision, guarded: None }
    }

    /// True while it waits for its turn. Nobody drives it then, and nothing of it has begun.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// Applies the journal's next record and tells what to do about it.
    ///
    /// # Errors
    /// When it is not the next one, or does not belong to the state; the run is unharmed.
    pub fn apply(&mut self, record: &Record) -> Result<Vec<Command>, ReplayError> {
        if record.revision != self.revision + 1 {
            return Err(ReplayError::Gap { after: self.revision, found: record.revision });
        }
        let state = std::mem::replace(&mut self.state, State::Accepted);
        match step(&self.created, state, record.at, &record.event) {
            Ok(transition) => {
                self.state = transition.state;
                self.revision = record.revision;
                if let Event::Frozen { guarded } = &record.event {
                    self.guarded = Some(guarded.clone());
                }
                if let Event::Begun { learnt } = &record.event {
                    self.created.learnt = learnt.as_deref().cloned();
                    self.begun_at = Some(record.at);
                }
                Ok(transition.commands)
            }
            Err(refused) => {
                let reason = refused.to_string();
                self.state = *refused.state;
                Err(ReplayError::Refused { revision: record.revision, reason })
            }
        }
    }

    /// Folds a journal into the run it tells of.
    ///
    /// # Errors
    /// When the journal is empty, has gaps, or holds an event that its state does not accept.
    pub fn replay(journal: &[Record]) -> Result<Self, ReplayError> {
        let (first, rest) = journal.split_first().ok_or(ReplayError::Empty)?;
        let mut run = Self::begin(first)?;
        for record in rest {
            run.apply(record)?;
        }
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{created, load_test};

    #[test]
    fn load_workers_cannot_be_scaled_where_the_generator_has_none() {
        let workers = serde_json::json!({ "workers": { "application": "load-workers", "most": 4 } });
        let mut created = created(load_test("600/min", serde_json::json!({ "load": workers })));
        let facts = |workers| GeneratorFacts {
            version: "Locust 2.47.0".to_owned(),
            workers,
            counting: String::new(),
            by_name: false,
        };
        assert_eq!(
            created.unfit(&facts(None)).unwrap(),
            "Locust 2.47.0 is one process without workers, and spec.load.workers scales load-workers; expected a load \
             generator with workers, or no spec.load.workers"
        );
        assert_eq!(created.unfit(&facts(Some(1))), None);
        created.spec.load.workers = None;
        assert_eq!(created.unfit(&facts(None)), None);
    }
}
