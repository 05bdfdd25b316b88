//! What somebody else changes of what the run has changed is put back as the run needs it, and afterwards all of it is as it was
//! before the run. What cannot be put back is refused with a reason, and is theirs on the way back as well.

use std::collections::BTreeMap;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::failure::FailureKind;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, PortError, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_core::scale::{Baseline, Observed, Plan, ScaleStep};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bed::{Bed, text};
use crate::drifts::{SEEN_WITHIN, seen_against, without_time};

/// A run that has given `checkout` another version, four replicas and resources.
struct Scene {
    bed: Bed,
    changes: Changes,
    expected: Baseline,
}

impl Scene {
    async fn new(namespace: &str, is_autoscaled: bool) -> Self {
        let bed = Bed::new(namespace).await;
        if is_autoscaled {
            bed.kubectl(&["autoscale", "deployment/checkout", "--name=cpu", "--min=2", "--max=4"]).await.unwrap();
        }
        let (baseline, application) = (bed.observe().await, bed.applications[0].clone());
        let before = &baseline["checkout"];
        let from = before.allocation.clone();
        let mut to =
            Allocation { replicas: 4, autoscaling: from.autoscaling.map(|_| Bounds::pinned(4)), ..from.clone() };
        to.resources.insert("main".to_owned(), [("requests.cpu".to_owned(), "500m".parse().unwrap())].into());
        let release = Release::single("registry.example/checkout:5");
        let plan = Plan {
            rollouts: vec![Rollout::new(application.clone(), before.release.clone(), release)],
            scale_steps: vec![ScaleStep { application, from, to }],
        };
        let changes = Changes { baseline, plan };
        bed.conductor.roll_out(&bed.run, &changes.plan.rollouts[0], Way::There).await.unwrap();
        bed.conductor.scale(&bed.run, &changes.plan.scale_steps[0], Way::There).await.unwrap();
        let scene = Self { expected: changes.expected(None), changes, bed };
        assert_eq!(scene.found().await, scene.expected);
        scene
    }

    /// What there is, as the run looks at it.
    async fn found(&self) -> Baseline {
        let deployed = self.bed.conductor.deployed(&self.bed.applications).await.unwrap();
        let mut allocated = self.bed.conductor.still_allocated(&self.bed.applications).await.unwrap();
        let found = deployed.into_iter().map(|(name, deployed)| {
            let allocation = allocated.remove(&name).unwrap();
            (name, Observed { release: deployed.release, allocation, identity: deployed.identity })
        });
        found.collect()
    }

    /// What is seen of a call of kubectl.
    async fn seen(&self, call: &str) -> Vec<String> {
        let arguments: Vec<&str> = call.split(' ').collect();
        seen_against(&self.bed, &self.expected, &arguments).await
    }

    /// Puts in place again what the run needs, in the order of the engine.
    async fn revert(&self) -> Result<(), PortError> {
        let (bed, application) = (&self.bed, self.bed.applications[0].clone());
        bed.conductor.pause_again(&bed.run, &bed.applications).await?;
        let (found, expected) = (self.found().await["checkout"].clone(), self.expected["checkout"].clone());
        let is_same = found.release == expected.release;
        if !is_same {
            let rollout = Rollout::new(application.clone(), found.release, expected.release);
            bed.conductor.roll_out(&bed.run, &rollout, Way::There).await?;
        }
        if found.allocation != expected.allocation || is_same {
            let step = ScaleStep { application, from: found.allocation, to: expected.allocation };
            bed.conductor.scale(&bed.run, &step, Way::There).await?;
        }
        Ok(())
    }

    /// The whole way back by the journal; answers with what is told as theirs.
    async fn restore(&self) -> Vec<String> {
        let (bed, found) = (&self.bed, self.found().await);
        let plan = RestorePlan::make(&self.changes, &found, ForeignPolicy::Report);
        for step in &plan.scale_steps {
            bed.conductor.scale(&bed.run, step, Way::Back).await.unwrap();
        }
        for rollout in &plan.rollouts {
            bed.conductor.roll_out(&bed.run, rollout, Way::Back).await.unwrap();
        }
        bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
        assert_eq!(bed.conductor.left_behind(&bed.applications).await.unwrap(), BTreeMap::new());
        let deployment = bed.api::<Deployment>().get("checkout").await.unwrap();
        let annotations = deployment.metadata.annotations.unwrap_or_default();
        assert!(!annotations.keys().any(|key| key.starts_with("loadtest-conductor.dev/")), "{annotations:?}");
        plan.foreign.iter().map(ToString::to_string).collect()
    }

    /// What the markers say was before the run.
    async fn assert_marked(&self, when: &str) {
        let left = self.bed.conductor.left_behind(&self.bed.applications).await.unwrap();
        let before = &self.changes.baseline["checkout"];
        let marked = &left[&self.bed.run].changes.baseline["checkout"];
        assert_eq!((&marked.release, &marked.allocation), (&before.release, &before.allocation), "{when}");
    }
}

