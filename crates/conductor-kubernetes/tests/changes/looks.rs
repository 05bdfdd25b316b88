//! What was read once is not read again for a write, and what somebody has changed since is noticed all the same.

use conductor_core::app::{Allocation, Bounds};
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, FailureKind, Scaler, Way};
use conductor_core::scale::{Plan, ScaleStep};
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{FaultProxy, Moment, Requests, Verb, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, text};
use crate::plans::{autoscaler, image, rollout, stateful_set_with_resources, with_resources};

/// The workloads of these tests, in `kubectl`'s words.
const KINDS: [&str; 2] = ["deployment", "statefulset"];
const REPLICAS: &str = "/spec/replicas";
const IMAGE: &str = "/spec/template/spec/containers/0/image";

/// An application without replicas, and a conductor that has seen it, and whose requests are seen.
struct Watched {
    bed: Bed,
    kind: &'static str,
    proxy: FaultProxy,
    conductor: KubernetesEnvironment,
    /// To one replica.
    step: ScaleStep,
}

impl Watched {
    async fn new(name: &str, kind: &'static str) -> Self {
        let field = if kind == "deployment" { "deployment" } else { "statefulSet" };
        let bed = Bed::of(&format!("{name}-{kind}"), &[json!({ "name": "checkout", field: "checkout" })]).await;
        create(&bed, kind).await;
        let proxy = bed.proxy().await;
        let conductor = bed.behind(&proxy, 1).await;
        let from = bed.observe(&conductor).await.into_values().next().unwrap().allocation;
        let to = Allocation { replicas: 1, ..from.clone() };
        let step = ScaleStep { application: "checkout".parse().unwrap(), from, to };
        Self { bed, kind, proxy, conductor, step }
    }

    /// How often the workload alone was read, and written to.
    fn counts(&self) -> [usize; 2] {
        [Verb::Get, Verb::Patch].map(|verb| count(&self.proxy, verb, &format!("{}s", self.kind)))
    }

    /// The words of an error that is no use trying again.
    async fn refused(&self, step: &ScaleStep, way: Way) -> String {
        let error = self.conductor.scale(&self.bed.run, step, way).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rejected);
        text(&error)
    }

    async fn there(&self) {
        let done = self.conductor.scale(&self.bed.run, &self.step, Way::There).await;
        done.unwrap_or_else(|error| panic!("{}: {}", self.kind, text(&error)));
    }

    fn back(&self) -> ScaleStep {
        let ScaleStep { application, from, to } = self.step.clone();
        ScaleStep { application, from: to, to: from }
    }

    /// The workload as it is.
    async fn live(&self) -> Value {
        serde_json::from_str(&self.bed.kubectl(&["get", self.kind, "checkout", "--output=json"], "").await).unwrap()
    }

    /// Changes what is there, as somebody else.
    async fn put(&self, path: &str, value: Value) {
        let change = json!([{ "op": "replace", "path": path, "value": value }]);
        self.bed.kubectl(&["patch", self.kind, "checkout", "--type=json", &format!("--patch={change}")], "").await;
        await_observed(&self.bed, self.kind).await;
    }
}

/// Waits until the controller of a workload has nothing more to say about it, which would be a change of the object.
async fn await_observed(bed: &Bed, kind: &str) {
    until("a workload that its controller knows", PATIENCE, async || {
        let generations = "--output=jsonpath={.metadata.generation} {.status.observedGeneration}";
        let found = bed.kubectl(&["get", kind, "checkout", generations], "").await;
        found.split_once(' ').is_some_and(|(newest, observed)| newest == observed).then_some(())
    })
    .await;
}

/// A workload whose controller has nothing more to say about it.
async fn create(bed: &Bed, kind: &str) {
    let parameters = PostParams::default();
    if kind == "deployment" {
        bed.api::<Deployment>().create(&parameters, &with_resources("checkout", 0)).await.unwrap();
    } else {
        bed.api::<StatefulSet>().create(&parameters, &stateful_set_with_resources("checkout", 0)).await.unwrap();
    }
    await_observed(bed, kind).await;
}

fn count(proxy: &FaultProxy, verb: Verb, resource: &str) -> usize {
    proxy.requests().iter().filter(|seen| seen.verb == verb && seen.object.resource == resource).count()
}

