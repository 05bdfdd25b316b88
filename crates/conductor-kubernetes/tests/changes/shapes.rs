//! Objects of unusual shapes, and objects whose shape changes between a look and the write: they are changed as wished, and are
//! back exactly.

use std::collections::BTreeMap;

use conductor_core::app::Allocation;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::{Plan, ScaleStep};
use conductor_kubernetes_bed::{Behaviour, Moment, Requests, deployment};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::bed::{Bed, text};
use crate::plans::{autoscaler, production, with_resources};

/// A Deployment with these containers, and with these init containers.
fn shop(containers: &Value, init: &Value) -> Deployment {
    let mut made = json!(deployment("shop", 2, Behaviour::Ready));
    made["spec"]["template"]["spec"]["containers"] = containers.clone();
    made["spec"]["template"]["spec"]["initContainers"] = init.clone();
    serde_json::from_value(made).unwrap()
}

fn container(name: &str, resources: &Value) -> Value {
    json!({ "name": name, "image": format!("registry.example/{name}:1"), "resources": resources })
}

/// One shape, and what a run gives it.
struct Shape {
    name: &'static str,
    deployment: Deployment,
    /// By container.
    images: Vec<(&'static str, &'static str)>,
    /// By container and name.
    resources: Vec<(&'static str, &'static [(&'static str, &'static str)])>,
    replicas: u32,
}

fn shapes() -> Vec<Shape> {
    let plain = |resources: &Value| shop(&json!([container("main", resources)]), &Value::Null);
    let shape = |name, deployment, resources, replicas| Shape { name, deployment, images: vec![], resources, replicas };
    let scaled_to_none = |resources: &Value| {
        let mut made = plain(resources);
        made.spec.as_mut().unwrap().replicas = Some(0);
        made
    };
    let mut none = with_resources("shop", 0);
    none.spec.as_mut().unwrap().template.metadata.as_mut().unwrap().annotations = None;
    vec![
        shape(
            "nothing-before",
            plain(&json!({})),
            vec![("main", &[("requests.cpu", "1"), ("limits.memory", "1Gi")])],
            2,
        ),
        shape(
            "nothing-during",
            plain(&json!({ "requests": { "cpu": "1" }, "limits": { "memory": "1Gi" } })),
            vec![("main", &[])],
            2,
        ),
        shape(
            "only-limits-during",
            plain(&json!({ "requests": { "cpu": "1", "memory": "1Gi" } })),
            vec![("main", &[("limits.memory", "2Gi"), ("requests.memory", "0.5Gi")])],
            3,
        ),
        // Written in other forms than the API server keeps them in; no node has such parts.
        shape(
            "other-forms",
            scaled_to_none(
                &json!({ "requests": { "cpu": "0.5", "memory": "1.5Gi", "example.com/part": "1e3" }, "limits": { "example.com/part": "1k" } }),
            ),
            vec![(
                "main",
                &[
                    ("requests.cpu", "2000m"),
                    ("requests.memory", "1610612736"),
                    ("requests.example.com/part", "1k"),
                    ("limits.example.com/part", "1000"),
                ],
            )],
            0,
        ),
        shape("none-before", none, vec![("main", &[("requests.cpu", "0.25")])], 3),
        shape("none-during", with_resources("shop", 3), vec![("main", &[("requests.cpu", "0.25")])], 0),
    ]
}

/// One with an init container and two others, of which a run changes one each.
fn with_init_containers() -> Shape {
    let containers = [container("main", &json!({})), container("mesh", &json!({ "requests": { "cpu": "100m" } }))];
    Shape {
        name: "init-containers",
        deployment: shop(&json!(containers), &json!([container("migrate", &json!({}))])),
        images: vec![("migrate", "registry.example/migrate:2"), ("mesh", "registry.example/mesh@sha256:2")],
        resources: vec![("migrate", &[("requests.cpu", "1")]), ("mesh", &[("limits.cpu", "1")])],
        replicas: 1,
    }
}

