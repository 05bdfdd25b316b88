//! Waiting for KEDA to give its own autoscaler what a ScaledObject says. Until then that one would bring the replicas to what
//! the ScaledObject said before.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, PortError, Way};
use futures::future::join_all;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::environment::KubernetesEnvironment;
use crate::object::Object;
use crate::place::Place;
use crate::scaled_object::{Counts, ScaledObject};

/// KEDA takes less than a tenth of a second, unless it is busy with a thousand others or its machine is.
const WITHIN: Duration = Duration::from_secs(60);
/// Between the first two looks; every further pause is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Looks at the same time, however many ScaledObjects are waited for.
const CONCURRENCY: usize = 8;

/// What is known of all ScaledObjects that are waited for, or were.
pub(crate) struct Carrying {
    looks: Semaphore,
    /// Those that were waited for in vain on the way back: namespace and name.
    late: Mutex<BTreeSet<[String; 2]>>,
}

impl Default for Carrying {
    fn default() -> Self {
        Self { looks: Semaphore::new(CONCURRENCY), late: Mutex::default() }
    }
}

impl Carrying {
    fn late(&self) -> MutexGuard<'_, BTreeSet<[String; 2]>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KubernetesEnvironment {
    /// Waits until the autoscaler that KEDA has made of a ScaledObject has its bounds. On the way back there is more to do than
    /// to wait for one that is late: it is waited for once more when the rest is back, and this is false.
    pub(crate) async fn carried(&self, namespace: &str, written: &ScaledObject, way: Way) -> Result<bool, PortError> {
        let key = [namespace.to_owned(), written.metadata.name.clone().unwrap_or_default()];
        if way == Way::Back && self.carrying.late().contains(&key) {
            return Ok(false);
        }
        match self.await_carried(namespace, written, Instant::now() + WITHIN).await {
            Err(error) if way == Way::Back && error.kind == FailureKind::Unsettled => {
                self.carrying.late().insert(key);
                Ok(false)
            }
            awaited => awaited.map(|()| true),
        }
    }

    /// Waits once more for those of these workloads that were late, all of them together as long as for one.
    pub(crate) async fn carried_at_last(&self, places: &BTreeSet<&Place>) -> Vec<PortError> {
        let late: Vec<[String; 2]> = self.carrying.late().iter().cloned().collect();
        let until = Instant::now() + WITHIN;
        let waits = late.into_iter().map(|[namespace, name]| async move {
            let done = match self.reader.get_in::<ScaledObject>(&namespace, &name).await {
                Ok(found) if found.target().is_some_and(|place| places.contains(&place)) => {
                    self.await_carried(&namespace, &found, until).await
                }
                Ok(_) => return None,
                Err(error) if error.kind == FailureKind::NotFound => Ok(()),
                Err(error) => Err(error),
            };
            if done.is_ok() {
                self.carrying.late().remove(&[namespace, name]);
            }
            done.err()
        });
        join_all(waits).await.into_iter().flatten().collect()
    }

    /// Waits until then. There is no such autoscaler while a ScaledObject is paused.
    async fn await_carried(&self, namespace: &str, written: &ScaledObject, until: Instant) -> Result<(), PortError> {
        let name = written.metadata.name.as_deref().unwrap_or_default();
        let act = format!("could not wait for what KEDA makes of ScaledObject {namespace}/{name}");
        let unreadable = |error| PortError::because(FailureKind::Rejected, &act, error);
        let Some(autoscaler) = written.made() else { return Ok(()) };
        let wanted = written.fields().map(Counts::carried).map_err(unreadable)?;
        let mut pause = FIRST_PAUSE;
        loop {
            let look = async {
                let _slot = self.carrying.looks.acquire().await;
                self.reader.get_in::<HorizontalPodAutoscaler>(namespace, autoscaler).await
            };
            let found = match look.await {
                Ok(found) => found.fields().map_err(unreadable)?,
                Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            if found == wanted {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(PortError::because(FailureKind::Unsettled, act, late(autoscaler, found, wanted)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn late(autoscaler: &str, found: Bounds, wanted: Bounds) -> String {
    let [found, wanted] = [found, wanted].map(|Bounds { min, max }| format!("{min} to {max}"));
    format!(
        "HorizontalPodAutoscaler {autoscaler} is still from {found}, not {wanted}, after {} s; expected that KEDA runs, and \
         that freeze.controllers names its ServiceAccount",
        WITHIN.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_that_is_late_is_told_with_what_may_be_the_matter() {
        assert_eq!(
            late("keda-hpa-shop", Bounds { min: 1, max: 4 }, Bounds::pinned(6)),
            "HorizontalPodAutoscaler keda-hpa-shop is still from 1 to 4, not 6 to 6, after 60 s; expected that KEDA runs, and \
             that freeze.controllers names its ServiceAccount"
        );
    }
}