fn marker(live: &Value, annotation: &str) -> Value {
    let text = live["metadata"]["annotations"][format!("loadtest-conductor.dev/{annotation}")].as_str();
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn a_write_is_one_request_there_and_back() {
    join_all(KINDS.map(async |kind| {
        let watched = Watched::new("one-request", kind).await;
        let Watched { bed, conductor, step, .. } = &watched;
        let before = bed.everything().await;
        let baseline = bed.observe(conductor).await;
        let plan =
            Plan { rollouts: vec![rollout(&baseline, "checkout", image("checkout"))], scale_steps: vec![step.clone()] };
        bed.perform(conductor, &plan).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        assert_eq!(watched.counts(), [0, 2], "{kind}");
        assert_eq!(bed.restore(conductor, &Changes { baseline, plan }).await, [""; 0]);
        assert_eq!(watched.counts(), [0, 4], "{kind}");
        assert_eq!(bed.everything().await, before, "{kind}");
    }))
    .await;
}

#[tokio::test]
async fn what_somebody_changed_after_the_look_is_not_overwritten() {
    join_all(KINDS.map(async |kind| {
        let watched = Watched::new("stale-look", kind).await;
        watched.put(REPLICAS, json!(2)).await;
        let said = watched.refused(&watched.step, Way::There).await;
        assert!(said.ends_with("somebody else changed replicas: it is 2, and neither 0 nor 1"), "{said}");
        assert_eq!(watched.counts(), [1, 1], "{kind}: a patch whose test fails, and a look");
    }))
    .await;
}

#[tokio::test]
async fn what_is_kept_as_it_was_before_is_what_it_was_when_it_was_written() {
    join_all(KINDS.map(async |kind| {
        let watched = Watched::new("stale-snapshot", kind).await;
        // No field that the step is about, but one that the marker keeps.
        watched.put(IMAGE, json!("registry.example/checkout:9")).await;
        watched.there().await;
        assert_eq!(watched.counts(), [1, 2], "{kind}");
        let snapshot = marker(&watched.live().await, "snapshot");
        assert_eq!(snapshot["images"], json!({ "main": "registry.example/checkout:9" }), "{kind}");
    }))
    .await;
}

#[tokio::test]
async fn that_nothing_is_to_be_written_is_not_taken_from_an_old_look() {
    join_all(KINDS.map(async |kind| {
        let watched = Watched::new("old-nothing", kind).await;
        let Watched { bed, conductor, .. } = &watched;
        watched.put(REPLICAS, json!(1)).await;
        assert_eq!(bed.observe(conductor).await["checkout"].allocation.replicas, 1);
        // Back at none by somebody else, while the conductor has seen one: it wants one, and one it shall be.
        watched.put(REPLICAS, json!(0)).await;
        watched.there().await;
        assert_eq!(watched.live().await["spec"]["replicas"], 1, "{kind}");
    }))
    .await;
}

#[tokio::test]
async fn that_something_of_the_run_is_left_is_not_taken_from_an_old_look() {
    join_all(KINDS.map(async |kind| {
        let watched = Watched::new("old-rest", kind).await;
        let Watched { bed, conductor, step, .. } = &watched;
        let baseline = bed.observe(conductor).await;
        conductor.roll_out(&bed.run, &rollout(&baseline, "checkout", image("checkout")), Way::There).await.unwrap();
        conductor.scale(&bed.run, step, Way::There).await.unwrap();
        // Now only the replicas are the run's, and with them its marker goes.
        watched.put(IMAGE, json!("registry.example/checkout:ci")).await;
        conductor.scale(&bed.run, &watched.back(), Way::Back).await.unwrap();
        let live = watched.live().await;
        assert_eq!((marker(&live, "run"), marker(&live, "snapshot")), (Value::Null, Value::Null), "{kind}");
        assert_eq!(live.pointer(IMAGE), Some(&json!("registry.example/checkout:ci")), "{kind}");
        assert_eq!(watched.counts(), [1, 4], "{kind}");
    }))
    .await;
}

#[tokio::test]
async fn what_was_made_anew_after_the_look_is_another_object() {
    join_all(KINDS.map(async |kind| {
        let watched = Watched::new("made-anew", kind).await;
        let Watched { bed, .. } = &watched;
        let anew = async || {
            bed.kubectl(&["delete", kind, "checkout"], "").await;
            create(bed, kind).await;
            watched.live().await
        };
        // Everything but the uid is as it was seen.
        let made = anew().await;
        watched.there().await;
        assert_eq!(watched.counts(), [1, 2], "{kind}");
        assert_eq!(marker(&watched.live().await, "run")["uid"], made["metadata"]["uid"], "{kind}");
        let made = anew().await;
        watched.conductor.scale(&bed.run, &watched.back(), Way::Back).await.unwrap();
        let live = watched.live().await;
        assert_eq!(watched.counts(), [2, 3], "{kind}: there is nothing to put back");
        assert_eq!(live["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"], "{kind}");
        bed.kubectl(&["delete", kind, "checkout"], "").await;
        let error = watched.conductor.scale(&bed.run, &watched.step, Way::There).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::NotFound, "{}", text(&error));
    }))
    .await;
}

