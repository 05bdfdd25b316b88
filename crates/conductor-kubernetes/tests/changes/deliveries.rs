//! Deploying by objects of a delivery system, which changes workloads on its own: there, and exactly back.

mod deaths;
mod taken_over;

use std::time::Duration;

use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, FailureKind, PortError, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::Plan;
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{Deliver, Delivery, Rollout as ArgoRollout, Step, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, cluster, text};
use crate::everything::Everything;
use crate::plans::{argo_rollout_with_resources, image, rollout, step, with_resources};

/// Application checkout, which a delivery system deploys.
struct Delivered {
    bed: Bed,
    before: Everything,
    delivery: Delivery,
    changes: Changes,
}

/// A template that has nothing but production's deploy id.
fn by_id() -> Value {
    json!({
        "apiVersion": "delivery.example/v1",
        "kind": "DeploymentTask",
        "metadata": { "labels": { "app": "{application}" } },
        "spec": { "application": "{application}", "deployment": "{deployId}", "cause": "load test {run}" },
    })
}

fn settings(template: &Value, more: &Value) -> Value {
    let mut deploy = json!({
        "template": template,
        "phase": { "succeeded": ["Succeeded"], "failed": ["Failed"], "message": "{.status.message}" },
    });
    json_patch::merge(&mut deploy, more);
    json!({ "freeze": { "controllers": ["system:serviceaccount:delivery:controller"] }, "deploy": deploy })
}

/// What the delivery makes of a Deployment: an image by a tag, and what else its manifests say.
fn manifests(image: &str) -> Deliver {
    let container = json!({ "name": "main", "image": image, "resources": { "limits": { "cpu": "1" } } });
    Deliver::Manifests(json!({ "spec": { "replicas": 3, "template": { "spec": { "containers": [container] } } } }))
}

impl Delivered {
    async fn new(namespace: &str, settings: &Value) -> Self {
        let bed = Bed::new(namespace, &["checkout"]).await.with(settings);
        bed.api().create(&PostParams::default(), &with_resources("checkout", 2)).await.unwrap();
        Self::of(bed).await
    }

    /// A Rollout of Argo Rollouts, whose canary pauses until somebody goes on.
    async fn of_argo_rollout(namespace: &str, settings: &Value) -> Self {
        let bed = Bed::of(namespace, &[json!({ "name": "checkout", "rollout": "checkout" })]).await.with(settings);
        let steps = [Step::SetWeight(50), Step::pause()];
        bed.argo_rollout(&argo_rollout_with_resources("checkout", 2, &steps)).await;
        Self::of(bed).await
    }

    async fn of(bed: Bed) -> Self {
        let delivery = cluster().await.delivery(&bed.namespace).await.unwrap();
        let before = bed.everything().await;
        let baseline = bed.observe(&bed.conductor(1).await).await;
        let rollout =
            Rollout { deploy_id: Some("d-7".to_owned()), ..rollout(&baseline, "checkout", image("checkout")) };
        let scale = step(&baseline, "checkout", crate::plans::production(6));
        let changes = Changes { baseline, plan: Plan { rollouts: vec![rollout], scale_steps: vec![scale] } };
        Self { bed, before, delivery, changes }
    }

    /// What a delivery makes of a Rollout: its containers are one list, which a patch replaces.
    async fn new_template(&self) -> Value {
        let found = self.bed.api::<ArgoRollout>().get("checkout").await.unwrap();
        let mut containers = found.spec.template["spec"]["containers"].clone();
        containers[0]["image"] = json!("registry.example/checkout:2");
        containers[0]["resources"] = json!({ "limits": { "cpu": "1" } });
        json!({ "spec": { "replicas": 3, "template": { "spec": { "containers": containers } } } })
    }

    fn rollout(&self) -> &Rollout {
        &self.changes.plan.rollouts[0]
    }

    async fn roll_out(&self, conductor: &KubernetesEnvironment) -> Result<(), PortError> {
        conductor.roll_out(&self.bed.run, self.rollout(), Way::There).await
    }

