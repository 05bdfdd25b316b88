//! The volume claims that StatefulSets make when they are scaled up, as quotas count them.
//!
//! A claim that is there already, of an earlier time with as many replicas, is used again and counts no more.

use std::collections::BTreeSet;
use std::ops::Range;

use conductor_core::capacity::Amounts;
use conductor_core::ports::PortError;
use conductor_core::scale::ScaleStep;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ResourceQuota};
use k8s_openapi::api::storage::v1::StorageClass;

use super::amount;
use crate::environment::KubernetesEnvironment;
use crate::place::{Kind, Place};

const ONE: i128 = 1_000_000_000;
const CLAIMS: &str = "persistentvolumeclaims";
const STORAGE: &str = "requests.storage";
/// Between the name of a storage class and one of the two.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Says of a storage class that claims have it which name none.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

/// What claims ask for, and whose they are.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) amounts: Amounts,
    sets: BTreeSet<Place>,
}

impl Claims {
    /// Whose they are, after an amount that quotas count of claims alone.
    pub(super) fn whose(&self, resource: &str) -> String {
        if !counts_claims(resource) {
            return String::new();
        }
        let sets: Vec<String> = self.sets.iter().map(ToString::to_string).collect();
        format!(" by the volume claims of {}", sets.join(", "))
    }
}

/// True for an amount that quotas count of claims.
fn counts_claims(resource: &str) -> bool {
    let resource = resource.strip_prefix("count/").unwrap_or(resource);
    [CLAIMS, STORAGE].contains(&resource) || resource.contains(OF_CLASS)
}

impl KubernetesEnvironment {
    /// The claims that steps in a namespace make beyond those that are there, where a quota counts any.
    pub(super) async fn claims(
        &self,
        namespace: &str,
        steps: &[ScaleStep],
        quotas: &[ResourceQuota],
    ) -> Result<Claims, PortError> {
        let mut claims = Claims::default();
        let hard = quotas.iter().filter_map(|quota| quota.status.as_ref()?.hard.as_ref()).flatten();
        let counted: BTreeSet<&String> = hard.map(|(resource, _)| resource).filter(|one| counts_claims(one)).collect();
        if counted.is_empty() {
            return Ok(claims);
        }
        let mut growing = Vec::new();
        for step in steps.iter().filter(|step| step.to.replicas > step.from.replicas) {
            let place = self.place(&step.application)?;
            if place.kind == Kind::StatefulSet && place.namespace == namespace {
                let set: StatefulSet = self.reader.get_in(namespace, &place.name).await?;
                let has_claims = !templates(&set).is_empty();
                growing.extend(has_claims.then_some((place, set, step.from.replicas..step.to.replicas)));
            }
        }
        if growing.is_empty() {
            return Ok(claims);
        }
        let there = self.reader.list_in::<PersistentVolumeClaim>(namespace).await?;
        let there: BTreeSet<String> = there.into_iter().filter_map(|claim| claim.metadata.name).collect();
        let default = match counted.iter().any(|resource| resource.contains(OF_CLASS)) {
            true => default_class(self.reader.list::<StorageClass>().await?),
            false => None,
        };
        for (place, set, replicas) in growing {
            let more = of_set(place, &set, replicas, &there, default.as_deref())?;
            if more != Amounts::default() {
                claims.sets.insert(place.clone());
            }
            claims.amounts.add_all(&more);
        }
        Ok(claims)
    }
}

fn templates(set: &StatefulSet) -> &[PersistentVolumeClaim] {
    set.spec.as_ref().and_then(|spec| spec.volume_claim_templates.as_deref()).unwrap_or_default()
}

/// What the claims of these replicas ask for, but for those that are there.
fn of_set(
    place: &Place,
    set: &StatefulSet,
    replicas: Range<u32>,
    there: &BTreeSet<String>,
    default: Option<&str>,
) -> Result<Amounts, PortError> {
    let mut amounts = Amounts::default();
    let ordinals = set.spec.as_ref().and_then(|spec| spec.ordinals.as_ref()?.start).unwrap_or_default();
    let first = u32::try_from(ordinals).unwrap_or_default();
    for template in templates(set) {
        let name = template.metadata.name.as_deref().unwrap_or_default();
        let spec = template.spec.as_ref();
        let requests = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get("storage"));
        let act = || format!("could not read volume claim template {name} of {place}");
        let storage = requests.map(|text| amount(text, act)).transpose()?.unwrap_or_default();
        let class = spec.and_then(|spec| spec.storage_class_name.as_deref()).or(default);
        let new =
            replicas.clone().filter(|replica| !there.contains(&format!("{name}-{}-{}", place.name, first + replica)));
        for _ in new {
            amounts.add(&format!("count/{CLAIMS}"), ONE);
            for (resource, more) in [(CLAIMS, ONE), (STORAGE, storage)] {
                amounts.add(resource, more);
                // An empty name is no class.
                if let Some(class) = class.filter(|class| !class.is_empty()) {
                    amounts.add(&format!("{class}{OF_CLASS}{resource}"), more);
                }
            }
        }
    }
    Ok(amounts)
}

