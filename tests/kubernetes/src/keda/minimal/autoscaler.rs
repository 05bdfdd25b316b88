//! The HorizontalPodAutoscaler of a ScaledObject: how it should be, and when one that is there is written anew.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, ExternalMetricSource, HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::{Resource, ResourceExt};

use crate::keda::minimal::{pause, target};
use crate::keda::scaled_object::ScaledObject;

/// The label that says on a ScaledObject, and in what its autoscaler asks for, which ScaledObject it is.
pub(super) const OWNER: &str = "scaledobject.keda.sh/name";
const MOST_REPLICAS: i32 = 100;

/// Its name.
pub(super) fn name(object: &ScaledObject) -> String {
    format!("keda-hpa-{}", object.name_any())
}

/// How it should be. All annotations of the ScaledObject are on it, and all labels.
pub(super) fn wanted(object: &ScaledObject) -> HorizontalPodAutoscaler {
    let name = name(object);
    let own = object.name_any();
    let mut labels: BTreeMap<String, String> = [
        ("app.kubernetes.io/name", name.as_str()),
        ("app.kubernetes.io/version", "minimal"),
        ("app.kubernetes.io/part-of", own.as_str()),
        ("app.kubernetes.io/managed-by", "keda-operator"),
    ]
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .into();
    labels.extend(object.labels().clone());
    let (api_version, kind) = target::of(object);
    HorizontalPodAutoscaler {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: object.namespace(),
            labels: Some(labels),
            annotations: object.metadata.annotations.clone(),
            owner_references: object.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(api_version.to_owned()),
                kind: kind.to_owned(),
                name: object.spec.scale_target_ref.name.clone(),
            },
            min_replicas: Some(least(object)),
            max_replicas: most(object),
            metrics: Some(object.spec.triggers.iter().enumerate().map(|(index, _)| metric(index, &own)).collect()),
            behavior: behaviour(object),
        },
        status: None,
    }
}

/// What the ScaledObject says of it, and that it does nothing in a direction that an annotation pauses.
fn behaviour(object: &ScaledObject) -> Option<HorizontalPodAutoscalerBehavior> {
    let advanced = object.spec.advanced.as_ref();
    let said = advanced.and_then(|said| said.pointer("/horizontalPodAutoscalerConfig/behavior"));
    let mut behaviour: Option<HorizontalPodAutoscalerBehavior> =
        said.and_then(|said| serde_json::from_value(said.clone()).ok());
    let disabled = Some("Disabled".to_owned());
    if pause::of_scale_in(object) {
        behaviour.get_or_insert_default().scale_down.get_or_insert_default().select_policy = disabled.clone();
    }
    if pause::of_scale_out(object) {
        behaviour.get_or_insert_default().scale_up.get_or_insert_default().select_policy = disabled;
    }
    behaviour
}

/// The fewest replicas that an autoscaler takes: it cannot scale to none.
pub(super) fn least(object: &ScaledObject) -> i32 {
    object.spec.min_replica_count.unwrap_or_default().max(1)
}

/// The most replicas.
pub(super) fn most(object: &ScaledObject) -> i32 {
    object.spec.max_replica_count.unwrap_or(MOST_REPLICAS)
}

/// True when one that is there must be written anew, whole: another spec, or a label or annotation that should be there
/// and is not. One that should not be there is no reason, unless there should be none at all.
pub(super) fn differs(wanted: &HorizontalPodAutoscaler, found: &HorizontalPodAutoscaler) -> bool {
    let none_at_all = wanted.metadata.annotations.is_none() && found.metadata.annotations.is_some();
    wanted.spec != found.spec
        || !wanted.labels().iter().all(|(label, value)| found.labels().get(label) == Some(value))
        || !wanted.annotations().iter().all(|(name, value)| found.annotations().get(name) == Some(value))
        || none_at_all
}

/// What nobody measures here, so that the autoscaler does nothing but keep its bounds.
fn metric(index: usize, owner: &str) -> MetricSpec {
    let selector = LabelSelector {
        match_labels: Some(BTreeMap::from([(OWNER.to_owned(), owner.to_owned())])),
        match_expressions: None,
    };
    MetricSpec {
        type_: "External".to_owned(),
        external: Some(ExternalMetricSource {
            metric: MetricIdentifier { name: format!("s{index}-cron"), selector: Some(selector) },
            target: MetricTarget {
                type_: "AverageValue".to_owned(),
                average_value: Some(Quantity("1".to_owned())),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keda::scaled_object::{Trigger, scaled_object};

    #[test]
    fn an_annotation_that_should_be_there_is_a_reason_and_one_that_should_not_is_none() {
        let mut object = scaled_object("shop", 0..=5, Trigger::active());
        let bare = wanted(&object);
        object.annotations_mut().insert("a".to_owned(), "1".to_owned());
        let one = wanted(&object);
        object.annotations_mut().insert("b".to_owned(), "2".to_owned());
        let both = wanted(&object);
        assert!(differs(&both, &one) && differs(&one, &bare));
        assert!(!differs(&one, &both) && !differs(&one, &one.clone()));
        assert!(differs(&bare, &one), "none at all");
    }

    #[test]
    fn another_spec_or_label_is_a_reason() {
        let object = scaled_object("shop", 2..=5, Trigger::active());
        let found = wanted(&object);
        let mut changed = object.clone();
        changed.spec.max_replica_count = Some(6);
        assert!(differs(&wanted(&changed), &found));
        let mut labelled = object.clone();
        labelled.labels_mut().insert("team".to_owned(), "shop".to_owned());
        assert!(differs(&wanted(&labelled), &found));
        assert!(!differs(&found, &wanted(&labelled)));
    }

    #[test]
    fn an_autoscaler_has_one_replica_at_least_and_a_hundred_at_most_unless_it_is_told() {
        let mut object = scaled_object("shop", 0..=5, Trigger::active());
        assert_eq!((least(&object), most(&object)), (1, 5));
        (object.spec.min_replica_count, object.spec.max_replica_count) = (None, None);
        assert_eq!((least(&object), most(&object)), (1, 100));
    }
}