    fn tasks(&self) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("delivery.example", "v1", "DeploymentTask"));
        Api::namespaced_with(self.bed.admin.clone(), &self.bed.namespace, &kind)
    }

    /// Every task, with its phase.
    async fn phases(&self) -> Vec<String> {
        let tasks = self.tasks().list(&ListParams::default()).await.unwrap();
        let told = |task: &DynamicObject| {
            let phase = task.data["status"]["phase"].as_str().unwrap_or("none").to_owned();
            format!("{} {phase}", task.metadata.name.clone().unwrap())
        };
        tasks.iter().map(told).collect()
    }

    /// A conductor that dies while a deployment goes on.
    async fn dies_while_it_goes_on(&self) {
        let conductor = self.bed.conductor(1).await;
        let goes_on = until("the deployment goes on", PATIENCE, async || {
            self.phases().await.iter().any(|task| task.ends_with("Deploying")).then_some(())
        });
        tokio::select! {
            done = self.roll_out(&conductor) => panic!("it has ended: {done:?}"),
            () = goes_on => {}
        }
    }

    async fn assert_back(&self, when: &str) {
        assert_eq!(self.bed.everything().await, self.before, "{when}");
        assert_eq!(self.phases().await, [""; 0], "{when}");
    }
}

#[tokio::test]
async fn what_the_delivery_deploys_is_taken_over_by_the_digest_and_everything_is_back_exactly() {
    let shop = Delivered::new("delivered", &settings(&by_id(), &json!({}))).await;
    shop.delivery.say("d-7", manifests("registry.example/checkout:2"));
    let conductor = shop.bed.conductor(1).await;
    let by = conductor.try_out(&shop.bed.run, &shop.changes.plan.rollouts).await.unwrap();
    assert_eq!(by["checkout"], "a DeploymentTask of delivery.example/v1");
    assert_eq!(shop.phases().await, [""; 0], "it was tried only");
    for _ in 0..2 {
        shop.roll_out(&conductor).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        let during = shop.bed.observe(&conductor).await;
        assert_eq!(during["checkout"].release, shop.rollout().to);
        assert_eq!(during["checkout"].allocation, shop.changes.baseline["checkout"].allocation, "as it was before");
        assert_eq!(shop.phases().await, ["run-delivered-checkout Succeeded"], "once, however often it is asked for");
    }
    let task = shop.tasks().get("run-delivered-checkout").await.unwrap();
    assert_eq!(task.data["spec"]["cause"], "load test run-delivered");
    assert_eq!(task.metadata.labels.unwrap()["app"], "checkout");
    conductor.scale(&shop.bed.run, &shop.changes.plan.scale_steps[0], Way::There).await.unwrap();
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    shop.assert_back("after the way back").await;
}

/// The same template, for a Rollout.
fn of_argo_rollout() -> Value {
    let mut template = by_id();
    template["spec"]["kind"] = json!("Rollout");
    template
}

#[tokio::test]
async fn an_argo_rollout_that_a_delivery_deploys_is_promoted_and_taken_over_and_everything_is_back_exactly() {
    let shop = Delivered::of_argo_rollout("delivered-argo-rollout", &settings(&of_argo_rollout(), &json!({}))).await;
    shop.delivery.say("d-7", Deliver::Manifests(shop.new_template().await));
    let conductor = shop.bed.conductor(1).await;
    for _ in 0..2 {
        shop.roll_out(&conductor).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        let during = shop.bed.observe(&conductor).await;
        assert_eq!(during["checkout"].release, shop.rollout().to);
        assert_eq!(during["checkout"].allocation, shop.changes.baseline["checkout"].allocation, "as it was before");
        assert_eq!(shop.phases().await, ["run-delivered-argo-rollout-checkout Succeeded"], "once");
    }
    conductor.scale(&shop.bed.run, &shop.changes.plan.scale_steps[0], Way::There).await.unwrap();
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    shop.assert_back("after the way back").await;
}

/// Puts back by a second conductor what the first one has left.
async fn put_back(shop: &Delivered, namespace: &str, from_cluster: bool) {
    let conductor = shop.bed.conductor(2).await;
    if from_cluster {
        assert!(shop.bed.restore_from_cluster(&conductor).await, "nothing was left");
    } else {
        assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    }
    shop.assert_back(namespace).await;
}

/// Puts back what a conductor has left that died while a delivery went on, whose canary pauses.
async fn argo_rollout_from_the_middle(namespace: &str, from_cluster: bool) {
    let shop = Delivered::of_argo_rollout(namespace, &settings(&of_argo_rollout(), &json!({}))).await;
    shop.delivery.say("d-7", Deliver::Hangs);
    shop.dies_while_it_goes_on().await;
    let rollouts = shop.bed.api::<ArgoRollout>();
    let template = shop.new_template().await;
    rollouts.patch("checkout", &PatchParams::default(), &Patch::Merge(&template)).await.unwrap();
    until("its canary pauses", PATIENCE, async || {
        let status = rollouts.get("checkout").await.unwrap().status?;
        (status.phase == "Paused").then_some(())
    })
    .await;
    put_back(&shop, namespace, from_cluster).await;
}

