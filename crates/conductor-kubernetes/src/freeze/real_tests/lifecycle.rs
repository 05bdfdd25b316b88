//! A freeze from its beginning to each of its ends.

use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::until;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;

use super::bed::{NAMESPACE, Place, ci, in_an_hour, place, run};
use super::changes::Change;
use crate::bed::PATIENCE;
use crate::freeze::{Frozen, Proof};

fn restart(namespace: &str) -> Change {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let change = json!({ "spec": { "template": { "metadata": { "labels": { "restarted": "true" } } } } });
    Change::patch("restart", "merge", &path, change)
}

fn jobs(place: &Place) -> Api<Job> {
    Api::namespaced(place.admin.clone(), NAMESPACE)
}

async fn frozen(place: &Place) -> Option<Frozen> {
    let all = place.freezer.frozen().await.unwrap();
    all.into_iter().find(|frozen| frozen.name == place.namespace)
}

async fn deadline(place: &Place) -> i64 {
    let timer = jobs(place).get(&format!("freeze-{}", place.namespace)).await.unwrap();
    timer.spec.unwrap().active_deadline_seconds.unwrap()
}

#[tokio::test]
async fn lifting_works_at_once_and_again() {
    let place = place("lifted").await;
    let ci = place.client(&ci()).await;
    place.freeze(&place.freezer, &place.targets(&["web"])).await;
    restart("lifted").denied_to(&ci).await;
    place.freezer.lift(&run("lifted")).await.unwrap();
    until("a change that is allowed", Duration::from_secs(5), async || restart("lifted").by(&ci).await.ok()).await;
    assert_eq!(frozen(&place).await, None);
    place.freezer.lift(&run("lifted")).await.unwrap();
    assert!(!place.freezer.lift_by_name("lifted").await.unwrap());
    until("no timer", PATIENCE, async || jobs(&place).get_opt("freeze-lifted").await.unwrap().is_none().then_some(()))
        .await;
}

#[tokio::test]
async fn freezing_again_renews_and_replaces_the_targets() {
    let place = place("renewed").await;
    place.deploy("other").await;
    let (run, ci) = (run("renewed"), place.client(&ci()).await);
    let soon = Timestamp::now() + Duration::from_secs(1200);
    place.freezer.freeze(&run, &place.targets(&["web"]), soon).await.unwrap();
    assert!((1199..=1200).contains(&deadline(&place).await));
    let later = in_an_hour();
    let other = place.targets(&["other"]);
    for _ in 0..2 {
        place.freezer.freeze(&run, &other, later).await.unwrap();
    }
    let freeze = frozen(&place).await.unwrap();
    assert_eq!((freeze.expires.as_second(), freeze.targets), (later.as_second(), 1));
    assert!((3599..=3602).contains(&deadline(&place).await));
    assert_eq!(place.freezer.prove(&other).await.unwrap(), Proof::Active);
    until("a change that is allowed", PATIENCE, async || restart("renewed").by(&ci).await.ok()).await;
    let pods = Api::<Pod>::namespaced(place.admin.clone(), NAMESPACE);
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 0, "timers make no pods");
}

#[tokio::test]
async fn the_heartbeat_puts_off_the_end_and_says_when_there_is_nothing_to_put_off() {
    let place = place("extended").await;
    let run = run("extended");
    let error = place.freezer.extend(&run, in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::NotFound);
    let soon = Timestamp::now() + Duration::from_secs(60);
    place.freezer.freeze(&run, &place.targets(&["web"]), soon).await.unwrap();
    let later = in_an_hour();
    place.freezer.extend(&run, later).await.unwrap();
    assert!((3599..=3602).contains(&deadline(&place).await));
    assert_eq!(frozen(&place).await.unwrap().expires.as_second(), later.as_second());
}

#[tokio::test]
async fn another_run_may_not_freeze_the_same_but_anything_else() {
    let place = place("overlapping").await;
    place.deploy("other").await;
    let until = "2100-01-02T03:04:05Z".parse().unwrap();
    place.freezer.freeze(&run("overlapping"), &place.targets(&["web", "other"]), until).await.unwrap();
    let second = run("overlapping-2");
    for (names, what) in [
        (&["other", "web"][..], "deployments/overlapping/other and 1 more of them is"),
        (&["web"][..], "deployments/overlapping/web is"),
    ] {
        let error = place.freezer.freeze(&second, &place.targets(names), in_an_hour()).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rejected);
        let text = Failure::of("freeze", &error).message;
        let expected = format!(
            "{what} frozen by load test overlapping until 2100-01-02T03:04:05Z; to lift it: conductor unfreeze \
             overlapping --settings environment.yaml (team-shop)"
        );
        assert!(text.contains("for run overlapping-2: ") && text.ends_with(&expected), "{text}");
    }
    place.deploy("third").await;
    place.freezer.freeze(&second, &place.targets(&["third"]), in_an_hour()).await.unwrap();
    place.freezer.lift(&run("overlapping")).await.unwrap();
    place.freezer.freeze(&second, &place.targets(&["web"]), in_an_hour()).await.unwrap();
}

#[tokio::test]
async fn with_nobody_left_the_timer_ends_a_freeze_within_seconds() {
    let place = place("abandoned").await;
    let (run, ci) = (run("abandoned"), place.client(&ci()).await);
    let targets = place.targets(&["web"]);
    let gone =
        async || until("the freeze's end", PATIENCE, async || frozen(&place).await.is_none().then_some(())).await;
    // For half a minute after the kind was made, the garbage collector does not know it.
    place.freezer.freeze(&run, &targets, Timestamp::now()).await.unwrap();
    gone().await;
    // The timer before may still be on its way out.
    let begun = Instant::now();
    place.freezer.freeze(&run, &targets, Timestamp::now() + Duration::from_secs(5)).await.unwrap();
    let made = Instant::now();
    assert_eq!(place.freezer.prove(&targets).await.unwrap(), Proof::Active);
    gone().await;
    assert!(
        begun.elapsed() >= Duration::from_secs(4) && made.elapsed() < Duration::from_secs(12),
        "{:?}",
        made.elapsed()
    );
    until("a change that is allowed", PATIENCE, async || restart("abandoned").by(&ci).await.ok()).await;
}

#[tokio::test]
async fn a_timer_on_its_way_out_is_awaited_for_a_new_freeze_would_go_with_it() {
    let place = place("awaited").await;
    let (run, targets) = (run("awaited"), place.targets(&["web"]));
    place.freezer.freeze(&run, &targets, in_an_hour()).await.unwrap();
    let jobs = jobs(&place);
    let hold = |finalizers: serde_json::Value| Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    let params = PatchParams::default();
    jobs.patch("freeze-awaited", &params, &hold(json!(["example.com/held"]))).await.unwrap();
    let old = jobs.delete("freeze-awaited", &DeleteParams::background()).await.unwrap().left().unwrap();
    let release = async {
        until("the removal of the old freeze", PATIENCE, async || frozen(&place).await.is_none().then_some(())).await;
        jobs.patch("freeze-awaited", &params, &hold(serde_json::Value::Null)).await.unwrap();
    };
    let (again, ()) = tokio::join!(place.freezer.freeze(&run, &targets, in_an_hour()), release);
    again.unwrap();
    let new = jobs.get("freeze-awaited").await.unwrap();
    assert_ne!(new.metadata.uid, old.metadata.uid);
    assert_eq!(place.freezer.prove(&targets).await.unwrap(), Proof::Active);
}
