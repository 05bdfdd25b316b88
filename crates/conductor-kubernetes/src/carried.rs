//! Waiting for KEDA to give its own autoscaler what a ScaledObject says. Until then that one would bring the replicas to what
//! the ScaledObject said before.

use std::time::Duration;

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use tokio::time::Instant;

use crate::environment::KubernetesEnvironment;
use crate::object::Object;
use crate::scaled_object::{Counts, ScaledObject};

/// KEDA takes less than a tenth of a second, unless it is busy with a thousand others.
const WITHIN: Duration = Duration::from_secs(30);
/// Between the first two looks; every further pause is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl KubernetesEnvironment {
    /// Waits until the autoscaler that KEDA has made of a ScaledObject has its bounds. There is none while it is paused.
    pub(crate) async fn carried(&self, namespace: &str, written: &ScaledObject) -> Result<(), PortError> {
        let name = written.metadata.name.as_deref().unwrap_or_default();
        let act = format!("could not wait for what KEDA makes of ScaledObject {namespace}/{name}");
        let unreadable = |error| PortError::because(FailureKind::Rejected, &act, error);
        let Some(autoscaler) = written.made() else { return Ok(()) };
        let wanted = written.fields().map(Counts::carried).map_err(unreadable)?;
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let found = match self.reader.get_in::<HorizontalPodAutoscaler>(namespace, autoscaler).await {
                Ok(found) => found.fields().map_err(unreadable)?,
                Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            if found == wanted {
                return Ok(());
            }
            if begun.elapsed() >= WITHIN {
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
            "HorizontalPodAutoscaler keda-hpa-shop is still from 1 to 4, not 6 to 6, after 30 s; expected that KEDA runs, and \
             that freeze.controllers names its ServiceAccount"
        );
    }
}