#[tokio::test]
async fn a_delivery_of_an_argo_rollout_that_pauses_is_ended_on_the_way_back_and_put_back() {
    tokio::join!(
        argo_rollout_from_the_middle("delivery-paused-argo-rollout", false),
        argo_rollout_from_the_middle("delivery-paused-argo-rollout-lost", true),
    );
}

#[tokio::test]
async fn a_conductor_that_comes_after_a_crash_waits_for_the_same_deployment() {
    let shop = Delivered::new("delivered-once", &settings(&by_id(), &json!({ "keepObjects": true }))).await;
    shop.delivery.say("d-7", Deliver::Hangs);
    shop.dies_while_it_goes_on().await;
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        shop.delivery.say("d-7", manifests("registry.example/checkout:2"));
    };
    let conductor = shop.bed.conductor(2).await;
    let (done, ()) = tokio::join!(shop.roll_out(&conductor), later);
    done.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(shop.phases().await, ["run-delivered-once-checkout Succeeded"]);
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    assert_eq!(shop.bed.everything().await, shop.before);
    assert_eq!(shop.phases().await, ["run-delivered-once-checkout Succeeded"], "it is kept");
}

/// Puts back what a conductor has left that died while a deployment went on, of which so much was done.
async fn put_back_from_the_middle(namespace: &str, done: Option<&str>, from_cluster: bool) {
    let shop = Delivered::new(namespace, &settings(&by_id(), &json!({ "keepObjects": true }))).await;
    shop.delivery.say("d-7", Deliver::Hangs);
    shop.dies_while_it_goes_on().await;
    if let Some(image) = done {
        let Deliver::Manifests(patch) = manifests(image) else { unreachable!() };
        let deployments = shop.bed.api::<Deployment>();
        deployments.patch("checkout", &PatchParams::default(), &Patch::Strategic(&patch)).await.unwrap();
    }
    put_back(&shop, namespace, from_cluster).await;
}

#[tokio::test]
async fn a_deployment_that_goes_on_is_ended_on_the_way_back_and_what_it_has_done_is_put_back() {
    let newer = Some("registry.example/checkout:2");
    tokio::join!(
        put_back_from_the_middle("delivery-begun", None, false),
        put_back_from_the_middle("delivery-begun-lost", None, true),
        put_back_from_the_middle("delivery-half", newer, false),
        put_back_from_the_middle("delivery-half-lost", newer, true),
    );
}

#[tokio::test]
async fn a_deployment_that_fails_or_takes_too_long_is_told_in_its_own_words() {
    let shop = Delivered::new("undelivered", &settings(&by_id(), &json!({ "within": "1s" }))).await;
    let conductor = shop.bed.conductor(1).await;
    let refused = async || {
        let error = shop.roll_out(&conductor).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Unsettled);
        text(&error)
    };
    let task = "DeploymentTask undelivered/run-undelivered-checkout";
    assert_eq!(refused().await, format!("{task} is Failed: no manifests of deployment d-7"));
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    shop.assert_back("after a failure").await;

    shop.delivery.say("d-7", Deliver::Hangs);
    assert_eq!(
        refused().await,
        format!(
            "{task} is Deploying after 1s; expected Succeeded. If its delivery is denied what it does by the freeze, its user \
             belongs among freeze.controllers"
        )
    );
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    shop.assert_back("after it took too long").await;

    shop.delivery.say("d-7", manifests("registry.example/other:2"));
    assert_eq!(
        refused().await,
        format!(
            "{task} has succeeded, and container main of Deployment undelivered/checkout runs registry.example/other:2; \
             expected registry.example/checkout@sha256:2"
        )
    );
}

#[tokio::test]
async fn a_version_that_is_there_already_is_one_and_one_that_nothing_was_done_for_is_none() {
    let shop = Delivered::new("same-version", &settings(&by_id(), &json!({}))).await;
    shop.delivery.say("d-7", Deliver::Manifests(json!({ "metadata": { "labels": { "delivered": "again" } } })));
    let conductor = shop.bed.conductor(1).await;
    let image_id = until("the digest that runs", PATIENCE, async || {
        let pods = shop.bed.api::<Pod>().list(&ListParams::default()).await.unwrap();
        let mut ids = pods
            .items
            .iter()
            .filter_map(|pod| Some(pod.status.as_ref()?.container_statuses.as_ref()?[0].image_id.clone()));
        ids.find(|id| !id.is_empty())
    })
    .await;
    let error = shop.roll_out(&conductor).await.unwrap_err();
    let expected = format!(
        "DeploymentTask same-version/run-same-version-checkout has succeeded, and container main of Deployment \
         same-version/checkout runs {image_id}; expected registry.example/checkout@sha256:2"
    );
    assert_eq!((error.kind, text(&error)), (FailureKind::Unsettled, expected));
    let to = Release::new([("main".to_owned(), image_id)].into());
    let rollout = Rollout { to, ..shop.rollout().clone() };
    conductor.roll_out(&shop.bed.run, &rollout, Way::There).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(shop.bed.observe(&conductor).await["checkout"].release, rollout.to);
}

