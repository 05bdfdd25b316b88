//! Production's versions as the objects of a delivery system tell them.

use std::collections::BTreeMap;

use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::{Behaviour, Cluster, User, deployment, until};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::bed::{PATIENCE, api, create, released, settle, start, text};

const DIGEST: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A cluster of its own, with kinds of its own: others look at every kind that theirs has. Its processes end with this one.
async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let with_kinds = async || {
        let cluster = start().await;
        cluster.define("deploy.example/v1", "Release", true).await.unwrap();
        cluster.define("deploy.example/v1", "Bundle", false).await.unwrap();
        cluster
    };
    CLUSTER.get_or_init(with_kinds).await
}

/// A fresh namespace in which the conductor may read what is released.
async fn namespace(name: &str) -> Client {
    let cluster = cluster().await;
    cluster.namespace(name).await.unwrap();
    let admin = cluster.client(&User::Admin).await.unwrap();
    let rule = json!({ "apiGroups": ["deploy.example"], "resources": ["releases"], "verbs": ["get"] });
    create(&api::<Role>(&admin, name), json!({ "metadata": { "name": "releases" }, "rules": [rule] })).await;
    let binding = json!({
        "metadata": { "name": "releases" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "releases" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "loadtest-conductor", "name": "loadtest-conductor-reader" }],
    });
    create(&api::<RoleBinding>(&admin, name), binding).await;
    admin
}

async fn release(admin: &Client, namespace: &str, name: &str, spec: Value) {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("deploy.example", "v1", "Release"));
    let releases: Api<DynamicObject> = Api::namespaced_with(admin.clone(), namespace, &kind);
    let object =
        json!({ "apiVersion": "deploy.example/v1", "kind": "Release", "metadata": { "name": name }, "spec": spec });
    releases.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

fn by_release(more: Value) -> Value {
    let mut releases =
        json!({ "apiVersion": "deploy.example/v1", "kind": "Release", "images": { "main": "{.spec.image}" } });
    json_patch::merge(&mut releases, &more);
    json!({ "releases": releases })
}

/// The image of each application, or why it is not known.
async fn images(namespace: &str, production: &Value, applications: Value) -> Result<BTreeMap<String, String>, String> {
    let read = async || released(cluster().await, namespace, production, &applications).await;
    // Rights take a moment to come into force.
    let answer = until("an answer", PATIENCE, async || match read().await {
        Err(error) if text(&error).contains("(403)") && text(&error).contains("releases") => None,
        answer => Some(answer),
    })
    .await;
    let image = |(name, found): (_, conductor_core::ports::Production)| {
        let id = found.deploy_id.map_or_else(String::new, |id| format!(" of {id}"));
        (format!("{name}"), format!("{}{id}", found.release.containers()["main"]))
    };
    answer.map(|found| found.into_iter().map(image).collect()).map_err(|error| {
        assert_eq!(error.kind, FailureKind::Rejected, "{}", text(&error));
        text(&error)
    })
}

#[tokio::test]
async fn an_object_tells_the_images_and_the_pods_tell_the_digest_of_what_has_none() {
    let admin = namespace("told").await;
    for name in ["checkout", "ledger", "search"] {
        settle(&api(&admin, "told"), deployment(name, 1, Behaviour::Ready)).await;
    }
    let newer = format!("registry.example/checkout:2@{DIGEST}");
    release(&admin, "told", "checkout-release", json!({ "image": newer, "id": "d-2" })).await;
    release(&admin, "told", "ledger-release", json!({ "image": "registry.example/ledger:1", "id": "d-1" })).await;
    let applications = json!([
        { "name": "checkout" },
        { "name": "ledger" },
        { "name": "search", "inProduction": { "releases": "workload" } },
        { "name": "absent" },
    ]);
    let by = by_release(json!({ "name": "{application}-release", "deployId": ".spec.id" }));
    let found = images("told", &by, applications.clone()).await.unwrap();
    let without = images("told", &json!({}), applications).await.unwrap();
    assert_eq!(found["checkout"], format!("registry.example/checkout@{DIGEST} of d-2"), "before the workload has it");
    assert_eq!(found["ledger"], format!("{} of d-1", without["ledger"]), "by the digest that its pods run");
    assert_eq!(found["search"], without["search"]);
    assert_eq!(found.len(), 3, "what is not in production is absent, whatever is released: {found:?}");
}

#[tokio::test]
async fn an_object_that_does_not_tell_is_named_with_what_is_there_and_what_would_be_right() {
    let admin = namespace("untold").await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        settle(&api(&admin, "untold"), deployment(name, 1, Behaviour::Ready)).await;
    }
    release(&admin, "untold", "a", json!({ "image": "registry.example/a:2" })).await;
    release(&admin, "untold", "b", json!({ "image": 3 })).await;
    release(&admin, "untold", "c", json!({ "images": ["x:1", "y:2"] })).await;
    release(&admin, "untold", "d", json!({ "image": "two words" })).await;
    release(&admin, "untold", "f", json!({ "image": "registry.example/a:2" })).await;
    let several = by_release(json!({ "images": { "main": "{.spec.images[*]}" } }))["releases"].clone();
    let other = by_release(json!({ "images": { "main": null, "mesh": "{.spec.image}" } }))["releases"].clone();
    let applications = json!([
        { "name": "a" },
        { "name": "b" },
        { "name": "c", "inProduction": { "releases": several } },
        { "name": "d" },
        { "name": "e" },
        { "name": "f", "inProduction": { "releases": other } },
    ]);
    assert_eq!(
        images("untold", &by_release(json!({})), applications).await.unwrap_err(),
        "could not read what production runs: \
         Release untold/a in production says that main runs \"registry.example/a:2\", which has no digest, and Deployment \
         untold/a has \"registry.example/a:1\"; expected an image with a digest, or the one that the workload has, whose pods \
         tell its digest; \
         Release untold/b in production: at $.spec.image, the image of main, there is a number, not a text; expected one text; \
         Release untold/c in production: at $.spec.images[*], the image of main, there are 2 of them; expected one text; \
         Release untold/d in production: at $.spec.image, the image of main, there is \"two words\", which is no image; \
         Release untold/e does not exist in production, and shall tell what e runs; \
         Release untold/f in production says that mesh runs \"registry.example/a:2\", which has no digest, and Deployment \
         untold/f has no such container; expected an image with a digest, or the one that the workload has, whose pods tell \
         its digest"
    );
    let one = async |more: Value| images("untold", &by_release(more), json!([{ "name": "a" }])).await.unwrap_err();
    let told = "could not read what production runs: ";
    assert_eq!(
        one(json!({ "kind": "Relaese" })).await,
        format!("{told}production has no kind Relaese of deploy.example/v1; expected one that it serves")
    );
    assert_eq!(
        one(json!({ "apiVersion": "deploy.example/v2" })).await,
        format!("{told}production has no kind Release of deploy.example/v2; expected one that it serves")
    );
    assert_eq!(
        one(json!({ "kind": "Bundle", "namespace": "untold" })).await,
        format!("{told}Bundle is in no namespace; expected no namespace for it")
    );
    let forbidden = one(json!({ "kind": "Bundle" })).await;
    assert!(
        forbidden.starts_with(&format!("{told}could not read Bundle a in production: bundles.deploy.example")),
        "{forbidden}"
    );
    assert!(forbidden.contains("is forbidden") && forbidden.ends_with("(403)"), "{forbidden}");
}
