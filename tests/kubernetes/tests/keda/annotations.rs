//! Annotations and labels of a ScaledObject on its autoscaler: they are copied when the autoscaler is made or written for
//! another reason, never for their own sake.

use kube::ResourceExt;
use serde_json::json;

use crate::Shop;
use crate::support::PATIENCE;
use conductor_kubernetes_bed::until;

const MARK: &str = "example.org/mark";
const OTHER: &str = "example.org/other";

#[tokio::test]
async fn they_come_and_go_with_a_change_of_the_spec() {
    let shop = Shop::usual("keda-annotations").await;
    let before = shop.bounds(2, 5).await;
    assert!(!before.annotations().contains_key(MARK));
    let pinned = json!({
        "metadata": { "annotations": { MARK: "1", OTHER: "2" }, "labels": { "team": "shop" } },
        "spec": { "minReplicaCount": 4, "maxReplicaCount": 4 },
    });
    shop.change(pinned).await;
    let pinned = shop.bounds(4, 4).await;
    assert_eq!((pinned.annotations()[MARK].as_str(), pinned.annotations()[OTHER].as_str()), ("1", "2"));
    assert_eq!(pinned.labels()["team"], "shop");
    let restored = json!({
        "metadata": { "annotations": { MARK: null }, "labels": { "team": null } },
        "spec": { "minReplicaCount": 2, "maxReplicaCount": 5 },
    });
    shop.change(restored).await;
    let restored = shop.bounds(2, 5).await;
    assert!(!restored.annotations().contains_key(MARK) && !restored.labels().contains_key("team"));
    assert_eq!(restored.annotations()[OTHER], "2");
}

#[tokio::test]
async fn alone_they_are_not_followed() {
    let shop = Shop::usual("keda-annotations-alone").await;
    shop.bounds(2, 5).await;
    // What is new is looked at more than once.
    shop.keeps(2).await;
    shop.annotate(json!({ MARK: "1" })).await;
    shop.keeps(2).await;
    assert!(!shop.autoscaler().await.unwrap().annotations().contains_key(MARK));

    shop.change(json!({ "spec": { "maxReplicaCount": 6 } })).await;
    assert_eq!(shop.bounds(2, 6).await.annotations()[MARK], "1");
    shop.keeps(2).await;
    // One that is gone stays on the autoscaler, until that one is written for another reason.
    shop.annotate(json!({ MARK: null, OTHER: "2" })).await;
    shop.keeps(2).await;
    let stale = shop.bounds(2, 6).await;
    assert!(stale.annotations().contains_key(MARK) && !stale.annotations().contains_key(OTHER));
    shop.change(json!({ "spec": { "maxReplicaCount": 5 } })).await;
    let fresh = shop.bounds(2, 5).await;
    assert!(!fresh.annotations().contains_key(MARK) && fresh.annotations().contains_key(OTHER));
}

#[tokio::test]
async fn a_change_of_the_spec_that_the_autoscaler_does_not_show_removes_only_the_last_one() {
    let shop = Shop::usual("keda-annotations-stay").await;
    shop.change(json!({
        "metadata": { "annotations": { MARK: "1", OTHER: "2" } },
        "spec": { "maxReplicaCount": 6 },
    }))
    .await;
    shop.bounds(2, 6).await;
    let polled = async |annotations, seconds| {
        shop.change(json!({
            "metadata": { "annotations": annotations },
            "spec": { "pollingInterval": seconds },
        }))
        .await;
    };
    polled(json!({ OTHER: null }), 2).await;
    shop.keeps(2).await;
    let found = shop.autoscaler().await.unwrap();
    assert!(found.annotations().contains_key(MARK) && found.annotations().contains_key(OTHER));
    polled(json!({ MARK: null }), 1).await;
    until("no annotation is left", PATIENCE, async || {
        shop.autoscaler().await.unwrap().annotations().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_new_autoscaler_has_those_of_its_time() {
    let shop = Shop::usual("keda-annotations-pause").await;
    shop.bounds(2, 5).await;
    shop.annotate(json!({ "autoscaling.keda.sh/paused": "true", MARK: "1" })).await;
    shop.no_autoscaler().await;
    shop.annotate(json!({ "autoscaling.keda.sh/paused": null })).await;
    assert_eq!(shop.bounds(2, 5).await.annotations()[MARK], "1");
}
