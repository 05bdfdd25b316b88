//! VerticalPodAutoscalers: what of one is looked at.
//!
//! By its mode it evicts pods, or resizes them, to give them what it recommends (every mode but these two); gives it to new
//! pods alone (`Initial`); or to none (`Off`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::change::Change;
use crate::field::{Field, Fields, UnreadableError, Value};
use crate::object::{Object, marker};
use crate::place::{Kind, Place};

/// New pods get what is recommended, and others are left alone.
pub(crate) const INITIAL: &str = "Initial";
/// Pods have what their template says.
pub(crate) const OFF: &str = "Off";
const MODE: &str = "updateMode";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(group = "autoscaling.k8s.io", version = "v1", kind = "VerticalPodAutoscaler", namespaced, schema = "disabled")]
pub(crate) struct VerticalPodAutoscalerSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_ref: Option<Target>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    update_policy: Option<Map<String, Json>>,
}

/// The workload whose pods it sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// What is changed of one, as its marker keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Policy {
    /// Whether it says more than a mode; `None` where there is none.
    says_more: Option<bool>,
    pub(crate) mode: Option<String>,
}

impl Policy {
    /// True where pods get other resources, or go, while they run. So it is where no mode is said.
    pub(crate) fn evicts(&self) -> bool {
        !matches!(self.mode.as_deref(), Some(INITIAL | OFF))
    }

    /// True where new pods get what is recommended.
    pub(crate) fn sizes_new(&self) -> bool {
        self.mode.as_deref() != Some(OFF)
    }

    /// What gives it another mode.
    pub(crate) fn to(&self, mode: &str) -> Vec<Change> {
        let wanted = Some(Value::Word(mode.to_owned()));
        let from = self.mode.clone().map(Value::Word);
        let mode = (from != wanted).then_some(Change { field: Field::UpdateMode, from, to: wanted });
        let policy = Change { field: Field::UpdatePolicy, from: None, to: Some(Value::Flag(false)) };
        let policy = self.says_more.is_none().then_some(policy);
        policy.into_iter().chain(mode).collect()
    }
}

impl Fields for Policy {
    fn fields(&self) -> BTreeMap<Field, Value> {
        let policy = self.says_more.map(|flag| (Field::UpdatePolicy, Value::Flag(flag)));
        let mode = self.mode.clone().map(|mode| (Field::UpdateMode, Value::Word(mode)));
        policy.into_iter().chain(mode).collect()
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        match field {
            Field::UpdatePolicy => self.says_more = value.as_ref().and_then(Value::as_flag),
            Field::UpdateMode => self.mode = value.map(|value| value.to_string()),
            Field::Replicas
            | Field::MinReplicas
            | Field::MaxReplicas
            | Field::MinReplicaCount
            | Field::MaxReplicaCount
            | Field::Suspend
            | Field::AutomatedSync
            | Field::Image { .. }
            | Field::Resource { .. } => {}
        }
    }
}

impl Object for VerticalPodAutoscaler {
    type Fields = Policy;

    fn fields(&self) -> Result<Policy, UnreadableError> {
        let policy = self.spec.update_policy.as_ref();
        let mode = policy.and_then(|policy| policy.get(MODE)).and_then(Json::as_str).map(str::to_owned);
        Ok(Policy { says_more: policy.map(|policy| policy.keys().any(|key| key != MODE)), mode })
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        None
    }
}

impl VerticalPodAutoscaler {
    /// The workload whose pods it sizes, if that is of a kind that applications are.
    pub(crate) fn target(&self) -> Option<Place> {
        let Target { api_version, kind, name } = self.spec.target_ref.as_ref()?;
        let kind = Kind::called(api_version.as_deref(), kind)?;
        Some(Place { namespace: self.metadata.namespace.clone()?, kind, name: name.clone() })
    }

    /// The mode that a run has given it last.
    pub(crate) fn given(&self) -> Option<String> {
        marker(self).ok().flatten()?.applied.last()?.mode.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        let text = format!("{{ metadata: {{ name: any }}, spec: {{ {text} }} }}");
        serde_saphyr::from_str::<VerticalPodAutoscaler>(&text).unwrap().fields().unwrap()
    }

    #[test]
    fn a_vertical_autoscaler_evicts_unless_it_says_otherwise() {
        let does = |text: &str| (policy(text).evicts(), policy(text).sizes_new());
        for mode in ["Auto", "Recreate", "InPlaceOrRecreate"] {
            assert_eq!(does(&format!("updatePolicy: {{ updateMode: {mode} }}")), (true, true), "{mode}");
        }
        for text in ["", "updatePolicy: {}", "updatePolicy: { minReplicas: 2 }"] {
            assert_eq!(does(text), (true, true), "{text}");
        }
        assert_eq!(does("updatePolicy: { updateMode: Initial }"), (false, true));
        // A bare word that YAML 1.1 takes for false.
        assert_eq!(does("updatePolicy: { updateMode: 'Off' }"), (false, false));
    }

    #[test]
    fn what_was_absent_of_a_vertical_autoscaler_is_known_apart_from_what_was_empty() {
        let fields = |text: &str| {
            let shown = policy(text).fields().into_iter().map(|(field, value)| format!("{field}: {value}"));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(fields(""), [""; 0]);
        assert_eq!(fields("updatePolicy: {}"), ["updatePolicy: false"]);
        assert_eq!(fields("updatePolicy: { minReplicas: 2 }"), ["updatePolicy: true"]);
        assert_eq!(
            fields("updatePolicy: { minReplicas: 2, updateMode: Auto }"),
            ["updatePolicy: true", "updateMode: Auto"]
        );
        let changed =
            |text: &str| policy(text).to(INITIAL).iter().map(|change| change.field.to_string()).collect::<Vec<_>>();
        assert_eq!(changed(""), ["updatePolicy", "updateMode"]);
        assert_eq!(changed("updatePolicy: {}"), ["updateMode"]);
        assert_eq!(changed("updatePolicy: { updateMode: Initial }"), [""; 0]);
    }
}
