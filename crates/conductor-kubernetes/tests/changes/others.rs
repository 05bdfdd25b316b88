//! Others who change something between the way there and the way back: what is theirs stays and is told, the rest is put back,
//! and nothing is left of the run.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::bed::{Bed, Restored};
use crate::everything::{Everything, but_for_what_autoscalers_choose};
use crate::scene::{By, Scene};

/// What somebody does with `kubectl` during a run of `shop` and `other`, and what comes of it.
struct Interference {
    name: &'static str,
    is_autoscaled: bool,
    /// Arguments of `kubectl`, of several calls.
    calls: &'static [&'static str],
    /// What is told as theirs.
    foreign: &'static [&'static str],
    /// What is told as not done.
    failures: &'static [&'static str],
    /// What is different from before.
    after: fn(&mut Everything),
}

fn deployment(all: &mut Everything) -> &mut Value {
    all.get_mut("Deployment shop").unwrap()
}

fn autoscaler(all: &mut Everything) -> &mut Value {
    all.get_mut("HorizontalPodAutoscaler shop-cpu").unwrap()
}

fn interferences() -> Vec<Interference> {
    with_workloads().into_iter().chain(with_autoscalers()).collect()
}

fn with_workloads() -> Vec<Interference> {
    vec![
        Interference {
            name: "set-image",
            is_autoscaled: false,
            calls: &["set image deployment/shop main=registry.example/shop:ci"],
            foreign: &["shop: version of main is registry.example/shop:ci, which is neither registry.example/shop:1 \
                 (before the run) nor registry.example/shop@sha256:2 (during it); left alone"],
            failures: &[],
            after: |all| {
                deployment(all)["spec"]["template"]["spec"]["containers"][0]["image"] =
                    json!("registry.example/shop:ci");
            },
        },
        Interference {
            name: "scale",
            is_autoscaled: false,
            calls: &["scale deployment/shop --replicas=9"],
            foreign: &["shop: replicas is 9, which is neither 2 (before the run) nor 6 (during it); left alone"],
            failures: &[],
            after: |all| deployment(all)["spec"]["replicas"] = json!(9),
        },
        Interference {
            name: "set-resources",
            is_autoscaled: false,
            calls: &["set resources deployment/shop --requests=cpu=750m"],
            foreign: &[
                "shop: requests.cpu of main is 750m, which is neither 500m (before the run) nor 2 (during it); left alone",
            ],
            failures: &[],
            after: |all| {
                let resources = &mut deployment(all)["spec"]["template"]["spec"]["containers"][0]["resources"];
                resources["requests"]["cpu"] = json!("750m");
            },
        },
    ]
}

