//! Making objects of any kind from what a manifest says.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::BedError;
use crate::user::User;

impl Cluster {
    /// Makes an object, or makes it what it should be.
    pub(crate) async fn apply(&self, object: &Value) -> Result<(), BedError> {
        let admin = self.client(&User::Admin).await?;
        let act = || format!("apply {} {}", word(object, "/kind"), word(object, "/metadata/name"));
        let applied = apply(&admin, "kubernetes-bed", object).await;
        applied.map_err(|source| BedError::Api { act: act(), source: Box::new(source) })
    }
}

/// Applies a manifest, whoever has a field of it.
pub(crate) async fn apply(client: &Client, manager: &str, object: &Value) -> kube::Result<()> {
    let version = word(object, "/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, word(object, "/kind")));
    let api: Api<DynamicObject> = match word(object, "/metadata/namespace") {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let params = PatchParams::apply(manager).force();
    api.patch(word(object, "/metadata/name"), &params, &Patch::Apply(object)).await.map(drop)
}

/// A word of a manifest; nothing where it has none there.
pub(crate) fn word<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}
