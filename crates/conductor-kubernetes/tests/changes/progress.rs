//! How far an application is while it is waited for: told from what the API server shows, replica by replica.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{ProgressSink, Readiness, Scaler, Way};
use conductor_kubernetes_bed::{Behaviour, deployment, stateful_set};
use kube::api::PostParams;
use serde_json::json;

use crate::bed::{Bed, text};
use crate::plans::step;

/// How long each replica takes.
const SLOW: Duration = Duration::from_millis(700);

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Readiness>>);

impl ProgressSink for Heard {
    fn told(&self, application: &ApplicationId, readiness: Readiness) {
        assert_eq!(application.as_str(), "shop");
        self.0.lock().unwrap().push(readiness);
    }
}

/// What is heard of scaling an application to three replicas: ready replicas without repetitions, and the last text.
async fn scaled(bed: &Bed) -> (Vec<u32>, String) {
    let heard = Arc::new(Heard::default());
    let conductor = bed.conductor(1).await.telling(Some(heard.clone()));
    let baseline = bed.observe(&conductor).await;
    let to = Allocation { replicas: 3, ..baseline["shop"].allocation.clone() };
    let scaled = conductor.scale(&bed.run, &step(&baseline, "shop", to), Way::There).await;
    scaled.unwrap_or_else(|error| panic!("{}", text(&error)));
    let heard = heard.0.lock().unwrap();
    // The first may still be of before the controller has seen the change.
    let of_three = heard.iter().filter(|readiness| readiness.wanted == 3);
    let mut ready: Vec<u32> = of_three.map(|readiness| readiness.ready).collect();
    ready.dedup();
    (ready, heard.last().unwrap().text.clone())
}

#[tokio::test]
async fn a_stateful_set_that_starts_slowly_is_told_replica_by_replica() {
    let bed = Bed::of("told-set", &[json!({ "name": "shop", "statefulSet": "shop" })]).await;
    bed.api().create(&PostParams::default(), &stateful_set("shop", 0, Behaviour::Slow(SLOW))).await.unwrap();
    let (ready, last) = scaled(&bed).await;
    assert_eq!(ready, [0, 1, 2, 3]);
    assert!(last.starts_with("3 of 3 replicas ready"), "{last}");
}

#[tokio::test]
async fn a_deployment_that_starts_slowly_is_told_from_what_it_has_to_what_it_shall_have() {
    let bed = Bed::new("told", &["shop"]).await;
    bed.api().create(&PostParams::default(), &deployment("shop", 1, Behaviour::Slow(SLOW))).await.unwrap();
    bed.kubectl(&["rollout", "status", "deployment/shop"], "").await;
    let (ready, last) = scaled(&bed).await;
    assert_eq!([ready.first(), ready.last()], [Some(&1), Some(&3)], "{ready:?}");
    assert!(ready.is_sorted(), "{ready:?}");
    assert!(last.starts_with("3 of 3 replicas ready"), "{last}");
}
