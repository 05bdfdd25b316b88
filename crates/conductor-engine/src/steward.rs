//! Keeps every unfinished run driven: what a server does beside its calls.
//!
//! It looks for unfinished runs when it begins and again and again, and takes over those whose environment can be claimed: of
//! servers that have died or handed over, and those of this process whose task has ended without a reason. Runs that another
//! server drives are left alone, and nobody waits for them. It lets those begin that wait for an environment in which none is
//! active, at each look and whenever a run has ended here.

use std::time::Duration;

use conductor_core::ports::{RunSummary, StoreError};
use futures::stream::{self, StreamExt};
use tokio::task::JoinHandle;

use crate::conductor::{Conductor, HandOver, Recovery, Turn};
use crate::errors::RecoverError;
use crate::gate::Gate;
use crate::journal::chain;

/// How often conductors may take a run over while nothing else happens to it. After that it is put back: something in it
/// ends whoever drives it. A few are to be expected, as when servers are replaced one by one.
const FRUITLESS: u32 = 5;

/// The longest pause between two takeovers of a run that ends whoever drives it.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How a steward looks after runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StewardOptions {
    /// Time from one look to the next. With leases, a run goes on elsewhere after the time of a lease and this at most.
    pub every: Duration,
    /// How many runs are taken over at the same time, at least 1.
    pub at_once: usize,
    /// How long one may take, before the others are looked at again.
    pub patience: Duration,
}

impl Default for StewardOptions {
    fn default() -> Self {
        Self { every: Duration::from_secs(5), at_once: 16, patience: Duration::from_secs(30) }
    }
}

/// Looks after the runs of a store. Dropping it ends that; runs that are driven go on.
pub struct Steward {
    conductor: Conductor,
    task: JoinHandle<()>,
}

impl Steward {
    /// Begins to look after the runs that a conductor can take over. It starts no new run until the first look at all of them
    /// is over.
    ///
    /// A run that was left goes on where it was: what its load had to do meanwhile is in its verdict, and a deadline that has
    /// passed ends it. It is torn down only when it was taken over time and again and nothing else has come of it.
    pub fn begin(conductor: &Conductor, options: StewardOptions) -> Self {
        conductor.gate().send_if_modified(|gate| {
            let closes = *gate == Gate::Open;
            if closes {
                *gate = Gate::TakingOver;
            }
            closes
        });
        conductor.set_tended(true);
        let task = tokio::spawn(keep(conductor.clone(), options));
        Self { conductor: conductor.clone(), task }
    }

    /// True once every unfinished run was looked at, so that new ones are started.
    pub fn is_ready(&self) -> bool {
        *self.conductor.gate().borrow() == Gate::Open
    }

    /// Waits until new runs are started, or never will be any more.
    pub async fn ready(&self) {
        // The conductor keeps the other end.
        let _ = self.conductor.gate().subscribe().wait_for(|gate| *gate != Gate::TakingOver).await;
    }

    /// Ends looking after runs and hands over all that are driven here: see [`Conductor::hand_over`].
    pub async fn hand_over(&self, within: Duration) -> HandOver {
        self.task.abort();
        self.conductor.hand_over(within).await
    }
}

impl Drop for Steward {
    fn drop(&mut self) {
        self.task.abort();
        self.conductor.set_tended(false);
        open(&self.conductor);
    }
}

/// New runs are started from now on, unless nothing is taken on any more.
fn open(conductor: &Conductor) {
    conductor.gate().send_if_modified(|gate| {
        let opens = *gate == Gate::TakingOver;
        if opens {
            *gate = Gate::Open;
        }
        opens
    });
}

async fn keep(conductor: Conductor, options: StewardOptions) {
    while *conductor.gate().borrow() != Gate::HandedOver {
        match look(&conductor, options).await {
            Ok(()) => {
                open(&conductor);
                give_turns(&conductor, options).await;
            }
            Err(error) => tracing::warn!(error = chain(&error), "unfinished runs cannot be looked at"),
        }
        let mut pause = conductor.clock().sleep(options.every);
        loop {
            tokio::select! {
                biased;
                () = &mut pause => break,
                () = conductor.may_be_a_turn() => give_turns(&conductor, options).await,
            }
        }
    }
}

