//! Applications that are StackSets: their Stack with the traffic is changed, and put back.

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, Scaler, Way};
use conductor_kubernetes_bed::{Stack, StackSet, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, Restored, cluster, text};
use crate::plans::stack_set_with_resources;
use crate::scene::{By, Scaling, Scene};

impl Bed {
    /// A fresh namespace with these StackSets, whose first Stacks have their pods and all traffic.
    pub(crate) async fn of_stack_sets(namespace: &str, sets: Vec<StackSet>) -> Self {
        cluster().await.stack_sets().await.unwrap();
        let applications: Vec<Value> =
            sets.iter().map(|set| json!({ "name": set.name_any(), "stackSet": set.name_any() })).collect();
        let bed = Self::of(namespace, &applications).await;
        for set in sets {
            bed.api::<StackSet>().create(&Default::default(), &set).await.unwrap();
            let wanted = set.spec.stack_template.spec.stack.replicas.unwrap_or(1);
            let name = format!("{}-v1", set.name_any());
            bed.serves(&name).await;
            until("its status is that of all its pods", PATIENCE, async || {
                let status = bed.api::<Stack>().get(&name).await.unwrap().status?;
                ([status.desired_replicas, status.ready_replicas] == [wanted, wanted]).then_some(())
            })
            .await;
            until("its StackSet says so", PATIENCE, async || {
                let found = bed.api::<StackSet>().get(&set.name_any()).await.unwrap();
                (!found.spec.traffic.is_empty()).then_some(())
            })
            .await;
        }
        bed
    }

    /// Waits until a Stack has all traffic.
    async fn serves(&self, name: &str) {
        self.has_traffic(name, 100.0).await;
    }

    async fn has_traffic(&self, name: &str, weight: f64) {
        until(&format!("{name} has {weight} % of the traffic"), PATIENCE, async || {
            let status = self.api::<Stack>().get_opt(name).await.unwrap()?.status?;
            ((status.actual_traffic_weight - weight).abs() < 0.1).then_some(())
        })
        .await;
    }

    async fn change_stack_set(&self, spec: Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.api::<StackSet>().patch("shop", &PatchParams::default(), &patch).await.unwrap();
    }

    /// Lets a second version have all traffic.
    async fn switch_traffic(&self) {
        self.change_stack_set(json!({ "stackTemplate": { "spec": { "version": "v2" } } })).await;
        until("the second version", PATIENCE, async || self.api::<Stack>().get_opt("shop-v2").await.unwrap()).await;
        self.change_stack_set(json!({ "traffic": [{ "stackName": "shop-v2", "weight": 100 }] })).await;
        self.serves("shop-v2").await;
        self.has_traffic("shop-v1", 0.0).await;
    }

    /// What a Stack says.
    async fn stack_spec(&self) -> Value {
        let stack = self.api::<Stack>().get("shop-v1").await.unwrap();
        assert!(!stack.annotations().keys().any(|key| key.starts_with("loadtest-conductor.dev/")), "{stack:?}");
        json!(stack.spec)
    }
}

/// A Stack, by what is said of it.
struct Case {
    name: &'static str,
    set: StackSet,
    bounds: Option<[u32; 2]>,
}

impl Case {
    fn new(name: &'static str, change: impl FnOnce(&mut StackSet), bounds: Option<[u32; 2]>) -> Self {
        let autoscaler = bounds.map(|[least, most]| least.try_into().unwrap()..=most.try_into().unwrap());
        let mut set = stack_set_with_resources("shop", 2, autoscaler);
        change(&mut set);
        Self { name, set, bounds }
    }
}

fn cases() -> Vec<Case> {
    let without_minimum = |set: &mut StackSet| {
        set.spec.stack_template.spec.stack.autoscaler.as_mut().unwrap().min_replicas = None;
    };
    vec![
        Case::new("plain", |_| {}, None),
        Case::new("default", |set| set.spec.stack_template.spec.stack.replicas = None, None),
        Case::new("autoscaled", |_| {}, Some([1, 4])),
        Case::new("within", |_| {}, Some([1, 9])),
        Case::new("no-minimum", without_minimum, Some([1, 4])),
    ]
}

async fn there_and_back(Case { name, set, bounds }: Case, by: By) {
    let replicas = set.spec.stack_template.spec.stack.replicas.unwrap_or(1).unsigned_abs();
    let bed = Bed::of_stack_sets(&format!("stack-{name}-{by:?}").to_lowercase(), vec![set]).await;
    let scene = Scene::of(bed, &["shop"]).await;
    let bed = &scene.bed;
    let before = &scene.changes.baseline["shop"].allocation;
    let bounds = bounds.map(|[min, max]| Bounds { min, max });
    assert_eq!((before.replicas, before.autoscaling), (replicas, bounds), "{name}");
    let conductor = bed.conductor(1).await;
    scene.perform(&conductor).await;
    let during = bed.observe(&conductor).await.remove("shop").unwrap();
    assert_eq!(during.allocation, scene.changes.plan.scale_steps[0].to, "{name}");
    assert_eq!(during.release, scene.changes.plan.rollouts[0].to, "{name}");
    let status = bed.api::<Deployment>().get("shop-v1").await.unwrap().status.unwrap();
    assert_eq!((status.ready_replicas, status.updated_replicas), (Some(6), Some(6)), "{name}");
    scene.restore(&bed.conductor(2).await, by).await;
    scene.assert_exactly_as_before(name).await;
    assert!(bed.left_behind(&bed.conductor(3).await).await.is_empty(), "{name}");
}

