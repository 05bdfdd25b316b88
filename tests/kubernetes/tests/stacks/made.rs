//! What is made of a StackSet, and that Stacks stay as they were made.

use kube::ResourceExt;
use serde_json::json;

use crate::{A_WHILE, GENERATION, Shop, change};

#[tokio::test]
async fn a_stack_set_gets_a_stack_and_that_gets_a_deployment_of_its_name() {
    let shop = Shop::plain("stacks-made").await;
    let set = shop.sets.get("shop").await.unwrap();
    let stack = shop.stack().await;
    let [owner] = stack.owner_references() else { panic!("{:?}", stack.owner_references()) };
    assert_eq!(
        (owner.kind.as_str(), owner.api_version.as_str(), owner.name.as_str()),
        ("StackSet", "zalando.org/v1", "shop")
    );
    assert_eq!(Some(&owner.uid), set.uid().as_ref());
    assert_eq!(stack.labels()["stackset"], "shop");
    assert_eq!(stack.labels()["stack-version"], "v1");
    let deployment = shop.deployment().await;
    let [owner] = deployment.owner_references() else { panic!("{:?}", deployment.owner_references()) };
    assert_eq!((owner.kind.as_str(), Some(&owner.uid)), ("Stack", stack.uid().as_ref()));
    assert_eq!(deployment.annotations()[GENERATION], "1");
    assert_eq!(deployment.labels()["stackset"], "shop");
    let status = stack.status.unwrap();
    assert_eq!((status.actual_traffic_weight, status.desired_traffic_weight), (100.0, 100.0));
    assert!(shop.autoscalers.get_opt("shop-v1").await.unwrap().is_none());
    let traffic: Vec<_> = set.spec.traffic.iter().map(|one| (one.stack_name.as_str(), one.weight)).collect();
    assert_eq!(traffic, [("shop-v1", 100.0)]);
}

#[tokio::test]
async fn the_status_of_a_stack_follows_its_deployment() {
    let shop = Shop::autoscaled("stacks-status").await;
    change(&shop.deployments, "shop-v1", json!({ "spec": { "replicas": 3 } })).await;
    shop.has("shop-v1", 3).await;
    conductor_kubernetes_bed::until("the status", crate::support::PATIENCE, async || {
        let status = shop.stack().await.status?;
        ([status.desired_replicas, status.replicas, status.ready_replicas] == [3, 3, 3]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stack_that_is_there_is_not_made_anew_when_its_stack_set_says_something_else() {
    let shop = Shop::plain("stacks-kept").await;
    let before = shop.stack().await;
    let spec = json!({ "replicas": 5 });
    change(&shop.sets, "shop", json!({ "spec": { "stackTemplate": { "spec": spec } } })).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(shop.stack().await.spec, before.spec);
    shop.keeps(2).await;
}
