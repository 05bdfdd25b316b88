//! Whether load generators and mocks share nodes with applications under test, as the conductor sees it with the shipped rights, and
//! with fewer.

use conductor_core::app::ApplicationId;
use conductor_core::layout::LayoutSight;
use conductor_core::ports::Layout;
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{Behaviour, User, deployment, stateful_set, until};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, cluster, create};

/// What selects a node by its name.
fn on(node: &str) -> Value {
    json!({ "kubernetes.io/hostname": node })
}

/// Makes `checkout`, of two replicas on node-1; mocks, a StatefulSet; and Locust, a Deployment that is no application.
async fn make(bed: &Bed, mocks: &str, locust: &str) {
    for (name, replicas, node) in [("checkout", 2, "node-1"), ("locust", 1, locust)] {
        let mut one = deployment(name, replicas, Behaviour::Ready);
        let pods = one.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
        pods.node_selector = serde_json::from_value(on(node)).unwrap();
        bed.api::<Deployment>().create(&Default::default(), &one).await.unwrap();
    }
    let mut one = stateful_set("mocks", 1, Behaviour::Ready);
    one.spec.as_mut().unwrap().template.spec.as_mut().unwrap().node_selector =
        serde_json::from_value(on(mocks)).unwrap();
    bed.api::<StatefulSet>().create(&Default::default(), &one).await.unwrap();
}

/// The conductor of an environment with these, whose pool is node-2.
async fn conductor(bed: &Bed, besides: Value) -> KubernetesEnvironment {
    let mut all = json!({
        "applications": [{ "name": "checkout" }, { "name": "mocks", "statefulSet": "mocks", "support": true }],
        "layout": { "pods": [{ "namespace": bed.namespace, "labels": { "app": "locust" } }], "pool": on("node-2") },
    });
    all.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    bed.connect(1, &all).await
}

async fn look(conductor: &KubernetesEnvironment) -> Option<LayoutSight> {
    let checkout: ApplicationId = "checkout".parse().unwrap();
    conductor.look(&[checkout], &[]).await.unwrap()
}

/// What is seen once all four pods have a node.
async fn seen(conductor: &KubernetesEnvironment) -> LayoutSight {
    until("four pods on nodes", PATIENCE, async || {
        let sight = look(conductor).await.unwrap();
        (sight.load_pods == 2 && sight.tested_pods == 2).then_some(sight)
    })
    .await
}

#[tokio::test]
async fn a_node_with_a_pod_of_each_side_is_told_until_they_are_apart() {
    let bed = Bed::of("shared-nodes", json!({ "name": "checkout" })).await;
    make(&bed, "node-2", "node-1").await;
    let conductor = conductor(&bed, json!({})).await;
    let sight = seen(&conductor).await;
    let [shared] = sight.shared.as_slice() else { panic!("{sight:?}") };
    assert_eq!((shared.node.as_str(), shared.load_pods, shared.tested_pods), ("node-1", 1, 2));
    assert!(shared.load[0].starts_with("shared-nodes/locust-"), "{shared}");
    assert!(shared.tested.iter().all(|pod| pod.starts_with("shared-nodes/checkout-")), "{shared}");
    let [open, outside] = sight.pool.as_slice() else { panic!("{sight:?}") };
    assert_eq!(
        open,
        "node node-2 of the load pool (kubernetes.io/hostname=node-2) without a taint NoSchedule or NoExecute: pods of others \
         may come there"
    );
    assert!(outside.ends_with(" on node-1: load generators or mocks outside of the load pool"), "{outside}");

    let patch = json!({ "spec": { "template": { "spec": { "nodeSelector": on("node-2") } } } }).to_string();
    bed.kubectl(&["patch", "deployment/locust", "-p", &patch]).await.unwrap();
    until("they are apart", PATIENCE, async || {
        let sight = look(&conductor).await.unwrap();
        (sight.shared_nodes == 0 && sight.load_pods == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_support_application_is_known_by_its_workload_and_nothing_is_told_where_nothing_makes_load() {
    let bed = Bed::of("shared-mocks", json!({ "name": "checkout" })).await;
    make(&bed, "node-1", "node-2").await;
    let sight = seen(&conductor(&bed, json!({})).await).await;
    assert!(
        sight.sharing().unwrap().contains("node-1 has shared-mocks/mocks-0 beside shared-mocks/checkout-"),
        "{sight:?}"
    );
    let excepted =
        conductor(&bed, json!({ "layout": { "except": ["mocks"], "pods": [{ "namespace": "nowhere" }] } })).await;
    let sight = look(&excepted).await.unwrap();
    assert_eq!((sight.load_pods, sight.tested_pods, sight.shared_nodes), (0, 2, 0), "it is said to be no mock");
    let alone = bed.connect(1, &json!({ "applications": [{ "name": "checkout" }] })).await;
    assert_eq!(look(&alone).await, None);
}

#[tokio::test]
async fn rights_that_are_missing_are_told_and_nothing_fails() {
    let bed = Bed::of("shared-rights", json!({ "name": "checkout" })).await;
    make(&bed, "node-1", "node-2").await;
    let (group, name) = ("rbac.authorization.k8s.io", json!({ "name": "narrow", "namespace": bed.namespace }));
    let version = format!("{group}/v1");
    let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["list"] }]);
    let role = json!({ "apiGroup": group, "kind": "Role", "name": "narrow" });
    let subjects = json!([{ "kind": "User", "name": "few-rights" }]);
    for object in [
        json!({ "apiVersion": version, "kind": "Role", "metadata": name, "rules": rules }),
        json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": name, "roleRef": role, "subjects": subjects,
        }),
    ] {
        create(&bed.admin, &serde_json::from_value(object).unwrap()).await;
    }
    let kubeconfig = cluster().await.kubeconfig(&User::person("few-rights")).unwrap();
    let cluster = json!({ "cluster": { "kubeconfig": kubeconfig } });
    let narrow = conductor(&bed, cluster.clone()).await;
    let told = until("the rights have come into force", PATIENCE, async || {
        let sight = look(&narrow).await.unwrap();
        (sight.unread.is_none() && sight.load_pods == 2).then_some(sight)
    })
    .await;
    assert_eq!(told.shared_nodes, 1, "pods tell it, without a right to nodes");
    let [pool] = told.pool.as_slice() else { panic!("{told:?}") };
    assert!(pool.starts_with("could not list nodes in the test cluster: "), "{pool}");
    assert!(pool.ends_with("(403); whether the load pool is as it should be is not looked at"), "{pool}");

    let mut elsewhere = cluster;
    elsewhere["layout"] = json!({ "pods": [{ "namespace": "kube-system" }] });
    let unread = look(&conductor(&bed, elsewhere).await).await.unwrap().unread.unwrap();
    assert!(unread.starts_with("could not list pods of namespace kube-system in the test cluster: "), "{unread}");
}
