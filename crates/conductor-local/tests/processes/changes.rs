//! Rollouts and scaling, and what happens when they cannot be done.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{Deployer, ProgressSink, Readiness, Scaler, Way};
use conductor_core::scale::ScaleStep;

use crate::bed::{Bed, app, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_behind_the_front_loses_no_request() {
    const CLIENTS: usize = 3;
    let bed = Arc::new(Bed::new("behindFront", "v1-slow", 2));
    bed.up().await.unwrap();
    let asking = Arc::new(Asking::default());
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::task::spawn_blocking(client(&bed, &asking))).collect();
    // From here on there is always a request under way.
    until("first answers", async || asking.answers.load(Ordering::Relaxed) >= CLIENTS).await;
    bed.roll_out("v2-slow").await.unwrap();
    assert_eq!(bed.versions().await, ["v2-slow", "v2-slow"]);
    asking.over.store(true, Ordering::Relaxed);
    let mut lost = Vec::new();
    for client in clients {
        lost.extend(client.await.unwrap());
    }
    assert_eq!(lost, [""; 0], "of {} requests", asking.answers.load(Ordering::Relaxed) + lost.len());
}

/// What clients share.
#[derive(Default)]
struct Asking {
    answers: AtomicUsize,
    over: AtomicBool,
}

/// Asks until it is over; what became of the requests that were not answered.
fn client(bed: &Arc<Bed>, asking: &Arc<Asking>) -> impl FnOnce() -> Vec<String> + use<> {
    let (bed, asking) = (Arc::clone(bed), Arc::clone(asking));
    move || {
        let mut lost = Vec::new();
        while !asking.over.load(Ordering::Relaxed) {
            match bed.get() {
                Ok(_) => {
                    asking.answers.fetch_add(1, Ordering::Relaxed);
                }
                Err(why) => lost.push(why),
            }
        }
        lost
    }
}

#[tokio::test]
async fn replicas_share_a_port_and_scale_there_and_back() {
    let bed = Bed::new("shared", "v1", 1);
    bed.up().await.unwrap();
    bed.scale(3).await.unwrap();
    assert_eq!(bed.versions().await, ["v1", "v1", "v1"]);
    let first = bed.status().await.applications[0].replicas[0].clone();
    bed.roll_out("v2").await.unwrap();
    bed.scale(1).await.unwrap();
    assert_eq!(bed.versions().await, ["v2"]);
    assert_ne!(bed.status().await.applications[0].replicas[0].pid, first.pid);
    let (environment, app) = (bed.environment(), app());
    assert_eq!(environment.deployed(std::slice::from_ref(&app)).await.unwrap()[&app].release.to_string(), "v2");
    let allocated = environment.allocated(&[app.clone(), "other".parse().unwrap()]).await.unwrap();
    assert_eq!(allocated.len(), 1, "what does not exist is absent");
    assert_eq!(allocated[&app].replicas, 1);
}

#[tokio::test]
async fn a_version_that_ends_at_once_is_told_with_its_last_words_and_the_old_one_still_runs() {
    let bed = Bed::new("shared", "v1", 1);
    bed.up().await.unwrap();
    let error = bed.roll_out("broken").await.unwrap_err();
    assert!(
        error.starts_with("Unsettled: could not roll out app broken: app broken: 3 starts in a row failed;"),
        "{error}"
    );
    assert!(error.contains("exit status: 1; it printed at last: the configuration is missing"), "{error}");
    assert!(bed.get().unwrap().starts_with("v1 "));
    bed.roll_out("v1").await.unwrap();
    assert_eq!(bed.versions().await, ["v1"]);
}

#[tokio::test]
async fn a_version_that_is_never_ready_is_told_so() {
    let bed = Bed::new("exclusive", "v1", 1);
    bed.up().await.unwrap();
    let error = bed.roll_out("deaf").await.unwrap_err();
    assert!(error.contains("was not ready within 2 s; it printed nothing"), "{error}");
}

#[tokio::test]
async fn more_replicas_than_the_port_allows_are_refused() {
    let bed = Bed::new("exclusive", "v1", 1);
    bed.up().await.unwrap();
    let error = bed.scale(2).await.unwrap_err();
    assert_eq!(
        error,
        "Rejected: could not scale app to 2 replicas: app cannot have 2 replicas on one port; expected 1, or port.mode shared or behindFront"
    );
    assert_eq!(bed.versions().await, ["v1"]);
}

#[tokio::test]
async fn a_later_request_takes_over_from_an_earlier_one() {
    let bed = Bed::new("shared", "v1", 1);
    bed.up().await.unwrap();
    let (first, second) = tokio::join!(bed.roll_out("deaf"), async {
        until("the first rollout begins", async || bed.status().await.applications[0].version == "deaf").await;
        bed.roll_out("v2").await
    });
    assert!(first.unwrap_err().contains("app: another request took over"));
    second.unwrap();
    assert_eq!(bed.versions().await, ["v2"]);
}

#[tokio::test]
async fn what_nobody_connects_to_scales_there_and_back_and_is_ready_once_it_has_run_for_a_while() {
    let bed = Bed::new("none", "deaf", 1);
    bed.up().await.unwrap();
    bed.scale(3).await.unwrap();
    assert_eq!(bed.versions().await, ["deaf", "deaf", "deaf"]);
    bed.scale(1).await.unwrap();
    assert_eq!(bed.versions().await, ["deaf"]);
    let error = bed.roll_out("broken").await.unwrap_err();
    assert!(error.contains("3 starts in a row failed") && error.contains("the configuration is missing"), "{error}");
    assert_eq!(bed.status().await.applications[0].port, None);
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(ApplicationId, Readiness)>>);

impl ProgressSink for Heard {
    fn told(&self, application: &ApplicationId, readiness: Readiness) {
        self.0.lock().unwrap().push((application.clone(), readiness));
    }
}

#[tokio::test]
async fn how_many_replicas_are_ready_is_told_while_they_are_waited_for() {
    let bed = Bed::new("none", "deaf", 1);
    bed.up().await.unwrap();
    let heard = Arc::new(Heard::default());
    let environment = bed.environment().telling(Some(heard.clone()));
    let [from, to] = [1, 3].map(Allocation::of_replicas);
    let step = ScaleStep { application: app(), from, to };
    environment.scale(&"run-1".parse().unwrap(), &step, Way::There).await.unwrap();
    let heard = heard.0.lock().unwrap();
    let first = Readiness { ready: 1, wanted: 3, text: "1 of 3 replicas ready".to_owned() };
    assert_eq!(heard.first(), Some(&(app(), first)));
    assert!(heard.iter().map(|(_, readiness)| readiness.ready).is_sorted(), "{heard:?}");
}
