//! How runs go: of each run the last figures until some time after its end, and of all of them how they ended.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conductor_core::phase::Phase;
use conductor_core::ports::Clock;
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Most runs that are shown after their end: of more, the oldest go early.
const MOST_ENDED: usize = 1000;

const PHASES: [Phase; 7] = [
    Phase::Prepare,
    Phase::Deploy,
    Phase::ScaleUp,
    Phase::GenerateLoad,
    Phase::ScaleDown,
    Phase::CleanUp,
    Phase::Finished,
];

const OUTCOMES: [Outcome; 5] =
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

/// The last figures of a run.
#[derive(Clone)]
struct Figures {
    labels: [(&'static str, String); 3],
    phase: Phase,
    target: f64,
    load: Load,
    ended: Option<Timestamp>,
}

/// What is so only while load is generated; outside of it nothing is better than what was once.
#[derive(Clone, Copy, Default)]
struct Load {
    set_point: Option<f64>,
    kpi: Option<f64>,
    users: Option<f64>,
}

impl Runs {
    pub(super) fn new(keep: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { keep, clock, known: Mutex::default() }
    }

    /// A run is like this now. Views may be left out, but the last one: a run's end is counted when it is first seen.
    pub fn see(&self, view: &RunView) {
        let mut known = self.known();
        let was_ended = known.runs.get(&view.id).is_some_and(|run| run.ended.is_some());
        let mut figures = Figures::of(view);
        figures.ended = (view.phase == Phase::Finished).then(|| self.clock.now());
        if was_ended {
            return;
        }
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

impl Figures {
    fn of(view: &RunView) -> Self {
        let labels = [
            ("environment", view.environment.clone()),
            ("load_test", view.name.clone()),
            ("run", view.id.as_str().to_owned()),
        ];
        let last = view.last_tick().filter(|_| view.phase == Phase::GenerateLoad);
        let load = last.map_or_else(Load::default, |tick| Load {
            set_point: Some(tick.set_point_per_min),
            kpi: tick.kpi_per_min,
            users: tick.users.map(|users| users as f64),
        });
        Self { labels, phase: view.phase, target: view.target_per_min, load, ended: None }
    }
}

/// The series of runs, as they are when Prometheus asks.
pub(super) struct RunSeries(pub(super) Arc<Runs>);

impl fmt::Debug for RunSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunSeries").finish()
    }
}

impl Collector for RunSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        // Writing is slow beside copying, and runs do not wait for it.
        let (mut runs, ended, not_restored, waiting) = {
            let mut known = self.0.known();
            self.0.forget_old(&mut known);
            let runs: Vec<Figures> = known.runs.values().cloned().collect();
            (runs, known.ended, known.not_restored, known.waiting.clone())
        };
        runs.sort_by(|a, b| a.labels.cmp(&b.labels));
        per_run(&mut encoder, &runs, "conductor_run_target_per_minute", "The KPI's target", |run| Some(run.target))?;
        let help = "What the KPI shall be at the moment, on the way to the target";
        per_run(&mut encoder, &runs, "conductor_run_set_point_per_minute", help, |run| run.load.set_point)?;
        let help = "The KPI as it was measured last";
        per_run(&mut encoder, &runs, "conductor_run_kpi_per_minute", help, |run| run.load.kpi)?;
        let help = "Users that generate load";
        per_run(&mut encoder, &runs, "conductor_run_users", help, |run| run.load.users)?;
        phases(&mut encoder, &runs)?;
        active(&mut encoder, &runs)?;
        waits(&mut encoder, &waiting)?;
        counted(&mut encoder, &ended, not_restored)
    }
}

fn per_run(
    encoder: &mut DescriptorEncoder<'_>,
    runs: &[Figures],
    name: &str,
    help: &str,
    value: impl Fn(&Figures) -> Option<f64>,
) -> Result<(), fmt::Error> {
    // A name without a series would be told for nothing.
    if !runs.iter().any(|run| value(run).is_some()) {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for run in runs {
        if let Some(value) = value(run) {
            ConstGauge::new(value).encode(family.encode_family(&run.labels)?)?;
        }
    }
    Ok(())
}

fn phases(encoder: &mut DescriptorEncoder<'_>, runs: &[Figures]) -> Result<(), fmt::Error> {
    if runs.is_empty() {
        return Ok(());
    }
    let help = "1 for the phase that the run is in, 0 for the others";
    let mut family = encoder.encode_descriptor("conductor_run_phase", help, None, MetricType::Gauge)?;
    for run in runs {
        for phase in PHASES {
            let [environment, load_test, id] = run.labels.clone();
            let labels = [environment, load_test, ("phase", phase.to_string()), id];
            ConstGauge::new(i64::from(run.phase == phase)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn active(encoder: &mut DescriptorEncoder<'_>, runs: &[Figures]) -> Result<(), fmt::Error> {
    let help = "Runs that this conductor drives, by phase";
    let mut family = encoder.encode_descriptor("conductor_runs_active", help, None, MetricType::Gauge)?;
    for phase in PHASES.into_iter().filter(|phase| *phase != Phase::Finished) {
        let count = runs.iter().filter(|run| run.phase == phase).count();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        ConstGauge::new(count).encode(family.encode_family(&[("phase", phase.to_string())])?)?;
    }
    Ok(())
}

fn waits(encoder: &mut DescriptorEncoder<'_>, waiting: &BTreeMap<String, usize>) -> Result<(), fmt::Error> {
    if waiting.is_empty() {
        return Ok(());
    }
    let help = "Runs of the journal that wait for their turn, by environment";
    let mut family = encoder.encode_descriptor("conductor_runs_waiting", help, None, MetricType::Gauge)?;
    for (environment, count) in waiting {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        ConstGauge::new(count).encode(family.encode_family(&[("environment", environment.clone())])?)?;
    }
    Ok(())
}

fn counted(
    encoder: &mut DescriptorEncoder<'_>,
    ended: &[u64; OUTCOMES.len()],
    not_restored: u64,
) -> Result<(), fmt::Error> {
    let help = "Runs that this conductor has seen end, by their verdict";
    let mut family = encoder.encode_descriptor("conductor_runs", help, None, MetricType::Counter)?;
    for (outcome, count) in OUTCOMES.iter().zip(ended) {
        ConstCounter::new(*count).encode(family.encode_family(&[("outcome", outcome.to_string())])?)?;
    }
    let help = "Runs that this conductor has seen end without everything put back or deleted";
    let family = encoder.encode_descriptor("conductor_runs_not_restored", help, None, MetricType::Counter)?;
    ConstCounter::new(not_restored).encode(family)
}
