//! Whether a kind that was just defined can be used by everybody.

use http::Request;
use http::header::ACCEPT;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use serde_json::Value;

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::Component;
use crate::error::BedError;
use crate::user::User;

/// What programs ask for that want to know every kind at once.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

impl Cluster {
    /// Waits until objects of a kind can be made, and whoever asks for the kinds of the cluster is told of it.
    pub(crate) async fn await_served(&self, resource: &ApiResource) -> Result<(), BedError> {
        let admin = self.client(&User::Admin).await?;
        let objects = Api::<DynamicObject>::all_with(admin.clone(), resource);
        let first = ListParams::default().limit(1);
        let is_served = || {
            let (admin, objects, first) = (admin.clone(), objects.clone(), first.clone());
            async move { objects.list(&first).await.is_ok() && is_told(&admin, resource).await }
        };
        let within = ClusterSettings::default().start_within;
        self.await_that(Component::ApiServer, "the custom resource of a controller", within, is_served).await
    }
}

/// A controller that asks when it starts and is told that the group is stale ends at once.
async fn is_told(client: &Client, resource: &ApiResource) -> bool {
    let Ok(request) = Request::get("/apis").header(ACCEPT, DISCOVERY).body(Vec::new()) else { return false };
    client.request::<Value>(request).await.is_ok_and(|kinds| has(&kinds, resource))
}

/// True where a list of kinds has this one, and is sure of its group.
fn has(kinds: &Value, ApiResource { group, version, plural, .. }: &ApiResource) -> bool {
    let of = |value: &Value, list: &str| value[list].as_array().cloned().unwrap_or_default();
    let groups = of(kinds, "items").into_iter().filter(|item| item["metadata"]["name"] == group.as_str());
    let versions = groups.flat_map(|group| of(&group, "versions"));
    let mut current = versions.filter(|one| one["version"] == version.as_str() && one["freshness"] == "Current");
    current.any(|one| of(&one, "resources").iter().any(|one| one["resource"] == plural.as_str()))
}

#[cfg(test)]
mod tests {
    use kube::core::GroupVersionKind;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_known_when_its_group_is_current_and_lists_it() {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.org", "v1", "Shop"));
        let kinds = |group: &str, version: &str, freshness: &str, resource: &str| {
            let version =
                json!({ "version": version, "freshness": freshness, "resources": [{ "resource": resource }] });
            json!({ "items": [{ "metadata": { "name": group }, "versions": [version] }] })
        };
        assert!(has(&kinds("example.org", "v1", "Current", "shops"), &resource));
        for other in [
            kinds("example.com", "v1", "Current", "shops"),
            kinds("example.org", "v2", "Current", "shops"),
            kinds("example.org", "v1", "Stale", "shops"),
            kinds("example.org", "v1", "Current", "carts"),
            json!({}),
        ] {
            assert!(!has(&other, &resource), "{other}");
        }
    }
}
