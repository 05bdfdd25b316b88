//! What becomes of workloads: the controllers are real, and pods do what their template says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod support;

use std::time::Duration;

use conductor_kubernetes_bed::{Behaviour, deployment, stateful_set, until};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::json;
use support::{PATIENCE, api, namespace};

#[tokio::test]
async fn a_deployment_becomes_available_with_the_digest_of_its_image() {
    let (_, client) = namespace("available").await;
    let deployments: Api<Deployment> = api(&client, "available");
    deployments.create(&Default::default(), &deployment("shop", 3, Behaviour::Ready)).await.unwrap();
    until("three available replicas", PATIENCE, async || {
        let status = deployments.get("shop").await.unwrap().status?;
        (status.available_replicas == Some(3)).then_some(())
    })
    .await;
    let pods = api::<Pod>(&client, "available").list(&ListParams::default().labels("app=shop")).await.unwrap();
    assert_eq!(pods.items.len(), 3);
    for pod in &pods {
        let image = &container(pod).unwrap().image_id;
        let digest = image.strip_prefix("registry.example/shop@sha256:").unwrap();
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{image}");
        assert!(pod.status.as_ref().unwrap().pod_ip.is_some());
    }
}

#[tokio::test]
async fn each_behaviour_shows_with_its_reason() {
    let (_, client) = namespace("behaviours").await;
    let deployments: Api<Deployment> = api(&client, "behaviours");
    let pods: Api<Pod> = api(&client, "behaviours");
    let delay = Duration::from_secs(3);
    for (name, behaviour) in [
        ("slow", Behaviour::Slow(delay)),
        ("imagepull", Behaviour::ImagePull),
        ("crash", Behaviour::Crash),
        ("hang", Behaviour::Hang),
        ("pending", Behaviour::Pending),
    ] {
        deployments.create(&Default::default(), &deployment(name, 1, behaviour)).await.unwrap();
    }
    for (name, reason, count) in
        [("imagepull", "ImagePullBackOff", 0), ("crash", "CrashLoopBackOff", 5), ("hang", "ContainerCreating", 0)]
    {
        let pod = seen(&pods, name, reason, |pod| waits_for(pod)?.eq(reason).then_some(())).await;
        assert_eq!(restarts(&pod), count, "{name}");
        assert!(!is_ready(&pod), "{name}");
    }
    seen(&pods, "pending", "Unschedulable", |pod| {
        let scheduled = condition(pod, "PodScheduled")?;
        scheduled.reason.as_deref().filter(|reason| *reason == "Unschedulable").map(drop)
    })
    .await;
    let slow = seen(&pods, "slow", "a ready pod", |pod| is_ready(pod).then_some(())).await;
    let made = slow.metadata.creation_timestamp.as_ref().unwrap().0;
    let became = condition(&slow, "Ready").unwrap().last_transition_time.as_ref().unwrap().0;
    // Both are whole seconds.
    assert!(became.duration_since(made).as_secs() >= 2, "ready at {became}, made at {made}");
}

#[tokio::test]
async fn a_flapping_pod_is_ready_before_it_crashes() {
    let (_, client) = namespace("flapping").await;
    // It is ready for three seconds only, which a look now and then could miss.
    let pods: Api<Pod> = api(&client, "flapping");
    let mut changes = pods.watch(&WatchParams::default().labels("app=flap"), "0").await.unwrap().boxed();
    let flap = deployment("flap", 1, Behaviour::Flap);
    api(&client, "flapping").create(&Default::default(), &flap).await.unwrap();
    let mut was_ready = false;
    let crashed = async {
        loop {
            match changes.try_next().await.unwrap().unwrap() {
                WatchEvent::Added(pod) | WatchEvent::Modified(pod) if waits_for(&pod) == Some("CrashLoopBackOff") => {
                    return pod;
                }
                WatchEvent::Added(pod) | WatchEvent::Modified(pod) => was_ready |= is_ready(&pod),
                WatchEvent::Bookmark(_) => {}
                other @ (WatchEvent::Deleted(_) | WatchEvent::Error(_)) => panic!("{other:?}"),
            }
        }
    };
    let pod = tokio::time::timeout(PATIENCE, crashed).await.unwrap();
    assert!(was_ready && !is_ready(&pod));
    assert_eq!(restarts(&pod), 5);
}

