//! Annotations of the runs that are driven here, written beside them: a run knows nothing of it, and waits for nobody.
//!
//! What is written is decided by the records of a run's journal ([`Annotations`]), from the first one on and by whomever: an
//! annotator does not write again what is there. So whoever takes a run over writes what its predecessor has not written any
//! more, and the journal itself is the queue: a run that cannot be annotated for hours takes no memory for it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::annotation::{Annotation, Annotations};
use conductor_core::ports::{Annotator, Clock, FailureKind, PortError};
use conductor_core::run::{Record, Revision, RunId};
use conductor_core::view::Fold;
use futures::StreamExt;
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::beside::is_taken_over;
use crate::conductor::Conductor;
use crate::journal::chain;
use crate::options::Retry;

/// How long one call may take, whatever the annotator's own patience.
const ANSWER: Duration = Duration::from_secs(60);
/// How long it is tried with one annotation. Late ones are worth something: they are written at the time they tell of.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);
/// The first pause before another try, and the longest one.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Writes annotations of the runs that a conductor drives, from now on. It must be made before the conductor drives any.
pub struct Annotating {
    looking: JoinHandle<()>,
    ending: watch::Sender<bool>,
}

impl Annotating {
    /// Begins to write, for each run to where its environment wants it.
    pub fn begin(conductor: &Conductor) -> Self {
        let ending = watch::Sender::new(false);
        let looking = tokio::spawn(look(conductor.clone(), conductor.begun(), ending.subscribe()));
        Self { looking, ending }
    }

    /// Ends it, and waits so long at most until everything that is in the journals is written.
    pub async fn end(mut self, within: Duration) {
        self.ending.send_replace(true);
        if tokio::time::timeout(within, &mut self.looking).await.is_err() {
            tracing::warn!("annotations that were not written yet are left to whoever drives their runs next");
        }
    }
}

impl Drop for Annotating {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// Follows each run that begins to be driven here, and ends once all that is known then is written.
async fn look(conductor: Conductor, mut begun: broadcast::Receiver<(RunId, Revision)>, ending: watch::Receiver<bool>) {
    let mut runs = JoinSet::new();
    let mut ended = ending.clone();
    loop {
        let next = tokio::select! {
            biased;
            next = begun.recv() => next,
            Some(_) = runs.join_next() => continue,
            // Its sender is gone where nobody waits for this.
            _ = ended.wait_for(|is_ending| *is_ending) => break,
        };
        match next {
            Ok((run, before)) => {
                let (conductor, ending) = (conductor.clone(), ending.clone());
                runs.spawn(async move {
                    if let Err(why) = follow(&conductor, &run, before, ending).await {
                        tracing::error!(%run, why, "the run has no more annotations");
                    }
                });
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::error!(missed, "runs have begun faster than they can be followed, and have no annotations");
            }
            Err(broadcast::error::RecvError::Closed) => break,
        }
    }
    while runs.join_next().await.is_some() {}
}

/// Writes what there is to write of one run until it is over, or another conductor drives it, or this one ends.
async fn follow(
    conductor: &Conductor,
    run: &RunId,
    before: Revision,
    mut ending: watch::Receiver<bool>,
) -> Result<(), String> {
    let store = conductor.store();
    let updates = conductor.follow(run, before).await.map_err(|error| chain(&error))?;
    let mut updates = pin!(updates);
    let journal = store.journal(run, 0).await.map_err(|error| chain(&error))?;
    let (first, rest) = journal.split_first().ok_or("its journal is empty")?;
    let mut fold = Fold::begin(run, first).map_err(|error| chain(&error))?;
    let annotator = conductor.annotator(&fold.run.created).map_err(|error| chain(&error))?;
    let Some(annotator) = annotator else { return Ok(()) };
    let mut writer = Writer { annotator, clock: conductor.clock_handle(), told: None };
    let mut annotations = Annotations::begin(&fold);
    let mut records: Vec<Record> = rest.to_vec();
    loop {
        for record in records {
            // The first record of this conductor may be one of these, too.
            if is_taken_over(&record) && record.revision > before + 1 {
                return Ok(());
            }
            let (_, update) = fold.take(&record).map_err(|error| chain(&error))?;
            for annotation in annotations.see(&fold, &record, &update) {
                writer.write(&annotation).await?;
            }
        }
        if fold.is_over() {
            return Ok(());
        }
        let is_last = *ending.borrow();
        if !is_last {
            tokio::select! {
                update = updates.next() => if update.is_none() { return Ok(()) },
                _ = ending.wait_for(|is_ending| *is_ending) => {}
            }
        }
        records = match store.journal(run, fold.run.revision).await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(%run, error = chain(&error), "annotations of the run are late");
                Vec::new()
            }
        };
        if is_last && records.is_empty() {
            return Ok(());
        }
    }
}

struct Writer {
    annotator: Arc<dyn Annotator>,
    clock: Arc<dyn Clock>,
    /// What was said at last of why nothing can be written, so that it is said once.
    told: Option<String>,
}

impl Writer {
    /// Writes an annotation, once it can be. One that is refused is left out.
    ///
    /// # Errors
    /// When it was tried for too long.
    async fn write(&mut self, annotation: &Annotation) -> Result<(), String> {
        let retry = Retry { first: RETRY.0, longest: RETRY.1, ..Retry::default() };
        let begun = self.clock.now();
        let run = &annotation.run;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Err(error) = self.once(annotation).await else {
                if self.told.take().is_some() {
                    tracing::info!(%run, "annotations are written again");
                }
                return Ok(());
            };
            let (text, is_away) = (chain(&error), error.kind == FailureKind::Unavailable);
            if self.told.as_ref() != Some(&text) {
                let next = if is_away { "it is tried again" } else { "it is left out" };
                tracing::warn!(%run, error = text, next, "an annotation cannot be written");
                self.told = Some(text.clone());
            }
            if !is_away {
                return Ok(());
            }
            let tried = Duration::try_from(self.clock.now().duration_since(begun)).unwrap_or_default();
            if tried >= PATIENCE {
                return Err(text);
            }
            self.clock.sleep(retry.pause(attempt)).await;
        }
    }

    async fn once(&self, annotation: &Annotation) -> Result<(), PortError> {
        tokio::select! {
            written = self.annotator.annotate(annotation) => written,
            () = self.clock.sleep(ANSWER) => {
                let text = format!("no answer within {} s", ANSWER.as_secs());
                Err(PortError::new(FailureKind::Unavailable, text))
            }
        }
    }
}
