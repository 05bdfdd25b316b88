//! Where an object of a custom kind stands, by its counts alone: they do not say whether its replicas are ready.

use super::shown::{Missing, Shown};
use super::wanted::Wanted;
use super::{Progress, counted};
use crate::object::Object;
use crate::scalable::Scalable;
use kube::Resource;

/// Where an object stands that can be scaled.
pub(crate) fn scalable(live: &Scalable, wanted: &Wanted) -> Progress {
    let replicas = match live.fields() {
        Ok(owned) => owned.replicas,
        Err(error) => return Progress::Failed(error.to_string()),
    };
    let all = live.counted();
    let stands = live.layout().replicas.unwrap_or_default().trim_start_matches('/').replace('/', ".");
    let missing = match wanted.other_replicas(replicas) {
        Some(other) => Some(Missing::Other(other.replacen("spec.replicas", &stands, 1))),
        None if all > replicas => Some(Missing::Other(format!("{} too many", counted(all - replicas, "replica")))),
        None => (all < replicas).then_some(Missing::Readiness),
    };
    let shown = Shown {
        metadata: live.meta(),
        replicas,
        ready: all.min(replicas),
        // One that does not say has seen what there is, as far as anybody knows.
        observed_generation: live.observed_generation().or(live.meta().generation).or(Some(1)),
        hopeless: None,
        given_up: None,
        missing,
    };
    shown.judged(wanted)
}

#[cfg(test)]
#[path = "scalable_tests.rs"]
mod tests;
