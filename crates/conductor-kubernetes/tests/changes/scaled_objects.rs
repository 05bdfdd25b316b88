//! Applications that KEDA scales: held by their ScaledObjects, and put back with them.

use conductor_core::app::Bounds;
use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::{ScaledObject, Trigger, scaled_object, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::json;

use crate::bed::{Bed, PATIENCE, cluster, text};
use crate::plans::with_resources;
use crate::scene::{By, Scene};

impl Bed {
    /// Makes a ScaledObject, and waits until KEDA has done with it what it does.
    pub(crate) async fn scaled_object(&self, made: ScaledObject) {
        cluster().await.keda().await.unwrap();
        let name = made.name_any();
        let objects = self.api::<ScaledObject>();
        objects.create(&PostParams::default(), &made).await.unwrap();
        until("KEDA has seen it", PATIENCE, async || {
            let status = objects.get_status(&name).await.unwrap().status?;
            let is_paused = status.condition("Paused").is_some_and(|condition| condition.status == "True");
            let autoscaler = self.api::<HorizontalPodAutoscaler>().get_opt(&format!("keda-hpa-{name}")).await.unwrap();
            (is_paused || autoscaler.is_some()).then_some(())
        })
        .await;
    }

    async fn replicas(&self) -> i32 {
        self.api::<Deployment>().get("shop").await.unwrap().spec.unwrap().replicas.unwrap()
    }

    async fn bounds_of_keda(&self) -> Option<(Option<i32>, i32)> {
        let autoscaler = self.api::<HorizontalPodAutoscaler>().get_opt("keda-hpa-shop").await.unwrap()?;
        Some((autoscaler.spec.min_replicas, autoscaler.spec.max_replicas))
    }
}

/// A ScaledObject, by what is said of it.
struct Case {
    name: &'static str,
    made: ScaledObject,
    /// The replicas that the application has before the run, by KEDA.
    replicas: i32,
    bounds: Bounds,
}

impl Case {
    fn new(name: &'static str, change: impl FnOnce(&mut ScaledObject), replicas: i32, bounds: [u32; 2]) -> Self {
        let mut made = scaled_object("shop", 1..=4, Trigger::active());
        change(&mut made);
        let [min, max] = bounds;
        Self { name, made, replicas, bounds: Bounds { min, max } }
    }
}

fn cases() -> Vec<Case> {
    let say = |made: &mut ScaledObject, what: &str| {
        made.annotations_mut().insert(format!("autoscaling.keda.sh/{what}"), "true".to_owned());
    };
    vec![
        Case::new("both", |_| {}, 2, [1, 4]),
        Case::new(
            "neither",
            |made| (made.spec.min_replica_count, made.spec.max_replica_count) = (None, None),
            2,
            [0, 100],
        ),
        Case::new("max", |made| made.spec.min_replica_count = None, 2, [0, 4]),
        Case::new(
            "to-zero",
            |made| (made.spec.min_replica_count, made.spec.triggers) = (Some(0), vec![Trigger::inactive()]),
            0,
            [0, 4],
        ),
        Case::new("paused", |made| say(made, "paused"), 2, [1, 4]),
        Case::new("no-scale-in", |made| say(made, "paused-scale-in"), 2, [1, 4]),
        Case::new("no-scale-out", |made| say(made, "paused-scale-out"), 2, [1, 4]),
        Case::new(
            "not-to-zero",
            |made| {
                (made.spec.min_replica_count, made.spec.triggers) = (Some(0), vec![Trigger::inactive()]);
                say(made, "paused-scale-in");
            },
            2,
            [0, 4],
        ),
        Case::new(
            "advanced",
            |made| {
                let behaviour =
                    json!({ "scaleUp": { "selectPolicy": "Disabled" }, "scaleDown": { "selectPolicy": "Disabled" } });
                made.spec.advanced = Some(json!({
                    "restoreToOriginalReplicaCount": true,
                    "horizontalPodAutoscalerConfig": { "behavior": behaviour },
                }));
            },
            2,
            [1, 4],
        ),
    ]
}

async fn there_and_back(Case { name, made, replicas, bounds }: Case, by: By) {
    let bed = Bed::new(&format!("keda-{name}-{by:?}").to_lowercase(), &["shop"]).await;
    bed.api().create(&PostParams::default(), &with_resources("shop", 2)).await.unwrap();
    bed.scaled_object(made).await;
    until("KEDA's replicas", PATIENCE, async || (bed.replicas().await == replicas).then_some(())).await;
    let scene = Scene::of(bed, &["shop"]).await;
    let bed = &scene.bed;
    assert_eq!(scene.changes.baseline["shop"].allocation.autoscaling, Some(bounds), "{name}");
    let conductor = bed.conductor(1).await;
    scene.perform(&conductor).await;
    if bed.bounds_of_keda().await.is_some() {
        until("KEDA has heard of it", PATIENCE, async || {
            (bed.bounds_of_keda().await == Some((Some(6), 6))).then_some(())
        })
        .await;
    }
    let during = bed.observe(&conductor).await["shop"].allocation.clone();
    assert_eq!((during.replicas, during.autoscaling), (6, Some(Bounds::pinned(6))), "{name}");
    scene.restore(&bed.conductor(2).await, by).await;
    scene.assert_as_before(name).await;
    assert!(bed.left_behind(&bed.conductor(3).await).await.is_empty(), "{name}");
}

#[tokio::test]
async fn whatever_a_scaled_object_says_it_holds_the_run_and_says_it_again_afterwards() {
    let by_either = cases().into_iter().map(|case| there_and_back(case, By::Journal));
    let by_either = by_either.chain(cases().into_iter().map(|case| there_and_back(case, By::Cluster)));
    join_all(by_either).await;
}

#[tokio::test]
async fn one_that_keda_scales_whatever_its_bounds_are_is_refused_before_anything_is_changed() {
    for (name, change, told) in [
        (
            "keda-held",
            (|made| {
                made.annotations_mut().insert("autoscaling.keda.sh/paused-replicas".to_owned(), "2".to_owned());
            }) as fn(&mut ScaledObject),
            "KEDA holds it at 2 replicas (annotation autoscaling.keda.sh/paused-replicas), whatever its bounds are; expected \
             no such annotation",
        ),
        (
            "keda-idle",
            |made| made.spec.idle_replica_count = Some(0),
            "KEDA scales it to 0 while no trigger is active, whatever its bounds are (idleReplicaCount); expected \
             minReplicaCount alone",
        ),
    ] {
        let bed = Bed::new(name, &["shop"]).await;
        bed.api().create(&PostParams::default(), &with_resources("shop", 2)).await.unwrap();
        let mut made = scaled_object("shop", 1..=4, Trigger::active());
        change(&mut made);
        bed.scaled_object(made).await;
        let refused = bed.try_observe(&bed.conductor(1).await).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Rejected);
        assert_eq!(text(&refused), format!("ScaledObject {name}/shop: {told}"));
    }
}
