//! Starting runs.

use std::time::Duration;

use conductor_core::ports::{Claim, RunSummary, StoreError};
use conductor_core::run::{Created, ReplayError, RequestId, Run, RunId, active, queue};
use conductor_core::spec::LoadTestSpec;

use super::{Conductor, FIRST};
use crate::errors::{StartError, ViewError};
use crate::former;
use crate::progress::Board;

/// How often a claim is asked for that others have without any run, and the pause between.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

impl Conductor {
    /// Claims the environment, records the run with what the last run of the same load test has learnt, and drives it
    /// in a task of its own. Where [`Created::request`] has a name, asking once more gives the run that was made before, by
    /// whichever conductor of the store; otherwise it makes another one.
    ///
    /// Where the environment is in use and the load test says so, the run is recorded, and waits for its turn: a [`Steward`]
    /// of any conductor of the store, or [`Conductor::take_turn`], lets it begin.
    ///
    /// [`Steward`]: crate::Steward
    ///
    /// # Errors
    /// When the environment is in use, or others wait for it, and the load test does not let the run wait, or its last run
    /// never ended and no steward takes it over (see [`Conductor::recover`]), or what it names as its baseline cannot be one, or the environment's ports cannot be made, or the store cannot be used, or this conductor takes no new runs on now, or the request has made a run
    /// of another load test. Then nothing was changed. No run was recorded either, unless the store took it down and did
    /// not answer.
    pub async fn start(&self, created: Created) -> Result<RunId, StartError> {
        let Some(request) = created.request.clone() else { return self.start_new(created).await };
        if let Some(run) = self.made_before(&request, &created.spec).await? {
            return Ok(run);
        }
        let spec = created.spec.clone();
        match self.start_new(created).await {
            Ok(run) => Ok(run),
            // The same may have been asked at the same time, or the store has not answered although it wrote the run down.
            Err(error) => self.made_before(&request, &spec).await?.ok_or(error),
        }
    }

    async fn start_new(&self, created: Created) -> Result<RunId, StartError> {
        self.gate().borrow().takes_new()?;
        let baseline = former::baseline(&*self.shared.store, &created.spec).await?;
        let created = Created { baseline, ..created };
        match self.place(&created.spec.environment).await {
            Ok((claim, runs)) => self.begin_at_once(created, claim, &runs).await,
            Err(refusal) if created.spec.if_busy.waits() && self.may_be_waited_for(&refusal) => {
                self.line_up(created).await
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// The claim on an environment where a new run may begin now, and all runs.
    async fn place(&self, environment: &str) -> Result<(Box<dyn Claim>, Vec<RunSummary>), StartError> {
        let claim = self.claim_for_new(environment).await?;
        let runs = self.shared.store.runs().await.map_err(StartError::Store)?;
        if let Some(open) = active(&runs, environment) {
            return Err(StartError::Unfinished { environment: environment.to_owned(), run: open.id.clone() });
        }
        if let Some(next) = queue(&runs, environment).first() {
            return Err(StartError::Awaited { environment: environment.to_owned(), run: next.id.clone() });
        }
        Ok((claim, runs))
    }

    /// Whether what keeps a run from beginning passes without anybody doing anything about it.
    fn may_be_waited_for(&self, refusal: &StartError) -> bool {
        match refusal {
            StartError::Claimed { .. } | StartError::Awaited { .. } => true,
            StartError::Unfinished { .. } => self.is_tended(),
            StartError::Connect { .. }
            | StartError::Unusable { .. }
            | StartError::RequestReused { .. }
            | StartError::Unreadable { .. }
            | StartError::Baseline { .. }
            | StartError::TakingOver
            | StartError::HandedOver
            | StartError::Store(_) => false,
        }
    }

    async fn begin_at_once(
        &self,
        created: Created,
        claim: Box<dyn Claim>,
        runs: &[RunSummary],
    ) -> Result<RunId, StartError> {
        let environment = created.spec.environment.clone();
        let learnt = former::learnt(&*self.shared.store, runs, &created.spec).await;
        let created = Created { learnt, ..created };
        let board = Board::new();
        let factory = &self.shared.factory;
        let connected = factory.connect(&created, created.epoch(FIRST), board.clone()).await;
        let ports = connected.map_err(|source| StartError::Connect { environment: environment.clone(), source })?;
        factory.usable(&created).await.map_err(|source| StartError::Unusable { environment, source })?;
        let id = self.fresh_id(&created.spec.name);
        let found = self.record(&id, &created).await.map_err(StartError::Store)?;
        self.spawn(self.equipment(&id, created, ports, board), found, claim, None);
        Ok(id)
    }

    pub(super) fn fresh_id(&self, name: &str) -> RunId {
        fresh_id(name, self.shared.clock.now())
    }

    /// The run that a request has made before, if it is one of the same load test.
    async fn made_before(&self, request: &RequestId, spec: &LoadTestSpec) -> Result<Option<RunId>, StartError> {
        let runs = self.shared.store.runs().await.map_err(StartError::Store)?;
        let Some(RunSummary { id: run, .. }) = runs.into_iter().find(|run| run.request.as_ref() == Some(request))
        else {
            return Ok(None);
        };
        let begun = self.shared.store.journal(&run, 0).await.map_err(ViewError::Store).and_then(|journal| {
            let begun = journal.first().ok_or(ReplayError::Empty).and_then(Run::begin);
            begun.map_err(|source| ViewError::Replay { run: run.clone(), source })
        });
        let request = request.clone();
        match begun {
            Ok(begun) if begun.created.spec == *spec => Ok(Some(run)),
            Ok(_) => Err(StartError::RequestReused { request, run }),
            Err(source) => Err(StartError::Unreadable { request, run, source }),
        }
    }

    /// Claims an environment for a new run. Who only looks whether a run is driven has it for a moment: that is waited for.
    async fn claim_for_new(&self, environment: &str) -> Result<Box<dyn Claim>, StartError> {
        let mut looks = 0;
        loop {
            let error = match self.shared.store.claim(environment).await {
                Ok(claim) => return Ok(claim),
                Err(error) => error,
            };
            let StoreError::Claimed { environment, holder } = error else { return Err(StartError::Store(error)) };
            let runs = self.shared.store.runs().await.map_err(StartError::Store)?;
            let is_driven = active(&runs, &environment).is_some();
            looks += 1;
            if is_driven || looks == LOOKS {
                return Err(StartError::Claimed { environment, holder });
            }
            self.shared.clock.sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// A name that people can read and sort, such as `cyber-week-20261124-141500-x7k2`.
fn fresh_id(name: &str, at: jiff::Timestamp) -> RunId {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const LONGEST_NAME: usize = 80;
    /// Of a thousand runs of one load test that begin in the same second, two have the same one once in two thousand times.
    const CHANCE: usize = 6;
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    let chance: String = (0..CHANCE).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect();
    let text = format!("{name}-{}-{chance}", at.strftime("%Y%m%d-%H%M%S"));
    match text.parse() {
        Ok(id) => id,
        Err(error) => unreachable!("a valid test's name makes a valid id: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_id_is_made_of_its_name_the_time_and_chance() {
        let at: jiff::Timestamp = "2026-11-24T14:15:00Z".parse().unwrap();
        let id = fresh_id("team/cyber-week", at);
        assert!(id.as_str().starts_with("team-cyber-week-20261124-141500-"), "{id}");
        assert_ne!(id, fresh_id("team/cyber-week", at));
    }
}