#[tokio::test]
async fn whatever_a_stack_says_it_is_changed_as_wished_and_says_it_again_afterwards() {
    let by_either = cases().into_iter().map(|case| there_and_back(case, By::Journal));
    join_all(by_either.chain(cases().into_iter().map(|case| there_and_back(case, By::Cluster)))).await;
}

#[tokio::test]
async fn amounts_of_a_stack_that_are_numbers_are_changed_and_put_back() {
    let bed = Bed::of_stack_sets("stack-numbers", vec![stack_set_with_resources("shop", 2, None)]).await;
    let path = "/spec/podTemplate/spec/containers/0/resources/requests";
    let numbers = json!([{ "op": "add", "path": path, "value": { "cpu": 1, "memory": 67_108_864 } }]);
    bed.kubectl(&["patch", "stack/shop-v1", "--type=json", "-p", &numbers.to_string()], "").await;
    let text = bed.kubectl(&["get", "stack/shop-v1", "-o", "json"], "").await;
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found.pointer(path), Some(&json!({ "cpu": 1, "memory": 67_108_864 })), "the API server keeps them");
    until("its Deployment has them", PATIENCE, async || {
        let spec = json!(bed.api::<Deployment>().get("shop-v1").await.unwrap().spec);
        let requests = &spec["template"]["spec"]["containers"][0]["resources"]["requests"];
        (requests["cpu"] == "1" && requests["memory"] == "67108864").then_some(())
    })
    .await;
    let scene = Scene::of(bed, &["shop"]).await;
    scene.goes_there_and_back().await;
}

#[tokio::test]
async fn a_stack_that_has_lost_its_traffic_during_the_run_is_put_back_all_the_same() {
    let meanwhile = async |scaling: Scaling, by: By| {
        let scene = Scene::scaled_by(scaling, &format!("switched-{scaling:?}-{by:?}").to_lowercase(), &["shop"]).await;
        let bed = &scene.bed;
        let before = bed.stack_spec().await;
        let conductor = bed.conductor(1).await;
        scene.perform(&conductor).await;
        bed.switch_traffic().await;
        let other = json!(bed.api::<Stack>().get("shop-v2").await.unwrap().spec);
        scene.restore(&conductor, by).await;
        assert_eq!(bed.stack_spec().await, before, "{scaling:?} {by:?}");
        assert_eq!(json!(bed.api::<Stack>().get("shop-v2").await.unwrap().spec), other, "{scaling:?} {by:?}");
        assert!(bed.left_behind(&bed.conductor(2).await).await.is_empty());
    };
    let all = [Scaling::Stack, Scaling::AutoscaledStack].into_iter();
    join_all(all.flat_map(|scaling| [By::Journal, By::Cluster].map(|by| meanwhile(scaling, by)))).await;
}

#[tokio::test]
async fn a_stack_without_traffic_is_not_scaled_up_and_says_where_the_traffic_went() {
    let scene = Scene::scaled_by(Scaling::Stack, "stack-moved", &["shop"]).await;
    let bed = &scene.bed;
    let conductor = bed.conductor(1).await;
    let mut half = scene.changes.plan.clone();
    half.scale_steps.clear();
    bed.perform(&conductor, &half).await.unwrap();
    bed.switch_traffic().await;
    let refused = conductor.scale(&bed.run, &scene.changes.plan.scale_steps[0], Way::There).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected);
    assert_eq!(text(&refused), "StackSet stack-moved/shop: its traffic has gone from Stack shop-v1 to another one");
    scene.restore(&conductor, By::Journal).await;
}

#[tokio::test]
async fn a_stack_set_without_clear_traffic_is_refused_before_anything_is_changed() {
    let set = stack_set_with_resources("shop", 2, None);
    let bed = Bed::of_stack_sets("stack-split", vec![set]).await;
    bed.switch_traffic().await;
    let half = |name: &str| json!({ "stackName": name, "weight": 50 });
    bed.change_stack_set(json!({ "traffic": [half("shop-v1"), half("shop-v2")] })).await;
    let both = "several of its Stacks have traffic (shop-v1 has 50 %, shop-v2 has 50 %); expected one with all of it";
    for name in ["shop-v1", "shop-v2"] {
        bed.has_traffic(name, 50.0).await;
    }
    let refused = bed.try_observe(&bed.conductor(1).await).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected);
    assert_eq!(text(&refused), format!("StackSet stack-split/shop: {both}"));

    let mut none = stack_set_with_resources("shop", 2, None);
    none.spec.external_ingress = None;
    let bed = Bed::of("stack-no-traffic", &[json!({ "name": "shop", "stackSet": "shop" })]).await;
    bed.api::<StackSet>().create(&Default::default(), &none).await.unwrap();
    until("its Stack", PATIENCE, async || bed.api::<Stack>().get_opt("shop-v1").await.unwrap()).await;
    let refused = bed.try_observe(&bed.conductor(1).await).await.unwrap_err();
    assert_eq!(
        text(&refused),
        "StackSet stack-no-traffic/shop: none of its Stacks has traffic (shop-v1 has 0 %), and their controller scales such \
         ones to none; expected one with all of it, for which the StackSet needs an ingress"
    );
}

#[tokio::test]
async fn a_stack_that_is_gone_is_told_on_the_way_back() {
    let scene = Scene::scaled_by(Scaling::Stack, "stack-gone", &["shop"]).await;
    let bed = &scene.bed;
    let conductor = bed.conductor(1).await;
    scene.perform(&conductor).await;
    bed.api::<Stack>().delete("shop-v1", &Default::default()).await.unwrap();
    let Restored { foreign, failures } = bed.try_restore(&conductor, &scene.changes).await;
    assert_eq!((foreign, failures), (vec![], vec!["shop is gone".to_owned()]));
}