#[tokio::test]
async fn a_newer_conductor_that_wrote_after_the_look_fences_the_older_one() {
    let ways = KINDS.into_iter().flat_map(|kind| [Way::There, Way::Back].map(|way| (kind, way)));
    join_all(ways.map(async |(kind, way)| {
        let watched = Watched::new(&format!("newer-{way:?}").to_lowercase(), kind).await;
        let Watched { bed, step, .. } = &watched;
        let step = match way {
            Way::There => step.clone(),
            Way::Back => {
                watched.there().await;
                watched.back()
            }
        };
        // On the way back, nothing but the marker is another one after this.
        bed.conductor(2).await.scale(&bed.run, &watched.step, Way::There).await.unwrap();
        let before = watched.live().await;
        assert_eq!(marker(&before, "run")["epoch"], 2);
        let said = watched.refused(&step, way).await;
        let run = &bed.run;
        let expected = format!("a newer conductor drives load test {run} (epoch 2, this one has 1)");
        assert!(said.ends_with(&expected), "{kind}: {said}");
        assert_eq!(watched.live().await["metadata"]["annotations"], before["metadata"]["annotations"], "{kind}");
        assert_eq!(watched.counts()[0], 1, "{kind}");
    }))
    .await;
}

/// Autoscaled applications, and a step for each that pins its autoscaler.
async fn autoscaled(namespace: &str, names: &[&str]) -> (Bed, FaultProxy, KubernetesEnvironment, Vec<ScaleStep>) {
    let bed = Bed::new(namespace, names).await;
    for name in names {
        bed.api().create(&PostParams::default(), &with_resources(name, 2)).await.unwrap();
        bed.api().create(&PostParams::default(), &autoscaler(name, 1, 4)).await.unwrap();
    }
    let proxy = bed.proxy().await;
    let conductor = bed.behind(&proxy, 1).await;
    let steps = bed.observe(&conductor).await.into_iter().map(|(application, observed)| {
        let from = observed.allocation;
        let to = Allocation { replicas: 3, autoscaling: Some(Bounds::pinned(3)), ..from.clone() };
        ScaleStep { application, from, to }
    });
    let steps = steps.collect();
    (bed, proxy, conductor, steps)
}

#[tokio::test]
async fn autoscalers_are_listed_once_for_all_steps_at_the_same_time() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let (bed, proxy, conductor, steps) = autoscaled("listed-once", &names).await;
    let lists = || count(&proxy, Verb::List, "horizontalpodautoscalers");
    let before = lists();
    let done = join_all(steps.iter().map(|step| conductor.scale(&bed.run, step, Way::There))).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    // One for the first, and one for all who asked while that was under way.
    assert!(lists() - before <= 2, "{}", lists() - before);
    for found in bed.api::<HorizontalPodAutoscaler>().list(&Default::default()).await.unwrap() {
        assert_eq!((found.spec.min_replicas, found.spec.max_replicas), (Some(3), 3));
    }
}

#[tokio::test]
async fn an_autoscaler_that_somebody_changed_after_it_was_listed_is_not_overwritten() {
    let (bed, proxy, conductor, steps) = autoscaled("stale-list", &["shop"]).await;
    let stop = proxy.stop_at(Requests::writes(), 1, Moment::Before);
    let scaled = conductor.scale(&bed.run, &steps[0], Way::There);
    let meanwhile = async {
        stop.reached(PATIENCE).await;
        bed.kubectl(&["patch", "hpa/shop-cpu", r#"--patch={"spec":{"maxReplicas":9}}"#], "").await;
        stop.go_on();
    };
    let (scaled, ()) = tokio::join!(scaled, meanwhile);
    let error = scaled.unwrap_err();
    let said = "could not change HorizontalPodAutoscaler stale-list/shop-cpu: somebody else changed maxReplicas: it is 9, \
                and neither 4 nor 3";
    assert_eq!((error.kind, text(&error).as_str()), (FailureKind::Rejected, said));
    assert_eq!(proxy.writes().len(), 1);
}
