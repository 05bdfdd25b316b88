//! What is made of a Stack: what others make of it, or let scale it besides, is seen, and put back where that is possible.

use conductor_core::app::Allocation;
use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::{User, until, vertical_pod_autoscaler, vertical_resource};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, cluster, in_minutes, text};
use crate::drifts::seen;

const IMAGE: &str = "registry.example/checkout:1";

/// Puts what the run needs in place again, as the engine does.
async fn revert(bed: &Bed, to: &Allocation) -> Result<(), PortError> {
    let from = bed.conductor.still_allocated(&bed.applications).await.unwrap().remove("checkout").unwrap();
    let step = ScaleStep { application: bed.applications[0].clone(), from, to: to.clone() };
    bed.conductor.scale(&bed.run, &step, Way::There).await
}

async fn allocation(bed: &Bed) -> Allocation {
    bed.observe().await["checkout"].allocation.clone()
}

async fn spec(bed: &Bed) -> Value {
    json!(bed.api::<Deployment>().get("checkout-v1").await.unwrap().spec)
}

fn autoscaler(kind: &str, name: &str, group: &str) -> HorizontalPodAutoscaler {
    let target = json!({ "apiVersion": group, "kind": kind, "name": "checkout-v1" });
    let spec = json!({ "minReplicas": 2, "maxReplicas": 9, "scaleTargetRef": target });
    serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).unwrap()
}

#[tokio::test]
async fn what_somebody_makes_of_the_deployment_of_a_stack_is_seen_and_put_back() {
    let bed = Bed::with_stack_set("stack-made", None).await;
    let (before, needed) = (spec(&bed).await, allocation(&bed).await);
    assert_eq!(
        seen(&bed, &["scale", "deployment/checkout-v1", "--replicas=7"]).await,
        ["checkout: replicas of Deployment checkout-v1 is 7, not 2; changed by kubectl (Update of scale)"]
    );
    // Its controller has put these back by itself.
    revert(&bed, &needed).await.unwrap();
    assert_eq!(spec(&bed).await, before);
    assert_eq!(
        seen(&bed, &["set", "image", "deployment/checkout-v1", "main=registry.example/checkout:9"]).await,
        [format!(
            "checkout: version of main of Deployment checkout-v1 is registry.example/checkout:9, not {IMAGE}; changed by \
             kubectl-set (Update)"
        )]
    );
    revert(&bed, &needed).await.unwrap();
    assert_eq!(spec(&bed).await, before);
    assert_eq!(
        seen(&bed, &["set", "resources", "deployment/checkout-v1", "--limits=memory=1Gi"]).await,
        [
            "checkout: limits.memory of main of Deployment checkout-v1 is 1Gi, not absent; changed by kubectl-set (Update)"
        ]
    );
    let refused = bed.conductor.allocated(&bed.applications).await.unwrap_err();
    let told = text(&refused);
    assert!(
        told.starts_with(
            "StackSet stack-made/checkout: Deployment checkout-v1 is not as its Stack says (limits.memory of main is 1Gi, not \
             absent, by kubectl-set (Update, "
        ),
        "{told}"
    );
    assert!(told.ends_with("expected the Stack to say it, or nobody to have changed it"), "{told}");
    revert(&bed, &needed).await.unwrap();
    assert_eq!(spec(&bed).await, before);
}

