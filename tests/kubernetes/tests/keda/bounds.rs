//! The autoscaler that a ScaledObject gets, and how its bounds follow.

use conductor_kubernetes_bed::{Trigger, scaled_object, until};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::PATIENCE;
use crate::{A_WHILE, Shop, uid};

#[tokio::test]
async fn a_scaled_object_gets_an_autoscaler_of_its_own() {
    let shop = Shop::usual("keda-autoscaler").await;
    let autoscaler = shop.bounds(2, 5).await;
    let object = shop.object().await;
    assert_eq!(autoscaler.labels()["app.kubernetes.io/managed-by"], "keda-operator");
    assert_eq!(autoscaler.labels()["app.kubernetes.io/part-of"], "shop");
    let [owner] = autoscaler.owner_references() else { panic!("{:?}", autoscaler.owner_references()) };
    assert_eq!((owner.kind.as_str(), owner.api_version.as_str()), ("ScaledObject", "keda.sh/v1alpha1"));
    assert_eq!((owner.uid.as_str(), owner.controller), (uid(&object).as_str(), Some(true)));
    let target = &autoscaler.spec.scale_target_ref;
    assert_eq!(
        (target.api_version.as_deref(), target.kind.as_str(), target.name.as_str()),
        (Some("apps/v1"), "Deployment", "shop")
    );
    assert_eq!(object.finalizers(), ["finalizer.keda.sh"]);
    assert_eq!(object.labels()["scaledobject.keda.sh/name"], "shop");
    shop.condition("Active", "True").await;
    let status = shop.object().await.status.unwrap();
    assert_eq!(status.hpa_name.as_deref(), Some("keda-hpa-shop"));
    assert_eq!(status.scale_target_kind.as_deref(), Some("apps/v1.Deployment"));
    assert_eq!(status.original_replica_count, Some(2));
    assert_ne!(status.condition("Paused").unwrap().status, "True");
    shop.keeps(2).await;
}

#[tokio::test]
async fn absent_bounds_are_one_and_a_hundred() {
    let mut object = scaled_object("shop", 0..=1, Trigger::active());
    (object.spec.min_replica_count, object.spec.max_replica_count) = (None, None);
    let shop = Shop::scaled("keda-defaults", 1, object).await;
    shop.bounds(1, 100).await;
}

#[tokio::test]
async fn a_pinned_scaled_object_pins_its_autoscaler_and_replicas_are_clamped_afterwards() {
    let shop = Shop::usual("keda-pin").await;
    let before = uid(&shop.bounds(2, 5).await);
    shop.change(json!({ "spec": { "minReplicaCount": 8, "maxReplicaCount": 8 } })).await;
    assert_eq!(uid(&shop.bounds(8, 8).await), before);
    shop.has(8).await;
    shop.change(json!({ "spec": { "minReplicaCount": 2, "maxReplicaCount": 5 } })).await;
    assert_eq!(uid(&shop.bounds(2, 5).await), before);
    shop.has(5).await;
    shop.scale(2).await;
    shop.keeps(2).await;
}

#[tokio::test]
async fn a_changed_autoscaler_is_put_back_and_a_deleted_one_is_made_anew() {
    let shop = Shop::usual("keda-changed").await;
    let before = shop.bounds(2, 5).await;
    let change = Patch::Merge(json!({ "spec": { "minReplicas": 3, "maxReplicas": 3 } }));
    let changed = shop.autoscalers.patch("keda-hpa-shop", &PatchParams::default(), &change).await.unwrap();
    until("it is put back", PATIENCE, async || {
        let found = shop.autoscaler().await?;
        (found.spec == before.spec && found.resource_version() != changed.resource_version()).then_some(())
    })
    .await;
    shop.autoscalers.delete("keda-hpa-shop", &Default::default()).await.unwrap();
    until("it is made anew", PATIENCE, async || {
        shop.autoscaler().await.filter(|found| uid(found) != uid(&before) && found.spec == before.spec)
    })
    .await;
}

#[tokio::test]
async fn an_autoscaler_that_is_right_is_not_written_again() {
    let shop = Shop::usual("keda-quiet").await;
    shop.bounds(2, 5).await;
    // The controller that goes by it writes its status again and again.
    let writes = async || {
        let fields = shop.autoscaler().await.unwrap().metadata.managed_fields.unwrap();
        let of_spec = fields.into_iter().filter(|entry| entry.subresource.is_none());
        of_spec.map(|entry| (entry.manager, entry.time)).collect::<Vec<_>>()
    };
    tokio::time::sleep(A_WHILE).await;
    let before = writes().await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(writes().await, before);
}

#[tokio::test]
async fn bounds_that_contradict_each_other_are_refused() {
    let shop = Shop::usual("keda-refused").await;
    for change in [
        json!({ "minReplicaCount": 6 }),
        json!({ "minReplicaCount": -1 }),
        json!({ "maxReplicaCount": 0 }),
        json!({ "minReplicaCount": 101, "maxReplicaCount": null }),
    ] {
        let patch = Patch::Merge(json!({ "spec": change }));
        let error = shop.objects.patch("shop", &PatchParams::default(), &patch).await.unwrap_err();
        let kube::Error::Api(status) = error else { panic!("{error}") };
        assert_eq!(status.code, 422, "{change}");
    }
    // This is for KEDA to refuse.
    shop.change(json!({ "spec": { "idleReplicaCount": 2 } })).await;
    shop.condition("Ready", "False").await;
    shop.bounds(2, 5).await;
}

#[tokio::test]
async fn the_autoscaler_of_a_deleted_scaled_object_goes_and_replicas_stay() {
    let shop = Shop::usual("keda-deleted").await;
    shop.bounds(2, 5).await;
    shop.objects.delete("shop", &Default::default()).await.unwrap();
    until("no ScaledObject", PATIENCE, async || shop.objects.get_opt("shop").await.unwrap().is_none().then_some(()))
        .await;
    // The garbage collector looks for new kinds of objects every half minute.
    shop.no_autoscaler().await;
    assert_eq!(shop.replicas().await, 2);
}
