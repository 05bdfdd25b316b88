//! What production runs in StatefulSets.

use conductor_core::ports::FailureKind;
use conductor_kubernetes::{Kind, Place, running};
use conductor_kubernetes_bed::{Behaviour, deployment, stateful_set, until};
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use crate::bed::{PATIENCE, api, namespace, place, running_in, settle, text};

fn set_at(namespace: &str, name: &str) -> Place {
    Place { kind: Kind::StatefulSet, ..place(namespace, name) }
}

/// Waits until the status of a StatefulSet shows something of its newest generation.
async fn shows(sets: &Api<StatefulSet>, name: &str, what: impl Fn(&StatefulSetStatus) -> bool) {
    until(&format!("{name}: the wanted status"), PATIENCE, async || {
        let set = sets.get(name).await.unwrap();
        let status = set.status?;
        (status.observed_generation >= set.metadata.generation && what(&status)).then_some(())
    })
    .await;
}

/// Rolls the second version out.
async fn release(sets: &Api<StatefulSet>, name: &str, behaviour: Behaviour) {
    let mut set = sets.get(name).await.unwrap();
    // Its controller writes the status meanwhile.
    set.metadata.resource_version = None;
    let template = &mut set.spec.as_mut().unwrap().template;
    behaviour.write_to(template);
    template.spec.as_mut().unwrap().containers[0].image = Some(format!("registry.example/{name}:2"));
    sets.replace(name, &Default::default(), &set).await.unwrap();
}

fn is_complete(status: &StatefulSetStatus) -> bool {
    status.available_replicas == Some(3) && status.current_revision == status.update_revision
}

#[tokio::test]
async fn a_settled_one_runs_what_its_pods_run_and_one_in_a_rollout_is_refused() {
    let (reader, admin) = namespace("stores").await;
    let sets: Api<StatefulSet> = api(&admin, "stores");
    sets.create(&Default::default(), &stateful_set("ledger", 3, Behaviour::Ready)).await.unwrap();
    // Another kind under the same name is another workload.
    settle(&api(&admin, "stores"), deployment("ledger", 1, Behaviour::Ready)).await;
    shows(&sets, "ledger", is_complete).await;
    let places = [set_at("stores", "ledger"), place("stores", "ledger"), set_at("stores", "absent")];
    let found = running(&reader, &places, None).await.unwrap();
    let counts: Vec<_> = found.iter().map(|(place, running)| (place.to_string(), running.replicas)).collect();
    let expected = [("Deployment stores/ledger", 1), ("StatefulSet stores/ledger", 3)];
    assert_eq!(counts, expected.map(|(place, count)| (place.to_owned(), count)));
    let pod = api::<Pod>(&admin, "stores").get("ledger-0").await.unwrap();
    let of_pod = pod.status.unwrap().container_statuses.unwrap()[0].image_id.clone();
    assert_eq!(found[&places[0]].images["main"], of_pod);

    release(&sets, "ledger", Behaviour::Hang).await;
    shows(&sets, "ledger", |status| status.updated_replicas == Some(1)).await;
    let error = running(&reader, &places, None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert_eq!(
        text(&error),
        "could not read what production runs: production is in the middle of a rollout of StatefulSet stores/ledger: 1 of \
         3 replicas run the newest version; try again when it is done"
    );
    assert_eq!(running_in(&reader, "stores", &["ledger"]).await.unwrap().len(), 1, "the Deployment is none of it");
}

#[tokio::test]
async fn one_without_replicas_is_known_by_its_template_only_if_that_is_pinned() {
    let (reader, admin) = namespace("empty-stores").await;
    let sets: Api<StatefulSet> = api(&admin, "empty-stores");
    sets.create(&Default::default(), &stateful_set("ledger", 0, Behaviour::Ready)).await.unwrap();
    shows(&sets, "ledger", |status| status.replicas == 0).await;
    let error = running(&reader, &[set_at("empty-stores", "ledger")], None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert_eq!(
        text(&error),
        "could not read what production runs: StatefulSet empty-stores/ledger is scaled to 0 in production, so no pod says \
         which digest container main would run; expected a replica, or a digest in its image \"registry.example/ledger:1\""
    );
}
