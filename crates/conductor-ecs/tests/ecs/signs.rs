//! Signs of life of runs whose conductors are gone do not pile up on a cluster, and other tags leave room for one.

use std::collections::BTreeMap;

use conductor_core::ports::{EnvironmentGuard, FailureKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::scene::*;

/// Gives the test cluster tags.
async fn tag(scene: &Scene, tags: &BTreeMap<String, String>) {
    let cluster = scene.admin("DescribeClusters", json!({ "clusters": [TEST] })).await;
    let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    let arn = &cluster["clusters"][0]["clusterArn"];
    scene.admin("TagResource", json!({ "resourceArn": arn, "tags": tags })).await;
}

fn sign(run: &str, age: SignedDuration) -> (String, String) {
    (format!("loadtest-conductor.dev/alive/{run}"), format!("{:.0}", Timestamp::now() - age))
}

#[tokio::test]
async fn signs_of_runs_that_are_over_make_room() {
    let scene = Scene::autoscaled().await;
    let hours = SignedDuration::from_hours;
    let mut tags: BTreeMap<String, String> =
        (0..46).map(|number| (format!("team-{number}"), "shop".to_owned())).collect();
    tags.extend([
        sign("old", hours(24 * 31)),
        sign("yesterday", hours(20)),
        sign("today", hours(2)),
        sign("other", -hours(1)),
    ]);
    assert_eq!(tags.len(), 50);
    tag(&scene, &tags).await;
    let conductor = scene.conductor(1).await;
    conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    let shown = scene.state().await[1].clone();
    let has = |run: &str| shown.contains(&format!("alive/{run}="));
    assert_eq!(["old", "yesterday", "today", "other", "one"].map(has), [false, true, true, true, true], "{shown}");
    conductor.thaw(&run()).await.unwrap();
    // Two more of others: now the older one of those that have ended goes, too.
    tag(&scene, &BTreeMap::from([("a".to_owned(), String::new())])).await;
    conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    let shown = scene.state().await[1].clone();
    let has = |run: &str| shown.contains(&format!("alive/{run}="));
    assert_eq!(["yesterday", "today", "other", "one"].map(has), [false, true, true, true], "{shown}");
    conductor.thaw(&run()).await.unwrap();
}

#[tokio::test]
async fn a_cluster_without_room_for_a_sign_is_told() {
    let scene = Scene::autoscaled().await;
    let tags: BTreeMap<String, String> = (0..50).map(|number| (format!("team-{number}"), "shop".to_owned())).collect();
    tag(&scene, &tags).await;
    let error = scene.conductor(1).await.freeze(&run(), &scene.names, until()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    let text = conductor_core::failure::Failure::of("", &error).message;
    assert_eq!(
        text,
        "could not tag cluster shop-test with a sign of life: it has 50 tags, so that there is no room for one more"
    );
}
