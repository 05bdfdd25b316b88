//! Deployments take their time, and tell how far they are.

use std::time::Duration;

use aws_sdk_ecs::types::DeploymentRolloutState::{Completed, InProgress};
use aws_sdk_ecs::types::ServiceDeploymentStatus;
use conductor_ecs_bed::{ServiceMade, User, until};

use super::support::{PATIENCE, STEP, bed, deploy, describe, ecs, kind, register, steps, told, with_pay, words};

#[tokio::test]
async fn another_version_is_a_deployment_that_takes_the_place_of_the_one_before_task_by_task() {
    let (bed, client) = with_pay().await;
    let before = describe(&client, "pay").await;
    assert_eq!(before.deployments().iter().map(told).collect::<Vec<_>>(), [("PRIMARY", Completed, 3, 0)]);
    let id = deploy(&client, "registry.example/pay:v2").await;
    assert_ne!(before.deployments()[0].id(), Some(&*id));
    let begun = describe(&client, "pay").await;
    assert_eq!(
        begun.deployments().iter().map(told).collect::<Vec<_>>(),
        [("PRIMARY", InProgress, 0, 0), ("ACTIVE", Completed, 3, 0)],
    );
    assert!(begun.task_definition().unwrap().ends_with(":task-definition/pay:2"));
    steps(&bed, 1);
    let one = describe(&client, "pay").await;
    assert_eq!(
        one.deployments().iter().map(told).collect::<Vec<_>>(),
        [("PRIMARY", InProgress, 1, 2), ("ACTIVE", Completed, 2, 0)],
    );
    assert_eq!((one.desired_count(), one.running_count(), one.pending_count()), (3, 3, 2));
    steps(&bed, 1);
    assert_eq!(describe(&client, "pay").await.deployments().len(), 2);
    steps(&bed, 1);
    let done = describe(&client, "pay").await;
    assert_eq!(done.deployments().iter().map(told).collect::<Vec<_>>(), [("PRIMARY", Completed, 3, 0)]);
    assert_eq!(done.deployments()[0].id(), Some(&*id));
    assert!(done.deployments()[0].task_definition().unwrap().ends_with("/pay:2"));
    let events: Vec<&str> = done.events().iter().filter_map(|event| event.message()).take(2).collect();
    assert_eq!(events[0], "(service pay) has reached a steady state.");
    assert_eq!(events[1], format!("(service pay) (deployment {id}) deployment completed."));
}

#[tokio::test]
async fn another_number_of_tasks_is_no_deployment_and_takes_its_time_too() {
    let (bed, client) = with_pay().await;
    let id = describe(&client, "pay").await.deployments()[0].id().unwrap().to_owned();
    client.update_service().cluster("test").service("pay").desired_count(6).send().await.unwrap();
    for (running, pending) in [(3, 0), (4, 2), (5, 1), (6, 0)] {
        let service = describe(&client, "pay").await;
        assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (6, running, pending));
        assert_eq!(told(&service.deployments()[0]), ("PRIMARY", Completed, running, pending));
        assert_eq!(service.deployments()[0].id(), Some(&*id));
        steps(&bed, 1);
    }
    client.update_service().cluster("test").service("pay").desired_count(4).send().await.unwrap();
    for running in [6, 5, 4, 4] {
        assert_eq!(describe(&client, "pay").await.running_count(), running);
        steps(&bed, 1);
    }
}

#[tokio::test]
async fn the_clock_runs_by_itself_as_fast_as_it_is_told() {
    let (bed, client) = with_pay().await;
    client.update_service().cluster("test").service("pay").desired_count(500).send().await.unwrap();
    bed.clock().run(1000.0);
    until("500 tasks", PATIENCE, async || (describe(&client, "pay").await.running_count() == 500).then_some(())).await;
    bed.clock().hold();
    bed.set_pace(1.0);
    client.update_service().cluster("test").service("pay").desired_count(501).send().await.unwrap();
    steps(&bed, 5);
    assert_eq!(describe(&client, "pay").await.running_count(), 500, "half a second is not enough");
    steps(&bed, 10);
    assert_eq!(describe(&client, "pay").await.running_count(), 501);
}

#[tokio::test]
async fn a_forced_deployment_brings_the_same_version_with_the_images_of_now() {
    let (bed, client) = with_pay().await;
    let before = describe(&client, "pay").await;
    let digest = async || {
        let service = describe(&client, "pay").await;
        let revision = service.current_service_revisions()[0].arn().unwrap();
        let told = client.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
        let revision = &told.service_revisions()[0];
        assert_eq!(revision.task_definition(), service.task_definition());
        let image = &revision.container_images()[0];
        assert_eq!((image.container_name(), image.image()), (Some("app"), Some("registry.example/pay:v1")));
        image.image_digest().unwrap().to_owned()
    };
    let first = digest().await;
    assert!(first.starts_with("sha256:") && first.len() == 71, "{first}");
    bed.set_digest("registry.example/pay:v1", "sha256:moved");
    assert_eq!(digest().await, first, "what was deployed stays");
    client.update_service().cluster("test").service("pay").force_new_deployment(true).send().await.unwrap();
    steps(&bed, 10);
    let after = describe(&client, "pay").await;
    assert_ne!(after.deployments()[0].id(), before.deployments()[0].id());
    assert_eq!(after.task_definition(), before.task_definition());
    assert_eq!(digest().await, "sha256:moved");
}