#[tokio::test]
async fn an_image_of_the_load_tests_own_is_set_by_the_conductor_where_the_template_has_no_place_for_it() {
    let own = async |namespace: &str, template: Value| {
        let shop = Delivered::new(namespace, &settings(&template, &json!({}))).await;
        let conductor = shop.bed.conductor(1).await;
        let rollout = Rollout { deploy_id: None, ..shop.rollout().clone() };
        let by = conductor.try_out(&shop.bed.run, std::slice::from_ref(&rollout)).await.unwrap();
        conductor
            .roll_out(&shop.bed.run, &rollout, Way::There)
            .await
            .unwrap_or_else(|error| panic!("{}", text(&error)));
        assert_eq!(shop.bed.observe(&conductor).await["checkout"].release, rollout.to);
        (by.len(), shop.phases().await.len())
    };
    assert_eq!(own("own-by-images", by_id()).await, (0, 0));
    let mut with_images = by_id();
    with_images["spec"] = json!({ "application": "{application}", "images": { "main": "{images.main}" } });
    assert_eq!(own("own-delivered", with_images).await, (1, 1));
}

#[tokio::test]
async fn what_the_delivery_would_not_take_is_told_before_anything_is_made() {
    let refused = async |namespace: &str, change: Value| {
        let mut template = by_id();
        json_patch::merge(&mut template, &change);
        let shop = Delivered::new(namespace, &settings(&template, &json!({}))).await;
        let conductor = shop.bed.conductor(1).await;
        let error = conductor.try_out(&shop.bed.run, &shop.changes.plan.rollouts).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rejected);
        text(&error)
    };
    assert_eq!(
        refused("no-kind", json!({ "kind": "DeployTask" })).await,
        "the test cluster has no kind DeployTask of delivery.example/v1; expected one that it serves"
    );
    assert_eq!(
        refused("no-container", json!({ "spec": { "image": "{images.app}" } })).await,
        "could not let checkout be deployed by a DeploymentTask of delivery.example/v1: it has no container app for \
         {images.app}; expected one of main"
    );
    let invalid = refused("invalid-task", json!({ "metadata": { "labels": { "app": "{application}/x y" } } })).await;
    assert!(invalid.starts_with("could not make DeploymentTask invalid-task/run-invalid-task-checkout: "), "{invalid}");
    assert!(invalid.contains("metadata.labels: Invalid value: \"checkout/x y\""), "{invalid}");

    let shop = Delivered::new("not-its-own", &settings(&by_id(), &json!({}))).await;
    let other = json!({
        "apiVersion": "delivery.example/v1",
        "kind": "DeploymentTask",
        "metadata": { "name": "run-not-its-own-checkout" },
    });
    shop.tasks().create(&PostParams::default(), &serde_json::from_value(other).unwrap()).await.unwrap();
    let conductor = shop.bed.conductor(1).await;
    let error = shop.roll_out(&conductor).await.unwrap_err();
    assert_eq!(
        text(&error),
        "could not make DeploymentTask not-its-own/run-not-its-own-checkout: there is one of that name, which was not made for it"
    );
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    assert_eq!(shop.phases().await.len(), 1, "it is somebody else's");
}

#[tokio::test]
async fn what_the_delivery_changes_besides_is_told_and_everything_else_is_back() {
    let shop = Delivered::new("besides", &settings(&by_id(), &json!({}))).await;
    let env = json!([{ "name": "VERSION", "value": "2" }]);
    let container = json!({ "name": "main", "image": "registry.example/checkout:2", "env": env });
    let manifests = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    shop.delivery.say("d-7", Deliver::Manifests(manifests));
    let conductor = shop.bed.conductor(1).await;
    shop.bed.perform(&conductor, &shop.changes.plan).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let restored = shop.bed.try_restore(&conductor, &shop.changes).await;
    assert_eq!(
        restored.failures,
        [
            "Deployment besides/checkout is not as it was: its delivery has changed more of its pods than images and resources, \
          which is not put back; deploy what was there once more"
        ]
    );
    let mut now = shop.bed.everything().await;
    let container = &mut now.get_mut("Deployment checkout").unwrap()["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container.as_object_mut().unwrap().remove("env"), Some(env));
    assert_eq!(now, shop.before);
}
