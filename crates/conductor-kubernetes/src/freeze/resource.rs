//! The custom resource, the parameter of the policy. It is installed from `deploy/kubernetes/freeze/crd.yaml`, not from here.

use jiff::Timestamp;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

// No field may be null: the policy asks whether it is there, and fails on null.
// Plain comments here and descriptions in attributes: those are what `kubectl explain` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "loadtest-conductor.dev",
    version = "v1alpha1",
    kind = "Freeze",
    namespaced,
    doc = "What nobody but the conductor may change while a load test runs.",
    printcolumn = r#"{"name":"Run","type":"string","jsonPath":".spec.run"}"#,
    printcolumn = r#"{"name":"Owner","type":"string","jsonPath":".spec.owner"}"#,
    printcolumn = r#"{"name":"Expires","type":"string","jsonPath":".spec.expiresAt"}"#
)]
pub(crate) struct FreezeSpec {
    #[schemars(length(min = 1, max = 253), description = "The load test's run.")]
    pub(crate) run: String,
    #[schemars(length(min = 1, max = 253), description = "Whom to ask about it.")]
    pub(crate) owner: String,
    #[schemars(
        length(min = 1, max = 253),
        description = "The user who may change the targets all the same, as the API server names him."
    )]
    pub(crate) holder: String,
    #[schemars(schema_with = "date_time", description = "When it ends, if nobody renews it.")]
    pub(crate) expires_at: Timestamp,
    #[schemars(
        length(max = 5000),
        inner(length(max = 400)),
        description = "What is frozen, each as RESOURCE/NAMESPACE/NAME, such as deployments/shop/checkout."
    )]
    pub(crate) targets: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        inner(length(max = 253)),
        description = "Users who carry a frozen owner's spec to the objects that it owns, such as the ServiceAccounts of KEDA or of StackSets."
    )]
    pub(crate) controllers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(length(max = 253)),
        description = "Users and groups who may change the targets in an emergency; the audit log names it."
    )]
    pub(crate) break_glass: Vec<String>,
}

fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt;
    use serde_json::Value;

    use super::*;

    /// The same without what says nothing: fields that are null or empty.
    fn terse(value: &Value) -> Value {
        let says = |value: &Value| {
            !value.is_null()
                && value.as_array().is_none_or(|all| !all.is_empty())
                && value.as_object().is_none_or(|all| !all.is_empty())
        };
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| (name.clone(), terse(field)))
                .filter(|(_, field)| says(field))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(terse).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }

    #[test]
    fn the_shipped_definition_and_the_type_agree() {
        let shipped = include_str!("../../../../deploy/kubernetes/freeze/crd.yaml");
        let shipped: Value = serde_saphyr::from_str(shipped).unwrap();
        let mut of_the_type = serde_json::to_value(Freeze::crd()).unwrap();
        // The kind again, which says nothing.
        of_the_type["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["title"].take();
        let (shipped, of_the_type) = (terse(&shipped), terse(&of_the_type));
        assert_eq!(shipped, of_the_type, "\n{shipped:#}\n{of_the_type:#}");
    }
}
