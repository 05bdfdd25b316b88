//! Applications that are objects of a custom kind with a scale subresource: their replicas are changed where the definition of
//! the kind says, and put back exactly; nothing else is known of them.

mod built_in;

use std::time::Duration;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::phase::Changes;
use conductor_core::ports::{FailureKind, Scaler};
use conductor_core::scale::Plan;
use conductor_kubernetes_bed::{Behaviour, SearchCluster, search_cluster, until};
use futures::future::join_all;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, cluster, kubectl, text};
use crate::plans::step;
use crate::scene::{By, Scene};

/// How pods start of which it matters that they were waited for.
const SLOWLY: Behaviour = Behaviour::Slow(Duration::from_millis(700));

/// How an environment's file names one.
pub(crate) fn named(name: &str) -> Value {
    json!({ "name": name, "scalable": { "apiVersion": "example.com/v1", "kind": "SearchCluster", "name": name } })
}

impl Bed {
    /// SearchClusters of two nodes, alone in their namespace.
    pub(crate) async fn of_scalables(namespace: &str, names: &[&str], behaviour: Behaviour) -> Self {
        cluster().await.search_clusters().await.unwrap();
        let bed = Self::of(namespace, &names.iter().map(|name| named(name)).collect::<Vec<_>>()).await;
        let made = bed.api::<SearchCluster>();
        for name in names {
            made.create(&PostParams::default(), &search_cluster(name, 2, behaviour)).await.unwrap();
            until("its nodes", PATIENCE, async || (bed.counted(name).await == 2).then_some(())).await;
        }
        bed
    }

    async fn counted(&self, name: &str) -> i32 {
        self.api::<SearchCluster>().get(name).await.unwrap().status.unwrap_or_default().nodes
    }

    async fn ready_pods(&self) -> usize {
        let pods = self.api::<Pod>().list(&Default::default()).await.unwrap();
        let is_ready = |pod: &&Pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
        };
        pods.items.iter().filter(is_ready).count()
    }
}

impl Scene {
    /// SearchClusters of two nodes. The run gives each six.
    pub(crate) async fn of_scalables(namespace: &str, names: &[&str], bounds: Option<[i32; 2]>) -> Self {
        let bed = Bed::of_scalables(namespace, names, SLOWLY).await;
        if let Some([min, max]) = bounds {
            for name in names {
                let target = json!({ "apiVersion": "example.com/v1", "kind": "SearchCluster", "name": name });
                let spec = json!({ "minReplicas": min, "maxReplicas": max, "scaleTargetRef": target });
                let made = json!({ "metadata": { "name": format!("{name}-cpu") }, "spec": spec });
                let made: HorizontalPodAutoscaler = serde_json::from_value(made).unwrap();
                let autoscalers = bed.api::<HorizontalPodAutoscaler>();
                autoscalers.create(&PostParams::default(), &made).await.unwrap();
                // A kind that is new to the cluster is found after a while only.
                until("its autoscaler has seen it", PATIENCE, async || {
                    let found = autoscalers.get(&format!("{name}-cpu")).await.unwrap();
                    (found.status?.current_replicas == Some(2)).then_some(())
                })
                .await;
            }
        }
        let before = bed.everything().await;
        let baseline = bed.observe(&bed.conductor(1).await).await;
        let to_six = |name: &&str| step(&baseline, name, Allocation::of_replicas(6));
        let plan = Plan { rollouts: Vec::new(), scale_steps: names.iter().map(to_six).collect() };
        Self { bed, before, changes: Changes { baseline, plan } }
    }
}

