//! KEDA's ScaledObjects: what of one is looked at, and what holds a workload still by one.
//!
//! KEDA makes a HorizontalPodAutoscaler from a ScaledObject and writes its bounds anew whenever they are other ones. So the
//! bounds are changed here, and never there. One with an idle count cannot be held so: KEDA scales to that
//! count whatever the bounds are.

use conductor_core::app::Bounds;
use conductor_core::ports::Way;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{CustomResource, Resource};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::change::Change;
use crate::field::{Field, Fields, UnreadableError, Value};
use crate::object::Object;
use crate::place::{Kind, Place};

/// What KEDA takes for `minReplicaCount` where there is none.
const MIN: u32 = 0;
/// What KEDA takes for `maxReplicaCount` where there is none.
const MAX: u32 = 100;
/// Its presence makes KEDA hold the workload at a number of its own.
const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "keda.sh",
    version = "v1alpha1",
    kind = "ScaledObject",
    namespaced,
    schema = "disabled",
    status = "ScaledObjectStatus"
)]
pub(crate) struct ScaledObjectSpec {
    pub(crate) scale_target_ref: ScaleTarget,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min_replica_count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_replica_count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_replica_count: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScaledObjectStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hpa_name: Option<String>,
}

/// What a ScaledObject scales; a Deployment where no kind is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScaleTarget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    name: String,
}

/// The fields of a ScaledObject, as its marker keeps them. What is absent means something else to KEDA than what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Counts {
    pub(crate) min: Option<u32>,
    pub(crate) max: Option<u32>,
}

impl Counts {
    /// The bounds within which KEDA scales.
    pub(crate) fn bounds(self) -> Bounds {
        Bounds { min: self.min.unwrap_or(MIN), max: self.max.unwrap_or(MAX) }
    }

    /// The bounds that KEDA gives the autoscaler that it makes, which leaves the last replica to KEDA itself.
    pub(crate) fn carried(self) -> Bounds {
        let Bounds { min, max } = self.bounds();
        Bounds { min: min.max(1), max }
    }

    /// What takes these counts from some bounds to others. `original` is how they were before the run.
    pub(crate) fn changes(self, original: Self, way: Way, [from, to]: [Bounds; 2]) -> Vec<Change> {
        let kept = match way {
            Way::There => self,
            Way::Back => original,
        };
        let mut changes = vec![
            change(Field::MinReplicaCount, said(self.min, from.min, MIN), said(kept.min, to.min, MIN)),
            change(Field::MaxReplicaCount, said(self.max, from.max, MAX), said(kept.max, to.max, MAX)),
        ];
        changes.retain(|change| change.from != change.to);
        changes
    }
}

/// How a count is said: not at all where it is not, and means the same.
pub(crate) fn said(held: Option<u32>, wanted: u32, default: u32) -> Option<u32> {
    if held.unwrap_or(default) == wanted { held } else { Some(wanted) }
}

pub(crate) fn change(field: Field, from: Option<u32>, to: Option<u32>) -> Change {
    Change { field, from: from.map(Value::Count), to: to.map(Value::Count) }
}

impl Fields for Counts {
    fn fields(&self) -> BTreeMap<Field, Value> {
        let all = [(Field::MinReplicaCount, self.min), (Field::MaxReplicaCount, self.max)];
        all.into_iter().filter_map(|(field, count)| Some((field, Value::Count(count?)))).collect()
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        let count = match value {
            Some(Value::Count(count)) => Some(count),
            Some(Value::Image(_) | Value::Amount(_) | Value::Flag(_) | Value::Word(_)) | None => None,
        };
        match field {
            Field::MinReplicaCount => self.min = count,
            Field::MaxReplicaCount => self.max = count,
            Field::Replicas
            | Field::MinReplicas
            | Field::MaxReplicas
            | Field::Suspend
            | Field::AutomatedSync
            | Field::UpdatePolicy
            | Field::UpdateMode
            | Field::Image { .. }
            | Field::Resource { .. } => {}
        }
    }
}

impl Object for ScaledObject {
    type Fields = Counts;

    fn fields(&self) -> Result<Counts, UnreadableError> {
        let spec = &self.spec;
        Ok(Counts { min: spec.min_replica_count, max: spec.max_replica_count })
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        None
    }
}

