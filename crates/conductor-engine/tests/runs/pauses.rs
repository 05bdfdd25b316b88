//! What changes applications by itself stands still for a run: plan names it, and the run when it stands still and goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::guard::{Drift, DriftPolicy, Guarded, Pause, Standing};
use conductor_core::phase::Level;
use conductor_core::ports::{EnvironmentGuard, FailureKind, LeftBehind, PortError, Ports, Scaler, Way};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use jiff::Timestamp;
use serde_json::json;

use crate::altered::{Altered, altered};
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
impl Altered for Kept {
    fn guard(&self) -> &dyn EnvironmentGuard {
        &*self.guard
    }

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

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        *self.paused.lock().unwrap() = None;
        self.guard.thaw(run).await
    }
}

fn kept(look: Look, ports: Ports) -> Ports {
    altered(ports, |guard| Kept { guard, paused: Mutex::default(), look })
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
    let paused =
        format!("paused for the run: Kustomization flux-system/shop of shop and {steps} other objects (suspend: true)");
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
        (|ports| kept(Look::Hangs, ports), "not told within 1m"),
    ];
    for (wrap, why) in looks {
        let view = Bed::healthy().wrapped(wrap).run().await;
        assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
        let text = format!("look what stands still for the run: {why}");
        assert_eq!(told(&view), [(Level::Warning, text.as_str()); 2], "before the run, and after it");
    }
}

/// Pods that somebody sizes during a run, until the application is scaled again.
struct Sized {
    guard: Arc<dyn EnvironmentGuard>,
    scaler: Arc<dyn Scaler>,
    acts: Mutex<bool>,
}

#[async_trait]
impl Altered for Arc<Sized> {
    fn guard(&self) -> &dyn EnvironmentGuard {
        &*self.guard
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        let acts = *self.acts.lock().unwrap();
        if !acts {
            return self.guard.drifted(expected, known).await;
        }
        let [application, field, was, found] = ["shop", "updateMode of VerticalPodAutoscaler shop", "Off", "Auto"];
        let drift = json!({ "application": application, "field": field, "expected": was, "found": found });
        Ok(vec![serde_json::from_value(drift).unwrap()])
    }
}

#[async_trait]
impl Scaler for Sized {
    async fn allocated(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.scaler.allocated(names).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        if way == Way::There && step.from == step.to {
            *self.acts.lock().unwrap() = false;
        }
        self.scaler.scale(run, step, way).await
    }

    async fn left_behind(&self, names: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        self.scaler.left_behind(names).await
    }

    async fn let_go(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        self.scaler.let_go(run, names).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_sizes_pods_again_is_put_back_with_what_scales_them() {
    let mut bed = Bed::healthy().wrapped(|ports| {
        let guard = ports.guard.clone().unwrap();
        let sized = Arc::new(Sized { guard, scaler: ports.scaler.clone(), acts: Mutex::new(true) });
        altered(Ports { scaler: sized.clone(), ..ports }, |_| sized)
    });
    bed.created.drift_policy = DriftPolicy::Revert;
    let view = bed.run().await;
    bed.assert_clean(&view, "reverted");
    let causes: Vec<&str> = verdict(&view).causes.iter().map(|cause| cause.message.as_str()).collect();
    let drift = "shop: updateMode of VerticalPodAutoscaler shop is Auto, not Off; put back as the run needs it";
    assert_eq!(causes, [format!("during the load, {drift}")]);
}