fn with_autoscalers() -> Vec<Interference> {
    vec![
        Interference {
            name: "hpa-edit",
            is_autoscaled: true,
            calls: &[r#"patch hpa/shop-cpu --patch={"spec":{"minReplicas":3,"maxReplicas":9}}"#],
            foreign: &["shop: autoscaling is autoscaled from 3 to 9, which is neither autoscaled from 1 to 4 \
                 (before the run) nor pinned at 6 (during it); left alone"],
            failures: &[],
            after: |all| {
                autoscaler(all)["spec"]["minReplicas"] = json!(3);
                autoscaler(all)["spec"]["maxReplicas"] = json!(9);
                deployment(all)["spec"]["replicas"] = json!(6);
            },
        },
        Interference {
            name: "hpa-half-edit",
            is_autoscaled: true,
            calls: &[r#"patch hpa/shop-cpu --patch={"spec":{"maxReplicas":9}}"#],
            foreign: &[
                "shop: autoscaling maximum is 9, which is neither 4 (before the run) nor 6 (during it); left alone",
            ],
            failures: &[],
            after: |all| autoscaler(all)["spec"]["maxReplicas"] = json!(9),
        },
        Interference {
            name: "hpa-deleted",
            is_autoscaled: true,
            calls: &["delete hpa/shop-cpu"],
            foreign: &["shop: autoscaling is absent, which is neither autoscaled from 1 to 4 (before the run) nor \
                 pinned at 6 (during it); left alone"],
            failures: &[],
            after: |all| drop(all.remove("HorizontalPodAutoscaler shop-cpu")),
        },
        Interference {
            name: "another-hpa",
            is_autoscaled: true,
            // That they fight keeps runs from beginning, and none from being put back.
            calls: &["autoscale deployment/shop --name=z-second --min=2 --max=3"],
            foreign: &[],
            failures: &[],
            after: |_| {},
        },
        Interference {
            name: "deleted",
            is_autoscaled: true,
            calls: &["delete deployment/shop"],
            foreign: &[],
            failures: &["shop is gone"],
            after: |all| drop(all.remove("Deployment shop")),
        },
        Interference {
            name: "one-label-more",
            is_autoscaled: true,
            calls: &["label deployment/shop team=a", "annotate deployment/shop team.example/owner=a"],
            foreign: &[],
            failures: &[],
            after: |all| {
                deployment(all)["metadata"]["labels"] = json!({ "team": "a" });
                deployment(all)["metadata"]["annotations"] = json!({ "team.example/owner": "a" });
            },
        },
    ]
}

/// Lets somebody interfere, and goes back by the journal or by what is in the cluster.
async fn interfere(interference: &Interference, by: By) {
    let Interference { name, is_autoscaled, calls, foreign, failures, after } = interference;
    let namespace = if by == By::Journal { (*name).to_owned() } else { format!("{name}-by-cluster") };
    let scene = Scene::new(&namespace, &["shop", "other"], *is_autoscaled).await;
    scene.perform(&scene.bed.conductor(1).await).await;
    for call in *calls {
        scene.bed.kubectl(&call.split(' ').collect::<Vec<_>>(), "").await;
    }
    let theirs = autoscalers_made(&scene).await;
    assert_eq!(theirs.len(), calls.iter().filter(|call| call.starts_with("autoscale ")).count(), "{namespace}");
    let conductor = scene.bed.conductor(2).await;
    let changes = match by {
        By::Journal => scene.changes.clone(),
        By::Cluster => scene.bed.left_behind(&conductor).await.remove(&scene.bed.run).unwrap().changes,
    };
    // That there was an autoscaler is not known to anybody when its marker went with it.
    let is_known = by == By::Journal || *name != "hpa-deleted";
    let foreign = if is_known { *foreign } else { &[] };
    let restored = scene.bed.try_restore(&conductor, &changes).await;
    let expected =
        |texts: &[&str]| texts.iter().map(|text| text.replace(&format!("{name}/"), &format!("{namespace}/"))).collect();
    assert_eq!(restored, Restored { foreign: expected(foreign), failures: expected(failures) }, "{namespace}");
    let mut before = scene.before.clone();
    after(&mut before);
    assert_same(&scene.bed, before).await;
    assert_eq!(autoscalers_made(&scene).await, theirs, "{namespace}");
    let again = scene.bed.try_restore(&scene.bed.conductor(3).await, &changes).await;
    assert_eq!(again.foreign, restored.foreign, "{namespace}, again");
    assert!(scene.bed.left_behind(&scene.bed.conductor(4).await).await.is_empty(), "{namespace}");
}

/// The autoscalers that were not there before the run.
async fn autoscalers_made(scene: &Scene) -> Everything {
    let mut all = scene.bed.everything().await;
    all.retain(|name, _| name.starts_with("HorizontalPodAutoscaler ") && !scene.before.contains_key(name));
    all
}

/// Everything that the run knew is as it shall be. What somebody has made during the run is left as it is.
async fn assert_same(bed: &Bed, expected: Everything) {
    let mut now = bed.everything().await;
    now.retain(|name, _| expected.contains_key(name));
    let [now, expected] = [now, expected].map(but_for_what_autoscalers_choose);
    assert_eq!(now, expected, "{}", bed.namespace);
}

#[tokio::test]
async fn what_is_theirs_stays_and_is_told_and_the_rest_is_back() {
    let all = interferences();
    join_all(all.iter().map(|interference| interfere(interference, By::Journal))).await;
}

#[tokio::test]
async fn what_is_theirs_stays_without_a_journal_too() {
    let all = interferences();
    join_all(all.iter().map(|interference| interfere(interference, By::Cluster))).await;
}
