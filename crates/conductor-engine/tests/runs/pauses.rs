//! What changes applications by itself stands still for a run: plan names it, and the run when it stands still and goes on.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded, Pause, Standing};
use conductor_core::phase::Level;
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::Ports;
use jiff::Timestamp;

use crate::bed::{Bed, outcome, verdict};

/// A guard of applications that somebody keeps.
struct Kept {
    guard: Arc<dyn EnvironmentGuard>,
    paused: Mutex<Option<RunId>>,
    /// What becomes of a look at what stands still.
    look: Look,
}

#[derive(Clone, Copy)]
enum Look {
    Tells,
    Refuses,
    Hangs,
}

#[async_trait]
impl EnvironmentGuard for Kept {
    async fn pauses(&self, applications: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        match self.look {
            Look::Tells => {}
            Look::Refuses => return Err(PortError::new(FailureKind::Rejected, "keepers may not be listed")),
            Look::Hangs => std::future::pending().await,
        }
        let by = self.paused.lock().unwrap().clone();
        let standing = by.map_or(Standing::Acts, |by| Standing::Paused { by });
        let pause = |name: &str, standing| Pause {
            name: format!("Kustomization flux-system/{name}"),
            applications: applications[..1].to_vec(),
            others: Some(steps.len()),
            setting: "suspend: true".to_owned(),
            standing,
        };
        Ok(vec![pause("shop", standing), pause("other", Standing::Left)])
    }

    async fn freeze(&self, run: &RunId, names: &[ApplicationId], until: Timestamp) -> Result<Guarded, PortError> {
        *self.paused.lock().unwrap() = Some(run.clone());
        self.guard.freeze(run, names, until).await
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        self.guard.extend(run, until).await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        *self.paused.lock().unwrap() = None;
        self.guard.thaw(run).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        self.guard.drifted(expected, known).await
    }
}

fn kept(look: Look, ports: Ports) -> Ports {
    let guard = ports
        .guard
        .map(|guard| -> Arc<dyn EnvironmentGuard> { Arc::new(Kept { guard, paused: Mutex::default(), look }) });
    Ports { guard, ..ports }
}

/// What a run tells of what stands still.
fn told(view: &RunView) -> Vec<(Level, &str)> {
    let told = view.events.iter().map(|event| (event.level, event.message.as_str()));
    told.filter(|(_, text)| text.contains("Kustomization") || text.contains("stands still")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_what_is_paused_for_it_and_what_goes_on() {
    let bed = Bed::healthy().wrapped(|ports| kept(Look::Tells, ports));
    let planned = bed.plan().await.unwrap();
    let steps = planned.plan.scale_steps.len();
    assert_eq!(planned.pauses.len(), 2);
    assert_eq!(
        planned.pauses[0].to_string(),
        format!("Kustomization flux-system/shop of shop and {steps} other objects (suspend: true)")
    );
    let view = bed.run().await;
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    let paused = format!(
        "paused for the run: Kustomization flux-system/shop of shop and {steps} other objects (suspend: true)"
    );
    let left = format!(
        "left as it is: Kustomization flux-system/other of shop and {steps} other objects, which stands still already"
    );
    assert_eq!(
        told(&view),
        [
            (Level::Info, paused.as_str()),
            (Level::Info, left.as_str()),
            (Level::Info, "goes on as before the run: Kustomization flux-system/shop"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_look_at_what_stands_still_that_fails_stops_no_run_and_is_told() {
    type Wrap = fn(Ports) -> Ports;
    let looks: [(Wrap, &str); 2] = [
        (|ports| kept(Look::Refuses, ports), "keepers may not be listed"),
        (|ports| kept(Look::Hangs, ports), "not told within 20s"),
    ];
    for (wrap, why) in looks {
        let view = Bed::healthy().wrapped(wrap).run().await;
        assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
        let text = format!("look what stands still for the run: {why}");
        assert_eq!(told(&view), [(Level::Warning, text.as_str()); 2], "before the run, and after it");
    }
}
