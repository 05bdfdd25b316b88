//! What is written of a run beside its figures, where people look at them: its phases, what went wrong, what was asked for.
//!
//! [`Annotations`] folds a journal as a run itself does, so that a journal gives the same annotations whenever and by whomever it
//! is read. How an [`Annotation`] gets to where the figures are is an [`Annotator`](crate::ports::Annotator)'s matter.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertStatus, Alerts, Notice, Topic};
use crate::phase::{Event, Phase};
use crate::run::{Record, RunId};
use crate::view::{Fold, Update};

/// What an annotation tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnnotationKind {
    /// A phase, from its beginning to its end.
    Phase,
    /// An alert that has fired, or is resolved.
    Alert,
    /// What somebody has asked for, or what has become of the conductor.
    Event,
    /// The run's end, with its verdict.
    Verdict,
}

impl fmt::Display for AnnotationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Phase => "phase",
            Self::Alert => "alert",
            Self::Event => "event",
            Self::Verdict => "verdict",
        })
    }
}

/// What is written of a run at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// The run.
    pub run: RunId,
    /// The load test's name.
    pub load_test: String,
    /// Its environment.
    pub environment: String,
    /// What it tells.
    pub kind: AnnotationKind,
    /// When it was, or began.
    pub from: Timestamp,
    /// When it ended; `None` for what has no duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// One sentence.
    pub text: String,
}

/// What is written of one run, by its records so far.
#[derive(Clone, Debug)]
pub struct Annotations {
    alerts: Alerts,
    phase: Phase,
    entered: Timestamp,
}

impl Annotations {
    /// Begins with a run whose first record was taken in.
    pub fn begin(fold: &Fold) -> Self {
        Self { alerts: Alerts::default(), phase: fold.view.phase, entered: fold.view.created_at }
    }

    /// Takes in the record that brought a run to where it is now, with what it has changed, and tells what is to be written by
    /// it, in order.
    pub fn see(&mut self, fold: &Fold, record: &Record, update: &Update) -> Vec<Annotation> {
        let mut found = Vec::new();
        found.extend(self.phase_left(fold, record));
        if is_told(&record.event) {
            let texts: Vec<&str> = update.events.iter().map(|event| event.message.as_str()).collect();
            found.push(annotation(fold, AnnotationKind::Event, record.at, texts.join("; ")));
        }
        found.extend(self.alerts.see(fold, record).iter().map(|notice| alert(fold, notice)));
        found
    }

    /// The phase that ends with a record, which knows only now how long it was.
    fn phase_left(&mut self, fold: &Fold, record: &Record) -> Option<Annotation> {
        if let Event::Begun { .. } = &record.event {
            // Until then it has only waited.
            self.entered = record.at;
        }
        let now = fold.view.phase;
        if now == self.phase {
            return None;
        }
        let (left, entered) = (self.phase, self.entered);
        (self.phase, self.entered) = (now, record.at);
        // A run that is over is in no phase, even where it is taken up again.
        (left != Phase::Finished).then(|| {
            let failure =
                fold.view.phases.iter().find(|view| view.phase == left).and_then(|view| view.failure.as_ref());
            let failure = failure.map_or_else(String::new, |failure| format!(": {failure}"));
            let text = format!("{left} of {}{failure}", fold.view.name);
            Annotation { to: Some(record.at), ..annotation(fold, AnnotationKind::Phase, entered, text) }
        })
    }
}

/// True for what nobody sees from the phases and the alerts.
fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::Retargeted { .. }
            | Event::WorkersScaled(_)
            | Event::StopRequested { .. }
            | Event::DeadlineExceeded
            | Event::Abandoned
            | Event::Resumed
            | Event::Adopted { .. }
    )
}

fn alert(fold: &Fold, notice: &Notice) -> Annotation {
    let (topic, message) = (notice.alert.key.topic, &notice.alert.message);
    match (topic, notice.status) {
        (Topic::RunOver, _) => annotation(fold, AnnotationKind::Verdict, notice.at, message.clone()),
        (_, AlertStatus::Firing) => {
            annotation(fold, AnnotationKind::Alert, notice.at, format!("{} fires: {message}", topic.name()))
        }
        (_, AlertStatus::Resolved) => {
            annotation(fold, AnnotationKind::Alert, notice.at, format!("{} is over: {message}", topic.name()))
        }
    }
}

fn annotation(fold: &Fold, kind: AnnotationKind, from: Timestamp, text: String) -> Annotation {
    let view = &fold.view;
    Annotation {
        run: view.id.clone(),
        load_test: view.name.clone(),
        environment: view.environment.clone(),
        kind,
        from,
        to: None,
        text,
    }
}
