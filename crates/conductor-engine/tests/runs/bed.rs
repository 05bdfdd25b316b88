//! What the tests stand on: a model environment, a store, conductors for them, and the look at what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::failure::PortError;
use conductor_core::phase::Phase;
use conductor_core::ports::{Ports, ProgressSink, RunRequest, RunRequests, RunStore};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::{Created, Record, RunId};
use conductor_core::scale::Baseline;
use conductor_core::spec::LoadWorkers;
use conductor_core::verdict::{Outcome, Verdict};
use conductor_core::view::RunView;
use conductor_engine::{Conductor, EngineOptions, PlanReport, PortsFactory, TokioClock};
use conductor_sim::{Fault, FaultKind, MemoryStore, Origin, Plant, SimEnvironment};
use serde_json::json;

/// No run takes longer than this, on the paused clock.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// What is put around the ports.
type Wrap = Arc<dyn Fn(Ports) -> Ports + Send + Sync>;

pub(crate) struct Bed {
    pub(crate) environment: SimEnvironment,
    pub(crate) store: MemoryStore,
    pub(crate) created: Created,
    clock: Arc<TokioClock>,
    baseline: Baseline,
    wrap: Wrap,
    epoch: Arc<AtomicU64>,
}

impl Bed {
    /// A bed whose plant is a healthy shop without chance, changed.
    pub(crate) fn new(change: impl FnOnce(&mut Plant)) -> Self {
        let mut plant = shop();
        change(&mut plant);
        let clock = Arc::new(TokioClock::starting_at("2026-11-24T14:00:00Z".parse().unwrap()));
        let environment = SimEnvironment::new(plant, clock.clone()).unwrap();
        let baseline = environment.observed();
        let created = created(&environment);
        let (store, wrap) = (MemoryStore::new(), Arc::new(|ports| ports));
        Self { environment, store, created, clock, baseline, wrap, epoch: Arc::default() }
    }

    pub(crate) fn healthy() -> Self {
        Self::new(|_| ())
    }

    /// A bed with one load worker that can do with 150 of the 250 users that are needed, and a load test that lets it be
    /// scaled.
    pub(crate) fn scaling_workers(change: impl FnOnce(&mut Plant)) -> Self {
        let mut bed = Self::new(|plant| {
            let workers = &mut plant.environment.workers;
            (workers.application, workers.count) = (Some(load_workers()), 1);
            workers.users_per_worker = Some(150);
            change(plant);
        });
        let (application, target_cpu) = (load_workers(), bed.created.spec.planned_cpu());
        bed.created.spec.load.workers = Some(LoadWorkers { application, most: 4, target_cpu });
        bed
    }

    /// Every kind of run that is interrupted wherever it can be, and in which everything fails once: made of what goes
    /// wrong.
    pub(crate) const KINDS: [fn(Vec<Fault>) -> Self; 2] = [
        |faults| Self::new(|plant| plant.environment.faults = faults),
        |faults| Self::scaling_workers(|plant| plant.environment.faults = faults),
    ];

    pub(crate) fn with_fault(what: FaultKind, at_load: bool) -> Self {
        Self::new(|plant| plant.environment.faults = vec![lasting(what, at_load)])
    }

    /// Puts something between the engine and the environment.
    pub(crate) fn wrapped(self, wrap: impl Fn(Ports) -> Ports + Send + Sync + 'static) -> Self {
        Self { wrap: Arc::new(wrap), ..self }
    }

    /// A conductor as another process would have it.
    pub(crate) fn conductor(&self) -> Conductor {
        self.conductor_of(Arc::new(self.store.clone()), self.factory())
    }

    /// Makes ports of the environment.
    pub(crate) fn factory(&self) -> Arc<dyn PortsFactory> {
        let (environment, wrap) = (self.environment.clone(), Arc::clone(&self.wrap));
        Arc::new(Factory { environment, wrap, epoch: Arc::clone(&self.epoch) })
    }

    /// The same with another way to the store or to the environment.
    pub(crate) fn conductor_of(&self, store: Arc<dyn RunStore>, factory: Arc<dyn PortsFactory>) -> Conductor {
        let requests = Arc::new(self.store.clone());
        Conductor::new(store, requests, factory, self.clock.clone(), EngineOptions::default())
    }

    /// The same with another way to leave requests.
    pub(crate) fn conductor_asking(&self, requests: Arc<dyn RunRequests>) -> Conductor {
        let store = Arc::new(self.store.clone());
        Conductor::new(store, requests, self.factory(), self.clock.clone(), EngineOptions::default())
    }

    /// What a run would do, or why that cannot be said.
    pub(crate) async fn plan(&self) -> Result<PlanReport, PortError> {
        conductor_engine::plan(&(self.wrap)(self.environment.ports()), &self.created, jiff::Timestamp::now()).await
    }

