//! The conductor cannot write to production: it does not, and the shipped rights would not let it.

use std::collections::BTreeSet;

use conductor_core::ports::FailureKind;
use conductor_kubernetes::{Reader, same_cluster};
use conductor_kubernetes_bed::{AuditLog, Behaviour, User, deployment, until};
use futures::{StreamExt, stream};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolume, Pod};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::discovery::Discovery;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::bed::{PATIENCE, api, cluster, conductor, create, manifest, namespace, running_in, settle, start, text};

/// Every verb that RBAC knows for resources.
const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "approve",
];

#[test]
fn the_manifest_gives_no_verb_but_get_list_and_watch_on_what_it_names() {
    let rules: Vec<Value> = manifest()
        .iter()
        .filter(|object| object["kind"].as_str().unwrap().ends_with("Role"))
        .flat_map(|role| role["rules"].as_array().unwrap().clone())
        .collect();
    assert!(!rules.is_empty());
    let texts = |rule: &Value, field: &str| -> Vec<String> {
        rule[field].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    for rule in &rules {
        let verbs = texts(rule, "verbs");
        assert!(verbs.iter().all(|verb| ["get", "list", "watch"].contains(&verb.as_str())), "{rule}");
        let named = [texts(rule, "apiGroups"), texts(rule, "resources")].concat();
        assert!(named.iter().all(|name| !name.contains('*')), "{rule}");
    }
}

#[tokio::test]
async fn the_conductor_has_exactly_the_rights_of_the_manifest() {
    cluster().await.stack_sets().await.unwrap();
    let admin = cluster().await.client(&User::Admin).await.unwrap();
    let mut resources = BTreeSet::from([("rbac.authorization.k8s.io".to_owned(), "*".to_owned())]);
    for group in Discovery::new(admin.clone()).run().await.unwrap().groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let below =
                capabilities.subresources.iter().map(|(below, _)| format!("{}/{}", resource.plural, below.plural));
            let all = below.chain([resource.plural.clone()]);
            resources.extend(all.map(|name| (resource.group.clone(), name)));
        }
    }
    assert!(resources.contains(&("apps".to_owned(), "deployments/scale".to_owned())), "{resources:?}");
    let asked = resources.iter().flat_map(|resource| VERBS.map(|verb| (resource, verb)));
    let allowed = stream::iter(asked).map(async |((group, resource), verb)| {
        may(&admin, group, resource, verb, "").await.then(|| format!("{verb} {group}/{resource}"))
    });
    let allowed: BTreeSet<String> = allowed.buffer_unordered(16).filter_map(std::future::ready).collect().await;
    let expected = [
        "get /nodes",
        "list /nodes",
        "get /pods",
        "list /pods",
        "get apps/deployments",
        "list apps/deployments",
        "get apps/replicasets",
        "list apps/replicasets",
        "get apps/statefulsets",
        "list apps/statefulsets",
        "get autoscaling/horizontalpodautoscalers",
        "list autoscaling/horizontalpodautoscalers",
        "get zalando.org/stacks",
        "list zalando.org/stacks",
        // Every user may ask what it may; the server keeps nothing of it.
        "create authentication.k8s.io/selfsubjectreviews",
        "create authorization.k8s.io/selfsubjectaccessreviews",
        "create authorization.k8s.io/selfsubjectrulesreviews",
    ];
    assert_eq!(allowed, expected.map(str::to_owned).into());
    assert!(may(&admin, "", "namespaces", "get", "kube-system").await);
    assert!(!may(&admin, "", "namespaces", "get", "default").await);
}