async fn there_and_back(by: By) {
    let name = format!("scalable-{by:?}").to_lowercase();
    let scene = Scene::of_scalables(&name, &["search", "index"], None).await;
    let bed = &scene.bed;
    let before = scene.changes.baseline["search"].clone();
    assert_eq!(before.release.containers().len(), 0, "nobody knows its version");
    assert_eq!(before.allocation, Allocation::of_replicas(2));
    let proxy = bed.proxy().await;
    scene.perform(&bed.behind(&proxy, 1).await).await;
    assert_eq!(bed.ready_pods().await, 12, "their pods were not waited for");
    assert_eq!(proxy.writes().len(), 2, "marker and change are one write");
    let found = bed.api::<SearchCluster>().get("search").await.unwrap();
    assert_eq!(found.spec.nodes.data, 6);
    let snapshot = &found.metadata.annotations.unwrap()["loadtest-conductor.dev/snapshot"];
    assert_eq!(*snapshot, r#"{"replicas":2,"images":{},"resources":{}}"#);
    scene.restore(&bed.conductor(2).await, by).await;
    scene.assert_exactly_as_before(&name).await;
    assert_eq!(bed.counted("search").await, 2);
    assert!(bed.left_behind(&bed.conductor(3).await).await.is_empty());
}

#[tokio::test]
async fn a_scalable_gets_its_replicas_and_is_back_exactly_with_its_journal_or_without() {
    join_all([By::Journal, By::Cluster].map(there_and_back)).await;
}

#[tokio::test]
async fn a_scalable_that_an_autoscaler_scales_is_held_by_it_and_put_back() {
    let scene = Scene::of_scalables("scalable-hpa", &["search"], Some([1, 4])).await;
    let conductor = scene.bed.conductor(1).await;
    assert_eq!(scene.changes.baseline["search"].allocation.autoscaling, Some(Bounds { min: 1, max: 4 }));
    scene.perform(&conductor).await;
    let during = scene.bed.observe(&conductor).await["search"].allocation.clone();
    assert_eq!((during.replicas, during.autoscaling), (6, Some(Bounds::pinned(6))));
    scene.restore(&conductor, By::Journal).await;
    scene.assert_exactly_as_before("autoscaled").await;
}

#[tokio::test]
async fn what_somebody_else_has_given_a_scalable_stays() {
    let scene = Scene::of_scalables("scalable-foreign", &["search"], None).await;
    let conductor = scene.bed.conductor(1).await;
    scene.perform(&conductor).await;
    scene.bed.kubectl(&["scale", "searchclusters.example.com/search", "--replicas=9"], "").await;
    let foreign = scene.bed.restore(&conductor, &scene.changes).await;
    assert_eq!(foreign.len(), 1, "{foreign:?}");
    assert!(foreign[0].contains("replicas") && foreign[0].contains('9'), "{foreign:?}");
    let found = scene.bed.api::<SearchCluster>().get("search").await.unwrap();
    assert_eq!((found.spec.nodes.data, found.metadata.annotations), (9, None));
}

#[tokio::test]
async fn pods_of_a_scalable_that_never_get_ready_end_it_early() {
    let bed = Bed::of_scalables("scalable-crash", &["search"], Behaviour::Crash).await;
    let conductor = bed.conductor(1).await;
    let baseline = bed.observe(&conductor).await;
    let to_six = step(&baseline, "search", Allocation::of_replicas(6));
    let plan = Plan { rollouts: Vec::new(), scale_steps: vec![to_six] };
    let error = bed.perform(&conductor, &plan).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsettled);
    let failed = "SearchCluster scalable-crash/search does not become ready: container main of pod search-";
    assert!(text(&error).starts_with(failed), "{}", text(&error));
}

