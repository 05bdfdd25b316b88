//! Where a StatefulSet stands.
//!
//! The rule is that of `kubectl rollout status`, with images and replicas as wanted and every replica available. With a
//! partition, replicas below it keep the older revision for good: it is settled when those above it are updated.
//! StatefulSets have no conditions, so a quota that keeps pods from being made shows only in events and by the deadline.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetStatus};

use super::shown::{Missing, Shown};
use super::wanted::Wanted;
use super::{Progress, count, counted};

/// Where a StatefulSet stands.
pub(crate) fn stateful_set(live: &StatefulSet, wanted: &Wanted) -> Progress {
    let Some(spec) = &live.spec else { return Progress::Failed("it has no spec".to_owned()) };
    let none = StatefulSetStatus::default();
    let status = live.status.as_ref().unwrap_or(&none);
    let replicas = spec.replicas.map_or(1, |replicas| count(Some(replicas)));
    let shown = Shown {
        metadata: &live.metadata,
        replicas,
        ready: count(status.ready_replicas),
        observed_generation: status.observed_generation,
        hopeless: hopeless(spec, wanted),
        given_up: None,
        missing: missing(replicas, partition(spec), wanted.replicas, status),
    };
    shown.judged(wanted)
}

fn hopeless(spec: &StatefulSetSpec, wanted: &Wanted) -> Option<String> {
    let strategy = spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref());
    match strategy {
        None | Some("RollingUpdate") => wanted.changed_images(&spec.template),
        // Nothing is rolled out until somebody deletes pods.
        Some(other) => Some(format!("unsupported: {other} (spec.updateStrategy)")),
    }
}

fn partition(spec: &StatefulSetSpec) -> u32 {
    let rolling = spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    count(rolling.and_then(|rolling| rolling.partition))
}

fn missing(replicas: u32, partition: u32, wanted: Option<u32>, status: &StatefulSetStatus) -> Option<Missing> {
    let [all, updated, ready, available] =
        [Some(status.replicas), status.updated_replicas, status.ready_replicas, status.available_replicas].map(count);
    let updating = replicas.saturating_sub(partition);
    let other = match wanted {
        Some(wanted) if wanted != replicas => format!("but spec.replicas is {replicas}"),
        // Those that terminate are counted.
        _ if all > replicas => format!("{} too many", counted(all - replicas, "replica")),
        _ if updated < updating => format!("{updated} of {updating} updated"),
        _ if all < replicas || ready < replicas => return Some(Missing::Readiness),
        // A count of more than there are is of a moment ago.
        _ if available != replicas || ready > replicas => format!("{available} of {replicas} available"),
        // Names are compared only here: with a partition they differ for good.
        _ if partition == 0 && status.update_revision != status.current_revision => {
            "its controller has not completed the update yet".to_owned()
        }
        _ => return None,
    };
    Some(Missing::Other(other))
}

#[cfg(test)]
#[path = "stateful_set_tests.rs"]
mod tests;