/// The class of claims that name none; of several it is the newest.
fn default_class(classes: Vec<StorageClass>) -> Option<String> {
    let is_default = |class: &StorageClass| {
        let annotations = class.metadata.annotations.as_ref();
        annotations.and_then(|annotations| annotations.get(IS_DEFAULT)).is_some_and(|text| text == "true")
    };
    let defaults = classes.into_iter().filter(is_default);
    let made = |class: &StorageClass| class.metadata.creation_timestamp.as_ref().map(|time| time.0);
    defaults.max_by_key(made)?.metadata.name
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What quotas may count of claims of class `fast`.
    const ALL: [&str; 5] = [
        "persistentvolumeclaims",
        "count/persistentvolumeclaims",
        "requests.storage",
        "fast.storageclass.storage.k8s.io/persistentvolumeclaims",
        "fast.storageclass.storage.k8s.io/requests.storage",
    ];

    fn asked(spec: &Value, replicas: Range<u32>, there: &[&str], default: Option<&str>) -> Vec<(String, String)> {
        let set: StatefulSet = serde_json::from_value(json!({ "metadata": {}, "spec": spec })).unwrap();
        let [namespace, name] = ["shop", "db"].map(str::to_owned);
        let place = Place { namespace, kind: Kind::StatefulSet, name };
        let there = there.iter().map(|name| (*name).to_owned()).collect();
        let amounts = of_set(&place, &set, replicas, &there, default).unwrap();
        let told = ALL.into_iter().filter(|name| amounts.get(name) > 0);
        told.map(|name| (name.to_owned(), amounts.shown(name).to_string())).collect()
    }

    fn spec(class: Option<&str>, more: &Value) -> Value {
        let requests = json!({ "storage": "2Gi" });
        let template = json!({
            "metadata": { "name": "data" },
            "spec": { "storageClassName": class, "resources": { "requests": requests } },
        });
        let mut spec = json!({ "selector": {}, "template": {}, "volumeClaimTemplates": [template] });
        json_patch::merge(&mut spec, more);
        spec
    }

    fn told(counts: &[&str]) -> Vec<(String, String)> {
        ALL.into_iter().zip(counts).map(|(name, count)| (name.to_owned(), (*count).to_owned())).collect()
    }

    #[test]
    fn new_replicas_ask_for_their_claims_and_those_whose_claims_are_there_do_not() {
        let none = &json!({});
        let plain = spec(None, none);
        assert_eq!(asked(&plain, 1..4, &[], None), told(&["3", "3", "6Gi"]));
        assert_eq!(asked(&plain, 1..4, &["data-db-0", "data-db-2", "logs-db-1"], None), told(&["2", "2", "4Gi"]));
        let later = json!({ "ordinals": { "start": 5 } });
        assert_eq!(asked(&spec(None, &later), 0..2, &["data-db-0", "data-db-6"], None), told(&["1", "1", "2Gi"]));
        assert_eq!(asked(&spec(None, &json!({ "volumeClaimTemplates": null })), 0..2, &[], None), []);
    }

    #[test]
    fn they_count_for_their_storage_class_or_for_that_of_claims_which_name_none() {
        let none = &json!({});
        let with_class = told(&["1", "1", "2Gi", "1", "2Gi"]);
        assert_eq!(asked(&spec(Some("fast"), none), 0..1, &[], Some("other")), with_class);
        assert_eq!(asked(&spec(None, none), 0..1, &[], Some("fast")), with_class);
        assert_eq!(asked(&spec(Some(""), none), 0..1, &[], Some("fast")), told(&["1", "1", "2Gi"]));
        let class = |name: &str, is_default: &str, made: &str| -> StorageClass {
            let metadata =
                json!({ "name": name, "annotations": { IS_DEFAULT: is_default }, "creationTimestamp": made });
            serde_json::from_value(json!({ "metadata": metadata, "provisioner": "any" })).unwrap()
        };
        let classes = vec![
            class("old", "true", "2026-01-01T00:00:00Z"),
            class("new", "true", "2026-02-01T00:00:00Z"),
            class("other", "false", "2026-03-01T00:00:00Z"),
        ];
        assert_eq!(default_class(classes).as_deref(), Some("new"));
        assert_eq!(default_class(Vec::new()), None);
    }
}
