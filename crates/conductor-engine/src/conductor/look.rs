//! Looking at runs, whoever drives them.

use conductor_core::phase::Phase;
use conductor_core::ports::StoreError;
use conductor_core::run::{Revision, RunId};
use conductor_core::view::RunView;
use futures::{Stream, StreamExt};
use tokio::sync::watch;

use super::Conductor;
use crate::errors::ViewError;
use crate::journal::chain;
use crate::progress::Progress;

impl Conductor {
    /// A run as it is now.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn get(&self, run: &RunId) -> Result<RunView, ViewError> {
        self.look(run, RunView::clone).await
    }

    /// Something of a run as it is now, without a copy of the whole where this process drives it.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn look<T>(&self, run: &RunId, at: impl Fn(&RunView) -> T) -> Result<T, ViewError> {
        match self.local(run, |local| at(&local.views.borrow())) {
            Some(found) => Ok(found),
            None => self.read(run).await.map(|view| at(&view)),
        }
    }

    /// How far rollouts and scaling of a run are, now and after every change; `None` where this process does not drive it.
    pub fn progress(&self, run: &RunId) -> Option<watch::Receiver<Progress>> {
        self.local(run, |local| local.progress.clone())
    }

    /// A run as it is now and after every change, until it has ended. A slow reader misses views in between, never the
    /// last one.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn watch(&self, run: &RunId) -> Result<impl Stream<Item = RunView> + Send + use<>, ViewError> {
        let views = self.local(run, |local| local.views.clone());
        let present = self.get(run).await?;
        let (this, run) = (self.clone(), run.clone());
        Ok(async_stream::stream! {
            let mut shown = present.revision;
            let mut over = present.phase == Phase::Finished;
            yield present;
            if let Some(mut views) = views {
                views.mark_changed();
                while !over && views.changed().await.is_ok() {
                    let view = views.borrow_and_update().clone();
                    (shown, over) = (view.revision, view.phase == Phase::Finished);
                    yield view;
                }
            }
            // Another process drives the run, or this one has let go of it.
            while !over {
                this.shared.clock.sleep(this.shared.options.watch_poll).await;
                match this.read_after(&run, shown).await {
                    Ok(Some(view)) => {
                        (shown, over) = (view.revision, view.phase == Phase::Finished);
                        yield view;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%run, error = chain(&error), "the run cannot be read"),
                }
            }
        })
    }

    /// Waits until a run has ended.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn wait(&self, run: &RunId) -> Result<RunView, ViewError> {
        if let Some(mut views) = self.local(run, |local| local.views.clone())
            && let Ok(view) = views.wait_for(|view| view.phase == Phase::Finished).await
        {
            return Ok(view.clone());
        }
        // Another process drives the run, or this one has let go of it.
        let mut nothing = std::pin::pin!(self.follow(run, Revision::MAX).await?);
        while nothing.next().await.is_some() {}
        self.read(run).await
    }

    /// True while some process, this one or another, drives the run; false when it has ended, or its conductor died
    /// and it waits for [`Conductor::recover`]. One that waits for its turn is nobody's to recover, and counts as driven.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn is_driven(&self, run: &RunId) -> Result<bool, StoreError> {
        if self.local(run, |_| ()).is_some() {
            return Ok(true);
        }
        let runs = self.shared.store.runs().await?;
        let found = runs.into_iter().find(|known| known.id == *run);
        let found = found.ok_or_else(|| StoreError::UnknownRun(run.clone()))?;
        if found.finished || found.waiting.is_some() {
            return Ok(!found.finished);
        }
        // A claim that can be had is nobody's, and is given back at once.
        match self.shared.store.claim(&found.environment).await {
            Ok(claim) => {
                claim.give_back().await;
                Ok(false)
            }
            Err(StoreError::Claimed { .. }) => Ok(true),
            Err(
                error @ (StoreError::Conflict { .. }
                | StoreError::UnknownRun(_)
                | StoreError::Lost { .. }
                | StoreError::Requested { .. }
                | StoreError::Unavailable { .. }),
            ) => Err(error),
        }
    }

    async fn read(&self, run: &RunId) -> Result<RunView, ViewError> {
        let journal = self.shared.store.journal(run, 0).await.map_err(ViewError::Store)?;
        RunView::of(run, &journal).map_err(|source| ViewError::Replay { run: run.clone(), source })
    }
    /// The same where it has changed since a revision.
    async fn read_after(&self, run: &RunId, revision: Revision) -> Result<Option<RunView>, ViewError> {
        let news = self.shared.store.journal(run, revision).await.map_err(ViewError::Store)?;
        if news.is_empty() { Ok(None) } else { self.read(run).await.map(Some) }
    }
}
