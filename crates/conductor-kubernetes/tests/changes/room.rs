//! Whether there is room, as a real cluster tells it: of its quotas, its nodes and its budgets of disruptions.

use conductor_core::app::Allocation;
use conductor_core::ports::Capacity;
use conductor_kubernetes_bed::until;
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::PostParams;
use serde_json::json;

use crate::bed::{Bed, PATIENCE, text};
use crate::plans::{step, with_resources};

#[tokio::test]
async fn what_is_in_the_way_is_told_beforehand() {
    let bed = Bed::new("room", &["shop"]).await;
    bed.api().create(&PostParams::default(), &with_resources("shop", 2)).await.unwrap();
    let quota = json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": "4" } } });
    let quota: ResourceQuota = serde_json::from_value(quota).unwrap();
    bed.api().create(&PostParams::default(), &quota).await.unwrap();
    let spec = json!({ "minAvailable": "100%", "selector": { "matchLabels": { "app": "shop" } } });
    let budget: PodDisruptionBudget =
        serde_json::from_value(json!({ "metadata": { "name": "shop" }, "spec": spec })).unwrap();
    bed.api().create(&PostParams::default(), &budget).await.unwrap();
    let counted = async || {
        let used = bed.api::<ResourceQuota>().get("small").await.unwrap().status?.used?;
        let healthy = bed.api::<PodDisruptionBudget>().get("shop").await.unwrap().status?.current_healthy;
        (used["pods"].0 == "2" && healthy == Some(2)).then_some(())
    };
    until("quota and budget count", PATIENCE, counted).await;

    let conductor = bed.conductor(1).await;
    let baseline = bed.observe(&conductor).await;
    let to = |replicas| Allocation { replicas, ..baseline["shop"].allocation.clone() };
    let told = async |replicas| {
        let steps = [step(&baseline, "shop", to(replicas))];
        let found = conductor.shortages(&steps).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        found.into_iter().map(|shortage| (shortage.is_final, shortage.message)).collect::<Vec<_>>()
    };
    let kept = "PodDisruptionBudget room/shop lets none of its pods be evicted: no node that runs one can be drained, nor be \
                taken away after the run";
    assert_eq!(told(4).await, [(false, kept.to_owned())]);
    let quota = "ResourceQuota room/small allows 4 of pods; 2 is used, and 3 more is asked for";
    assert_eq!(told(5).await, [(true, quota.to_owned()), (false, kept.to_owned())]);
    let found = told(2_000_003).await;
    let nodes = "of pods free, and 2000001 more is asked for; pods wait until there are more nodes";
    assert!(found.iter().any(|(is_final, message)| !is_final && message.ends_with(nodes)), "{found:?}");
}
