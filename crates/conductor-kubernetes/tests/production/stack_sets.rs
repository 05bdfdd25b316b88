//! What production runs in StackSets.

use conductor_core::ports::FailureKind;
use conductor_kubernetes::{Kind, Place, running};
use conductor_kubernetes_bed::{Stack, StackSet, stack_set, until};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::bed::{PATIENCE, api, cluster, namespace, place, text};

#[tokio::test]
async fn a_stack_set_runs_what_its_stack_with_all_traffic_runs_and_none_while_traffic_is_switched() {
    cluster().await.stack_sets().await.unwrap();
    let (reader, admin) = namespace("stack-live").await;
    let sets: Api<StackSet> = api(&admin, "stack-live");
    let stacks: Api<Stack> = api(&admin, "stack-live");
    sets.create(&Default::default(), &stack_set("shop", 3, Some(2..=5))).await.unwrap();
    let serves = async |name: &str, weight: f64| {
        until(&format!("{name} has its traffic"), PATIENCE, async || {
            let status = stacks.get_opt(name).await.unwrap()?.status?;
            let is_whole = status.desired_replicas > 0 && status.ready_replicas == status.desired_replicas;
            (is_whole && (status.actual_traffic_weight - weight).abs() < 0.1).then_some(())
        })
        .await;
    };
    let change = async |spec: serde_json::Value| {
        let patch = Patch::Merge(json!({ "spec": spec }));
        sets.patch("shop", &PatchParams::default(), &patch).await.unwrap();
    };
    serves("shop-v1", 100.0).await;
    let places = [
        Place { kind: Kind::StackSet, ..place("stack-live", "shop") },
        Place { kind: Kind::StackSet, ..place("stack-live", "absent") },
        place("stack-live", "shop"),
    ];
    let found = until("it has settled", PATIENCE, async || running(&reader, &places, None).await.ok()).await;
    let counts: Vec<_> = found.iter().map(|(place, running)| (place.to_string(), running.replicas)).collect();
    assert_eq!(counts, [("StackSet stack-live/shop".to_owned(), 3)]);
    let pods: Api<Pod> = api(&admin, "stack-live");
    let of_first = pods.list(&ListParams::default().labels("stack-version=v1")).await.unwrap();
    let image = of_first.items[0].status.clone().unwrap().container_statuses.unwrap()[0].image_id.clone();
    assert_eq!(found[&places[0]].images["main"], image);

    change(json!({ "stackTemplate": { "spec": { "version": "v2", "replicas": 2 } } })).await;
    until("the other Stack", PATIENCE, async || stacks.get_opt("shop-v2").await.unwrap()).await;
    let shares = [("shop-v1", 75), ("shop-v2", 25)];
    change(json!({ "traffic": shares.map(|(name, weight)| json!({ "stackName": name, "weight": weight })) })).await;
    serves("shop-v2", 25.0).await;
    serves("shop-v1", 75.0).await;
    let refused = running(&reader, &places, None).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    assert_eq!(
        text(&refused),
        "could not read what production runs: production is in the middle of switching the traffic of StackSet \
         stack-live/shop: of its Stacks shop-v1 has 75 %, shop-v2 has 25 %; try again when one has all of it"
    );

    change(json!({ "traffic": [{ "stackName": "shop-v2", "weight": 100 }] })).await;
    serves("shop-v2", 100.0).await;
    serves("shop-v1", 0.0).await;
    let found = until("it has settled", PATIENCE, async || running(&reader, &places, None).await.ok()).await;
    assert_eq!(found[&places[0]].replicas, 2);
}
