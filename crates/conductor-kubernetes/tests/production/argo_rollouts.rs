//! What production runs in Rollouts of Argo Rollouts.

use conductor_core::ports::{Deployer, FailureKind, Scaler};
use conductor_kubernetes::{Kind, KubernetesEnvironment, Place, running};
use conductor_kubernetes_bed::{
    Behaviour, BlueGreen, Cluster, Rollout, RolloutStatus, Step, User, blue_green, rollout, service, until,
};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::bed::{PATIENCE, api, cluster, namespace, place, reader, start, text};

fn rollout_at(namespace: &str, name: &str) -> Place {
    Place { kind: Kind::Rollout, ..place(namespace, name) }
}

async fn in_phase(rollouts: &Api<Rollout>, phase: &str) -> RolloutStatus {
    until(phase, PATIENCE, async || {
        let found = rollouts.get("checkout").await.unwrap();
        let generation = found.metadata.generation.unwrap().to_string();
        let status = found.status.filter(|status| status.phase == phase && status.observed_generation == generation)?;
        (status.available_replicas == 4).then_some(status)
    })
    .await
}

#[tokio::test]
async fn an_argo_rollout_runs_what_its_stable_pods_run_and_one_in_a_canary_is_refused() {
    // Of its own: to other tests it matters which kinds there are.
    let production = start().await;
    production.rollouts().await.unwrap_or_else(|error| panic!("{error}"));
    production.namespace("canaries").await.unwrap();
    let (reader, admin) = (reader(&production).await, production.client(&User::Admin).await.unwrap());
    let rollouts: Api<Rollout> = api(&admin, "canaries");
    let steps = [Step::SetWeight(25), Step::pause()];
    rollouts.create(&Default::default(), &rollout("checkout", 4, Behaviour::Ready, &steps)).await.unwrap();
    in_phase(&rollouts, "Healthy").await;
    let places = [rollout_at("canaries", "checkout"), rollout_at("canaries", "absent")];
    let found = running(&reader, &places, None).await.unwrap();
    let counts: Vec<_> = found.iter().map(|(place, running)| (place.to_string(), running.replicas)).collect();
    assert_eq!(counts, [("Rollout canaries/checkout".to_owned(), 4)]);
    let pods = api::<Pod>(&admin, "canaries").list(&ListParams::default()).await.unwrap().items;
    let of_pod = pods[0].status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0].image_id.clone();
    assert_eq!(found[&places[0]].images["main"], of_pod);

    // Nothing is written to it for a moment before it is changed.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let mut template = rollouts.get("checkout").await.unwrap().spec.template;
    template["spec"]["containers"][0]["image"] = json!("registry.example/checkout:2");
    let change = Patch::Merge(json!({ "spec": { "template": template } }));
    rollouts.patch("checkout", &PatchParams::default(), &change).await.unwrap();
    let RolloutStatus { stable, current_pod_hash, .. } = in_phase(&rollouts, "Paused").await;
    let error = running(&reader, &places, None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert_eq!(
        text(&error),
        format!(
            "could not read what production runs: production is in the middle of a rollout of Rollout canaries/checkout \
             (canary): it goes from ReplicaSet {stable} to {current_pod_hash}, and is not promoted yet; try again when it is, \
             or is taken back"
        )
    );
    switched(&production).await;
    production.stop().await.unwrap();
}

/// Replicas of before the switch stay, and are nobody's any more.
async fn switched(production: &Cluster) {
    production.namespace("switched").await.unwrap();
    let admin = production.client(&User::Admin).await.unwrap();
    let rollouts: Api<Rollout> = api(&admin, "switched");
    api::<Service>(&admin, "switched").create(&Default::default(), &service("checkout", "checkout")).await.unwrap();
    let spec = BlueGreen {
        active_service: "checkout".to_owned(),
        scale_down_delay_seconds: Some(3600),
        ..BlueGreen::default()
    };
    rollouts.create(&Default::default(), &blue_green("checkout", 4, Behaviour::Ready, spec)).await.unwrap();
    let before = in_phase(&rollouts, "Healthy").await;
    let mut template = rollouts.get("checkout").await.unwrap().spec.template;
    template["spec"]["containers"][0]["image"] = json!("registry.example/checkout:2");
    // Nothing is written to it for a moment before it is changed.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let change = Patch::Merge(json!({ "spec": { "template": template } }));
    rollouts.patch("checkout", &PatchParams::default(), &change).await.unwrap();
    until("it is switched", PATIENCE, async || {
        let status = in_phase(&rollouts, "Healthy").await;
        (status.stable != before.stable && status.stable == status.current_pod_hash && status.replicas == 8)
            .then_some(())
    })
    .await;
    let place = rollout_at("switched", "checkout");
    let found = running(&reader(production).await, std::slice::from_ref(&place), None).await.unwrap();
    assert_eq!((found[&place].replicas, found[&place].written["main"].as_str()), (4, "registry.example/checkout:2"));
}

#[tokio::test]
async fn a_cluster_that_knows_no_argo_rollouts_has_none() {
    let (reader, _) = namespace("without-rollouts").await;
    assert_eq!(running(&reader, &[rollout_at("without-rollouts", "checkout")], None).await.unwrap().len(), 0);
    let settings = json!({
        "cluster": { "kubeconfig": cluster().await.kubeconfig(&User::Admin).unwrap() },
        "namespace": "without-rollouts",
        "applications": [{ "name": "checkout", "rollout": "checkout" }, { "name": "ledger" }],
    });
    let conductor = KubernetesEnvironment::connect(serde_json::from_value(settings).unwrap(), 2).await.unwrap();
    let applications = ["checkout", "ledger"].map(|name| name.parse().unwrap());
    assert_eq!(conductor.deployed(&applications).await.unwrap().len(), 0);
    assert_eq!(conductor.allocated(&applications).await.unwrap().len(), 0);
    assert_eq!(conductor.left_behind(&applications).await.unwrap().len(), 0);
    conductor.let_go(&"run-1".parse().unwrap(), &applications).await.unwrap();
}
