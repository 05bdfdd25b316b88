//! The decisions on objects of a real control plane, looked at as often as it answers.
//!
//! What is settled is checked against the pods themselves. Time runs as fast as a test likes: it is an argument.

mod watched;

use conductor_kubernetes_bed::{Behaviour, deployment as shop_of, stateful_set as store_of, until};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use serde_json::{Value, json};
use watched::{End, PATIENCE, Watched, namespace, patch};

use super::*;

/// The change to a template that makes its pods do this, with another image.
fn version(number: u32, behaviour: Behaviour) -> Value {
    let mut template = shop_of("shop", 1, behaviour).spec.unwrap().template;
    template.spec.as_mut().unwrap().containers[0].image = Some(image(number));
    let annotations = template.metadata.unwrap().annotations.unwrap_or_default();
    json!({ "template": { "metadata": { "annotations": annotations }, "spec": template.spec } })
}

fn image(number: u32) -> String {
    format!("registry.example/shop:{number}")
}

fn wanted(version: u32, replicas: u32, before: Before) -> Wanted {
    Wanted {
        images: [("main".to_owned(), image(version))].into(),
        replicas: Some(replicas),
        before,
        ..Wanted::default()
    }
}

/// A Deployment that has settled with the first version.
async fn settled(place: &str, replicas: i32) -> Watched {
    let client = namespace(place).await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), place);
    let made = deployments.create(&Default::default(), &shop_of("shop", replicas, Behaviour::Ready)).await.unwrap();
    let watched = Watched { client, namespace: place.to_owned() };
    let replicas = u32::try_from(replicas).unwrap();
    let end = watched.follow(&wanted(1, replicas, Before::of_deployment(&made)), 20).await;
    assert_eq!(end, End::Settled(replicas));
    watched
}

/// Changes the Deployment, which must not look settled by the answer, and follows it.
async fn change(watched: &Watched, spec: Value, version: u32, replicas: u32, speed: u32) -> End {
    let answer = patch(&watched.deployments(), "shop", &json!({ "spec": spec })).await;
    let wanted = wanted(version, replicas, Before::of_deployment(&answer));
    let progress = deployment(&answer, &wanted);
    assert!(!matches!(progress, Progress::Settled { .. }), "{progress:?}");
    watched.follow(&wanted, speed).await
}

#[tokio::test]
async fn a_rollout_and_its_scaling_settle_when_their_pods_have() {
    let watched = settled("rollouts", 3).await;
    let slow = Behaviour::Slow(Duration::from_millis(700));
    for (spec, version, replicas) in [
        (version(2, slow), 2, 3),
        (json!({ "replicas": 12 }), 2, 12),
        (json!({ "replicas": 2 }), 2, 2),
        (version(3, Behaviour::Ready), 3, 2),
        (json!({ "replicas": 0 }), 3, 0),
        (json!({ "replicas": 1 }), 3, 1),
    ] {
        let end = change(&watched, spec.clone(), version, replicas, 20).await;
        assert_eq!(end, End::Settled(replicas), "{spec}");
    }
}

#[tokio::test]
async fn pods_that_cannot_run_fail_the_rollout_with_their_reason() {
    let watched = settled("pods", 2).await;
    for (number, behaviour, speed, of, why) in [
        (
            2,
            Behaviour::Crash,
            1,
            "container main of pod shop-",
            ": CrashLoopBackOff: back-off 2m40s restarting failed container main (Error, exit code 1)",
        ),
        (
            3,
            Behaviour::ImagePull,
            20,
            "container main of pod shop-",
            ": ImagePullBackOff: Back-off pulling image \"registry.example/shop:3\"",
        ),
        (
            4,
            Behaviour::Pending,
            1000,
            "pod shop-",
            ": 0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector.",
        ),
    ] {
        let end = change(&watched, version(number, behaviour), number, 2, speed).await;
        let End::Failed(text) = end else { panic!("{behaviour:?}: {end:?}") };
        assert!(text.starts_with(of) && text.contains(why), "{text}");
        // The pods of the failed version do not fail the way back.
        let mut back = version(1, Behaviour::Ready);
        back["template"]["spec"]["nodeSelector"] = Value::Null;
        for key in ["behaviour", "delay"] {
            back["template"]["metadata"]["annotations"][format!("bed.loadtest-conductor.dev/{key}")] = Value::Null;
        }
        assert_eq!(change(&watched, back, 1, 2, 20).await, End::Settled(2), "after {behaviour:?}");
    }
}

