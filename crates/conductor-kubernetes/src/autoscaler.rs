//! The HorizontalPodAutoscalers of workloads: which of them scales what.

use std::collections::BTreeMap;

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::marker::Marker;
use crate::object::{Object, marker};
use crate::settings::Place;

/// The autoscaler of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Autoscaler {
    /// Its own name.
    pub(crate) name: String,
    /// Its bounds.
    pub(crate) bounds: Bounds,
    /// What a run has left on it.
    pub(crate) marker: Option<Marker<Bounds>>,
}

/// The autoscalers of one namespace, by the Deployment they scale.
pub(crate) fn by_target(
    namespace: &str,
    found: &[HorizontalPodAutoscaler],
) -> Result<BTreeMap<Place, Vec<Autoscaler>>, PortError> {
    let mut targets: BTreeMap<Place, Vec<Autoscaler>> = BTreeMap::new();
    for autoscaler in found {
        let target = &autoscaler.spec.scale_target_ref;
        if target.kind != "Deployment" {
            continue;
        }
        let name = autoscaler.metadata.name.clone().unwrap_or_default();
        let act = || format!("could not read HorizontalPodAutoscaler {namespace}/{name}");
        let bounds = autoscaler.fields().map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let marker = marker(autoscaler).map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let place = Place { namespace: namespace.to_owned(), deployment: target.name.clone() };
        targets.entry(place).or_default().push(Autoscaler { name, bounds, marker });
    }
    Ok(targets)
}

/// The only autoscaler of a workload, if it has one.
pub(crate) fn only(place: &Place, found: Option<&Vec<Autoscaler>>) -> Result<Option<Autoscaler>, PortError> {
    match found.map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([only]) => Ok(Some(only.clone())),
        Some(several) => {
            let names: Vec<&str> = several.iter().map(|autoscaler| autoscaler.name.as_str()).collect();
            let text = format!(
                "{place} is scaled by several HorizontalPodAutoscalers ({}), which fight; expected one at most",
                names.join(", ")
            );
            Err(PortError::new(FailureKind::Rejected, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn autoscaler(name: &str, kind: &str, target: &str) -> HorizontalPodAutoscaler {
        let text = format!(
            "{{ metadata: {{ name: {name} }}, spec: {{ maxReplicas: 4, scaleTargetRef: {{ kind: {kind}, name: {target} }} }} }}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    fn place(deployment: &str) -> Place {
        Place { namespace: "shop".to_owned(), deployment: deployment.to_owned() }
    }

    #[test]
    fn autoscalers_are_found_by_what_they_scale() {
        let found = [autoscaler("a", "Deployment", "checkout"), autoscaler("b", "StatefulSet", "checkout")];
        let targets = by_target("shop", &found).unwrap();
        let one = only(&place("checkout"), targets.get(&place("checkout"))).unwrap();
        assert_eq!(one, Some(Autoscaler { name: "a".to_owned(), bounds: Bounds { min: 1, max: 4 }, marker: None }));
        assert_eq!(only(&place("ledger"), targets.get(&place("ledger"))).unwrap(), None);
    }

    #[test]
    fn two_autoscalers_of_one_workload_are_refused_by_name() {
        let found = [autoscaler("a", "Deployment", "checkout"), autoscaler("b", "Deployment", "checkout")];
        let targets = by_target("shop", &found).unwrap();
        assert_eq!(
            only(&place("checkout"), targets.get(&place("checkout"))).unwrap_err().to_string(),
            "Deployment shop/checkout is scaled by several HorizontalPodAutoscalers (a, b), which fight; expected one at most"
        );
    }
}