#[tokio::test]
async fn the_same_version_again_is_no_deployment() {
    let (_bed, client) = with_pay().await;
    let before = describe(&client, "pay").await.deployments()[0].id().unwrap().to_owned();
    for name in ["pay", "pay:1", "arn:aws:ecs:eu-central-1:123456789012:task-definition/pay:1"] {
        let update = client.update_service().cluster("test").service("pay").task_definition(name);
        let updated = update.send().await.unwrap();
        let service = updated.service().unwrap();
        let arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/pay:1";
        assert_eq!((service.task_definition(), service.deployments()[0].id()), (Some(arn), Some(&*before)), "{name}");
    }
}

#[tokio::test]
async fn a_version_that_is_inactive_or_unknown_cannot_be_deployed() {
    let (bed, client) = with_pay().await;
    let version = register(&client, "pay", "registry.example/pay:v2").await;
    client.deregister_task_definition().task_definition(&version).send().await.unwrap();
    let update = |name: &str| client.update_service().cluster("test").service("pay").task_definition(name).send();
    let inactive = update(&version).await.unwrap_err();
    assert_eq!((kind(&inactive), words(&inactive)), ("ClientException", "TaskDefinition is inactive"));
    assert_eq!(kind(&update("pay:99").await.unwrap_err()), "ClientException");
    let create = client.create_service().cluster("test").service_name("other").task_definition(&version);
    assert_eq!(kind(&create.send().await.unwrap_err()), "ClientException");
    steps(&bed, 1);
    assert_eq!(describe(&client, "pay").await.deployments().len(), 1);
}

#[tokio::test]
async fn descriptions_may_lag_behind_an_update() {
    let (bed, client) = with_pay().await;
    bed.set_lag(STEP * 4);
    let updated = client.update_service().cluster("test").service("pay").desired_count(5).send().await.unwrap();
    assert_eq!(updated.service().unwrap().desired_count(), 5, "an answer to an update knows of it");
    steps(&bed, 2);
    deploy(&client, "registry.example/pay:v2").await;
    for (desired, deployments) in [(3, 1), (3, 1), (5, 1), (5, 1), (5, 2)] {
        let service = describe(&client, "pay").await;
        assert_eq!((service.desired_count(), service.deployments().len()), (desired, deployments));
        steps(&bed, 1);
    }
}

#[tokio::test]
async fn service_deployments_are_listed_and_tell_how_they_stand() {
    let (bed, client) = with_pay().await;
    deploy(&client, "registry.example/pay:v2").await;
    steps(&bed, 1);
    deploy(&client, "registry.example/pay:v3").await;
    let listed = client.list_service_deployments().cluster("test").service("pay").send().await.unwrap();
    let standings: Vec<_> = listed.service_deployments().iter().filter_map(|one| one.status()).collect();
    use ServiceDeploymentStatus::{InProgress, Stopped, Successful};
    assert_eq!(standings, [&InProgress, &Stopped, &Successful]);
    let newest = listed.service_deployments()[0].service_deployment_arn().unwrap();
    assert_eq!(describe(&client, "pay").await.current_service_deployment(), Some(newest));
    let told = async || {
        let told = client.describe_service_deployments().service_deployment_arns(newest).send().await.unwrap();
        told.service_deployments()[0].clone()
    };
    let (begun, target) = (told().await, listed.service_deployments()[0].target_service_revision_arn());
    assert_eq!((begun.status(), begun.target_service_revision().unwrap().arn()), (Some(&InProgress), target));
    assert_eq!(begun.target_service_revision().unwrap().requested_task_count(), 3);
    steps(&bed, 10);
    let done = told().await;
    assert_eq!(done.status(), Some(&Successful));
    assert!(done.finished_at() > done.started_at(), "{done:?}");
    let only = client.list_service_deployments().cluster("test").service("pay").status(Stopped).send().await.unwrap();
    assert_eq!(only.service_deployments().len(), 1);
    let unknown = client.describe_service_deployments().service_deployment_arns("arn:none").send().await.unwrap();
    assert_eq!(unknown.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test]
async fn a_service_that_is_made_may_have_yet_to_start() {
    let bed = bed().await;
    bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 2).starting()).await.unwrap();
    let client = ecs(&bed, User::Conductor).await;
    assert_eq!(told(&describe(&client, "pay").await.deployments()[0]), ("PRIMARY", InProgress, 0, 0));
    bed.clock().advance(Duration::from_secs(1));
    assert_eq!(told(&describe(&client, "pay").await.deployments()[0]), ("PRIMARY", Completed, 2, 0));
}
