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
        hopeless: wanted.changed_images(&spec.template),
        given_up: by_hand(spec, replicas, status),
        missing: missing(replicas, spec, wanted, status),
    };
    shown.judged(wanted)
}

/// Where pods are replaced by hand they are scaled and not rolled out: it is no trouble where every replica is of the
/// template already.
fn by_hand(spec: &StatefulSetSpec, replicas: u32, status: &StatefulSetStatus) -> Option<String> {
    let [all, updated] = [Some(status.replicas), status.updated_replicas].map(count);
    let older = all.saturating_sub(updated);
    // Replicas that are too many go by themselves.
    (is_by_hand(spec) && all <= replicas && older > 0).then(|| {
        let older = counted(older, "replica");
        format!("its pods are replaced by hand (updateStrategy: OnDelete), and {older} of an older template are left")
    })
}

/// True where nothing is rolled out until somebody deletes pods.
pub(crate) fn is_by_hand(spec: &StatefulSetSpec) -> bool {
    spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete")
}

/// True once the controller has nothing to update any more; where pods are replaced by hand it never says so.
pub(crate) fn is_complete(spec: &StatefulSetSpec, status: &StatefulSetStatus) -> bool {
    is_by_hand(spec) || status.update_revision == status.current_revision
}

/// Replicas with a lower number keep the older version.
pub(crate) fn partition(spec: &StatefulSetSpec) -> u32 {
    let rolling = spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    count(rolling.and_then(|rolling| rolling.partition))
}

fn missing(replicas: u32, spec: &StatefulSetSpec, wanted: &Wanted, status: &StatefulSetStatus) -> Option<Missing> {
    let [all, updated, ready, available] =
        [Some(status.replicas), status.updated_replicas, status.ready_replicas, status.available_replicas].map(count);
    let partition = partition(spec);
    let updating = replicas.saturating_sub(partition);
    let other = match wanted.other_replicas(replicas) {
        Some(other) => other,
        // Those that terminate are counted.
        _ if all > replicas => format!("{} too many", counted(all - replicas, "replica")),
        _ if updated < updating => format!("{updated} of {updating} updated"),
        _ if all < replicas || ready < replicas => return Some(Missing::Readiness),
        // A count of more than there are is of a moment ago.
        _ if available != replicas || ready > replicas => format!("{available} of {replicas} available"),
        // Names are compared only here: with a partition they differ for good.
        _ if partition == 0 && !is_complete(spec, status) => {
            "its controller has not completed the update yet".to_owned()
        }
        _ => return None,
    };
    Some(Missing::Other(other))
}

#[cfg(test)]
#[path = "stateful_set_tests.rs"]
mod tests;
