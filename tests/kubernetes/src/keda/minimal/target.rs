//! The workload that a ScaledObject scales, through its `/scale`.

use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};

use crate::keda::scaled_object::ScaledObject;

/// Group, version and kind, as KEDA takes them where they are not said.
pub(super) fn of(object: &ScaledObject) -> (&str, &str) {
    let target = &object.spec.scale_target_ref;
    (target.api_version.as_deref().unwrap_or("apps/v1"), target.kind.as_deref().unwrap_or("Deployment"))
}

/// One word for its kind.
pub(super) fn kind(object: &ScaledObject) -> String {
    let (api_version, kind) = of(object);
    format!("{api_version}.{kind}")
}

/// The replicas that are wanted of it.
pub(super) async fn replicas(client: &Client, object: &ScaledObject) -> Result<i32, kube::Error> {
    let scale = api(client, object).get_scale(&object.spec.scale_target_ref.name).await?;
    Ok(scale.spec.and_then(|spec| spec.replicas).unwrap_or_default())
}

/// Wants another number of replicas.
pub(super) async fn scale(client: &Client, object: &ScaledObject, replicas: i32) -> Result<(), kube::Error> {
    let (api, name) = (api(client, object), &object.spec.scale_target_ref.name);
    let mut scale = api.get_scale(name).await?;
    scale.spec.get_or_insert_default().replicas = Some(replicas);
    api.replace_scale(name, &PostParams::default(), &scale).await.map(drop)
}

fn api(client: &Client, object: &ScaledObject) -> Api<DynamicObject> {
    let (api_version, kind) = of(object);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), &object.namespace().unwrap_or_default(), &resource)
}
