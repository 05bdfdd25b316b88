//! What each record changes in the view of a run, so that a run can be followed from any revision without looking at whole
//! views.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EventView, RunView, Tick};
use crate::phase::{Command, Phase, State};
use crate::run::{Record, ReplayError, Revision, Run, RunId};
use crate::verdict::Verdict;

/// What one record has changed for whoever watches a run. A run's journal gives the same updates whenever it is folded, one
/// for each record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The record.
    pub revision: Revision,
    /// When it happened.
    pub at: Timestamp,
    /// The phase that the run is in now.
    pub phase: Phase,
    /// The state's name, finer than the phase.
    pub state: String,
    /// The phase, where the record is the first one in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<Phase>,
    /// What was measured, where the record ends an interval of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<Tick>,
    /// What happened, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventView>,
    /// The verdict, where the run is over now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Update {
    /// True when the run is over with this record. One that is put back by what it has left goes on all the same.
    pub fn is_end(&self) -> bool {
        self.phase == Phase::Finished
    }
}

impl RunView {
    /// What a run's first record has changed: all that this view tells, if it is as [`RunView::begin`] makes it.
    pub fn begun(&self) -> Update {
        self.since(&Seen { phase: None, ticks: 0, events: 0 })
    }

    /// How much it tells now.
    pub(super) const fn seen(&self) -> Seen {
        Seen { phase: Some(self.phase), ticks: self.ticks.len(), events: self.events.len() }
    }

    /// What it tells by its last record, where it told so much before.
    pub(super) fn since(&self, before: &Seen) -> Update {
        Update {
            revision: self.revision,
            at: self.updated_at,
            phase: self.phase,
            state: self.state.clone(),
            entered: Some(self.phase).filter(|_| before.phase != Some(self.phase)),
            tick: self.ticks.get(before.ticks).cloned(),
            events: self.events[before.events..].to_vec(),
            verdict: self.verdict.clone(),
        }
    }
}

/// How much a view has told: its lists only grow.
pub(super) struct Seen {
    phase: Option<Phase>,
    ticks: usize,
    events: usize,
}

/// A run and its view, folded together.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// The run.
    pub run: Run,
    /// The same as people look at it.
    pub view: RunView,
}

impl Fold {
    /// Begins with the first record of a journal.
    ///
    /// # Errors
    /// When the record is not the run's creation.
    pub fn begin(id: &RunId, first: &Record) -> Result<Self, ReplayError> {
        let run = Run::begin(first)?;
        let view = RunView::begin(id, &run);
        Ok(Self { run, view })
    }

    /// True when the run has come to its end.
    pub fn is_over(&self) -> bool {
        matches!(self.run.state, State::Finished { .. })
    }

    /// Takes in the next record, and tells what to do about it and what it has changed.
    ///
    /// # Errors
    /// When it is not the next one, or does not belong to the state; nothing is changed then.
    pub fn take(&mut self, record: &Record) -> Result<(Vec<Command>, Update), ReplayError> {
        let commands = self.run.apply(record)?;
        Ok((commands, self.view.record(&self.run, record)))
    }

    /// A whole journal, with an update for each of its records.
    ///
    /// # Errors
    /// When the journal cannot be replayed.
    pub fn of(id: &RunId, journal: &[Record]) -> Result<(Self, Vec<Update>), ReplayError> {
        let (first, rest) = journal.split_first().ok_or(ReplayError::Empty)?;
        let mut fold = Self::begin(id, first)?;
        let mut updates = vec![fold.view.begun()];
        for record in rest {
            updates.push(fold.take(record)?.1);
        }
        Ok((fold, updates))
    }
}
