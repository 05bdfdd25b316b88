//! A conductor whose signs of life stayed out, and those that take its run over.

use std::time::Duration;

use conductor_core::app::Allocation;
use conductor_core::ports::{EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::User;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::json;

use crate::bed::{Bed, cluster, in_minutes, text};

/// The step from what there is to so many replicas.
async fn to_replicas(bed: &Bed, replicas: u32) -> ScaleStep {
    let from = bed.observe().await["checkout"].allocation.clone();
    let to = Allocation { replicas, ..from.clone() };
    ScaleStep { application: bed.applications[0].clone(), from, to }
}

async fn replicas(bed: &Bed) -> Option<i32> {
    bed.api::<Deployment>().get("checkout").await.unwrap().spec.unwrap().replicas
}

/// Others may have put the run back by then, and taken every mark away by which its writes would be refused.
#[tokio::test]
async fn a_conductor_whose_signs_of_life_stayed_out_does_nothing_more_but_put_back() {
    let bed = Bed::new("lapsed").await;
    let good = Timestamp::now() + SignedDuration::from_secs(15);
    bed.conductor.freeze(&bed.run, &bed.applications, good).await.unwrap();
    let (there, before) = (to_replicas(&bed, 3).await, replicas(&bed).await);
    bed.conductor.scale(&bed.run, &there, Way::There).await.unwrap();
    tokio::time::sleep(Duration::try_from(good.duration_since(Timestamp::now())).unwrap_or_default()).await;
    tokio::time::sleep(Duration::from_millis(10)).await;

    let more = to_replicas(&bed, 4).await;
    for error in [
        bed.conductor.scale(&bed.run, &more, Way::There).await.unwrap_err(),
        bed.conductor.extend(&bed.run, in_minutes(15)).await.unwrap_err(),
    ] {
        let told = text(&error);
        assert_eq!(error.kind, FailureKind::Rejected);
        assert!(told.contains("stood still or was cut off, and its last sign of life was good until 20"), "{told}");
    }
    assert_eq!(replicas(&bed).await, Some(3));
    let ScaleStep { application, from, to } = there;
    let back = ScaleStep { application, from: to, to: from };
    bed.conductor.scale(&bed.run, &back, Way::Back).await.unwrap();
    assert_eq!(replicas(&bed).await, before);
    bed.conductor.thaw(&bed.run).await.unwrap();
}

/// A run may be put back by somebody else than has started it, while what it has frozen still is.
#[tokio::test]
async fn who_takes_a_run_over_may_change_what_it_has_frozen() {
    let bed = Bed::new("taken-over").await;
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let (there, before) = (to_replicas(&bed, 3).await, replicas(&bed).await);
    bed.conductor.scale(&bed.run, &there, Way::There).await.unwrap();

    let kubeconfig = cluster().await.kubeconfig(&User::Admin).unwrap();
    let other = bed.connect(2, &json!({ "cluster": { "kubeconfig": kubeconfig } })).await;
    let ScaleStep { application, from, to } = there;
    let back = ScaleStep { application, from: to, to: from };
    let denied = text(&other.scale(&bed.run, &back, Way::Back).await.unwrap_err());
    assert!(denied.contains("frozen by load test run-taken-over until"), "{denied}");
    other.extend(&bed.run, in_minutes(15)).await.unwrap();
    other.scale(&bed.run, &back, Way::Back).await.unwrap();
    assert_eq!(replicas(&bed).await, before);
    let denied =
        bed.kubectl(&["--as=somebody", "--as-group=system:masters", "scale", "deployment/checkout", "--replicas=5"]);
    assert!(denied.await.unwrap_err().contains("frozen by load test run-taken-over until"));
    other.thaw(&bed.run).await.unwrap();
}

/// The journal of a conductor that died knows nothing of that, and may be read days later.
#[tokio::test]
async fn what_a_team_sets_after_the_run_was_put_back_elsewhere_is_not_taken_for_the_runs() {
    let bed = Bed::new("stale").await;
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let there = to_replicas(&bed, 3).await;
    bed.conductor.scale(&bed.run, &there, Way::There).await.unwrap();
    let ScaleStep { application, from, to } = there;
    let back = ScaleStep { application, from: to, to: from };
    let reaper = bed.connect(2, &json!({})).await;
    reaper.extend(&bed.run, in_minutes(15)).await.unwrap();
    reaper.scale(&bed.run, &back, Way::Back).await.unwrap();
    reaper.let_go(&bed.run, &bed.applications).await.unwrap();
    reaper.thaw(&bed.run).await.unwrap();

    // The first one that takes it over dies before it has done anything.
    let [died, stale] = [bed.connect(3, &json!({})).await, bed.connect(4, &json!({})).await];
    for conductor in [&died, &stale] {
        let gone = conductor.extend(&bed.run, in_minutes(15)).await.unwrap_err();
        assert_eq!(gone.kind, FailureKind::NotFound, "{}", text(&gone));
    }
    stale.scale(&bed.run, &back, Way::Back).await.unwrap();
    bed.kubectl(&["scale", "deployment/checkout", "--replicas=3"]).await.unwrap();
    let error = stale.scale(&bed.run, &back, Way::Back).await.unwrap_err();
    assert_eq!(
        text(&error),
        "could not change Deployment stale/checkout: somebody else has put load test run-stale back, and set replicas to 3 \
         since: it is theirs and stays"
    );
    assert_eq!(replicas(&bed).await, Some(3));
    stale.thaw(&bed.run).await.unwrap();
}

#[tokio::test]
async fn a_lease_that_somebody_deletes_is_given_anew_by_a_conductor_that_lives() {
    let bed = Bed::new("unsigned").await;
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    bed.kubectl(&["--namespace=loadtest-conductor", "delete", "lease/run-unsigned"]).await.unwrap();
    bed.conductor.extend(&bed.run, in_minutes(15)).await.unwrap();
    let get = ["--namespace=loadtest-conductor", "get", "lease/run-unsigned", "--output=name"];
    assert_eq!(bed.kubectl(&get).await.unwrap(), "lease.coordination.k8s.io/run-unsigned");
    bed.conductor.extend(&bed.run, in_minutes(15)).await.unwrap();
    // One that it does not know: the answer to its own may have been lost.
    let leases: Api<Lease> = Api::namespaced(bed.admin.clone(), "loadtest-conductor");
    leases.delete("run-unsigned", &Default::default()).await.unwrap();
    let other = serde_json::from_value(json!({ "metadata": { "name": "run-unsigned" }, "spec": {} })).unwrap();
    leases.create(&Default::default(), &other).await.unwrap();
    bed.conductor.extend(&bed.run, in_minutes(15)).await.unwrap();
    assert!(leases.get("run-unsigned").await.unwrap().spec.unwrap().renew_time.is_some(), "it was not renewed");
    bed.conductor.thaw(&bed.run).await.unwrap();
    bed.kubectl(&get).await.unwrap_err();
}