/// Lets those begin whose turn has come.
async fn give_turns(conductor: &Conductor, options: StewardOptions) {
    let environments = match conductor.list().await {
        Ok(runs) => conductor.awaited(&runs),
        Err(error) => {
            tracing::warn!(error = chain(&error), "waiting runs cannot be looked at");
            return;
        }
    };
    let given = stream::iter(environments).map(|environment| async move {
        tokio::select! {
            turn = conductor.take_turn(&environment, None) => match turn {
                Ok(Turn::Begun(run)) => tracing::info!(%run, environment, "the turn of a waiting run has come"),
                Ok(Turn::Nobody | Turn::Waits(_) | Turn::Left(_)) => {}
                Err(error) => tracing::error!(environment, error = chain(&error), "no waiting run can begin"),
            },
            () = conductor.clock().sleep(options.patience) => {
                tracing::warn!(environment, "the turn of a waiting run could not be given in time; it is tried again");
            }
        }
    });
    given.buffer_unordered(options.at_once.max(1)).collect::<()>().await;
}

/// Takes over what can be had. The only error is that of the store, by which nothing can be said of them.
async fn look(conductor: &Conductor, options: StewardOptions) -> Result<(), StoreError> {
    let runs = conductor.list().await?;
    let left = runs.into_iter().filter(|run| is_begun(run) && !conductor.drives(&run.id));
    let tended = stream::iter(left).map(|run| async move { tend(conductor, options, &run).await });
    let tended: Vec<Result<(), StoreError>> = tended.buffer_unordered(options.at_once.max(1)).collect().await;
    tended.into_iter().collect()
}

/// Whether somebody has to drive it.
const fn is_begun(run: &RunSummary) -> bool {
    !run.finished && run.waiting.is_none()
}

async fn tend(conductor: &Conductor, options: StewardOptions, left: &RunSummary) -> Result<(), StoreError> {
    let (run, patience) = (&left.id, options.patience);
    let done = tokio::select! {
        done = take_over(conductor, options, left) => done,
        () = conductor.clock().sleep(patience) => {
            tracing::warn!(%run, ?patience, "the run could not be taken over in time; it is tried again");
            return Ok(());
        }
    };
    match done {
        Ok(Some(how)) => tracing::info!(%run, ?how, "the run is taken over"),
        // Another conductor drives it, or has ended it since, or it has to wait.
        Ok(None) | Err(RecoverError::Claimed { .. } | RecoverError::Finished(_) | RecoverError::HandedOver) => {}
        Err(RecoverError::Store(error)) => return Err(error),
        Err(
            error @ (RecoverError::Waits(_)
            | RecoverError::Journalled(_)
            | RecoverError::NothingLeft(_)
            | RecoverError::Lives { .. }
            | RecoverError::NoSign(_)
            | RecoverError::Replay { .. }
            | RecoverError::Connect { .. }),
        ) => tracing::error!(%run, error = chain(&error), "the run cannot be taken over; it is tried again"),
    }
    Ok(())
}

/// Takes a run over and tells how; `None` when it is left alone for now.
async fn take_over(
    conductor: &Conductor,
    options: StewardOptions,
    left: &RunSummary,
) -> Result<Option<Recovery>, RecoverError> {
    // Its journal is read only when nobody else drives it.
    let claim = conductor.claim(&left.environment).await?;
    let found = conductor.found(&left.id).await?;
    let since = conductor.clock().now().duration_since(found.last_at());
    let fruitless = found.fruitless();
    if since < pause(options.every, fruitless).try_into().unwrap_or(jiff::SignedDuration::MAX) {
        return Ok(None);
    }
    let how = if fruitless < FRUITLESS { Recovery::Continue } else { Recovery::TearDown };
    conductor.take_over(&left.id, found, claim, how).await.map(|()| Some(how))
}

/// How long a run is left alone after it was taken over in vain so often: not at all at first, then longer and longer.
fn pause(every: Duration, fruitless: u32) -> Duration {
    match fruitless.checked_sub(FRUITLESS) {
        None | Some(0) => Duration::ZERO,
        Some(more) => every.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_ends_whoever_drives_it_is_taken_over_more_and_more_rarely() {
        let pauses: Vec<u64> = [0, 4, 5, 6, 7, 8, 20, u32::MAX]
            .map(|fruitless| pause(Duration::from_secs(5), fruitless).as_secs())
            .into_iter()
            .collect();
        assert_eq!(pauses, [0, 0, 0, 10, 20, 40, 600, 600]);
    }
}
