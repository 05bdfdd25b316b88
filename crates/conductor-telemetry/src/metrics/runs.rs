//! How runs go: of each run the last figures until some time after its end, and of all of them how they ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conductor_core::phase::Phase;
use conductor_core::ports::Clock;
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use futures::{Stream, StreamExt};
use jiff::Timestamp;

use super::figures::Figures;

/// Most runs that are shown after their end: of more, the oldest go early.
const MOST_ENDED: usize = 1000;

/// The verdicts, in the order in which they are counted.
pub(super) const OUTCOMES: [Outcome; 5] =
    [Outcome::Passed, Outcome::Warned, Outcome::Failed, Outcome::Cancelled, Outcome::Invalid];

/// The runs of this process, as far as it was told of them.
pub struct Runs {
    keep: Duration,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    runs: HashMap<RunId, Figures>,
    ended: [u64; OUTCOMES.len()],
    not_restored: u64,
    waiting: BTreeMap<String, usize>,
}

/// What there is to tell at a moment, the runs in the order of their labels.
pub(super) struct Told {
    pub(super) runs: Vec<Figures>,
    /// In the order of [`OUTCOMES`].
    pub(super) ended: [u64; OUTCOMES.len()],
    pub(super) not_restored: u64,
    pub(super) waiting: BTreeMap<String, usize>,
}

impl Runs {
    pub(super) fn new(keep: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { keep, clock, known: Mutex::default() }
    }

    /// A run is like this now. Views may be left out, but the last one: a run's end is counted when it is first seen.
    pub fn see(&self, view: &RunView) {
        let mut known = self.known();
        let before = known.runs.get(&view.id);
        if before.is_some_and(|run| run.ended.is_some()) {
            return;
        }
        let mut figures = Figures::of(view, before);
        figures.ended = (view.phase == Phase::Finished).then(|| self.clock.now());
        if let Some(verdict) = &view.verdict {
            let position = OUTCOMES.iter().position(|outcome| *outcome == verdict.outcome);
            if let Some(count) = position.and_then(|position| known.ended.get_mut(position)) {
                *count += 1;
            }
            known.not_restored += u64::from(!verdict.restored);
        }
        let has_ended = figures.ended.is_some();
        known.runs.insert(view.id.clone(), figures);
        // Only then there may be too many; what is too old is looked for when somebody asks, too.
        if has_ended {
            self.forget_old(&mut known);
        }
    }

    /// So many runs wait for each environment now.
    pub fn see_waiting(&self, by_environment: BTreeMap<String, usize>) {
        self.known().waiting = by_environment;
    }

    /// Sees a run until its views end. Where that is before the run's end, another conductor has it now, and it is told
    /// here no more.
    pub async fn follow(&self, run: &RunId, views: impl Stream<Item = RunView>) {
        let mut views = std::pin::pin!(views);
        while let Some(view) = views.next().await {
            self.see(&view);
        }
        self.let_go(run);
    }

    /// A run that has not ended is not this conductor's any more.
    pub fn let_go(&self, run: &RunId) {
        let mut known = self.known();
        if known.runs.get(run).is_some_and(|run| run.ended.is_none()) {
            known.runs.remove(run);
        }
    }

    /// A copy of all of it: writing is slow beside copying, and runs do not wait for it.
    pub(super) fn told(&self) -> Told {
        let mut known = self.known();
        self.forget_old(&mut known);
        let (ended, not_restored, waiting) = (known.ended, known.not_restored, known.waiting.clone());
        let mut runs: Vec<Figures> = known.runs.values().cloned().collect();
        drop(known);
        runs.sort_by(|a, b| a.labels.cmp(&b.labels));
        Told { runs, ended, not_restored, waiting }
    }

    fn forget_old(&self, known: &mut Known) {
        let now = self.clock.now();
        let is_old = |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|since| since >= self.keep);
        known.runs.retain(|_, run| !run.ended.is_some_and(is_old));
        let mut ended: Vec<(Timestamp, RunId)> =
            known.runs.iter().filter_map(|(id, run)| Some((run.ended?, id.clone()))).collect();
        if ended.len() > MOST_ENDED {
            ended.sort();
            for (_, id) in &ended[..ended.len() - MOST_ENDED] {
                known.runs.remove(id);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
