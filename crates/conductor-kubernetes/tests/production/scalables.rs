//! What production gives objects of custom kinds: their replicas, and nothing else.

use conductor_core::app::Allocation;
use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::{Behaviour, SearchCluster, User, search_cluster, until};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::bed::{PATIENCE, api, conductor, create, released, start, text};

#[tokio::test]
async fn replicas_of_a_scalable_are_read_and_one_that_is_being_scaled_is_refused() {
    // Of its own: to other tests it matters which rights the conductor has.
    let production = start().await;
    production.search_clusters().await.unwrap();
    production.namespace("find").await.unwrap();
    let admin = production.client(&User::Admin).await.unwrap();
    let clusters: Api<SearchCluster> = api(&admin, "find");
    clusters.create(&Default::default(), &search_cluster("finder", 3, Behaviour::Ready)).await.unwrap();
    until("its nodes", PATIENCE, async || (clusters.get("finder").await.unwrap().status?.nodes == 3).then_some(()))
        .await;
    let scalable = |kind: &str, name: &str| json!({ "apiVersion": "example.com/v1", "kind": kind, "name": name });
    let applications = json!([
        { "name": "search", "scalable": scalable("SearchCluster", "search"), "inProduction": { "scalable": scalable("SearchCluster", "finder") } },
        { "name": "absent", "scalable": scalable("SearchCluster", "absent") },
    ]);
    let read = async || released(&production, "find", &json!({}), &applications).await;
    let refused = read().await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected, "{}", text(&refused));
    assert!(text(&refused).contains("customresourcedefinitions"), "{}", text(&refused));

    // The rights that production-reader.yaml says are to be added.
    let meta = json!({ "name": "scalable" });
    let rules = json!([
        { "apiGroups": ["example.com"], "resources": ["searchclusters"], "verbs": ["get"] },
        {
            "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"],
            "resourceNames": ["searchclusters.example.com"], "verbs": ["get"],
        },
    ]);
    create(&Api::<ClusterRole>::all(admin.clone()), json!({ "metadata": meta, "rules": rules })).await;
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "scalable" });
    let reader = json!({ "kind": "User", "name": conductor().name(), "apiGroup": "rbac.authorization.k8s.io" });
    let binding = json!({ "metadata": meta, "roleRef": role, "subjects": [reader] });
    create(&Api::<ClusterRoleBinding>::all(admin.clone()), binding).await;
    let found = until("the rights", PATIENCE, async || read().await.ok()).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let search = &found["search"];
    assert_eq!((search.release.containers().len(), &search.allocation), (0, &Allocation::of_replicas(3)));

    let paused = production.pause_controllers().unwrap();
    let change = Patch::Merge(json!({ "spec": { "nodes": { "data": 9 } } }));
    clusters.patch("finder", &PatchParams::default(), &change).await.unwrap();
    let refused = read().await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    assert_eq!(
        text(&refused),
        "could not read what production runs: production is in the middle of scaling SearchCluster find/finder: it has 3 \
         replicas and wants 9; try again when it is done"
    );
    drop(paused);
    production.stop().await.unwrap();
}
