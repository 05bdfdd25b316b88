//! The freeze, through the port: others are denied, the run is not, and it ends as it should.

use std::time::Duration;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes::Freezer;
use conductor_kubernetes_bed::{ScaledObject, Trigger, scaled_object, until};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::bed::{Bed, PATIENCE, cluster, in_minutes, text};

#[tokio::test]
async fn others_are_denied_and_the_run_goes_on() {
    let bed = Bed::new("frozen").await;
    let frozen = bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen);
    let denied = bed.kubectl(&["scale", "deployment/checkout", "--replicas=5"]).await.unwrap_err();
    for told in ["frozen by load test run-frozen until", "conductor unfreeze run-frozen", "team-shop"] {
        assert!(denied.contains(told), "{told}: {denied}");
    }
    let from = bed.observe().await["checkout"].allocation.clone();
    let to = Allocation { replicas: 3, ..from.clone() };
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    bed.conductor.scale(&bed.run, &step, Way::There).await.unwrap();
    bed.conductor.extend(&bed.run, in_minutes(30)).await.unwrap();
    let freezer = Freezer::new(bed.admin.clone(), "loadtest-conductor").await.unwrap();
    let known = freezer.frozen().await.unwrap().into_iter().find(|frozen| frozen.run == "run-frozen").unwrap();
    assert!(known.expires > in_minutes(25), "{known:?}");
    for _ in 0..2 {
        bed.conductor.thaw(&bed.run).await.unwrap();
    }
    until("others may change it again", PATIENCE, async || {
        bed.kubectl(&["scale", "deployment/checkout", "--replicas=5"]).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_stateful_set_and_its_autoscaler_are_frozen_as_well() {
    let bed = Bed::with_stateful_set("frozen-set").await;
    bed.kubectl(&["autoscale", "statefulset/checkout", "--min=2", "--max=4"]).await.unwrap();
    let frozen = bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen);
    for change in [
        ["scale", "statefulset/checkout", "--replicas=5"],
        ["set", "image", "statefulset/checkout main=registry.example/checkout:9"],
        ["patch", "hpa/checkout", r#"--patch={"spec":{"maxReplicas":9}}"#],
    ] {
        let arguments: Vec<&str> = change.iter().flat_map(|part| part.split(' ')).collect();
        let denied = bed.kubectl(&arguments).await.unwrap_err();
        assert!(denied.contains("frozen by load test run-frozen-set until"), "{change:?}: {denied}");
    }
    let from = bed.observe().await["checkout"].allocation.clone();
    let to = Allocation { replicas: 3, autoscaling: Some(Bounds::pinned(3)), ..from.clone() };
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    bed.conductor.scale(&bed.run, &step, Way::There).await.unwrap();
    bed.conductor.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn a_freeze_that_somebody_has_lifted_stays_lifted() {
    let bed = Bed::new("lifted").await;
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert!(bed.conductor.unfreeze("run-lifted").await.unwrap());
    assert!(!bed.conductor.unfreeze("run-lifted").await.unwrap(), "it is lifted already");
    let gone = async || {
        let error = bed.conductor.extend(&bed.run, in_minutes(30)).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::NotFound);
        text(&error)
    };
    let told = "the freeze of run run-lifted is gone: somebody has lifted it, or it ran out while the API server could not be \
                reached; others can change the applications from now on";
    assert_eq!([gone().await, gone().await], [told, told]);
    until("others may change it again", PATIENCE, async || {
        bed.kubectl(&["scale", "deployment/checkout", "--replicas=5"]).await.ok()
    })
    .await;
    bed.conductor.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn a_freeze_ends_by_itself_when_nobody_puts_that_off() {
    let bed = Bed::new("alone").await;
    // A freeze ends at a whole second, and making it takes some on a busy machine.
    let soon = Timestamp::from_second(Timestamp::now().as_second() + 10).unwrap();
    assert_eq!(bed.conductor.freeze(&bed.run, &bed.applications, soon).await.unwrap(), Guarded::Frozen);
    until("others may change it again", Duration::from_secs(60), async || {
        bed.kubectl(&["scale", "deployment/checkout", "--replicas=5"]).await.ok()
    })
    .await;
    assert!(Timestamp::now() >= soon, "not before its time");
}

#[tokio::test]
async fn another_runs_applications_are_refused_by_its_name() {
    let bed = Bed::new("shared").await;
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let other = "other-1".parse().unwrap();
    let error = bed.conductor.freeze(&other, &bed.applications, in_minutes(15)).await.unwrap_err();
    let told = text(&error);
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(told.contains("run-shared"), "{told}");
    bed.conductor.thaw(&other).await.unwrap();
    let denied = bed.kubectl(&["scale", "deployment/checkout", "--replicas=5"]).await.unwrap_err();
    assert!(denied.contains("run-shared"), "another run's thaw is its own: {denied}");
    bed.conductor.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn keda_that_is_late_on_the_way_back_is_waited_for_once_more_when_the_rest_is_back() {
    let bed = Bed::new("late-keda").await;
    cluster().await.keda().await.unwrap();
    let made = scaled_object("checkout", 2..=4, Trigger::active());
    bed.api::<ScaledObject>().create(&Default::default(), &made).await.unwrap();
    let bounds = async || {
        let autoscaler = bed.api::<HorizontalPodAutoscaler>().get_opt("keda-hpa-checkout").await.unwrap()?;
        Some((autoscaler.spec.min_replicas, autoscaler.spec.max_replicas))
    };
    until("KEDA's autoscaler", PATIENCE, bounds).await;
    let conductor = bed.connect(1, &serde_json::json!({})).await;
    conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let from = conductor.allocated(&bed.applications).await.unwrap().remove("checkout").unwrap();
    let to = Allocation { replicas: 6, autoscaling: Some(Bounds::pinned(6)), ..from.clone() };
    let application = bed.applications[0].clone();
    let there = ScaleStep { application: application.clone(), from: from.clone(), to: to.clone() };
    conductor.scale(&bed.run, &there, Way::There).await.unwrap();

    // From now on KEDA is denied what it does.
    let deaf = bed.connect(2, &serde_json::json!({ "freeze": { "controllers": [] } })).await;
    deaf.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    until("the API server knows so", PATIENCE, async || {
        let keda = "--as=system:serviceaccount:keda:keda-operator";
        let patch = r#"--patch={"spec":{"maxReplicas":7}}"#;
        let tried = ["patch", "hpa", "keda-hpa-checkout", patch, "--dry-run=server", keda];
        bed.kubectl(&tried).await.err().filter(|denied| denied.contains("run-late-keda"))
    })
    .await;
    let back = ScaleStep { application, from: to, to: from };
    deaf.scale(&bed.run, &back, Way::Back).await.unwrap();
    assert_eq!(bounds().await, Some((Some(6), 6)), "KEDA was denied it");
    let replicas = async || bed.api::<Deployment>().get("checkout").await.unwrap().spec?.replicas;
    until("its autoscaler goes by the bounds of the run", PATIENCE, async || {
        replicas().await.filter(|replicas| *replicas == 6)
    })
    .await;
    deaf.unfreeze("run-late-keda").await.unwrap();
    deaf.let_go(&bed.run, &bed.applications).await.unwrap();
    assert_eq!(bounds().await, Some((Some(2), 4)));
    until("its autoscaler goes by its own bounds", PATIENCE, async || {
        replicas().await.filter(|replicas| (2..=4).contains(replicas))
    })
    .await;
    deaf.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn keda_carries_the_runs_bounds_through_the_freeze_and_nobody_else_changes_them() {
    let bed = Bed::new("frozen-keda").await;
    cluster().await.keda().await.unwrap();
    let made = scaled_object("checkout", 2..=4, Trigger::active());
    bed.api::<ScaledObject>().create(&Default::default(), &made).await.unwrap();
    let bounds = async || {
        let autoscaler = bed.api::<HorizontalPodAutoscaler>().get_opt("keda-hpa-checkout").await.unwrap()?;
        Some((autoscaler.spec.min_replicas, autoscaler.spec.max_replicas))
    };
    until("KEDA's autoscaler", PATIENCE, bounds).await;
    // As a conductor that starts when KEDA is there.
    let conductor = bed.connect(1, &serde_json::json!({})).await;
    let frozen = conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen);
    let patch = r#"--patch={"spec":{"maxReplicaCount":9}}"#;
    for change in [
        &["patch", "scaledobject/checkout", "--type=merge", patch][..],
        &["delete", "scaledobject/checkout"],
        &["patch", "hpa/keda-hpa-checkout", r#"--patch={"spec":{"maxReplicas":9}}"#],
    ] {
        let denied = bed.kubectl(change).await.unwrap_err();
        assert!(denied.contains("frozen by load test run-frozen-keda until"), "{change:?}: {denied}");
    }
    let mut baseline = conductor.allocated(&bed.applications).await.unwrap();
    let from = baseline.remove("checkout").unwrap();
    let to = Allocation { replicas: 6, autoscaling: Some(Bounds::pinned(6)), ..from.clone() };
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    conductor.scale(&bed.run, &step, Way::There).await.unwrap();
    until("KEDA's autoscaler follows", PATIENCE, async || (bounds().await == Some((Some(6), 6))).then_some(())).await;
    conductor.thaw(&bed.run).await.unwrap();
}