#[tokio::test]
async fn a_stateful_set_grows_in_order_and_shrinks() {
    let (_, client) = namespace("stateful").await;
    let sets: Api<StatefulSet> = api(&client, "stateful");
    let pods: Api<Pod> = api(&client, "stateful");
    sets.create(&Default::default(), &stateful_set("store", 2, Behaviour::Ready)).await.unwrap();
    let count = async |replicas| {
        until("the wanted replicas", PATIENCE, async || {
            let names: Vec<String> = pods
                .list(&ListParams::default())
                .await
                .unwrap()
                .into_iter()
                .filter_map(|pod| pod.metadata.name)
                .collect();
            let status = sets.get("store").await.unwrap().status?;
            (status.ready_replicas == Some(replicas) && names.len() == usize::try_from(replicas).unwrap())
                .then_some(names)
        })
        .await
    };
    assert_eq!(count(2).await, ["store-0", "store-1"]);
    let one = Patch::Merge(json!({ "spec": { "replicas": 1 } }));
    sets.patch("store", &PatchParams::default(), &one).await.unwrap();
    assert_eq!(count(1).await, ["store-0"]);
}

#[tokio::test]
async fn a_pinned_autoscaler_holds_the_replicas_against_others() {
    let (_, client) = namespace("pinned").await;
    let deployments: Api<Deployment> = api(&client, "pinned");
    deployments.create(&Default::default(), &deployment("shop", 1, Behaviour::Ready)).await.unwrap();
    let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
        "metadata": { "name": "shop" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "shop" },
            "minReplicas": 4,
            "maxReplicas": 4,
        },
    }))
    .unwrap();
    api(&client, "pinned").create(&Default::default(), &autoscaler).await.unwrap();
    let four = async |generation| {
        until("four replicas", PATIENCE, async || {
            let shop = deployments.get("shop").await.unwrap();
            let four = shop.spec.as_ref()?.replicas == Some(4) && shop.metadata.generation > Some(generation);
            four.then_some(shop.metadata.generation.unwrap())
        })
        .await
    };
    let pinned = four(0).await;
    let two = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    let changed = deployments.patch("shop", &PatchParams::default(), &two).await.unwrap();
    assert!(changed.metadata.generation > Some(pinned));
    four(changed.metadata.generation.unwrap()).await;
}

#[tokio::test]
async fn a_job_completes() {
    let (_, client) = namespace("job").await;
    let jobs: Api<Job> = api(&client, "job");
    let job: Job = serde_json::from_value(json!({
        "metadata": { "name": "once" },
        "spec": { "template": { "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "registry.example/once:1" }],
        } } },
    }))
    .unwrap();
    jobs.create(&Default::default(), &job).await.unwrap();
    until("a completed Job", PATIENCE, async || jobs.get("once").await.unwrap().status?.completion_time).await;
}

/// The only pod of a workload, once it shows something.
async fn seen(pods: &Api<Pod>, app: &str, what: &str, shows: impl Fn(&Pod) -> Option<()>) -> Pod {
    let its = ListParams::default().labels(&format!("app={app}"));
    until(&format!("{app}: {what}"), PATIENCE, async || {
        let pod = pods.list(&its).await.unwrap().items.pop()?;
        shows(&pod).map(|()| pod)
    })
    .await
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

fn condition<'pod>(pod: &'pod Pod, kind: &str) -> Option<&'pod PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
}

fn waits_for(pod: &Pod) -> Option<&str> {
    container(pod)?.state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}

fn restarts(pod: &Pod) -> i32 {
    container(pod).unwrap().restart_count
}
