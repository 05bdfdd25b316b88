//! What verdicts are worth: many whole runs on models in which something was wrong or nothing was, and what they were
//! judged to be.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use conductor_core::ports::{Clock, PortError, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::verdict::{Outcome, Verdict};
use conductor_engine::{Conductor, EngineOptions, PortsFactory, TokioClock};
use conductor_sim::{MemoryStore, SimEnvironment};
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Builder;

use super::staged::{KINDS, Kind};
use super::trials::seeds;
use crate::args::{Output, TrialArguments};
use crate::exit::{FAILED, Failed, PASSED};
use crate::{out, show};

/// The most of the clean runs that may not pass, as a share.
const FALSE_ALARMS: f64 = 0.01;

/// What became of the runs of one kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged {
    /// What was staged.
    pub(crate) name: &'static str,
    /// Whether nothing was wrong.
    pub(crate) is_clean: bool,
    /// How many there were.
    pub(crate) runs: u32,
    /// How many passed.
    pub(crate) passed: u32,
    /// How many were warned of.
    pub(crate) warned: u32,
    /// How many failed.
    pub(crate) failed: u32,
    /// How many were invalid, or cancelled.
    pub(crate) invalid: u32,
    /// How often which reason came first.
    pub(crate) first_codes: BTreeMap<String, u32>,
}

/// Prints what verdicts are worth, and fails when that is too little.
pub(super) fn judge_runs(arguments: &TrialArguments, output: Output) -> Result<u8, Failed> {
    let begun = Instant::now();
    let kinds = judged(&seeds(arguments)?)?;
    match output {
        Output::Json => out::json(&kinds)?,
        Output::Text => out::answer(&show::verdicts(&kinds, begun.elapsed()))?,
    }
    Ok(if is_worth_it(&kinds) { PASSED } else { FAILED })
}

/// True when no bad run passed, and as good as every clean one did.
fn is_worth_it(kinds: &[Judged]) -> bool {
    let clean = kinds.iter().filter(|kind| kind.is_clean);
    let (runs, passed) = clean.fold((0, 0), |(runs, passed), kind| (runs + kind.runs, passed + kind.passed));
    let falsely_passed: u32 = kinds.iter().filter(|kind| !kind.is_clean).map(|kind| kind.passed).sum();
    falsely_passed == 0 && f64::from(runs - passed) <= FALSE_ALARMS * f64::from(runs)
}

/// Every kind with every seed, on all cores.
fn judged(seeds: &Range<u64>) -> Result<Vec<Judged>, Failed> {
    let runs: Vec<(usize, u64)> =
        (0..KINDS.len()).flat_map(|kind| seeds.clone().map(move |seed| (kind, seed))).collect();
    let next = AtomicUsize::new(0);
    let take = || runs.get(next.fetch_add(1, Ordering::Relaxed)).copied();
    let work = || -> Result<Vec<(usize, Verdict)>, Failed> {
        let mut done = Vec::new();
        while let Some((kind, seed)) = take() {
            done.push((kind, verdict(&KINDS[kind], seed)?));
        }
        Ok(done)
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let verdicts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let ends = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(Failed::with(FAILED, "a run on a model panicked"))));
        ends.collect::<Result<Vec<_>, Failed>>()
    })?;
    let mut kinds: Vec<Judged> = KINDS.iter().map(Judged::of).collect();
    verdicts.into_iter().flatten().for_each(|(kind, verdict)| kinds[kind].count(&verdict));
    Ok(kinds)
}

impl Judged {
    fn of(kind: &Kind) -> Self {
        let (name, is_clean) = (kind.name, kind.is_clean);
        Self { name, is_clean, runs: 0, passed: 0, warned: 0, failed: 0, invalid: 0, first_codes: BTreeMap::new() }
    }

    fn count(&mut self, verdict: &Verdict) {
        self.runs += 1;
        match verdict.outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Warned => self.warned += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Cancelled | Outcome::Invalid => self.invalid += 1,
        }
        if let Some(cause) = verdict.causes.first() {
            *self.first_codes.entry(cause.code.clone()).or_default() += 1;
        }
    }
}

/// The verdict of one run.
fn verdict(kind: &Kind, seed: u64) -> Result<Verdict, Failed> {
    let (plant, spec) = kind.staged(seed).map_err(Failed::because)?;
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().map_err(Failed::because)?;
    let view = runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(Timestamp::UNIX_EPOCH));
        let world = SimEnvironment::new(plant, Arc::clone(&clock)).map_err(Failed::input)?;
        let scope = spec.scope(&world.catalogue()).map_err(Failed::input)?;
        let created = Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null);
        let store = Arc::new(MemoryStore::default());
        let conductor = Conductor::new(store.clone(), store, Arc::new(Watched(world)), clock, EngineOptions::default());
        let run = conductor.start(created).await.map_err(Failed::because)?;
        conductor.wait(&run).await.map_err(Failed::because)
    })?;
    view.verdict.ok_or_else(|| Failed::with(FAILED, format!("a run of \"{}\" has no verdict", kind.name)))
}

/// The ports of a model world, with its watch over what others do.
struct Watched(SimEnvironment);

#[async_trait]
impl PortsFactory for Watched {
    async fn connect(&self, _: &Created, _epoch: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Ok(self.0.ports())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few seeds of each kind, which are fixed, so that chance plays no part.
    #[test]
    fn no_bad_run_passes_and_clean_ones_do() {
        let kinds = judged(&(1..3)).unwrap();
        for kind in &kinds {
            if kind.is_clean {
                assert_eq!(kind.passed, kind.runs, "{kind:?}");
            } else {
                assert_eq!(kind.passed + kind.warned, 0, "{kind:?}");
            }
        }
        assert!(is_worth_it(&kinds));
    }

    #[test]
    fn one_bad_run_that_passes_is_one_too_many_and_so_are_two_clean_ones_of_a_hundred_that_do_not() {
        let mut kinds = [Judged::of(&KINDS[0]), Judged::of(&KINDS[KINDS.len() - 1])];
        (kinds[0].runs, kinds[0].passed, kinds[1].runs) = (100, 99, 100);
        assert!(is_worth_it(&kinds));
        kinds[0].passed = 98;
        assert!(!is_worth_it(&kinds));
        (kinds[0].passed, kinds[1].passed) = (100, 1);
        assert!(!is_worth_it(&kinds));
    }
}