#[tokio::test]
async fn a_flapping_version_never_settles() {
    let watched = settled("flapping-pods", 1).await;
    // Ready for three seconds of real time.
    let end = change(&watched, version(2, Behaviour::Flap), 2, 1, 1).await;
    let End::Failed(text) = end else { panic!("{end:?}") };
    assert!(text.contains("CrashLoopBackOff"), "{text}");
}

#[tokio::test]
async fn a_quota_fails_the_scaling_and_not_the_way_back() {
    let watched = settled("quota", 2).await;
    let quota: ResourceQuota =
        serde_json::from_value(json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": "4" } } }))
            .unwrap();
    let quotas: Api<ResourceQuota> = Api::namespaced(watched.client.clone(), "quota");
    quotas.create(&Default::default(), &quota).await.unwrap();
    until("the quota is counted", PATIENCE, async || quotas.get("small").await.unwrap().status?.used.map(drop)).await;
    for _ in 0..3 {
        let end = change(&watched, json!({ "replicas": 9 }), 1, 9, 1).await;
        let End::Failed(text) = end else { panic!("{end:?}") };
        assert!(text.starts_with("ReplicaFailure: FailedCreate: ") && text.contains("exceeded quota: small"), "{text}");
        assert_eq!(change(&watched, json!({ "replicas": 2 }), 1, 2, 20).await, End::Settled(2));
    }
}

#[tokio::test]
async fn a_deadline_fails_the_rollout_and_not_the_way_back() {
    let watched = settled("deadline", 1).await;
    for number in [2, 3] {
        let mut hangs = version(number, Behaviour::Hang);
        hangs["progressDeadlineSeconds"] = json!(2);
        let end = change(&watched, hangs, number, 1, 1).await;
        let End::Failed(text) = end else { panic!("{end:?}") };
        assert!(text.starts_with("Progressing: ProgressDeadlineExceeded: ReplicaSet \"shop-"), "{text}");
        let mut back = version(1, Behaviour::Ready);
        back["template"]["metadata"]["annotations"] = json!({ "bed.loadtest-conductor.dev/behaviour": null });
        assert_eq!(change(&watched, back, 1, 1, 20).await, End::Settled(1));
    }
}

#[tokio::test]
async fn a_paused_deployment_is_scaled_and_fails_only_where_something_is_to_be_rolled_out() {
    let watched = settled("paused", 1).await;
    assert_eq!(change(&watched, json!({ "paused": true, "replicas": 2 }), 1, 2, 20).await, End::Settled(2));
    let end = change(&watched, version(2, Behaviour::Ready), 2, 2, 1).await;
    assert_eq!(end, End::Failed("it is paused (spec.paused), so that nothing is rolled out".to_owned()));
    assert_eq!(change(&watched, version(1, Behaviour::Ready), 1, 2, 20).await, End::Settled(2));
}

#[tokio::test]
async fn a_stateful_set_settles_when_its_pods_have() {
    let client = namespace("stores").await;
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), "stores");
    let mut answer = sets.create(&Default::default(), &store_of("shop", 2, Behaviour::Ready)).await.unwrap();
    let watched = Watched { client, namespace: "stores".to_owned() };
    for (spec, version, replicas) in [
        (json!({}), 1, 2),
        (version(2, Behaviour::Slow(Duration::from_millis(500))), 2, 2),
        (json!({ "replicas": 4 }), 2, 4),
        (json!({ "replicas": 1 }), 2, 1),
    ] {
        if spec != json!({}) {
            answer = patch(&sets, "shop", &json!({ "spec": spec })).await;
        }
        let wanted = wanted(version, replicas, Before::of_stateful_set(&answer));
        let progress = stateful_set(&answer, &wanted);
        assert!(!matches!(progress, Progress::Settled { .. }), "{progress:?}");
        assert_eq!(watched.follow_set(&wanted).await, End::Settled(replicas), "{spec}");
    }
}
