//! Objects of custom kinds: changed and put back with the shipped rights, frozen where the policy was told of the kind, and drift
//! is seen.

use std::sync::LazyLock;

use conductor_core::app::Allocation;
use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::{Behaviour, SearchCluster, User, search_cluster, until};
use kube::api::DynamicObject;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::bed::{Bed, PATIENCE, cluster, create, in_minutes};
use crate::drifts::seen;

/// The rights that a user adds to those that are shipped.
const RIGHTS: &str = include_str!("../../../../deploy/kubernetes/scalable.yaml");

impl Bed {
    /// A SearchCluster of two nodes, with the rights that the conductor needs for it.
    async fn with_scalable(namespace: &str) -> Self {
        static GIVEN: LazyLock<Mutex<bool>> = LazyLock::new(Mutex::default);
        let cluster = cluster().await;
        cluster.search_clusters().await.unwrap();
        let mut given = GIVEN.lock().await;
        if !std::mem::replace(&mut *given, true) {
            let admin = cluster.client(&User::Admin).await.unwrap();
            for object in serde_saphyr::from_multiple::<DynamicObject>(RIGHTS).unwrap() {
                create(&admin, &object).await;
            }
        }
        drop(given);
        let scalable = json!({ "apiVersion": "example.com/v1", "kind": "SearchCluster", "name": "checkout" });
        let bed = Self::of(namespace, json!({ "name": "checkout", "scalable": scalable })).await;
        let clusters = bed.api::<SearchCluster>();
        clusters.create(&Default::default(), &search_cluster("checkout", 2, Behaviour::Ready)).await.unwrap();
        until("two nodes", PATIENCE, async || {
            (clusters.get("checkout").await.unwrap().status?.nodes == 2).then_some(())
        })
        .await;
        bed
    }
}

/// A patch with the rule that scalable.yaml says is to be added to the policy.
fn rule() -> String {
    let rules: Vec<&str> = RIGHTS.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let [rule] = serde_saphyr::from_str::<[Value; 1]>(&rules.join("\n")).unwrap();
    json!([{ "op": "add", "path": "/spec/matchConstraints/resourceRules/-", "value": rule }]).to_string()
}

#[tokio::test]
async fn a_scalable_is_changed_with_the_shipped_rights_and_frozen_once_the_policy_was_told_of_its_kind() {
    let bed = Bed::with_scalable("frozen-scalable").await;
    let freeze = async || bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let because = "the policy is asked about none of the kinds of these applications".to_owned();
    assert_eq!(freeze().await, Guarded::Open { because });
    bed.kubectl(&[
        "patch",
        "validatingadmissionpolicy/freeze.loadtest-conductor.dev",
        "--type=json",
        "--patch",
        &rule(),
    ])
    .await
    .unwrap();
    let before = bed.observe().await;
    assert_eq!(freeze().await, Guarded::Frozen);
    let name = "searchclusters.example.com/checkout";
    for change in [
        &["scale", name, "--replicas=5"][..],
        &["patch", name, "--type=merge", r#"--patch={"spec":{"nodes":{"data":9}}}"#],
        &["delete", name],
    ] {
        let denied = bed.kubectl(change).await.unwrap_err();
        assert!(denied.contains("frozen by load test run-frozen-scalable until"), "{change:?}: {denied}");
    }
    let from = before["checkout"].allocation.clone();
    let to = Allocation::of_replicas(4);
    let there = ScaleStep { application: bed.applications[0].clone(), from: from.clone(), to: to.clone() };
    bed.conductor.scale(&bed.run, &there, Way::There).await.unwrap();
    assert_eq!(bed.observe().await["checkout"].allocation, to);
    let back = ScaleStep { from: to, to: from, ..there };
    bed.conductor.scale(&bed.run, &back, Way::Back).await.unwrap();
    bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    bed.conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(bed.observe().await, before);
}

#[tokio::test]
async fn replicas_of_a_scalable_that_somebody_else_sets_are_seen_with_who_has_set_them() {
    let bed = Bed::with_scalable("drifting-scalable").await;
    assert_eq!(
        seen(&bed, &["scale", "searchclusters.example.com/checkout", "--replicas=7"]).await,
        ["checkout: replicas is 7, not 2; changed by kubectl (Update of scale)"]
    );
    let change = r#"--patch={"spec":{"nodes":{"data":5}}}"#;
    assert_eq!(
        seen(&bed, &["patch", "searchclusters.example.com/checkout", "--type=merge", change]).await,
        ["checkout: replicas is 5, not 7; changed by kubectl-patch (Update)"]
    );
}

#[tokio::test]
async fn a_scalable_that_cannot_be_read_any_more_is_seen_and_what_it_was_is_not_believed() {
    let bed = Bed::with_scalable("illegible-scalable").await;
    let expected = bed.observe().await;
    let change = r#"--patch=[{"op":"remove","path":"/spec/nodes"}]"#;
    let told = seen(&bed, &["patch", "searchclusters.example.com/checkout", "--type=json", change]).await;
    let what = "checkout cannot be read any more: SearchCluster illegible-scalable/checkout: it has no number of replicas \
                (.spec.nodes.data); expected one";
    assert_eq!(told, [what]);
    let known = bed.conductor.drifted(&expected, &[]).await.unwrap();
    let change = r#"--patch={"spec":{"nodes":{"data":5}}}"#;
    bed.kubectl(&["patch", "searchclusters.example.com/checkout", "--type=merge", change]).await.unwrap();
    let next = bed.conductor.drifted(&expected, &known).await.unwrap();
    let next: Vec<&str> = next.iter().map(|drift| drift.field.as_str()).collect();
    assert_eq!(next, ["replicas"], "it can be read again");
}
