//! The latest updates of one run, kept for whoever follows it: written by one, read by many, each at its own pace. Nobody who
//! reads is waited for; who is too slow finds older updates in the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conductor_core::run::Revision;
use conductor_core::view::Update;
use tokio::sync::watch;

/// How many updates are kept. Those of minutes, as runs go, so that who has lost a connection for a moment costs the store
/// nothing.
const KEPT: usize = 256;

type Kept = Arc<Mutex<VecDeque<Arc<Update>>>>;

/// Where the updates of a run are written to. Dropping it tells the readers that no more come from here.
pub(crate) struct Feed {
    kept: Kept,
    last: watch::Sender<Revision>,
}

/// Where they are read.
#[derive(Clone)]
pub(crate) struct Reader {
    kept: Kept,
    last: watch::Receiver<Revision>,
}

/// What there is after a revision.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// These, in their order and without a gap.
    Updates(Vec<Arc<Update>>),
    /// More than is kept here.
    More,
    /// Nothing so far.
    Nothing,
    /// Nothing, and the run is over.
    End,
}

impl Feed {
    /// A feed that begins with what a run has told so far: the last of it, at least. All of that is kept until something is new.
    pub(crate) fn new(updates: Vec<Update>) -> Self {
        let last = watch::Sender::new(updates.last().map_or(0, |update| update.revision));
        Self { kept: Arc::new(Mutex::new(updates.into_iter().map(Arc::new).collect())), last }
    }

    /// A reader of its own.
    pub(crate) fn reader(&self) -> Reader {
        Reader { kept: Arc::clone(&self.kept), last: self.last.subscribe() }
    }

    /// Tells the next update.
    pub(crate) fn tell(&self, update: Update) {
        let revision = update.revision;
        {
            let mut kept = lock(&self.kept);
            let excess = (kept.len() + 1).saturating_sub(KEPT);
            kept.drain(..excess);
            kept.push_back(Arc::new(update));
        }
        self.last.send_replace(revision);
    }

    /// How many can read it.
    pub(crate) fn readers(&self) -> usize {
        self.last.receiver_count()
    }

    /// True when this reader reads this feed.
    pub(crate) fn is_read_by(&self, reader: &Reader) -> bool {
        Arc::ptr_eq(&self.kept, &reader.kept)
    }
}

impl Reader {
    /// What there is after a revision.
    pub(crate) fn after(&mut self, revision: Revision) -> Found {
        self.last.mark_unchanged();
        let kept = lock(&self.kept);
        let (Some(first), Some(last)) = (kept.front(), kept.back()) else { return Found::Nothing };
        if last.revision > revision {
            if first.revision > revision + 1 {
                return Found::More;
            }
            // Revisions have no gaps.
            let read = usize::try_from(revision + 1 - first.revision.min(revision + 1)).unwrap_or(usize::MAX);
            return Found::Updates(kept.range(read.min(kept.len())..).cloned().collect());
        }
        if last.is_end() { Found::End } else { Found::Nothing }
    }

    /// Waits until there may be more; false when no more comes from here.
    pub(crate) async fn changed(&mut self) -> bool {
        self.last.changed().await.is_ok()
    }

    /// True when more may come from here.
    pub(crate) fn is_open(&self) -> bool {
        self.last.has_changed().is_ok()
    }
}

fn lock(kept: &Kept) -> MutexGuard<'_, VecDeque<Arc<Update>>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(revision: Revision, phase: &str) -> Update {
        let update = serde_json::json!({
            "revision": revision, "at": "2026-11-24T14:00:00Z", "phase": phase, "state": "any"
        });
        serde_json::from_value(update).unwrap()
    }

    fn revisions(found: Found) -> Vec<Revision> {
        let Found::Updates(updates) = found else { panic!("{found:?}") };
        updates.iter().map(|update| update.revision).collect()
    }

    #[test]
    fn what_is_kept_is_read_from_any_revision_and_what_is_not_is_said_to_be_missing() {
        let feed = Feed::new(vec![update(1, "PREPARE")]);
        let mut reader = feed.reader();
        let last = KEPT as u64 + 7;
        (2..=last).for_each(|revision| feed.tell(update(revision, "DEPLOY")));
        let oldest = last - KEPT as u64 + 1;
        assert_eq!(reader.after(0), Found::More);
        assert_eq!(reader.after(oldest - 2), Found::More);
        assert_eq!(revisions(reader.after(oldest - 1)), (oldest..=last).collect::<Vec<_>>());
        assert_eq!(revisions(reader.after(last - 1)), [last]);
        assert_eq!(reader.after(last), Found::Nothing);
        assert_eq!(reader.after(Revision::MAX), Found::Nothing);
        feed.tell(update(last + 1, "FINISHED"));
        assert_eq!(revisions(reader.after(last)), [last + 1]);
        assert_eq!((reader.after(last + 1), reader.after(Revision::MAX)), (Found::End, Found::End));
    }

    #[tokio::test]
    async fn a_reader_waits_for_what_it_has_not_read_and_learns_that_no_more_comes() {
        let feed = Feed::new(vec![update(1, "PREPARE")]);
        let mut reader = feed.reader();
        assert_eq!(revisions(reader.after(0)), [1]);
        feed.tell(update(2, "PREPARE"));
        assert!(reader.changed().await);
        assert_eq!(revisions(reader.after(1)), [2]);
        assert!(futures::FutureExt::now_or_never(reader.changed()).is_none(), "it has read everything");
        assert!(reader.is_open());
        drop(feed);
        assert!(!reader.is_open());
        assert!(!reader.changed().await);
    }
}
