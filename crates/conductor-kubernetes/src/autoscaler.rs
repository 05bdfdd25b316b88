//! The HorizontalPodAutoscalers of workloads: which of them scales what.

use std::collections::BTreeMap;

use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Resource;

use crate::object::is_marked;
use crate::place::{Kind, Place};

/// Autoscalers by the workload they scale.
pub(crate) type ByTarget = BTreeMap<Place, Vec<HorizontalPodAutoscaler>>;

/// What becomes of a workload that several autoscalers scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    /// It is refused: they fight.
    Refused,
    /// The one that a run has left something on is taken, else the oldest: somebody has made the others during the run, and
    /// nothing may keep it from being put back.
    First,
}

/// The workload that an autoscaler scales, if it is of a kind that applications are.
pub(crate) fn target(autoscaler: &HorizontalPodAutoscaler) -> Option<Place> {
    let target = &autoscaler.spec.scale_target_ref;
    let namespace = autoscaler.metadata.namespace.clone().unwrap_or_default();
    Kind::called(&target.kind).map(|kind| Place { namespace, kind, name: target.name.clone() })
}

/// Autoscalers by the workload they scale.
pub(crate) fn by_target(found: impl IntoIterator<Item = HorizontalPodAutoscaler>) -> ByTarget {
    let mut targets = ByTarget::new();
    for autoscaler in found {
        if let Some(place) = target(&autoscaler) {
            targets.entry(place).or_default().push(autoscaler);
        }
    }
    targets
}

/// The autoscaler of a workload, if it has one.
pub(crate) fn only<'a>(
    place: &Place,
    targets: &'a ByTarget,
    several: Several,
) -> Result<Option<&'a HorizontalPodAutoscaler>, PortError> {
    let found = targets.get(place).map(Vec::as_slice).unwrap_or_default();
    if found.len() > 1 && several == Several::Refused {
        let names: Vec<&str> = found.iter().map(name).collect();
        let text = format!(
            "{place} is scaled by several HorizontalPodAutoscalers ({}), which fight; expected one at most",
            names.join(", ")
        );
        return Err(PortError::new(FailureKind::Rejected, text));
    }
    let made = |one: &HorizontalPodAutoscaler| one.metadata.creation_timestamp.as_ref().map(|time| time.0);
    Ok(found.iter().min_by_key(|one| (!is_marked(*one), made(one), name(one))))
}

/// The name of an autoscaler.
pub(crate) fn name(autoscaler: &HorizontalPodAutoscaler) -> &str {
    autoscaler.meta().name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn autoscaler(name: &str, kind: &str, target: &str) -> HorizontalPodAutoscaler {
        let text = format!(
            "{{ metadata: {{ name: {name}, namespace: shop }}, spec: {{ maxReplicas: 4, scaleTargetRef: {{ kind: {kind}, name: {target} }} }} }}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    fn place(name: &str) -> Place {
        Place { namespace: "shop".to_owned(), kind: Kind::Deployment, name: name.to_owned() }
    }

    #[test]
    fn autoscalers_are_found_by_what_they_scale() {
        let of = [("a", "Deployment"), ("b", "StatefulSet"), ("c", "Rollout")];
        let targets = by_target(of.map(|(name, kind)| autoscaler(name, kind, "checkout")));
        let one = only(&place("checkout"), &targets, Several::Refused).unwrap();
        assert_eq!(one.map(name), Some("a"));
        let set = Place { kind: Kind::StatefulSet, ..place("checkout") };
        assert_eq!(only(&set, &targets, Several::Refused).unwrap().map(name), Some("b"));
        assert_eq!(only(&place("ledger"), &targets, Several::Refused).unwrap(), None);
    }

    #[test]
    fn two_autoscalers_of_one_workload_are_refused_by_name() {
        let targets = by_target([autoscaler("a", "Deployment", "checkout"), autoscaler("b", "Deployment", "checkout")]);
        assert_eq!(
            only(&place("checkout"), &targets, Several::Refused).unwrap_err().to_string(),
            "Deployment shop/checkout is scaled by several HorizontalPodAutoscalers (a, b), which fight; expected one at most"
        );
    }

    #[test]
    fn on_the_way_back_it_is_the_one_that_the_run_has_changed_else_the_oldest() {
        let made = |name: &str, second: i64, run: Option<&str>| {
            let mut made = autoscaler(name, "Deployment", "checkout");
            made.metadata.creation_timestamp =
                Some(serde_json::from_value(format!("2026-01-01T00:00:0{second}Z").into()).unwrap());
            made.metadata.annotations =
                run.map(|text| BTreeMap::from([(crate::marker::RUN.to_owned(), text.to_owned())]));
            made
        };
        let chosen = |all: [HorizontalPodAutoscaler; 2]| {
            let targets = by_target(all);
            only(&place("checkout"), &targets, Several::First).unwrap().map(|one| name(one).to_owned()).unwrap()
        };
        assert_eq!(chosen([made("a", 2, None), made("b", 1, None)]), "b");
        assert_eq!(chosen([made("a", 1, None), made("b", 1, None)]), "a");
        assert_eq!(chosen([made("a", 1, None), made("b", 2, Some("half of a marker"))]), "b");
        let copy = r#"{"run":"one","epoch":1,"uid":"of another","applied":[]}"#;
        assert_eq!(chosen([made("a", 1, None), made("b", 2, Some(copy))]), "a", "the marker of a copy is void");
    }
}