#[tokio::test]
async fn versions_replicas_resources_and_bounds_are_put_back_and_are_afterwards_as_before_the_run() {
    let of_workload = [
        (
            "set image deployment/checkout main=registry.example/checkout:9",
            "checkout: version of main is registry.example/checkout:9, not registry.example/checkout:5; changed by kubectl-set \
             (Update)",
        ),
        (
            "scale deployment/checkout --replicas=7",
            "checkout: replicas is 7, not 4; changed by kubectl (Update of scale)",
        ),
        (
            "set resources deployment/checkout --requests=cpu=3",
            "checkout: requests.cpu of main is 3, not 500m; changed by kubectl-set (Update)",
        ),
    ];
    let of_bounds = [(
        r#"patch hpa/cpu --patch={"spec":{"maxReplicas":9}}"#,
        "checkout: autoscaling is autoscaled from 4 to 9, not pinned at 4; changed by kubectl-patch (Update)",
    )];
    let scenes = [
        (Scene::new("changed-workload", false).await, of_workload.as_slice()),
        (Scene::new("changed-bounds", true).await, &of_bounds),
    ];
    for (scene, calls) in scenes {
        for (call, told) in calls {
            assert_eq!(scene.seen(call).await, [*told]);
            scene.revert().await.unwrap();
            assert_eq!(scene.found().await, scene.expected, "{call}");
            scene.assert_marked(call).await;
        }
        assert_eq!(scene.restore().await, [""; 0], "what was put back is nobody else's");
        assert_eq!(scene.found().await, scene.changes.baseline);
    }
}

/// The bounds of an autoscaler.
async fn bounds(scene: &Scene, name: &str) -> String {
    let path = "jsonpath={.spec.minReplicas} to {.spec.maxReplicas}";
    scene.bed.kubectl(&["get", "hpa", name, "-o", path]).await.unwrap()
}

#[tokio::test]
async fn an_autoscaler_that_somebody_makes_or_deletes_is_not_put_back_and_is_theirs_afterwards() {
    let made = (
        Scene::new("made-bounds", false).await,
        "autoscale deployment/checkout --name=theirs --min=1 --max=9",
        "checkout: autoscaling is autoscaled from 1 to 9, not absent; changed by kubectl-autoscale (Update)",
        "checkout: autoscaled from 1 to 9 → no autoscaling: autoscalers are neither made nor deleted",
    );
    let deleted = (
        Scene::new("deleted-bounds", true).await,
        "delete hpa/cpu",
        "checkout: autoscaling is absent, not pinned at 4",
        "checkout: no autoscaling → pinned at 4: autoscalers are neither made nor deleted",
    );
    for (scene, call, told, why) in [&made, &deleted] {
        assert_eq!(scene.seen(call).await, [*told]);
        let refused = scene.revert().await.unwrap_err();
        assert_eq!((refused.kind, text(&refused).as_str()), (FailureKind::Rejected, *why));
    }
    let ((made, ..), (deleted, ..)) = (made, deleted);
    assert_eq!(made.restore().await, [""; 0], "the run has not changed whether there is one");
    assert_eq!(bounds(&made, "theirs").await, "1 to 9");
    assert_eq!(
        deleted.restore().await,
        [
            "checkout: autoscaling is absent, which is neither autoscaled from 2 to 4 (before the run) nor pinned at 4 (during \
          it); left alone"
        ]
    );
    for scene in [made, deleted] {
        let (found, before) = (scene.found().await["checkout"].clone(), &scene.changes.baseline["checkout"]);
        assert_eq!((&found.release, &found.allocation.resources), (&before.release, &before.allocation.resources));
    }
}

#[tokio::test]
async fn a_second_autoscaler_goes_on_being_seen_and_keeps_nothing_from_being_put_back_afterwards() {
    let scene = Scene::new("second-bounds", true).await;
    let told =
        "checkout: autoscaling is autoscaled from 4 to 9, not pinned at 4; changed by kubectl-autoscale (Update)";
    assert_eq!(scene.seen("autoscale deployment/checkout --name=theirs --min=4 --max=9").await, [told]);
    scene.revert().await.unwrap();
    let drifts = scene.bed.conductor.drifted(&scene.expected, &[]).await.unwrap();
    assert_eq!(drifts.iter().map(without_time).collect::<Vec<_>>(), [told], "the run's own one is as it was");
    assert_eq!(scene.restore().await, [""; 0]);
    assert_eq!([bounds(&scene, "cpu").await, bounds(&scene, "theirs").await], ["2 to 4", "4 to 9"]);
}

#[tokio::test]
async fn a_deployment_that_somebody_makes_anew_is_told_with_who_made_it_and_is_theirs_afterwards() {
    let scene = Scene::new("made-anew", false).await;
    let bed = &scene.bed;
    let manifest = bed.kubectl(&["get", "deployment", "checkout", "-o", "json"]).await.unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest["metadata"]["annotations"].take();
    manifest["spec"]["replicas"] = json!(7);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkout.json");
    std::fs::write(&file, manifest.to_string()).unwrap();
    bed.kubectl(&["replace", "--force", "-f", file.to_str().unwrap()]).await.unwrap();
    let replaced = Instant::now();
    let drifts = bed.conductor.drifted(&scene.expected, &[]).await.unwrap();
    assert!(replaced.elapsed() < SEEN_WITHIN, "{:?}", replaced.elapsed());
    let told: Vec<String> = drifts.iter().map(without_time).collect();
    assert_eq!(
        told,
        [
            "checkout was deleted and made anew; made by kubectl-replace (Update)",
            "checkout: replicas is 7, not 4; changed by kubectl-replace (Update)"
        ]
    );
    let theirs = scene.found().await;
    assert_eq!(
        scene.restore().await,
        ["checkout: it was deleted and made anew during the run; the new one is left alone"]
    );
    assert_eq!(scene.found().await, theirs);
}
