//! How far rollouts and scaling are, and what else is waited for, application by application, for whoever looks now. It is not
//! journalled.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{ProgressSink, Readiness};
use tokio::sync::watch;

/// How far the applications are that a run changes at the moment, or has changed last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What becomes of them, such as `scaled`; empty where nobody is told what is waited for.
    pub verb: &'static str,
    /// How many there are.
    pub total: usize,
    /// How many are done.
    pub done: usize,
    /// How many have failed.
    pub failed: usize,
    /// Those that are waited for, as far as they have told.
    pub waits: BTreeMap<ApplicationId, Readiness>,
}

impl Progress {
    /// True when nothing is waited for.
    pub fn is_over(&self) -> bool {
        self.done + self.failed >= self.total && (self.verb.is_empty() || self.waits.is_empty())
    }
}

/// Where a run's progress is written to and seen.
#[derive(Debug, Default)]
pub(crate) struct Board(watch::Sender<Progress>);

impl Board {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }

    /// So many applications are worked on from now on.
    pub(crate) fn begin(&self, verb: &'static str, total: usize) {
        self.0.send_replace(Progress { verb, total, ..Progress::default() });
    }

    /// One of them is done, or has failed.
    pub(crate) fn ended(&self, application: &ApplicationId, is_done: bool) {
        self.0.send_modify(|progress| {
            progress.waits.remove(application);
            *if is_done { &mut progress.done } else { &mut progress.failed } += 1;
        });
    }
}

impl ProgressSink for Board {
    fn told(&self, application: &ApplicationId, readiness: Readiness) {
        self.0.send_modify(|progress| {
            progress.waits.insert(application.clone(), readiness);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_not_waited_for_any_more_and_counts() {
        let board = Board::new();
        let seen = board.subscribe();
        let [shop, ledger]: [ApplicationId; 2] = ["shop", "ledger"].map(|name| name.parse().unwrap());
        board.begin("scaled", 2);
        for (application, ready) in [(&shop, 1), (&shop, 2), (&ledger, 0)] {
            board.told(application, Readiness { ready, wanted: 3, text: String::new() });
        }
        let ready = |progress: &Progress| progress.waits.values().map(|wait| wait.ready).collect::<Vec<_>>();
        assert_eq!(ready(&seen.borrow()), [0, 2]);
        board.ended(&shop, true);
        assert_eq!((seen.borrow().done, ready(&seen.borrow())), (1, vec![0]));
        assert!(!seen.borrow().is_over());
        board.ended(&ledger, false);
        assert_eq!((seen.borrow().failed, seen.borrow().is_over()), (1, true));
        board.begin("rolled out", 1);
        assert_eq!(*seen.borrow(), Progress { verb: "rolled out", total: 1, ..Progress::default() });
    }

    #[test]
    fn it_is_not_over_while_something_is_waited_for_before_anything_is_changed() {
        let board = Board::new();
        let seen = board.subscribe();
        let shop = "shop".parse().unwrap();
        let text = "waits until HelmRelease shop/shop has ended what it was at".to_owned();
        let wait = Readiness { ready: 0, wanted: 0, text };
        board.begin("frozen", 0);
        assert!(seen.borrow().is_over());
        board.told(&shop, wait.clone());
        assert!(!seen.borrow().is_over());
        board.begin("", 0);
        board.told(&shop, wait);
        assert!(seen.borrow().is_over(), "as while the load goes on");
    }
}
