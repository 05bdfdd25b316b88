//! Following runs from any revision, whoever drives them: each update once, in order and without a gap.

use std::sync::{Arc, PoisonError};

use conductor_core::run::{Revision, RunId};
use conductor_core::view::{Fold, Update};
use futures::Stream;

use super::Conductor;
use crate::errors::ViewError;
use crate::feed::{Feed, Found, Reader};
use crate::journal::chain;

impl Conductor {
    /// What the records of a run after a revision change, and go on changing, until the run has ended: each once, in order and
    /// without a gap, whoever drives the run meanwhile. After 0 it begins with the run's creation. A reader may take its time:
    /// nobody waits for it, and what it has missed is read from the store.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used. Once it has begun, it waits for a store that cannot be used.
    pub async fn follow(
        &self,
        run: &RunId,
        after: Revision,
    ) -> Result<impl Stream<Item = Arc<Update>> + Send + use<>, ViewError> {
        let mut reader = self.reader(run).await?;
        let (this, run) = (self.clone(), run.clone());
        Ok(async_stream::stream! {
            let mut seen = after;
            loop {
                match reader.after(seen) {
                    Found::Updates(updates) => {
                        for update in updates {
                            seen = update.revision;
                            yield update;
                        }
                    }
                    Found::More => {
                        for update in this.stored(&run, seen).await {
                            seen = update.revision;
                            yield update;
                        }
                    }
                    Found::End => break,
                    Found::Nothing => if !reader.changed().await {
                        reader = this.next_reader(&run).await;
                    }
                }
            }
        })
    }

    /// A reader of the run's feed here; where another process drives it, of one that looks for its records in the store.
    async fn reader(&self, run: &RunId) -> Result<Reader, ViewError> {
        if let Some(reader) = self.read_here(run) {
            return Ok(reader);
        }
        let journal = self.shared.store.journal(run, 0).await.map_err(ViewError::Store)?;
        let folded = Fold::of(run, &journal);
        let (fold, updates) = folded.map_err(|source| ViewError::Replay { run: run.clone(), source })?;
        let feed = Feed::new(updates);
        let reader = feed.reader();
        if fold.is_over() {
            return Ok(reader);
        }
        let mut tails = self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have been faster, or have ended the one that was there.
        if let Some(known) = tails.get(run).filter(|known| known.is_open()) {
            return Ok(known.clone());
        }
        tails.insert(run.clone(), reader.clone());
        drop(tails);
        let (this, run) = (self.clone(), run.clone());
        tokio::spawn(async move { this.look_for_records(&run, fold, feed).await });
        Ok(reader)
    }

    /// The same once the former feed has ended: for as long as the store cannot be used, it is tried again.
    async fn next_reader(&self, run: &RunId) -> Reader {
        loop {
            match self.reader(run).await {
                Ok(reader) => return reader,
                Err(error) => tracing::warn!(%run, error = chain(&error), "the run cannot be read"),
            }
            self.pause().await;
        }
    }

    fn read_here(&self, run: &RunId) -> Option<Reader> {
        // A driver that has ended may still stand there for a moment.
        let driven = self.local(run, |local| local.updates.clone()).filter(Reader::is_open);
        driven.or_else(|| {
            let tails = self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner);
            tails.get(run).filter(|reader| reader.is_open()).cloned()
        })
    }

    /// What the store has after a revision; after a pause, nothing, where it cannot be used.
    async fn stored(&self, run: &RunId, after: Revision) -> Vec<Arc<Update>> {
        let journal = self.shared.store.journal(run, 0).await.map_err(ViewError::Store);
        let folded = journal.and_then(|journal| {
            Fold::of(run, &journal).map_err(|source| ViewError::Replay { run: run.clone(), source })
        });
        match folded {
            Ok((_, updates)) => updates.into_iter().filter(|update| update.revision > after).map(Arc::new).collect(),
            Err(error) => {
                tracing::warn!(%run, error = chain(&error), "the run cannot be read");
                self.pause().await;
                Vec::new()
            }
        }
    }

    /// Tells what others write to a run's journal, until the run is over, or nobody reads it any more, or it is driven here.
    async fn look_for_records(&self, run: &RunId, mut fold: Fold, feed: Feed) {
        'look: while !fold.is_over() && !self.is_in_vain(run, &feed) {
            self.pause().await;
            let records = match self.shared.store.journal(run, fold.run.revision).await {
                Ok(records) => records,
                Err(error) => {
                    tracing::warn!(%run, error = chain(&error), "the run cannot be read");
                    continue;
                }
            };
            for record in records {
                match fold.take(&record) {
                    Ok((_, update)) => feed.tell(update),
                    Err(error) => {
                        tracing::error!(%run, error = chain(&error), "the journal makes no sense, and is read anew");
                        break 'look;
                    }
                }
            }
        }
        let mut tails = self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner);
        // The next one may have begun since.
        if tails.get(run).is_some_and(|known| feed.is_read_by(known)) {
            tails.remove(run);
        }
    }

    fn is_in_vain(&self, run: &RunId, feed: &Feed) -> bool {
        let mut tails = self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock nobody begins to read it: the one reader is the one for others to begin with.
        let is_unread = feed.readers() <= 1;
        if is_unread {
            tails.remove(run);
        }
        is_unread || self.local(run, |local| local.updates.is_open()).unwrap_or(false)
    }

    async fn pause(&self) {
        self.shared.clock.sleep(self.shared.options.watch_poll).await;
    }
}
