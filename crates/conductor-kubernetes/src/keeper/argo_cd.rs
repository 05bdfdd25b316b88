//! Argo CD: Applications, whose automated sync is switched off. One that is synced by hand does nothing by itself.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::{KeeperKind, Keeps, Reference};
use crate::change::Change;
use crate::field::{Field, Fields, UnreadableError, Value};
use crate::object::Object;

/// Where an object says which Application tracks it: `APPLICATION:GROUP/KIND:NAMESPACE/NAME`.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "argoproj.io",
    version = "v1alpha1",
    kind = "Application",
    namespaced,
    schema = "disabled",
    status = "ApplicationStatus"
)]
pub(crate) struct ApplicationSpec {
    #[serde(default)]
    destination: Destination,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sync_policy: Option<SyncPolicy>,
}

/// The cluster that an Application puts its objects into. One Argo CD may serve many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Destination {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Destination {
    /// True for the cluster that Argo CD itself is in.
    fn is_here(&self) -> bool {
        self.server.as_deref() == Some("https://kubernetes.default.svc") || self.name.as_deref() == Some("in-cluster")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SyncPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automated: Option<Automated>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Automated {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApplicationStatus {
    #[serde(default)]
    resources: Vec<Reference>,
}

/// What is changed of an Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Automation {
    enabled: Option<bool>,
}

impl Fields for Automation {
    fn fields(&self) -> BTreeMap<Field, Value> {
        self.enabled.map(|flag| (Field::AutomatedSync, Value::Flag(flag))).into_iter().collect()
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        if *field == Field::AutomatedSync {
            self.enabled = value.as_ref().and_then(Value::as_flag);
        }
    }
}

impl Application {
    fn automated(&self) -> Option<&Automated> {
        self.spec.sync_policy.as_ref()?.automated.as_ref()
    }
}

impl Object for Application {
    type Fields = Automation;

    fn fields(&self) -> Result<Automation, UnreadableError> {
        Ok(Automation { enabled: self.automated().and_then(|automated| automated.enabled) })
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        None
    }
}

impl Keeps for Application {
    const KIND: KeeperKind = KeeperKind::Application;

    fn pause(&self) -> Result<Vec<Change>, UnreadableError> {
        let Some(Automated { enabled }) = self.automated() else { return Ok(Vec::new()) };
        let change =
            Change { field: Field::AutomatedSync, from: enabled.map(Value::Flag), to: Some(Value::Flag(false)) };
        Ok((*enabled != Some(false)).then_some(change).into_iter().collect())
    }

    /// In this cluster. Objects of the same names in another one, such as production, are none of its affair here.
    fn keeps(&self) -> Vec<Reference> {
        if !self.spec.destination.is_here() {
            return Vec::new();
        }
        self.status.as_ref().map(|status| status.resources.clone()).unwrap_or_default()
    }

    fn count(&self) -> Option<usize> {
        Some(self.status.as_ref()?.resources.len())
    }

    fn restless(&self) -> Option<String> {
        let owners = self.metadata.owner_references.iter().flatten();
        let set = owners.into_iter().find(|owner| owner.kind == "ApplicationSet")?;
        Some(format!("ApplicationSet {}", set.name))
    }
}

/// The Application that an object says it is tracked by, with its namespace before it where that is not Argo CD's own.
pub(super) fn tracker(meta: &ObjectMeta) -> Option<&str> {
    let (name, _) = meta.annotations.as_ref()?.get(TRACKING)?.split_once(':')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(rest: &str) -> Application {
        serde_saphyr::from_str(&format!("{{ metadata: {{ name: shop, namespace: argocd }}, {rest} }}")).unwrap()
    }

    #[test]
    fn only_who_syncs_by_itself_is_paused() {
        let from = |spec: &str| application(&format!("spec: {spec}")).pause().unwrap().pop().map(|change| change.from);
        assert_eq!(from("{}"), None);
        assert_eq!(from("{ syncPolicy: { syncOptions: [CreateNamespace=true] } }"), None);
        assert_eq!(from("{ syncPolicy: { automated: { selfHeal: true } } }"), Some(None));
        assert_eq!(from("{ syncPolicy: { automated: { enabled: true } } }"), Some(Some(Value::Flag(true))));
        assert_eq!(from("{ syncPolicy: { automated: { enabled: false } } }"), None);
    }

    #[test]
    fn an_application_tells_what_it_keeps_and_an_object_what_tracks_it() {
        let resources = "[{ group: apps, kind: Deployment, namespace: shop, name: checkout, version: v1 }]";
        let of = |destination: &str| {
            let spec = format!("spec: {{ destination: {{ {destination} }} }}");
            application(&format!("{spec}, status: {{ resources: {resources} }}")).keeps()
        };
        let keeps = of("server: 'https://kubernetes.default.svc'");
        assert_eq!(of("name: in-cluster"), keeps);
        assert_eq!(of("server: 'https://production.example'"), [], "the same names in another cluster");
        assert_eq!(of("name: production"), []);
        let named = ["Deployment", "shop", "checkout"].map(str::to_owned);
        let [kind, namespace, name] = named;
        assert_eq!(keeps, [Reference { kind, namespace, name }]);
        assert_eq!(application("spec: {}").keeps(), []);
        let annotations = format!("annotations: {{ {TRACKING}: 'shop:apps/Deployment:shop/checkout' }}");
        let meta: ObjectMeta = serde_saphyr::from_str(&annotations).unwrap();
        assert_eq!(tracker(&meta), Some("shop"));
        assert_eq!(tracker(&ObjectMeta::default()), None);
    }
}