#[tokio::test]
async fn what_somebody_makes_of_an_autoscaled_stack_is_seen_and_put_back() {
    let bed = Bed::with_stack_set("stack-held", Some(2..=2)).await;
    let needed = allocation(&bed).await;
    assert_eq!(
        seen(&bed, &["scale", "deployment/checkout-v1", "--replicas=7"]).await,
        ["checkout: replicas of Deployment checkout-v1 is 7, not 2; changed by kubectl (Update of scale)"]
    );
    revert(&bed, &needed).await.unwrap();
    assert_eq!(spec(&bed).await["replicas"], 2);
    assert_eq!(
        seen(&bed, &["patch", "hpa/checkout-v1", r#"--patch={"spec":{"maxReplicas":9}}"#]).await,
        ["checkout: autoscaling is autoscaled from 2 to 9, not pinned at 2; changed by kubectl-patch (Update)"]
    );
    revert(&bed, &needed).await.unwrap();
    until("its bounds are those of its Stack", PATIENCE, async || {
        let found = bed.api::<HorizontalPodAutoscaler>().get("checkout-v1").await.unwrap();
        (found.spec.max_replicas == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_autoscaler_that_somebody_aims_at_a_stack_is_refused_before_a_run_and_seen_during_it() {
    let bed = Bed::with_stack_set("stack-aimed", None).await;
    let needed = allocation(&bed).await;
    for (name, kind, group) in [("made", "Deployment", "apps/v1"), ("stack", "Stack", "zalando.org/v1")] {
        let expected = bed.observe().await;
        let autoscalers = bed.api::<HorizontalPodAutoscaler>();
        autoscalers.create(&Default::default(), &autoscaler(kind, name, group)).await.unwrap();
        let drifts = bed.conductor.drifted(&expected, &[]).await.unwrap();
        let told = drifts[0].to_string();
        assert!(told.starts_with("checkout: autoscaling is autoscaled from 2 to 9, not absent; changed by "), "{told}");
        let text_of_all = format!(
            "StackSet stack-aimed/checkout: HorizontalPodAutoscaler stack-aimed/{name} scales its Stack besides the StackSet's \
             controller, and the two fight; expected none but the autoscaler that the Stack itself says (spec.autoscaler)"
        );
        for refused in
            [revert(&bed, &needed).await.unwrap_err(), bed.conductor.allocated(&bed.applications).await.unwrap_err()]
        {
            assert_eq!((refused.kind, text(&refused)), (FailureKind::Rejected, text_of_all.clone()), "{kind}");
        }
        autoscalers.delete(name, &Default::default()).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_aims_an_autoscaler_at_a_stack_that_is_frozen() {
    let bed = Bed::with_stack_set("stack-unaimed", None).await;
    let conductor = bed.connect(1, &json!({})).await;
    assert_eq!(conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap(), Guarded::Frozen);
    for (kind, group) in [("Deployment", "apps/v1"), ("Stack", "zalando.org/v1")] {
        let made = autoscaler(kind, "mine", group);
        let denied = bed.api::<HorizontalPodAutoscaler>().create(&Default::default(), &made).await.unwrap_err();
        assert!(denied.to_string().contains("frozen by load test run-stack-unaimed until"), "{kind}: {denied}");
    }
    conductor.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn a_vertical_autoscaler_of_a_stack_is_paused_like_those_of_others() {
    cluster().await.vertical().await.unwrap();
    for (kind, group) in [("Deployment", "apps/v1"), ("Stack", "zalando.org/v1")] {
        let mut bed = Bed::with_stack_set(&format!("stack-sized-{}", kind.to_lowercase()), None).await;
        // Where nothing is frozen.
        let cluster = json!({ "kubeconfig": cluster().await.kubeconfig(&User::Admin).unwrap() });
        bed.conductor = bed.connect(1, &json!({ "cluster": cluster, "conductorNamespace": "nowhere" })).await;
        let vertical: Api<DynamicObject> =
            Api::namespaced_with(bed.admin.clone(), &bed.namespace, &vertical_resource());
        let mut made = vertical_pod_autoscaler("checkout", &json!({ "updateMode": "Recreate" }));
        made.data["spec"]["targetRef"] = json!({ "apiVersion": group, "kind": kind, "name": "checkout-v1" });
        vertical.create(&Default::default(), &made).await.unwrap();
        let mode = async || vertical.get("checkout").await.unwrap().data["spec"]["updatePolicy"]["updateMode"].clone();
        let from = bed.observe().await["checkout"].allocation.clone();
        let mut to = from.clone();
        to.resources.insert("main".to_owned(), [("requests.cpu".to_owned(), "1".parse().unwrap())].into());
        let step = ScaleStep { application: bed.applications[0].clone(), from: from.clone(), to: to.clone() };
        let pauses = bed.conductor.pauses(&bed.applications, std::slice::from_ref(&step)).await.unwrap();
        let told: Vec<String> = pauses.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [format!(
                "VerticalPodAutoscaler {}/checkout of checkout (updateMode: Off, since the run sets the resources of its pods)",
                bed.namespace
            )]
        );
        bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
        let frozen = mode().await;
        bed.conductor.scale(&bed.run, &step, Way::There).await.unwrap();
        let scaled = mode().await;
        let expected = bed.observe().await;
        let patch = r#"{"spec":{"updatePolicy":{"updateMode":"Recreate"}}}"#;
        bed.kubectl(&["patch", "vpa/checkout", "--type=merge", "-p", patch]).await.unwrap();
        let drifts = bed.conductor.drifted(&expected, &[]).await.unwrap();
        let told = drifts[0].to_string();
        let name = format!("updateMode of VerticalPodAutoscaler {}/checkout", bed.namespace);
        assert!(told.starts_with(&format!("checkout: {name} is Recreate, not Off")), "{told}");
        revert(&bed, &to).await.unwrap();
        let reverted = mode().await;
        let back = ScaleStep { from: to, to: from, ..step };
        bed.conductor.scale(&bed.run, &back, Way::Back).await.unwrap();
        bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
        bed.conductor.thaw(&bed.run).await.unwrap();
        let modes = [frozen, scaled, reverted, mode().await];
        assert_eq!(modes, ["Initial", "Off", "Off", "Recreate"].map(Value::from), "{kind}");
    }
}