/// There, twice as after a crash, and back.
async fn there_and_back(Shape { name, deployment, images, resources, replicas }: Shape) {
    let bed = Bed::new(name, &["shop"]).await;
    bed.api().create(&PostParams::default(), &deployment).await.unwrap();
    let before = bed.everything().await;
    let conductor = bed.conductor(1).await;
    let baseline = bed.observe(&conductor).await;
    let observed = baseline["shop"].clone();
    let mut to = Allocation { replicas, ..observed.allocation.clone() };
    for (container, given) in resources {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()));
        to.resources.insert(container.to_owned(), given.collect());
    }
    let mut release: BTreeMap<String, String> = observed.release.containers().clone();
    release.extend(images.iter().map(|(container, image)| ((*container).to_owned(), (*image).to_owned())));
    let application = || "shop".parse().unwrap();
    let rollout = Rollout::new(application(), observed.release, Release::new(release));
    let step = ScaleStep { application: application(), from: observed.allocation, to };
    let changes = Changes {
        baseline,
        plan: Plan {
            rollouts: if images.is_empty() { vec![] } else { vec![rollout.clone()] },
            scale_steps: vec![step.clone()],
        },
    };
    for _ in 0..2 {
        bed.perform(&conductor, &changes.plan).await.unwrap_or_else(|error| panic!("{name}: {}", text(&error)));
        let during = bed.observe(&conductor).await.remove("shop").unwrap();
        assert_eq!((during.allocation, during.release), (step.to.clone(), rollout.to.clone()), "{name}");
    }
    assert_eq!(bed.restore(&conductor, &changes).await, [""; 0], "{name}");
    assert_eq!(bed.everything().await, before, "{name}");
}

#[tokio::test]
async fn whatever_a_workload_has_or_lacks_it_is_changed_as_wished_and_is_back_exactly() {
    join_all(shapes().into_iter().chain([with_init_containers()]).map(there_and_back)).await;
}

#[tokio::test]
async fn containers_that_change_places_between_a_look_and_the_write_get_what_is_theirs() {
    let bed = Bed::new("reordered", &["shop"]).await;
    let order = |names: [&str; 2]| json!(names.map(|name| container(name, &json!({ "requests": { "cpu": "100m" } }))));
    bed.api().create(&PostParams::default(), &shop(&order(["main", "mesh"]), &Value::Null)).await.unwrap();
    let proxy = bed.proxy().await;
    let conductor = bed.behind(&proxy, 1).await;
    let from = bed.observe(&conductor).await["shop"].release.clone();
    let mut to = from.containers().clone();
    to.insert("mesh".to_owned(), "registry.example/mesh:2".to_owned());
    let rollout = Rollout::new("shop".parse().unwrap(), from, Release::new(to));
    let stop = proxy.stop_at(Requests::writes(), 1, Moment::Before);
    let swapped = async {
        stop.reached(crate::bed::PATIENCE).await;
        let patch = json!({ "spec": { "template": { "spec": { "containers": order(["mesh", "main"]) } } } });
        bed.api::<Deployment>().patch("shop", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        stop.go_on();
    };
    let (done, ()) = tokio::join!(conductor.roll_out(&bed.run, &rollout, Way::There), swapped);
    done.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(proxy.writes().iter().map(|seen| seen.server).collect::<Vec<_>>(), [Some(422), Some(200)]);
    assert_eq!(bed.observe(&conductor).await["shop"].release, rollout.to);
}

#[tokio::test]
async fn an_autoscaler_without_a_minimum_or_with_annotations_of_its_own_is_back_exactly() {
    for (name, annotations) in [("no-minimum", Value::Null), ("annotated", json!({ "team.example/owner": "a" }))] {
        let bed = Bed::new(name, &["shop"]).await;
        bed.api().create(&PostParams::default(), &with_resources("shop", 2)).await.unwrap();
        let mut made = json!(autoscaler("shop", 1, 4));
        made["metadata"]["annotations"] = annotations;
        made["spec"].as_object_mut().unwrap().remove("minReplicas");
        let made: HorizontalPodAutoscaler = serde_json::from_value(made).unwrap();
        bed.api().create(&PostParams::default(), &made).await.unwrap();
        let before = bed.everything().await;
        let conductor = bed.conductor(1).await;
        let baseline = bed.observe(&conductor).await;
        let scale_steps = vec![crate::plans::step(&baseline, "shop", production(5))];
        let changes = Changes { baseline, plan: Plan { rollouts: vec![], scale_steps } };
        bed.perform(&conductor, &changes.plan).await.unwrap();
        assert_eq!(bed.restore(&conductor, &changes).await, [""; 0]);
        let [now, before] = [bed.everything().await, before].map(crate::everything::but_for_what_autoscalers_choose);
        assert_eq!(now, before, "{name}");
    }
}
