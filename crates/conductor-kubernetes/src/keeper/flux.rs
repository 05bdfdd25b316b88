//! Flux: Kustomizations and HelmReleases, which are suspended by a field of theirs.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Keeper, KeeperKind, Keeps, Reference};
use crate::change::Change;
use crate::field::{Field, Fields, UnreadableError, Value};
use crate::object::Object;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource)]
#[kube(
    group = "kustomize.toolkit.fluxcd.io",
    version = "v1",
    kind = "Kustomization",
    namespaced,
    schema = "disabled",
    status = "FluxStatus"
)]
pub(crate) struct KustomizationSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspend: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource)]
#[kube(
    group = "helm.toolkit.fluxcd.io",
    version = "v2",
    kind = "HelmRelease",
    namespaced,
    schema = "disabled",
    status = "FluxStatus"
)]
pub(crate) struct HelmReleaseSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspend: Option<bool>,
}

/// What either says of itself. Older versions of the HelmRelease have no inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FluxStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inventory: Option<Inventory>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Inventory {
    #[serde(default)]
    entries: Vec<Json>,
}

/// What is changed of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Suspension {
    suspend: Option<bool>,
}

impl Suspension {
    fn pause(self) -> Option<Change> {
        let is_paused = self.suspend == Some(true);
        let change = Change { field: Field::Suspend, from: self.suspend.map(Value::Flag), to: Some(Value::Flag(true)) };
        (!is_paused).then_some(change)
    }
}

impl Fields for Suspension {
    fn fields(&self) -> BTreeMap<Field, Value> {
        self.suspend.map(|flag| (Field::Suspend, Value::Flag(flag))).into_iter().collect()
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        if *field == Field::Suspend {
            self.suspend = value.as_ref().and_then(Value::as_flag);
        }
    }
}

/// Both kinds are the same here.
macro_rules! of_flux {
    ($kind:ident) => {
        impl Object for $kind {
            type Fields = Suspension;

            fn fields(&self) -> Result<Suspension, UnreadableError> {
                Ok(Suspension { suspend: self.spec.suspend })
            }

            fn template(&self) -> Option<&PodTemplateSpec> {
                None
            }
        }

        impl Keeps for $kind {
            const KIND: KeeperKind = KeeperKind::$kind;

            fn pause(&self) -> Result<Vec<Change>, UnreadableError> {
                Ok(self.fields()?.pause().into_iter().collect())
            }

            fn keeps(&self) -> Vec<Reference> {
                Vec::new()
            }

            fn count(&self) -> Option<usize> {
                Some(self.status.as_ref()?.inventory.as_ref()?.entries.len())
            }

            fn restless(&self) -> Option<String> {
                None
            }
        }
    };
}

of_flux!(Kustomization);
of_flux!(HelmRelease);

/// The keepers that an object names by its labels.
pub(super) fn named(meta: &ObjectMeta) -> Vec<Keeper> {
    let label = |key: String| meta.labels.as_ref()?.get(&key).cloned();
    let named = [("kustomize", KeeperKind::Kustomization), ("helm", KeeperKind::HelmRelease)].map(|(tool, kind)| {
        let of = |what: &str| label(format!("{tool}.toolkit.fluxcd.io/{what}"));
        Some(Keeper { kind, namespace: of("namespace")?, name: of("name")? })
    });
    named.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_name_their_keepers_by_labels() {
        let named = |labels: &str| {
            let meta: ObjectMeta = serde_saphyr::from_str(&format!("labels: {{ {labels} }}")).unwrap();
            super::named(&meta).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            named("kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system"),
            ["Kustomization flux-system/apps"]
        );
        assert_eq!(
            named("helm.toolkit.fluxcd.io/name: shop, helm.toolkit.fluxcd.io/namespace: shop"),
            ["HelmRelease shop/shop"]
        );
        assert_eq!(named("kustomize.toolkit.fluxcd.io/name: apps"), [""; 0]);
        assert_eq!(super::named(&ObjectMeta::default()), []);
    }

    #[test]
    fn who_is_suspended_already_is_left_so() {
        let change = |suspend| Suspension { suspend }.pause().map(|change| change.from);
        assert_eq!(change(None), Some(None));
        assert_eq!(change(Some(false)), Some(Some(Value::Flag(false))));
        assert_eq!(change(Some(true)), None);
    }
}
