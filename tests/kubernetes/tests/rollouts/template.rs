//! A template, and the ReplicaSet that it gets.

use conductor_kubernetes_bed::{Behaviour, rollout};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;

use crate::{HASH, REVISION, Shop, is_promoted};

#[tokio::test]
async fn a_rollout_gets_a_replica_set_named_by_the_hash_of_its_template() {
    let shop = Shop::healthy("rollout-template", 2, &[]).await;
    let status = shop.status().await;
    assert!(is_promoted(&status));
    let [set] = &shop.sets.list(&ListParams::default()).await.unwrap().items[..] else { panic!("one ReplicaSet") };
    assert_eq!(set.name_any(), format!("shop-{}", status.stable));
    assert_eq!(set.labels()[HASH], status.stable);
    assert_eq!(set.labels()["app"], "shop");
    assert_eq!(set.annotations()[REVISION], "1");
    let [owner] = set.owner_references() else { panic!("one owner") };
    assert_eq!((owner.kind.as_str(), owner.api_version.as_str()), ("Rollout", "argoproj.io/v1alpha1"));
    assert_eq!((Some(&owner.uid), owner.controller), (shop.get().await.uid().as_ref(), Some(true)));
    assert_eq!(shop.get().await.annotations()[REVISION], "1");
    assert_eq!(status.hpa_replicas, 2);
    assert_eq!(status.selector, "app=shop");
    assert_eq!(status.message, "");
}

#[tokio::test]
async fn every_version_has_a_number_and_one_that_comes_back_gets_the_next() {
    let shop = Shop::healthy("rollout-revisions", 1, &[]).await;
    let first = shop.status().await.stable;
    for (version, revision) in [(2, "2"), (1, "3")] {
        shop.version(version).await;
        shop.phase("Healthy").await;
        assert_eq!(shop.get().await.annotations()[REVISION], revision);
    }
    assert_eq!(shop.status().await.stable, first, "a template has the same hash again");
    shop.has(&[(1, 1), (2, 0)]).await;
}

#[tokio::test]
async fn absent_replicas_are_written_as_one_and_amounts_may_be_numbers() {
    let mut made = rollout("shop", 1, Behaviour::Ready, &[]);
    made.spec.replicas = None;
    made.spec.template["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": 1, "memory": "64Mi" } });
    let shop = Shop::of("rollout-numbers", &made).await;
    let status = shop.phase("Healthy").await;
    assert_eq!(shop.get().await.spec.replicas, Some(1));
    // What is written as a text is the same template.
    let resources = json!({ "requests": { "cpu": "1", "memory": "64Mi" } });
    let mut template = made.spec.template;
    template["spec"]["containers"][0]["resources"] = resources;
    shop.change(json!({ "spec": { "template": template, "replicas": 2 } })).await;
    assert_eq!(shop.phase("Healthy").await.stable, status.stable);
}
