//! Waiting until the controller of StackSets has carried what a Stack says to what it makes of it. A Stack has no
//! `observedGeneration`: the generation that an object was made of stands on that object.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::time::Instant;

use crate::environment::KubernetesEnvironment;
use crate::place::Place;
use crate::stack_set::Stack;

/// The annotation with the generation of the Stack.
pub(super) const GENERATION: &str = "stackset-controller.zalando.org/stack-generation";
/// The controller looks every ten seconds, unless it is told otherwise.
const WITHIN: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);

/// The generation of the Stack that an object was made of.
pub(crate) fn carried(made: &ObjectMeta) -> Option<i64> {
    made.annotations.as_ref().and_then(|annotations| annotations.get(GENERATION)?.parse().ok())
}

/// True for what was made of this generation of a Stack, or of a newer one.
pub(crate) fn is_carried(made: &ObjectMeta, generation: i64) -> bool {
    carried(made) >= Some(generation)
}

impl KubernetesEnvironment {
    /// Waits until the autoscaler of a Stack has its bounds. Until then it would bring the replicas to those of before.
    pub(crate) async fn carried_to_autoscaler(&self, stack: &Stack) -> Result<(), PortError> {
        let (place, generation) = (stack.deployment(), stack.metadata.generation.unwrap_or_default());
        let begun = Instant::now();
        loop {
            match self.reader.get_in::<HorizontalPodAutoscaler>(&place.namespace, &place.name).await {
                Ok(found) if is_carried(&found.metadata, generation) => return Ok(()),
                Ok(_) => {}
                // It is not made yet.
                Err(error) if error.kind == FailureKind::NotFound => {}
                Err(error) => return Err(error),
            }
            let what = || format!("HorizontalPodAutoscaler {} has not got the bounds of its Stack", place.name);
            again(begun, &place, what).await?;
        }
    }

    /// Waits until an autoscaled Stack shows the replicas that its Deployment has got.
    pub(crate) async fn shown_by(&self, stack: &Stack, replicas: u32) -> Result<(), PortError> {
        let place = stack.deployment();
        let begun = Instant::now();
        loop {
            let found: Stack = self.reader.get_in(&place.namespace, &place.name).await?;
            if found.status.is_some_and(|status| u32::try_from(status.desired_replicas) == Ok(replicas)) {
                return Ok(());
            }
            again(begun, &place, || "it does not show the replicas of its Deployment".to_owned()).await?;
        }
    }
}

/// Lets some time pass before another look, unless too much has passed already.
async fn again(begun: Instant, stack: &Place, what: impl Fn() -> String) -> Result<(), PortError> {
    if begun.elapsed() >= WITHIN {
        let act = format!("could not wait for what becomes of Stack {}/{}", stack.namespace, stack.name);
        return Err(PortError::because(FailureKind::Unsettled, act, late(&what())));
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

fn late(what: &str) -> String {
    format!(
        "{what} after {} s; expected that the stackset-controller runs, and that freeze.controllers names its \
         ServiceAccount",
        WITHIN.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_of_an_older_generation_or_by_somebody_else_is_not_carried() {
        for (annotation, generation, expected) in [
            (Some("4"), 4, true),
            (Some("5"), 4, true),
            (Some("3"), 4, false),
            (Some("10"), 9, true),
            (Some("four"), 4, false),
            (None, 4, false),
            (None, 0, false),
        ] {
            let annotations = annotation.map(|text| [(GENERATION.to_owned(), text.to_owned())].into());
            let made = ObjectMeta { annotations, ..ObjectMeta::default() };
            assert_eq!(is_carried(&made, generation), expected, "{annotation:?} of {generation}");
        }
    }

    #[test]
    fn what_is_late_is_told_with_what_may_be_the_matter() {
        assert_eq!(
            late("HorizontalPodAutoscaler shop-v1 has not got the bounds of its Stack"),
            "HorizontalPodAutoscaler shop-v1 has not got the bounds of its Stack after 120 s; expected that the \
             stackset-controller runs, and that freeze.controllers names its ServiceAccount"
        );
    }
}
