//! Letting go of runs, so that other conductors can go on with them.

use std::sync::PoisonError;
use std::time::Duration;

use conductor_core::run::RunId;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::{Conductor, Local};
use crate::gate::Gate;

/// What became of the runs of a conductor that hands over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandOver {
    /// Another conductor can have these at once.
    pub given: Vec<RunId>,
    /// These were not let go of in time: another conductor can have them once this process is gone, and their leases with it.
    pub late: Vec<RunId>,
}

impl Conductor {
    /// Lets go of a run as if this process had died: nothing is put back, and another conductor may recover the run.
    /// Returns once its work has ended here. On a run that is not driven here it does nothing.
    pub async fn let_go(&self, run: &RunId) {
        let local = self.shared.local.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
        if let Some(local) = local {
            end(local).await;
        }
    }

    /// Lets go of all runs and takes no more on, for the orderly end of a process: nothing is put back, and the claims are
    /// given back, so that another conductor can go on with them at once. It takes as long as it may, and no longer. Idempotent.
    pub async fn hand_over(&self, within: Duration) -> HandOver {
        // Whatever is entered later sees it, and is not driven.
        self.shared.gate.send_replace(Gate::HandedOver);
        let all = std::mem::take(&mut *self.shared.local.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut late, mut given): (Vec<RunId>, Vec<RunId>) = (all.keys().cloned().collect(), Vec::new());
        let mut ends: FuturesUnordered<_> = all
            .into_iter()
            .map(|(run, local)| async move {
                let claim = local.claim.clone();
                end(local).await;
                claim.give_back().await;
                run
            })
            .collect();
        let time = self.shared.clock.sleep(within);
        tokio::pin!(time);
        loop {
            tokio::select! {
                biased;
                ended = ends.next() => match ended {
                    Some(run) => given.push(run),
                    None => break,
                },
                () = &mut time => break,
            }
        }
        late.retain(|run| !given.contains(run));
        HandOver { given, late }
    }
}

/// Ends the work on a run and waits until it has ended.
async fn end(local: Local) {
    local.task.abort();
    // The only error is that the task was cancelled, which is what was asked for.
    local.task.await.unwrap_or_default();
}
