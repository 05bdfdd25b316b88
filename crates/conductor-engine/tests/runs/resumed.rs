//! What changes applications by itself is paused again before anything is put back, or would take it back once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, DriftPolicy};
use conductor_core::phase::Level;
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError};
use conductor_core::run::RunId;
use conductor_core::scale::Baseline;
use conductor_core::verdict::Outcome;
use serde_json::json;

use crate::altered::{Altered, altered};
use crate::bed::{Bed, verdict};

/// A guard of an application whose keeper somebody has resumed.
struct Resumed {
    guard: Arc<dyn EnvironmentGuard>,
    acts: AtomicBool,
    again: Again,
}

const FIELD: &str = "suspend of Kustomization flux-system/shop";

/// What becomes of another pause.
#[derive(Clone, Copy)]
enum Again {
    Stays,
    Refused,
    /// Somebody resumes it each time.
    Resumed,
}

#[async_trait]
impl Altered for Resumed {
    fn guard(&self) -> &dyn EnvironmentGuard {
        &*self.guard
    }

    async fn pause_again(&self, _: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        assert_eq!(names, ["shop".parse().unwrap()]);
        match self.again {
            Again::Refused => {
                return Err(PortError::new(FailureKind::Rejected, "could not pause Kustomization flux-system/shop"));
            }
            Again::Stays => self.acts.store(false, Ordering::Relaxed),
            Again::Resumed => {}
        }
        Ok(())
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        let drift = json!({ "application": "shop", "field": FIELD, "expected": "true", "found": "false" });
        let drift: Drift = serde_json::from_value(drift).unwrap();
        let is_known = known.iter().any(|known| known.is(&drift));
        if self.acts.load(Ordering::Relaxed) && !is_known {
            return Ok(vec![drift]);
        }
        self.guard.drifted(expected, known).await
    }
}

/// What is told of a run during whose load somebody resumes the keeper of the shop: how often that is seen, the causes of its
/// verdict, and what could not be done.
async fn told(again: Again) -> (usize, Vec<(Outcome, String)>, Vec<(Level, String)>) {
    let mut bed = Bed::healthy()
        .wrapped(move |ports| altered(ports, |guard| Resumed { guard, acts: AtomicBool::new(true), again }));
    bed.created.drift_policy = DriftPolicy::Revert;
    let view = bed.run().await;
    bed.assert_clean(&view, "resumed");
    let seen = view.events.iter().filter(|event| event.message == format!("shop: {FIELD} is false, not true")).count();
    let causes = verdict(&view).causes.iter().map(|cause| (cause.outcome, cause.message.clone())).collect();
    let failed = view.events.iter().filter(|event| event.message.starts_with("put shop back"));
    (seen, causes, failed.map(|event| (event.level, event.message.clone())).collect())
}

#[tokio::test(start_paused = true)]
async fn what_somebody_resumes_is_paused_again() {
    let drift = format!("during the load, shop: {FIELD} is false, not true; put back as the run needs it");
    assert_eq!(told(Again::Stays).await, (1, vec![(Outcome::Warned, drift)], vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_put_back_is_told_once_and_makes_the_run_invalid() {
    let drift = format!("during the load, shop: {FIELD} is false, not true");
    let cases = [
        (Again::Refused, 1, "could not pause Kustomization flux-system/shop".to_owned()),
        (Again::Resumed, 4, format!("{FIELD} is false again each time, put back 3 times")),
    ];
    for (again, seen, why) in cases {
        let failed = vec![(Level::Warning, format!("put shop back as the run needs it: {why}"))];
        assert_eq!(told(again).await, (seen, vec![(Outcome::Invalid, drift.clone())], failed));
    }
}
