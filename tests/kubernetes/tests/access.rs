//! Who may do what, and what is written down of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod support;

use conductor_kubernetes_bed::{Behaviour, Entry, User, deployment, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Secret};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use support::{PATIENCE, api, namespace};

#[tokio::test]
async fn a_user_may_do_what_a_role_says_and_nothing_else() {
    let (cluster, admin) = namespace("rights").await;
    let person = User::person("reader");
    let member = User::Person { name: "somebody".to_owned(), group: Some("readers".to_owned()) };
    let account = User::service_account("rights", "reader");
    let users = [
        (person.clone(), json!({ "kind": "User", "name": "reader" })),
        (member, json!({ "kind": "Group", "name": "readers" })),
        (account, json!({ "kind": "ServiceAccount", "name": "reader", "namespace": "rights" })),
    ];
    for (user, _) in &users {
        let client = cluster.client(user).await.unwrap();
        let refused = api::<Deployment>(&client, "rights").list(&ListParams::default()).await.unwrap_err();
        let (code, message) = refusal(&refused);
        assert_eq!(code, 403);
        assert!(
            message.contains(&format!("User \"{}\" cannot list resource \"deployments\"", user.name())),
            "{message}"
        );
    }
    let subjects: Vec<Value> = users.iter().map(|(_, subject)| subject.clone()).collect();
    bind(&admin, "rights", &["get", "list"], json!(subjects)).await;
    for (user, _) in &users {
        let client = cluster.client(user).await.unwrap();
        let deployments: Api<Deployment> = api(&client, "rights");
        until("the role has come into force", PATIENCE, async || deployments.list(&ListParams::default()).await.ok())
            .await;
        let shop = deployment("shop", 1, Behaviour::Ready);
        assert_eq!(refusal(&deployments.create(&Default::default(), &shop).await.unwrap_err()).0, 403);
    }
    let elsewhere = cluster.client(&person).await.unwrap();
    let refused = api::<Deployment>(&elsewhere, "default").list(&ListParams::default()).await.unwrap_err();
    assert_eq!(refusal(&refused).0, 403);
}

#[tokio::test]
async fn the_audit_log_tells_who_wrote_what() {
    let (cluster, admin) = namespace("audited").await;
    let ci = User::person("ci");
    bind(&admin, "audited", &["create", "patch", "get"], json!([{ "kind": "User", "name": "ci" }])).await;
    let deployments: Api<Deployment> = api(&cluster.client(&ci).await.unwrap(), "audited");
    until("the role has come into force", PATIENCE, async || deployments.get_opt("shop").await.ok()).await;
    let shop = deployment("shop", 1, Behaviour::Ready);
    deployments.create(&Default::default(), &shop).await.unwrap();
    let change = json!({ "spec": { "replicas": 2 } });
    let manager = PatchParams { field_manager: Some("ci-pipeline".to_owned()), ..PatchParams::default() };
    deployments.patch("shop", &manager, &Patch::Merge(&change)).await.unwrap();
    deployments.get("shop").await.unwrap();
    assert_eq!(refusal(&deployments.delete("shop", &Default::default()).await.unwrap_err()).0, 403);

    let log = cluster.audit().await.unwrap();
    let [created, patched, refused] = log.by("ci").collect::<Vec<_>>()[..] else { panic!("{log:#?}") };
    assert_eq!(said(created), ("create", "deployments", "audited", "shop", 201));
    assert_eq!(created.object.api_group, "apps");
    assert_eq!(created.body.as_ref().unwrap()["spec"]["replicas"], 1);
    assert_eq!(said(patched), ("patch", "deployments", "audited", "shop", 200));
    assert_eq!(patched.body, Some(change));
    assert!(created.time <= patched.time);
    assert_eq!(said(refused), ("delete", "deployments", "audited", "shop", 403));
}

#[tokio::test]
async fn the_audit_log_tells_controllers_apart_and_keeps_no_secrets() {
    let (cluster, admin) = namespace("controllers").await;
    let shop = deployment("shop", 1, Behaviour::Ready);
    api(&admin, "controllers").create(&Default::default(), &shop).await.unwrap();
    let secret: Secret =
        serde_json::from_value(json!({ "metadata": { "name": "key" }, "stringData": { "key": "hidden" } })).unwrap();
    api(&admin, "controllers").create(&Default::default(), &secret).await.unwrap();
    until("a ReplicaSet in the audit log", PATIENCE, async || {
        let log = cluster.audit().await.unwrap();
        let of_controller = "system:serviceaccount:kube-system:deployment-controller";
        let made = log.by(of_controller).find(|entry| {
            entry.verb == "create" && entry.object.resource == "replicasets" && entry.object.namespace == "controllers"
        })?;
        assert_eq!((made.code, &made.body), (201, &None));
        Some(())
    })
    .await;
    let log = cluster.audit().await.unwrap();
    let written = log.by("bed-admin").find(|entry| entry.object.resource == "secrets").unwrap();
    assert_eq!((written.object.name.as_str(), &written.body), ("key", &None));
}

#[tokio::test]
async fn kubectl_server_and_nodes_say_the_version_that_was_built() {
    let cluster = support::cluster().await;
    let kubectl = cluster.kubectl(&User::Admin).unwrap().args(["version", "--output=json"]).output().unwrap();
    assert!(kubectl.status.success(), "{}", String::from_utf8_lossy(&kubectl.stderr));
    let version: Value = serde_json::from_slice(&kubectl.stdout).unwrap();
    for program in ["clientVersion", "serverVersion"] {
        assert_eq!(version[program]["gitVersion"], "v1.36.2", "{program}");
    }
    let nodes = Api::<Node>::all(cluster.client(&User::Admin).await.unwrap());
    let nodes = nodes.list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 4);
    for node in nodes {
        assert_eq!(node.status.unwrap().node_info.unwrap().kubelet_version, "v1.36.2");
    }
}

/// Gives rights on Deployments in a namespace.
async fn bind(admin: &Client, namespace: &str, verbs: &[&str], subjects: Value) {
    let role: Role = serde_json::from_value(json!({
        "metadata": { "name": "deployments" },
        "rules": [{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs }],
    }))
    .unwrap();
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "deployments" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployments" },
        "subjects": subjects,
    }))
    .unwrap();
    api(admin, namespace).create(&Default::default(), &role).await.unwrap();
    api(admin, namespace).create(&Default::default(), &binding).await.unwrap();
}

/// The status and message of an answer of the API server.
fn refusal(error: &kube::Error) -> (u16, &str) {
    let kube::Error::Api(status) = error else { panic!("{error}") };
    (status.code, &status.message)
}

fn said(entry: &Entry) -> (&str, &str, &str, &str, u16) {
    let object = &entry.object;
    (&entry.verb, &object.resource, &object.namespace, &object.name, entry.code)
}