#[tokio::test]
async fn a_kind_that_cannot_be_scaled_is_refused_before_anything_is_changed() {
    let cluster = cluster().await;
    cluster.search_clusters().await.unwrap();
    cluster.define("example.com/v1", "Plain", true).await.unwrap();
    cluster.define("example.com/v1", "Wide", false).await.unwrap();
    let rights = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "definition-of-plains" },
        "rules": [{
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "resourceNames": ["plains.example.com"],
            "verbs": ["get"],
        }],
    });
    kubectl("loadtest-conductor", &["apply", "--filename=-"], &rights.to_string()).await;
    let whom = "--serviceaccount=loadtest-conductor:loadtest-conductor";
    let bind = ["create", "clusterrolebinding", "definition-of-plains", "--clusterrole=definition-of-plains", whom];
    kubectl("loadtest-conductor", &bind, "").await;
    for (kind, version, told) in [
        ("Absent", "v1", "the test cluster has no kind Absent of example.com/v1; expected one that it serves"),
        (
            "SearchCluster",
            "v2",
            "the test cluster has no kind SearchCluster of example.com/v2; expected one that it serves",
        ),
        (
            "Plain",
            "v1",
            "Plain of example.com/v1 has no scale subresource (CustomResourceDefinition plains.example.com) in the test \
             cluster; expected subresources.scale in its version v1",
        ),
        (
            "Wide",
            "v1",
            "Wide of example.com/v1 is in no namespace in the test cluster; expected a kind whose objects are",
        ),
    ] {
        let scalable = json!({ "apiVersion": format!("example.com/{version}"), "kind": kind, "name": "search" });
        let namespace = format!("scalable-{kind}-{version}").to_lowercase();
        let bed = Bed::of(&namespace, &[json!({ "name": "search", "scalable": scalable })]).await;
        let refused = bed.conductor(1).await.allocated(&bed.applications).await.unwrap_err();
        assert_eq!((refused.kind, text(&refused).as_str()), (FailureKind::Rejected, told));
    }
}

#[tokio::test]
async fn a_scalable_without_a_number_of_replicas_is_refused_before_anything_is_changed() {
    let bed = Bed::of_scalables("scalable-unsaid", &["search"], Behaviour::Ready).await;
    let unsay = Patch::Merge(json!({ "spec": { "nodes": null } }));
    // Not as a SearchCluster, which always has one.
    let clusters = bed.untyped::<SearchCluster>();
    clusters.patch("search", &PatchParams::default(), &unsay).await.unwrap();
    let refused = bed.conductor(1).await.allocated(&bed.applications).await.unwrap_err();
    assert_eq!(
        (refused.kind, text(&refused).as_str()),
        (
            FailureKind::Rejected,
            "could not read SearchCluster scalable-unsaid/search: it has no number of replicas (.spec.nodes.data); expected one"
        )
    );
}

#[tokio::test]
async fn a_scalable_whose_kind_has_gone_keeps_nothing_else_from_being_put_back() {
    // A cluster without the kind, as it is then.
    let scene = Scene::new("scalable-gone", &["shop"], false).await;
    scene.perform(&scene.bed.conductor(1).await).await;
    let gone = json!({ "apiVersion": "example.com/v1", "kind": "Gone", "name": "gone" });
    let applications = json!([{ "name": "shop" }, { "name": "gone", "scalable": gone }]);
    let Scene { bed, before, changes } = scene;
    let mut bed = bed.with(&json!({ "applications": applications }));
    bed.applications.push("gone".parse().unwrap());
    let scene = Scene { bed, before, changes };
    scene.restore(&scene.bed.conductor(2).await, By::Journal).await;
    scene.assert_exactly_as_before("gone").await;
}

#[tokio::test]
async fn a_scalable_that_cannot_be_read_any_more_is_told_and_keeps_nothing_else_from_being_put_back() {
    let scene = Scene::of_scalables("scalable-broken", &["index", "search"], None).await;
    let conductor = scene.bed.conductor(1).await;
    scene.perform(&conductor).await;
    let unsay = Patch::Merge(json!({ "spec": { "nodes": null } }));
    scene.bed.untyped::<SearchCluster>().patch("search", &PatchParams::default(), &unsay).await.unwrap();
    let failures = scene.bed.try_restore(&conductor, &scene.changes).await.failures;
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert_eq!(failures[0], "search is gone");
    let unread = "SearchCluster scalable-broken/search";
    assert!(failures[1].contains(unread) && failures[1].contains(".spec.nodes.data"), "{failures:?}");
    let index = scene.bed.api::<SearchCluster>().get("index").await.unwrap();
    assert_eq!((index.spec.nodes.data, index.metadata.annotations), (2, None));
}