    /// A whole run.
    pub(crate) async fn run(&self) -> RunView {
        let conductor = self.conductor();
        let run = conductor.start(self.created.clone()).await.unwrap();
        over(&conductor, &run).await
    }

    /// Asserts that nothing of the run is left, whatever became of it.
    pub(crate) fn assert_clean(&self, view: &RunView, context: &str) {
        assert_eq!(view.phase, Phase::Finished, "{context}");
        assert_eq!(self.environment.observed(), self.baseline, "{context}: {:?}", verdict(view));
        assert_eq!(self.environment.users(), 0, "{context}");
        assert_eq!(self.environment.rows(&view.id), 0, "{context}");
        assert!(verdict(view).restored, "{context}: {:?}", verdict(view));
    }

    pub(crate) fn is_as_before(&self) -> bool {
        self.environment.observed() == self.baseline
    }

    /// The epoch of the conductor that has connected last.
    pub(crate) fn last_epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(crate) async fn journal(&self, run: &RunId) -> Vec<Record> {
        self.store.journal(run, 0).await.unwrap()
    }
}

struct Factory {
    environment: SimEnvironment,
    wrap: Wrap,
    epoch: Arc<AtomicU64>,
}

#[async_trait]
impl PortsFactory for Factory {
    async fn connect(&self, _: &Created, epoch: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        self.epoch.store(epoch, Ordering::Relaxed);
        Ok((self.wrap)(self.environment.ports()))
    }
}

/// What goes wrong from the start, or from the beginning of the load on.
pub(crate) fn lasting(what: FaultKind, at_load: bool) -> Fault {
    let from = if at_load { Origin::Load } else { Origin::Start };
    Fault { at: "0s".parse().unwrap(), from, lasts: None, what }
}

pub(crate) fn load_workers() -> ApplicationId {
    "load-workers".parse().unwrap()
}

/// A shop whose users order once in ten seconds, and that serves 3000 orders a minute in production.
fn shop() -> Plant {
    serde_json::from_value(json!({
        "run": { "target": "1500/min", "rampUp": "2m", "plateau": "3m" },
        "journey": { "thinkTime": "9800ms", "checkoutRatio": 1.0 },
        "checkout": { "serviceTime": "200ms", "capacity": "3000/min" },
        "kpi": { "reportDelay": "3s" },
        "environment": { "noise": "none" }
    }))
    .unwrap()
}

fn created(environment: &SimEnvironment) -> Created {
    let spec: conductor_core::spec::LoadTestSpec = serde_json::from_value(json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "model" },
        "spec": {
            "environment": "model",
            "kpi": { "name": "orders", "target": "1500/min" },
            "rampUp": "2m",
            "plateau": "3m",
            "interval": "10s"
        }
    }))
    .unwrap();
    let scope = spec.scope(&environment.catalogue()).unwrap();
    let created = Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null);
    Created { recheck_after: "60s".parse().unwrap(), ..created }
}

/// The run once it has ended.
pub(crate) async fn over(conductor: &Conductor, run: &RunId) -> RunView {
    tokio::time::timeout(LONGEST, conductor.wait(run)).await.expect("the run ends").unwrap()
}

pub(crate) fn verdict(view: &RunView) -> &Verdict {
    view.verdict.as_ref().expect("a finished run has a verdict")
}

pub(crate) fn outcome(view: &RunView) -> Outcome {
    verdict(view).outcome
}

/// Waits until something is so, on the paused clock.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut waited = Duration::ZERO;
    while !is_so() {
        assert!(waited < LONGEST, "never {what}");
        let step = Duration::from_millis(250);
        tokio::time::sleep(step).await;
        waited += step;
    }
}

/// A run whose conductor dies when this record is written, and of which this was asked before; `None` when the run is
/// over by then.
pub(crate) async fn died_after(bed: &Bed, revision: u64, asked: Option<&RunRequest>) -> Option<RunId> {
    bed.store.hold_after(Some(revision));
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    if let Some(request) = asked {
        bed.store.ask(&run, request).await.unwrap();
    }
    died(bed, &conductor, &run).await.then_some(run)
}

/// Waits until the store holds a record back or the run is over, and lets the conductor die; tells whether it was held.
pub(crate) async fn died(bed: &Bed, conductor: &Conductor, run: &RunId) -> bool {
    let is_over = || futures::executor::block_on(conductor.get(run)).unwrap().verdict.is_some();
    until("held or over", || bed.store.is_held() || is_over()).await;
    let died = bed.store.is_held();
    conductor.let_go(run).await;
    bed.store.hold_after(None);
    died
}
