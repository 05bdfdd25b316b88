//! Rollouts of Argo Rollouts: others are kept from changing them, their controller is not, and drift is seen.

use conductor_core::guard::{Drift, Guarded};
use conductor_core::ports::{Deployer, EnvironmentGuard, Scaler, Way};
use conductor_core::release::{Release, Rollout as Rolling};
use conductor_kubernetes_bed::{Rollout, User};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::bed::{Bed, cluster, in_minutes};

#[tokio::test]
async fn an_argo_rollout_is_frozen_for_others_and_goes_on_for_the_run() {
    let bed = Bed::with_argo_rollout("frozen-argo-rollout").await;
    let before = bed.observe().await;
    let frozen = bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen);
    let image = r#"--patch={"spec":{"template":{"spec":{"containers":[]}}}}"#;
    for change in [
        &["patch", "rollout/checkout", "--type=merge", image][..],
        &["patch", "rollout/checkout", "--type=merge", r#"--patch={"spec":{"replicas":9}}"#],
        &["scale", "rollout/checkout", "--replicas=5"],
        &["delete", "rollout/checkout"],
    ] {
        let denied = bed.kubectl(change).await.unwrap_err();
        assert!(denied.contains("frozen by load test run-frozen-argo-rollout until"), "{change:?}: {denied}");
    }
    // With no other rights than those that are shipped, past the pause of its canary, and with the number of the version
    // that its controller writes.
    let from = before["checkout"].release.clone();
    let to = Release::new([("main".to_owned(), "registry.example/checkout:2".to_owned())].into());
    let there =
        Rolling { application: bed.applications[0].clone(), from: from.clone(), to: to.clone(), deploy_id: None };
    bed.conductor.roll_out(&bed.run, &there, Way::There).await.unwrap();
    let found = bed.api::<Rollout>().get("checkout").await.unwrap();
    assert_eq!(found.metadata.annotations.unwrap()["rollout.argoproj.io/revision"], "2");
    let back = Rolling { from: to, to: from, ..there };
    bed.conductor.roll_out(&bed.run, &back, Way::Back).await.unwrap();
    bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    bed.conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(bed.observe().await, before);
}

#[tokio::test]
async fn nobody_else_is_the_controller_of_a_frozen_argo_rollout() {
    let bed = Bed::with_argo_rollout("frozen-controller").await;
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let change_as = async |user: User, limit: u32| {
        let change = Patch::Merge(json!({ "spec": { "revisionHistoryLimit": limit } }));
        let client = cluster().await.client(&user).await.unwrap();
        let rollouts: Api<Rollout> = Api::namespaced(client, "frozen-controller");
        rollouts.patch("checkout", &PatchParams::default(), &change).await
    };
    change_as(User::service_account("argo-rollouts", "argo-rollouts"), 3).await.unwrap();
    let denied = change_as(User::Admin, 4).await.unwrap_err().to_string();
    assert!(denied.contains("frozen by load test run-frozen-controller until"), "{denied}");
    bed.conductor.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn what_somebody_changes_of_an_argo_rollout_is_seen() {
    let bed = Bed::with_argo_rollout("drifting-argo-rollout").await;
    let expected = bed.observe().await;
    let scale = async {
        tokio::task::yield_now().await;
        bed.kubectl(&["scale", "rollout/checkout", "--replicas=7"]).await.unwrap();
    };
    let (seen, ()) = tokio::join!(bed.conductor.drifted(&expected, &[]), scale);
    let seen: Vec<String> = seen.unwrap().iter().map(Drift::to_string).collect();
    assert_eq!(seen, ["checkout: replicas is 7, not 2; changed by kubectl (Update of scale)"]);
}
