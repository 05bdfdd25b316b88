//! The end of a way back: one object that cannot be let go of keeps no other one from it.

use conductor_core::ports::{FailureKind, Scaler};
use conductor_kubernetes_bed::{Answer, Effect, Fault, Requests, until};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::json;

use crate::bed::{Bed, text};
use crate::plans::{autoscaler, stateful_set_with_resources, with_resources};
use crate::scene::{CARRIED_WITHIN, Scene};

#[tokio::test]
async fn one_failure_keeps_no_other_object_from_being_let_go_of() {
    let applications =
        [json!({ "name": "shop" }), json!({ "name": "other" }), json!({ "name": "ledger", "statefulSet": "ledger" })];
    let bed = Bed::of("let-go", &applications).await;
    for name in ["shop", "other"] {
        bed.api().create(&PostParams::default(), &with_resources(name, 2)).await.unwrap();
    }
    bed.api().create(&PostParams::default(), &autoscaler("shop", 1, 4)).await.unwrap();
    bed.api().create(&PostParams::default(), &stateful_set_with_resources("ledger", 2)).await.unwrap();
    let scene = Scene::of(bed, &["shop", "other", "ledger"]).await;
    let bed = &scene.bed;
    scene.perform(&bed.conductor(1).await).await;

    let proxy = bed.proxy().await;
    let conductor = bed.behind(&proxy, 1).await;
    let refused = [("horizontalpodautoscalers", "shop-cpu"), ("deployments", "other")].map(|(resource, name)| {
        let writes = Requests::writes().resource(resource).name(name);
        proxy.inject(Fault::new(writes, Effect::Answer(Answer::Invalid)))
    });
    let error = conductor.let_go(&bed.run, &bed.applications).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    let why = |kind: &str, name: &str| {
        format!("{kind} \"{name}\" is invalid: spec: Invalid value: refused by the fault proxy (422)")
    };
    assert_eq!(
        text(&error),
        format!(
            "could not change HorizontalPodAutoscaler let-go/shop-cpu: {}; could not change Deployment let-go/other: {}",
            why("horizontalpodautoscalers.autoscaling", "shop-cpu"),
            why("deployments.apps", "other"),
        )
    );
    let marker = "loadtest-conductor.dev/run";
    let deployments = bed.api::<Deployment>();
    let is_held = async |name: &str| deployments.get(name).await.unwrap().annotations().contains_key(marker);
    assert_eq!([is_held("shop").await, is_held("other").await], [false, true]);
    let ledger = bed.api::<StatefulSet>().get("ledger").await.unwrap();
    assert!(!ledger.annotations().contains_key(marker));
    assert_eq!(ledger.spec.unwrap().replicas, Some(2), "it is put back, too");

    refused.into_iter().for_each(|fault| fault.lift());
    conductor.let_go(&bed.run, &bed.applications).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    // While its bounds were the run's, the autoscaler may have taken the replicas there once more.
    until("the autoscaler goes by its bounds", CARRIED_WITHIN, async || {
        deployments.get("shop").await.unwrap().spec?.replicas.filter(|replicas| (1..=4).contains(replicas))
    })
    .await;
    scene.assert_as_before("let go").await;
}
