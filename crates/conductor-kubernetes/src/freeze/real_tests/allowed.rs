//! What a freeze allows, request by request, and to whom it allows everything.

use conductor_kubernetes_bed::{Behaviour, User, deployment, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::{Value, json};

use super::bed::{NAMESPACE, autoscaler, ci, frozen, in_an_hour, place, run};
use super::changes::{Change, Paths, get, paths, replicas};
use crate::bed::PATIENCE;
use crate::freeze::Proof;

/// Changes that nobody is denied.
fn harmless(namespace: &str) -> Vec<Change> {
    let Paths { deployments, autoscalers, core, .. } = paths(namespace);
    let (web, other) = (format!("{deployments}/web"), format!("{deployments}/other"));
    let metadata = |field: &str| json!({ "metadata": { field: { "example.com/team": "shop" } } });
    let condition = json!({ "status": { "conditions": [{ "type": "Tried", "status": "True" }] } });
    let map = json!({ "metadata": { "name": "tried" }, "data": { "a": "b" } });
    vec![
        Change::patch("annotation", "merge", &web, metadata("annotations")),
        Change::patch("label", "strategic", &web, metadata("labels")),
        Change::patch("the same replicas", "merge", &web, replicas(2)),
        Change::patch("status", "strategic", &format!("{web}/status"), condition),
        Change::patch("annotation of an HPA", "merge", &format!("{autoscalers}/scaled"), metadata("annotations")),
        Change::patch("another Deployment", "merge", &other, replicas(3)),
        Change::patch("scale of another Deployment", "merge", &format!("{other}/scale"), replicas(4)),
        Change::patch(
            "HPA of another",
            "merge",
            &format!("{autoscalers}/other"),
            json!({ "spec": { "maxReplicas": 5 } }),
        ),
        Change::delete("delete the HPA of another", &format!("{autoscalers}/other")),
        Change::post("new HPA of another", &autoscalers, autoscaler("fresh", "Deployment", "other", 1, 9)),
        Change::delete("delete another Deployment", &other),
        Change::post("ConfigMap", &format!("{core}/configmaps"), map),
        Change::delete("pods of a target", &format!("{core}/pods?labelSelector=app%3Dweb")),
        Change::delete(
            "ReplicaSets of a target",
            &format!("{}?labelSelector=app%3Dweb", deployments.replace("deployments", "replicasets")),
        ),
    ]
}

#[tokio::test]
async fn everything_else_goes_on_and_the_holder_goes_on_with_the_targets() {
    let place = frozen("allowed").await;
    let ci = place.client(&ci()).await;
    for change in harmless("allowed") {
        change.by(&ci).await.unwrap_or_else(|error| panic!("{}: {error}", change.what));
    }
    let Paths { deployments, autoscalers, .. } = paths("allowed");
    let holder = &place.freezer.client;
    let (web, scaled) = (format!("{deployments}/web"), format!("{autoscalers}/scaled"));
    Change::patch("the holder's", "merge", &web, replicas(5)).by(holder).await.unwrap();
    // The autoscaler is the holder's to set, and its controller's to follow.
    Change::patch("the holder's", "merge", &scaled, json!({ "spec": { "minReplicas": 4 } })).by(holder).await.unwrap();
    until("the autoscaler's replicas", PATIENCE, async || {
        (get(&place.admin, &format!("{deployments}/scaled")).await["spec"]["replicas"] == 4).then_some(())
    })
    .await;
    assert_eq!(place.freezer.prove(&place.targets(&["web", "scaled"])).await.unwrap(), Proof::Active);
}

#[tokio::test]
async fn a_namespace_with_targets_can_be_deleted() {
    let place = frozen("deleted").await;
    Change::delete("namespace", "/api/v1/namespaces/deleted").by(&place.client(&ci()).await).await.unwrap();
    let namespaces = Api::<Namespace>::all(place.admin.clone());
    until("the namespace's end", PATIENCE, async || {
        namespaces.get_opt("deleted").await.unwrap().is_none().then_some(())
    })
    .await;
    place.freezer.lift(&run("deleted")).await.unwrap();
}

#[tokio::test]
async fn a_target_is_collected_when_its_owner_is_deleted() {
    let place = place("collected").await;
    let maps = format!("{}/configmaps", paths("collected").core);
    let map = json!({ "metadata": { "name": "owner" } });
    let owner = Change::post("an owner", &maps, map).by(&place.admin).await.unwrap();
    let mut owned = serde_json::to_value(deployment("owned", 0, Behaviour::Ready)).unwrap();
    owned["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"] }]);
    place.create(owned).await;
    place.freeze(&place.freezer, &place.targets(&["owned"])).await;
    let ci = place.client(&ci()).await;
    let owned = format!("{}/owned", paths("collected").deployments);
    Change::delete("the owned", &owned).denied_to(&ci).await;
    Change::delete("the owner", &format!("{maps}/owner")).by(&ci).await.unwrap();
    let deployments = Api::<Deployment>::namespaced(place.admin.clone(), "collected");
    until("the owned Deployment's end", PATIENCE, async || {
        deployments.get_opt("owned").await.unwrap().is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_expired_freeze_that_is_still_there_denies_no_updates() {
    let place = place("expired").await;
    place.freeze(&place.freezer, &place.targets(&["web"])).await;
    let ci = place.client(&ci()).await;
    let web = format!("{}/web", paths("expired").deployments);
    let change = Change::patch("replicas", "merge", &web, replicas(7));
    change.denied_to(&ci).await;
    let freeze = format!("/apis/loadtest-conductor.dev/v1alpha1/namespaces/{NAMESPACE}/freezes/expired");
    let past = json!({ "spec": { "expiresAt": "2020-01-01T00:00:00Z" } });
    Change::patch("expiry", "merge", &freeze, past).by(&place.admin).await.unwrap();
    until("a change that is allowed", PATIENCE, async || change.by(&ci).await.ok()).await;
    Change::delete("delete", &web).denied_to(&ci).await;
}

#[tokio::test]
async fn break_glass_users_and_controllers_of_owners_are_exempt() {
    let place = place("exempt").await;
    let operator =
        User::Person { name: "system:serviceaccount:keda:keda-operator".to_owned(), group: Some("sre".into()) };
    let on_call = User::Person { name: "on-call".to_owned(), group: Some("sre".into()) };
    let freezer = place.freezer.clone();
    let web = format!("{}/web", paths("exempt").deployments);
    for (number, (user, freezer)) in (3..).zip([
        (&operator, freezer.clone().exempting(vec![operator.name()])),
        (&on_call, freezer.clone().with_break_glass(vec!["on-call".to_owned()])),
        (&on_call, freezer.with_break_glass(vec!["sre".to_owned()])),
    ]) {
        let client = place.client(user).await;
        place.freezer.freeze(&run("exempt"), &place.targets(&["web"]), in_an_hour()).await.unwrap();
        let change = Change::patch("replicas", "merge", &web, replicas(number));
        until("a denial", PATIENCE, async || change.by(&client).await.is_err().then_some(())).await;
        place.freeze(&freezer, &place.targets(&["web"])).await;
        until("an exemption", PATIENCE, async || change.by(&client).await.ok()).await;
        Change::patch("replicas", "merge", &web, replicas(9)).denied_to(&place.client(&ci()).await).await;
    }
    until("the break-glass change in the audit log", PATIENCE, async || {
        let log = std::fs::read_to_string(place.cluster.folder().join("audit.log")).unwrap();
        let whole = log.rsplit_once('\n')?.0;
        let events = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut notes = events.filter_map(|event| {
            Some(event["annotations"]["freeze.loadtest-conductor.dev/break-glass"].as_str()?.to_owned())
        });
        notes.any(|note| note == "on-call although frozen by load test exempt").then_some(())
    })
    .await;
}