#[tokio::test]
async fn nothing_is_written_to_production_however_it_is_read() {
    // A cluster of its own: the audit log is to be of these reads, and whole.
    let production = start().await;
    let admin = production.client(&User::Admin).await.unwrap();
    let reader = Reader::new(production.client(&conductor()).await.unwrap());
    production.namespace("shop").await.unwrap();
    settle(&api(&admin, "shop"), deployment("checkout", 2, Behaviour::Ready)).await;
    assert_eq!(running_in(&reader, "shop", &["checkout", "absent"]).await.unwrap().len(), 1);
    assert!(same_cluster(&reader, &admin).await.unwrap());
    assert_eq!(reader.get::<Namespace>("kube-system").await.unwrap().metadata.name.as_deref(), Some("kube-system"));
    assert_eq!(reader.list_in::<Pod>("shop").await.unwrap().len(), 2);
    assert!(reader.version().await.unwrap().starts_with("v1."));
    reader.get_in::<Deployment>("shop", "checkout").await.unwrap();
    let absent = reader.get_in::<Deployment>("shop", "absent").await.unwrap_err();
    assert_eq!(absent.kind, FailureKind::NotFound);
    assert!(text(&absent).starts_with("could not read Deployment shop/absent in production: "), "{absent:?}");
    let refused = reader.list::<PersistentVolume>().await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected);
    assert!(text(&refused).starts_with("could not list persistentvolumes in production: "), "{refused:?}");
    assert_eq!(writes(&production.audit().await.unwrap()), [] as [(String, u16); 0]);

    // The log does see what the same user tries otherwise, and the server refuses it.
    let client = production.client(&conductor()).await.unwrap();
    let map: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "from-the-conductor" } })).unwrap();
    api(&client, "shop").create(&Default::default(), &map).await.unwrap_err();
    api::<Deployment>(&client, "shop").delete("checkout", &Default::default()).await.unwrap_err();
    let tried = [("create configmaps".to_owned(), 403), ("delete deployments".to_owned(), 403)];
    assert_eq!(writes(&production.audit().await.unwrap()), tried);
    production.stop().await.unwrap();
}

#[tokio::test]
async fn lists_of_several_pages_are_whole() {
    let (reader, admin) = namespace("pages").await;
    let sets: Api<ReplicaSet> = api(&admin, "pages");
    let labels = json!({ "app": "none" });
    let container = json!({ "name": "main", "image": "registry.example/none:1" });
    let set = |number: u32| {
        json!({
            "metadata": { "name": format!("set-{number}") },
            "spec": {
                "replicas": 0,
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } },
            },
        })
    };
    stream::iter((0..1001).map(set)).for_each_concurrent(32, |set| create(&sets, set)).await;
    let names: BTreeSet<_> =
        reader.list_in::<ReplicaSet>("pages").await.unwrap().into_iter().map(|set| set.metadata.name).collect();
    assert_eq!(names.len(), 1001);
}

#[tokio::test]
async fn the_role_can_be_given_in_some_namespaces_only() {
    let (_, admin) = namespace("seen").await;
    namespace("unseen").await;
    let narrow = User::person("narrow");
    let reader = Reader::new(cluster().await.client(&narrow).await.unwrap());
    let bind = |kind: &str| {
        json!({
            "metadata": { "name": "narrow" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "loadtest-conductor-reader" },
            "subjects": [{ "kind": "User", "name": "narrow" }],
        })
    };
    create(&api::<RoleBinding>(&admin, "seen"), bind("ClusterRole")).await;
    let rule = manifest().into_iter().find(|object| object["kind"] == "ClusterRole").unwrap()["rules"][2].clone();
    let role = json!({ "metadata": { "name": "loadtest-conductor-reader" }, "rules": [rule] });
    create(&api::<Role>(&admin, "kube-system"), role).await;
    create(&api::<RoleBinding>(&admin, "kube-system"), bind("Role")).await;
    settle(&api(&admin, "seen"), deployment("checkout", 1, Behaviour::Ready)).await;
    until("the role has come into force", PATIENCE, async || running_in(&reader, "seen", &["checkout"]).await.ok())
        .await;
    until("the other role, too", PATIENCE, async || same_cluster(&reader, &admin).await.ok()).await;
    let error = running_in(&reader, "unseen", &["checkout"]).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(text(&error).contains("could not list deployments of namespace unseen in production: "), "{error:?}");
    assert!(running_in(&reader, "kube-system", &["checkout"]).await.is_err());
}

/// What the conductor has tried to write, with the status of the answer.
fn writes(log: &AuditLog) -> Vec<(String, u16)> {
    log.by(&conductor().name()).map(|entry| (format!("{} {}", entry.verb, entry.object.resource), entry.code)).collect()
}

/// Whether the conductor may do something to an object of a kind, or to all when there is no name.
async fn may(admin: &Client, group: &str, resource: &str, verb: &str, name: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let namespace = if resource == "namespaces" { name } else { "default" };
    let groups = ["system:serviceaccounts", "system:serviceaccounts:loadtest-conductor", "system:authenticated"];
    let review: SubjectAccessReview = serde_json::from_value(json!({ "metadata": {}, "spec": {
        "user": conductor().name(),
        "groups": groups,
        "resourceAttributes": {
            "group": group, "resource": resource, "subresource": subresource, "verb": verb,
            "namespace": namespace, "name": name,
        },
    } }))
    .unwrap();
    let reviewed = Api::<SubjectAccessReview>::all(admin.clone()).create(&Default::default(), &review).await.unwrap();
    reviewed.status.unwrap().allowed
}
