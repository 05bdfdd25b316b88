//! Writing to one run's journal: through outages of the store, and never against another writer.

use std::sync::Arc;

use conductor_core::ports::{Clock, RunStore, StoreError};
use conductor_core::run::{Record, RunId};

use crate::options::Retry;

/// Writes one run's journal.
pub(crate) struct Journal {
    pub(crate) store: Arc<dyn RunStore>,
    pub(crate) run: RunId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) retry: Retry,
}

/// The journal belongs to somebody else now.
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) StoreError);

impl Journal {
    /// Appends a record, trying for as long as the store cannot be reached; `outage` is called once if that happens.
    pub(crate) async fn append(&self, record: &Record, mut outage: impl FnMut(&StoreError)) -> Result<(), Lost> {
        let mut attempt: u32 = 0;
        let mut unanswered = false;
        loop {
            match self.store.append(&self.run, record).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Unavailable { act, source }) => {
                    let error = StoreError::Unavailable { act, source };
                    tracing::warn!(run = %self.run, revision = record.revision, error = chain(&error), "the store does not answer");
                    if !std::mem::replace(&mut unanswered, true) {
                        outage(&error);
                    }
                }
                Err(error @ StoreError::Conflict { .. }) => {
                    // An append whose answer was lost is found in the journal when it is tried again.
                    match self.is_there(record).await {
                        Ok(true) if unanswered => return Ok(()),
                        Ok(_) => return Err(Lost(error)),
                        Err(unread) => {
                            tracing::warn!(run = %self.run, error = chain(&unread), "the journal cannot be read")
                        }
                    }
                }
                Err(
                    error @ (StoreError::UnknownRun(_)
                    | StoreError::Claimed { .. }
                    | StoreError::Lost { .. }
                    | StoreError::Requested { .. }),
                ) => {
                    return Err(Lost(error));
                }
            }
            attempt = attempt.saturating_add(1);
            self.clock.sleep(self.retry.pause(attempt)).await;
        }
    }

    async fn is_there(&self, record: &Record) -> Result<bool, StoreError> {
        let found = self.store.journal(&self.run, record.revision - 1).await?;
        Ok(found.first() == Some(record))
    }
}

/// An error with all its sources, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
