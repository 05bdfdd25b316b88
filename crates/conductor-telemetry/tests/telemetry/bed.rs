//! What the tests stand on: a model environment that runs are made in, and views of made-up runs.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::failure::PortError;
use conductor_core::phase::Phase;
use conductor_core::ports::{Ports, ProgressSink};
use conductor_core::ramp::{Advice, Mode, Reason};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::{Created, Run};
use conductor_core::saturation::{SaturationTick, Used};
use conductor_core::spec::LoadTestSpec;
use conductor_core::verdict::{Outcome, Verdict};
use conductor_core::view::{RunView, Tick};
use conductor_engine::{PortsFactory, TokioClock};
use conductor_sim::{Plant, SimEnvironment};
use serde_json::json;

/// The ports of a model environment.
pub(crate) struct Factory(pub(crate) SimEnvironment);

#[async_trait]
impl PortsFactory for Factory {
    async fn connect(&self, _: &Created, _: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Ok(self.0.ports())
    }
}

/// A model environment, and the clock it lives by.
pub(crate) fn environment() -> (SimEnvironment, Arc<TokioClock>) {
    let plant: Plant = serde_json::from_value(json!({
        "run": { "target": "1500/min", "rampUp": "2m", "plateau": "3m" },
        "journey": { "thinkTime": "9800ms", "checkoutRatio": 1.0 },
        "checkout": { "serviceTime": "200ms", "capacity": "3000/min" },
        "kpi": { "reportDelay": "3s" },
        "environment": { "noise": "none" }
    }))
    .unwrap();
    let clock = Arc::new(TokioClock::starting_at("2026-11-24T14:00:00Z".parse().unwrap()));
    (SimEnvironment::new(plant, clock.clone()).unwrap(), clock)
}

/// A run of that environment, as it is created.
pub(crate) fn created(environment: &SimEnvironment, name: &str) -> Created {
    let spec: LoadTestSpec = serde_json::from_value(json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": name },
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
    Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null)
}

/// A run that was just accepted.
pub(crate) fn accepted(id: &str) -> RunView {
    let created = created(&environment().0, "model");
    let created_at = "2026-11-24T14:00:00Z".parse().unwrap();
    let run = Run::new(created, created_at, 1);
    RunView::begin(&id.parse().unwrap(), &run)
}

/// A run that generates load, and has measured so much.
pub(crate) fn loading(id: &str, kpi_per_min: Option<f64>, users: u64) -> RunView {
    let tick = Tick {
        at_s: 20.0,
        from_s: 0.0,
        to_s: 10.0,
        count: None,
        kpi_per_min,
        set_point_per_min: 125.0,
        users: Some(users),
        users_wanted: users,
        workers: None,
        requests: 0,
        failures: 0,
        latency: None,
        responses: None,
        cpu_percent: None,
        marks: Vec::new(),
        advice: None,
        mocks: vec![],
        cross: None,
        requests_by_name: None,
        figures: None,
        saturation: None,
        broken_slos: vec![],
    };
    RunView { phase: Phase::GenerateLoad, ticks: vec![tick], ..accepted(id) }
}

/// What the control law thinks in a mode.
pub(crate) fn advice(mode: Mode) -> Advice {
    Advice {
        users: 24,
        spawn_rate: 1.0,
        set_point_per_min: 125.0,
        alarm: None,
        mode,
        reason: Reason::default(),
        gain: 0.0,
        gain_sd: 0.0,
        lag_s: 0.0,
        efficiency: None,
        knee: None,
    }
}

/// So many applications `app-0` and so on, the last of which uses most: 95 %.
pub(crate) fn saturated(applications: u32) -> SaturationTick {
    let used = |number: u32| Used {
        application: format!("app-{number}").parse().unwrap(),
        ratio: 0.95 - 0.01 * f64::from(applications - 1 - number),
    };
    let highest = (0..applications).rev().map(used).collect();
    SaturationTick { at_s: 19.0, threshold: 0.9, read: applications.into(), highest, failure: None }
}

/// A run that is over.
pub(crate) fn over(id: &str, outcome: Outcome, restored: bool) -> RunView {
    let verdict = Verdict { outcome, restored, causes: Vec::new(), holds: Vec::new(), slos: Vec::new() };
    RunView { phase: Phase::Finished, verdict: Some(verdict), ..loading(id, Some(1500.0), 250) }
}
