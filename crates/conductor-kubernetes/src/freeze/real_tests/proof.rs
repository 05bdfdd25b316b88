//! Freezes that do not act are found, and the conductor has no more rights than it needs.

use conductor_core::failure::Failure;
use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::{Behaviour, User, deployment, until};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::bed::{BINDING, CONDUCTOR, POLICY, define, freezer, in_an_hour, place, run, targets};
use super::changes::Change;
use crate::bed::{PATIENCE, create, start};
use crate::freeze::{Freezer, Proof};

const NAME: &str = "freeze.loadtest-conductor.dev";

#[tokio::test]
async fn what_is_installed_only_in_part_or_changed_is_found_and_named() {
    let cluster = start().await;
    let admin = cluster.client(&User::Admin).await.unwrap();
    create(&admin, CONDUCTOR).await;
    let web = deployment("web", 0, Behaviour::Ready);
    Api::default_namespaced(admin.clone()).create(&Default::default(), &web).await.unwrap();
    let freezer = freezer(&cluster).await;
    let run = run("rehearsal");
    nothing_is_installed(&freezer).await;
    freezer.lift(&run).await.unwrap();

    define(&admin).await;
    freezer.freeze(&run, &targets("default", &["web"]), in_an_hour()).await.unwrap();
    assert_eq!(
        inactive(&freezer).await.unwrap(),
        format!(
            "ValidatingAdmissionPolicy {NAME} does not exist, ValidatingAdmissionPolicyBinding {NAME} does not exist"
        )
    );
    create(&admin, POLICY).await;
    create(&admin, BINDING).await;
    active(&freezer).await;

    let binding = Api::<ValidatingAdmissionPolicyBinding>::all(admin.clone());
    for (change, back, wrong) in [
        (json!({ "validationActions": ["Audit"] }), json!({ "validationActions": ["Deny"] }), "denies nothing"),
        (
            json!({ "paramRef": { "namespace": "default" } }),
            json!({ "paramRef": { "namespace": "loadtest-conductor" } }),
            "does not look for freezes in namespace loadtest-conductor",
        ),
    ] {
        change_spec(&binding, change).await;
        assert_eq!(inactive(&freezer).await.unwrap(), format!("ValidatingAdmissionPolicyBinding {NAME} {wrong}"));
        change_spec(&binding, back).await;
    }
    active(&freezer).await;
    binding.delete(NAME, &Default::default()).await.unwrap();
    let because = inactive(&freezer).await.unwrap();
    assert_eq!(because, format!("ValidatingAdmissionPolicyBinding {NAME} does not exist"));

    create(&admin, BINDING).await;
    active(&freezer).await;
    // An error in an expression lets everything pass.
    let broken = json!({ "validations": [{ "expression": "params.spec.targets[100000] == ''" }] });
    change_spec(&Api::<ValidatingAdmissionPolicy>::all(admin.clone()), broken).await;
    until("a proof that the broken policy does not act", PATIENCE, async || {
        let because = inactive(&freezer).await?;
        (because == "the policy is there, but deployments/default/web can be changed").then_some(())
    })
    .await;
    cluster.stop().await.unwrap();
}

async fn nothing_is_installed(freezer: &Freezer) {
    let missing = [
        "CustomResourceDefinition freezes.loadtest-conductor.dev does not exist".to_owned(),
        format!("ValidatingAdmissionPolicy {NAME} does not exist"),
        format!("ValidatingAdmissionPolicyBinding {NAME} does not exist"),
    ];
    assert_eq!(freezer.available().await.unwrap(), missing);
    assert_eq!(inactive(freezer).await.unwrap(), missing.join(", "));
    assert_eq!(freezer.frozen().await.unwrap(), []);
    assert!(!freezer.lift_by_name("rehearsal").await.unwrap());
}

/// Why nothing is frozen; `None` when a change is denied.
async fn inactive(freezer: &Freezer) -> Option<String> {
    match freezer.prove(&targets("default", &["web"])).await {
        Ok(Proof::Inactive { because }) => Some(because),
        Ok(Proof::Active) => None,
        Err(error) => panic!("{}", Failure::of("prove", &error)),
    }
}

async fn active(freezer: &Freezer) {
    until("a freeze that acts", PATIENCE, async || inactive(freezer).await.is_none().then_some(())).await;
}

async fn change_spec<K>(objects: &Api<K>, change: Value)
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let change = json!({ "spec": change });
    objects.patch(NAME, &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
}

#[tokio::test]
async fn targets_that_are_not_frozen_beside_others_that_are_are_named() {
    let place = place("in-part").await;
    place.deploy("other").await;
    place.freeze(&place.freezer, &place.targets(&["web"])).await;
    let error = place.freezer.prove(&place.targets(&["web", "other"])).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsettled);
    let text = Failure::of("freeze", &error).message;
    assert_eq!(text, "could not prove that 2 targets are frozen: 1 can be changed: deployments/in-part/other");
    let error = place.freezer.prove(&place.targets(&["web", "absent"])).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::NotFound);
    assert_eq!(error.act, "could not try whether deployments/in-part/absent is frozen");
}

#[tokio::test]
async fn the_conductor_may_do_what_it_needs_and_no_more() {
    let place = place("rights").await;
    let may = &place.freezer.client;
    let path = |group: &str, resource: &str| format!("/{group}/namespaces/rights/{resource}");
    let web = path("apis/apps/v1", "deployments/web");
    let freezes = path("apis/loadtest-conductor.dev/v1alpha1", "freezes");
    for change in [
        Change::delete("a workload", &web),
        Change::delete("all workloads", &path("apis/apps/v1", "deployments")),
        Change::delete("pods", &path("api/v1", "pods")),
        Change::post(
            "a workload",
            &path("apis/apps/v1", "deployments"),
            with_types(deployment("b", 0, Behaviour::Ready)),
        ),
        Change::post("a Freeze elsewhere", &freezes, json!({ "metadata": { "name": "elsewhere" } })),
        Change::delete(
            "the policy",
            &format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{NAME}"),
        ),
        Change::delete("the namespace", "/api/v1/namespaces/rights"),
    ] {
        let denial = change.denied_to(may).await;
        assert!(denial.contains("cannot"), "{}: {denial}", change.what);
    }
    for readable in [
        web,
        path("apis/apps/v1", "statefulsets"),
        path("apis/apps/v1", "replicasets"),
        path("apis/autoscaling/v2", "horizontalpodautoscalers"),
        path("api/v1", "pods"),
        path("api/v1", "events"),
        path("api/v1", "resourcequotas"),
        "/api/v1/nodes".to_owned(),
        "/api/v1/namespaces/rights".to_owned(),
    ] {
        assert_eq!(status(may, &readable).await, 200, "{readable}");
    }
    for secret in [path("api/v1", "secrets"), path("api/v1", "configmaps"), "/api/v1/secrets".to_owned()] {
        assert_eq!(status(may, &secret).await, 403, "{secret}");
    }
}

fn with_types(deployment: k8s_openapi::api::apps::v1::Deployment) -> Value {
    serde_json::to_value(deployment).unwrap()
}

async fn status(client: &Client, path: &str) -> u16 {
    match client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("{path}: {error}"),
    }
}
