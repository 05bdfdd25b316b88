//! Applications that are StackSets: others are denied and their controller is not, and what others change is seen.

use conductor_core::app::{Allocation, Bounds};
use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::{Stack, StackSet, until};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::bed::{Bed, PATIENCE, in_minutes};
use crate::drifts::seen;

#[tokio::test]
async fn a_stack_set_is_frozen_with_all_that_is_made_of_it_and_its_controller_goes_on() {
    let bed = Bed::with_stack_set("frozen-stack", Some(2..=4)).await;
    // As a conductor that starts when there are StackSets.
    let conductor = bed.connect(1, &json!({})).await;
    let frozen = conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen);
    let [version, bounds] = [
        r#"--patch={"spec":{"stackTemplate":{"spec":{"version":"v2"}}}}"#,
        r#"--patch={"spec":{"autoscaler":{"maxReplicas":9}}}"#,
    ];
    for change in [
        &["patch", "stackset/checkout", "--type=merge", version][..],
        &["delete", "stackset/checkout"],
        &["patch", "stack/checkout-v1", "--type=merge", bounds],
        &["scale", "stack/checkout-v1", "--replicas=5"],
        &["delete", "stack/checkout-v1"],
        &["scale", "deployment/checkout-v1", "--replicas=5"],
        &["set", "image", "deployment/checkout-v1", "main=registry.example/checkout:9"],
        &["patch", "hpa/checkout-v1", r#"--patch={"spec":{"maxReplicas":9}}"#],
    ] {
        let denied = bed.kubectl(change).await.unwrap_err();
        assert!(denied.contains("frozen by load test run-frozen-stack until"), "{change:?}: {denied}");
    }
    let mut baseline = conductor.allocated(&bed.applications).await.unwrap();
    let from = baseline.remove("checkout").unwrap();
    let to = Allocation { replicas: 6, autoscaling: Some(Bounds::pinned(6)), ..from.clone() };
    let step = ScaleStep { application: bed.applications[0].clone(), from: from.clone(), to: to.clone() };
    conductor.scale(&bed.run, &step, Way::There).await.unwrap();
    assert_eq!(conductor.allocated(&bed.applications).await.unwrap()["checkout"], to);
    let back = ScaleStep { from: to, to: from.clone(), ..step };
    conductor.scale(&bed.run, &back, Way::Back).await.unwrap();
    conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    assert_eq!(conductor.allocated(&bed.applications).await.unwrap()["checkout"], from);
    conductor.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn a_stack_that_somebody_changes_is_seen_with_who_did_it() {
    let bed = Bed::with_stack_set("stack-drifts", None).await;
    assert_eq!(
        seen(&bed, &["scale", "stack/checkout-v1", "--replicas=7"]).await,
        ["checkout: replicas is 7, not 2; changed by kubectl (Update of scale)"]
    );
    let image = r#"--patch=[{"op":"replace","path":"/spec/podTemplate/spec/containers/0/image","value":"registry.example/checkout:9"}]"#;
    let seen_image = seen(&bed, &["patch", "stack/checkout-v1", "--type=json", image]).await;
    let [text] = &seen_image[..] else { panic!("{seen_image:?}") };
    let expected = "checkout: version of main is registry.example/checkout:9, not registry.example/checkout:1; changed by \
                    kubectl-patch (Update)";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn bounds_of_a_stack_that_somebody_changes_are_seen() {
    let bed = Bed::with_stack_set("stack-bounds", Some(2..=4)).await;
    let bounds = r#"--patch={"spec":{"autoscaler":{"maxReplicas":9}}}"#;
    assert_eq!(
        seen(&bed, &["patch", "stack/checkout-v1", "--type=merge", bounds]).await,
        [
            "checkout: autoscaling is autoscaled from 2 to 9, not autoscaled from 2 to 4; changed by kubectl-patch (Update)"
        ]
    );
}

#[tokio::test]
async fn traffic_that_somebody_switches_to_another_stack_is_seen() {
    let bed = Bed::with_stack_set("stack-traffic", None).await;
    let change = async |spec: serde_json::Value| {
        let patch = Patch::Merge(json!({ "spec": spec }));
        bed.api::<StackSet>().patch("checkout", &PatchParams::default(), &patch).await.unwrap();
    };
    let expected = bed.observe().await;
    change(json!({ "stackTemplate": { "spec": { "version": "v2" } } })).await;
    until("the other Stack", PATIENCE, async || bed.api::<Stack>().get_opt("checkout-v2").await.unwrap()).await;
    change(json!({ "traffic": [{ "stackName": "checkout-v2", "weight": 100 }] })).await;
    let drifts = bed.conductor.drifted(&expected, &[]).await.unwrap();
    let first = drifts[0].to_string();
    assert!(
        [
            "checkout: traffic is on checkout-v2, not on checkout-v1",
            "checkout: traffic is on checkout-v1 and checkout-v2, not on checkout-v1",
            "checkout: traffic is on no Stack, not on checkout-v1",
        ]
        .contains(&first.as_str()),
        "whichever of the Stacks is seen first: {drifts:?}"
    );
}
