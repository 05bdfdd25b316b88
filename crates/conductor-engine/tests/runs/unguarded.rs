//! A freeze that is gone before its time, and applications that are not watched: both are told, and once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded};
use conductor_core::phase::Level;
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError};
use conductor_core::run::RunId;
use conductor_core::scale::Baseline;
use conductor_core::view::RunView;
use jiff::Timestamp;
use serde_json::json;

use crate::altered::{Altered, altered};
use crate::bed::Bed;

/// A guard whose freeze, if there was one, is gone soon; it cannot watch at first, and once more after a while.
struct Gone {
    guard: Arc<dyn EnvironmentGuard>,
    guarded: Guarded,
    watched: AtomicU32,
}

#[async_trait]
impl Altered for Gone {
    fn guard(&self) -> &dyn EnvironmentGuard {
        &*self.guard
    }

    async fn freeze(&self, run: &RunId, names: &[ApplicationId], until: Timestamp) -> Result<Guarded, PortError> {
        self.guard.freeze(run, names, until).await?;
        Ok(self.guarded.clone())
    }

    async fn extend(&self, _: &RunId, _: Timestamp) -> Result<(), PortError> {
        Err(PortError::new(FailureKind::NotFound, "it is gone"))
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        let blind = |text: &str| Err(PortError::new(FailureKind::Unavailable, text));
        match self.watched.fetch_add(1, Ordering::Relaxed) {
            1 => {
                let drift = json!({ "application": "shop", "field": "traffic", "expected": "on a", "found": "on b" });
                Ok(vec![serde_json::from_value(drift).unwrap()])
            }
            0 | 2 | 3 => blind("nobody watches"),
            4 => {
                tokio::time::sleep(Duration::from_secs(200)).await;
                blind("nobody watches")
            }
            5 => blind("nobody watches still"),
            _ => self.guard.drifted(expected, known).await,
        }
    }
}

/// A run whose freeze is gone soon, and which is not watched at times.
async fn unguarded(guarded: Guarded) -> RunView {
    let bed = Bed::healthy().wrapped(move |ports| {
        let (guarded, watched) = (guarded.clone(), AtomicU32::new(0));
        altered(ports, |guard| Gone { guard, guarded, watched })
    });
    let view = bed.run().await;
    bed.assert_clean(&view, "it went on");
    view
}

/// How often a run warns of something.
fn warned(view: &RunView, text: &str) -> usize {
    view.events.iter().filter(|event| event.level == Level::Warning && event.message == text).count()
}

#[tokio::test(start_paused = true)]
async fn a_freeze_that_is_gone_before_its_time_is_told_once() {
    let gone = "put off the end of the freeze: it is gone";
    assert_eq!(warned(&unguarded(Guarded::Frozen).await, gone), 1);
    let partly = Guarded::Partly { because: "cart is on ECS".to_owned() };
    assert_eq!(warned(&unguarded(partly).await, gone), 1, "what was frozen is not any more");
    let open = unguarded(Guarded::Open { because: "there is no policy".to_owned() }).await;
    assert_eq!(warned(&open, gone), 0, "there never was one, which was told");
}

#[tokio::test(start_paused = true)]
async fn that_nobody_watches_is_told_once_for_each_trouble() {
    let view = unguarded(Guarded::Frozen).await;
    let all = ["", " still"].map(|when| warned(&view, &format!("watch the applications: nobody watches{when}")));
    assert_eq!(all, [2, 1], "{:?}", view.events);
}