impl ScaledObject {
    /// The workload that it scales, if that is of a kind that applications are.
    pub(crate) fn target(&self) -> Option<Place> {
        let ScaleTarget { api_version, kind, name } = &self.spec.scale_target_ref;
        let called = |kind| Kind::called(api_version.as_deref(), kind);
        let kind = kind.as_deref().map_or(Some(Kind::Deployment), called)?;
        Some(Place { namespace: self.metadata.namespace.clone()?, kind, name: name.clone() })
    }

    /// The autoscaler that KEDA has made of it.
    pub(crate) fn made(&self) -> Option<&str> {
        self.status.as_ref()?.hpa_name.as_deref().filter(|name| !name.is_empty())
    }

    /// The number to which KEDA scales the workload while no trigger is active, whatever the bounds are.
    pub(crate) const fn idle(&self) -> Option<u32> {
        self.spec.idle_replica_count
    }

    /// The number at which somebody has made KEDA hold the workload, whatever the bounds are.
    pub(crate) fn held_at(&self) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(PAUSED_REPLICAS).map(String::as_str)
    }
}

/// True for the owner of an autoscaler that KEDA has made.
pub(crate) fn is_scaled_object(owner: &OwnerReference) -> bool {
    owner.kind == ScaledObject::kind(&()) && owner.api_version.starts_with("keda.sh/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(min: Option<u32>, max: Option<u32>) -> Counts {
        Counts { min, max }
    }

    fn bounds(min: u32, max: u32) -> Bounds {
        Bounds { min, max }
    }

    /// The counts after a way there and back, and between the two. Back they go by bounds around what is and what was.
    fn there_and_back(before: Counts) -> [Counts; 2] {
        let apply = |mut counts: Counts, changes: Vec<Change>| {
            for Change { field, from, to } in changes {
                assert_eq!(counts.fields().get(&field), from.as_ref(), "{field}");
                counts.set(&field, to);
            }
            counts
        };
        let (own, pinned) = (before.bounds(), bounds(6, 6));
        let there = apply(before, before.changes(before, Way::There, [own, pinned]));
        let around = pinned.around(own);
        let opened = apply(there, there.changes(before, Way::Back, [pinned, around]));
        assert_eq!(opened.bounds(), around);
        [there, apply(opened, opened.changes(before, Way::Back, [around, own]))]
    }

    #[test]
    fn a_workload_is_held_by_both_bounds_and_what_was_absent_is_absent_again() {
        for before in [
            counts(Some(1), Some(4)),
            counts(None, None),
            counts(Some(0), Some(100)),
            counts(None, Some(4)),
            counts(Some(6), Some(6)),
        ] {
            let [there, back] = there_and_back(before);
            assert_eq!(there, counts(Some(6), Some(6)), "{before:?}");
            assert_eq!(back, before);
        }
    }

    #[test]
    fn what_somebody_else_has_set_is_no_count_to_start_from() {
        let live = counts(Some(2), Some(4));
        let changes = live.changes(live, Way::There, [bounds(1, 4), bounds(6, 6)]);
        let min = change(Field::MinReplicaCount, Some(1), Some(6));
        assert_eq!(changes[0], min, "it is refused where it is written");
    }

    #[test]
    fn what_is_scaled_is_a_deployment_unless_it_is_said() {
        let target = |text: &str| {
            let text = format!("{{ metadata: {{ name: any, namespace: shop }}, spec: {{ scaleTargetRef: {text} }} }}");
            serde_saphyr::from_str::<ScaledObject>(&text).unwrap().target().map(|place| place.to_string())
        };
        assert_eq!(target("{ name: checkout }").as_deref(), Some("Deployment shop/checkout"));
        assert_eq!(target("{ name: ledger, kind: StatefulSet }").as_deref(), Some("StatefulSet shop/ledger"));
        assert_eq!(target("{ name: cart, kind: Rollout }").as_deref(), Some("Rollout shop/cart"));
        assert_eq!(target("{ name: other, kind: DaemonSet }"), None);
        let search = "{ name: search, kind: SearchCluster, apiVersion: example.com/v1 }";
        assert_eq!(target(search).as_deref(), Some("SearchCluster shop/search"));
    }
}
