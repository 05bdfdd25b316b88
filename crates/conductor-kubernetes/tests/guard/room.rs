//! Whether there is room, as the conductor sees it with the shipped rights: in quotas for the volumes of new replicas, and with
//! rights to some namespaces only.

use conductor_core::app::Allocation;
use conductor_core::ports::Capacity;
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::{Behaviour, User, stateful_set, until};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ResourceQuota};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::bed::{Bed, MANIFESTS, PATIENCE, cluster, create};

/// What is missing for so many replicas in place of one.
async fn told(bed: &Bed, replicas: u32) -> Vec<String> {
    let [from, to] = [1, replicas].map(Allocation::of_replicas);
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    let shortages = bed.conductor.shortages(&[step]).await.unwrap();
    assert!(shortages.iter().all(|shortage| shortage.is_final || shortage.message.starts_with("the nodes")));
    shortages.iter().filter(|shortage| shortage.is_final).map(ToString::to_string).collect()
}

/// Waits until the quota counts so many claims.
async fn counted(bed: &Bed, claims: &str) {
    until("the quota counts", PATIENCE, async || {
        let status = bed.api::<ResourceQuota>().get("storage").await.unwrap().status?;
        (status.used?.get("persistentvolumeclaims")?.0 == claims).then_some(())
    })
    .await;
}

#[tokio::test]
async fn volumes_that_new_replicas_would_make_count_and_those_that_are_there_do_not() {
    let bed = Bed::of("volumes", json!({ "name": "checkout", "statefulSet": "checkout" })).await;
    let metadata = json!({ "name": "usual", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } });
    let class: StorageClass =
        serde_json::from_value(json!({ "metadata": metadata, "provisioner": "example.org/none" })).unwrap();
    Api::<StorageClass>::all(bed.admin.clone()).create(&Default::default(), &class).await.unwrap();
    let hard = json!({
        "persistentvolumeclaims": "4",
        "requests.storage": "8Gi",
        "usual.storageclass.storage.k8s.io/requests.storage": "20Gi",
        "pods": "100",
    });
    let quota = json!({ "metadata": { "name": "storage" }, "spec": { "hard": hard } });
    let quota: ResourceQuota = serde_json::from_value(quota).unwrap();
    bed.api().create(&Default::default(), &quota).await.unwrap();
    counted(&bed, "0").await;
    let claim = |name: &str| -> Value {
        let resources = json!({ "requests": { "storage": "2Gi" } });
        json!({ "metadata": { "name": name }, "spec": { "accessModes": ["ReadWriteOnce"], "resources": resources } })
    };
    let mut set = stateful_set("checkout", 1, Behaviour::Ready);
    set.spec.as_mut().unwrap().volume_claim_templates = Some(vec![serde_json::from_value(claim("data")).unwrap()]);
    bed.api::<StatefulSet>().create(&Default::default(), &set).await.unwrap();
    counted(&bed, "1").await;
    assert_eq!(told(&bed, 4).await, [""; 0], "just enough");
    let by = "more is asked for by the volume claims of StatefulSet volumes/checkout";
    assert_eq!(
        told(&bed, 5).await,
        [
            format!("ResourceQuota volumes/storage allows 4 of persistentvolumeclaims; 1 is used, and 4 {by}"),
            format!("ResourceQuota volumes/storage allows 8Gi of requests.storage; 2Gi is used, and 8Gi {by}"),
        ]
    );
    assert_eq!(
        told(&bed, 11).await[2],
        format!(
            "ResourceQuota volumes/storage allows 20Gi of usual.storageclass.storage.k8s.io/requests.storage; 2Gi is used, and \
             20Gi {by}"
        ),
        "those that name no class have the usual one"
    );
    // Of an earlier time with more replicas.
    let claims = bed.api::<PersistentVolumeClaim>();
    for name in ["data-checkout-1", "data-checkout-2"] {
        claims.create(&Default::default(), &serde_json::from_value(claim(name)).unwrap()).await.unwrap();
    }
    counted(&bed, "3").await;
    assert_eq!(told(&bed, 4).await, [""; 0], "two of the three are there");
    assert_eq!(
        told(&bed, 5).await[0],
        format!("ResourceQuota volumes/storage allows 4 of persistentvolumeclaims; 3 is used, and 2 {by}")
    );
}

#[tokio::test]
async fn who_may_see_some_namespaces_only_is_told_that_nodes_are_not_looked_at() {
    let bed = Bed::new("narrow").await;
    let rights: Vec<DynamicObject> = serde_saphyr::from_multiple(MANIFESTS[0]).unwrap();
    let is_role = |object: &&DynamicObject| object.types.as_ref().unwrap().kind == "ClusterRole";
    let role = rights.iter().find(is_role).unwrap();
    // As the manifest says: the first nine rules in the namespace, the others in all of the cluster.
    let rules = role.data["rules"].as_array().unwrap();
    let mut given = Vec::new();
    for (of, rules, namespace) in [("Role", &rules[..9], Some("narrow")), ("ClusterRole", &rules[9..], None)] {
        let metadata = json!({ "name": "narrow", "namespace": namespace });
        let group = "rbac.authorization.k8s.io";
        let (api_version, binding) = (format!("{group}/v1"), format!("{of}Binding"));
        given.push(json!({ "apiVersion": api_version, "kind": of, "metadata": metadata, "rules": rules }));
        let role = json!({ "apiGroup": group, "kind": of, "name": "narrow" });
        let subjects = json!([{ "kind": "User", "name": "narrow" }]);
        given.push(json!({
            "apiVersion": api_version, "kind": binding, "metadata": metadata, "roleRef": role, "subjects": subjects,
        }));
    }
    for object in given {
        create(&bed.admin, &serde_json::from_value(object).unwrap()).await;
    }
    let kubeconfig = cluster().await.kubeconfig(&User::person("narrow")).unwrap();
    let conductor = bed.connect(1, &json!({ "cluster": { "kubeconfig": kubeconfig } })).await;
    let [from, to] = [2, 3].map(Allocation::of_replicas);
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    let told = until("the rights have come into force", PATIENCE, async || {
        let told = conductor.shortages(std::slice::from_ref(&step)).await.ok()?;
        told.into_iter().next().filter(|told| told.message.contains("list pods"))
    })
    .await;
    assert!(!told.is_final);
    let [start, end] = ["could not list pods in the test cluster: ", "(403); whether nodes have room is not looked at"];
    assert!(told.message.starts_with(start) && told.message.ends_with(end), "{told}");
}
