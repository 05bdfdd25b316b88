//! Telling the metrics how the runs go that this server drives.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conductor_core::phase::Phase;
use conductor_core::run::RunId;
use conductor_engine::Conductor;
use conductor_grpc::CallObserver;
use conductor_telemetry::{ApiCalls, Metrics, Runs};
use futures::StreamExt;

/// How often it is looked for runs that are driven here since, or no more.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells of all runs that are driven here, and how many wait; it never ends.
pub(crate) async fn observe(conductor: Conductor, runs: Arc<Runs>) {
    let observed = Arc::new(Mutex::new(HashSet::new()));
    loop {
        for run in conductor.driven() {
            if observed.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone()) {
                let (conductor, runs, observed) = (conductor.clone(), Arc::clone(&runs), Arc::clone(&observed));
                tokio::spawn(async move {
                    observe_one(&conductor, &runs, &run).await;
                    observed.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
                });
            }
        }
        runs.see_waiting(conductor.waiting());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Tells of one run for as long as it is driven here, and of its end.
async fn observe_one(conductor: &Conductor, runs: &Runs, run: &RunId) {
    // It fails only where the run has been let go of since and the journal is away.
    let Ok(views) = conductor.watch(run).await else { return };
    let mut views = pin!(views);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            view = views.next() => match view {
                Some(view) => {
                    runs.see(&view);
                    if view.phase == Phase::Finished {
                        return;
                    }
                }
                None => return,
            },
            _ = looks.tick() => if !conductor.drives(run) {
                match conductor.get(run).await {
                    Ok(view) if view.phase == Phase::Finished => runs.see(&view),
                    // Another server has it now, and tells of it.
                    Ok(_) | Err(_) => runs.let_go(run),
                }
                return;
            },
        }
    }
}

/// Tells the metrics how long calls of the API took.
pub(crate) struct Answers(Arc<ApiCalls>);

impl Answers {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        Self(metrics.api())
    }
}

impl CallObserver for Answers {
    fn answered(&self, method: &'static str, code: &'static str, took: Duration) {
        self.0.answered(method, code, took);
    }
}
