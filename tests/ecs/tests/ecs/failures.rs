//! Deployments that come to nothing.

use aws_sdk_ecs::types::DeploymentRolloutState::{Completed, Failed, InProgress};
use aws_sdk_ecs::types::{DesiredStatus, ServiceDeploymentStatus, Task};
use conductor_ecs_bed::{Behaviour, ServiceMade, User};

use super::support::{bed, deploy, describe, ecs, register, steps, told, with_pay};

fn image(behaviour: Behaviour) -> String {
    format!("registry.example/pay:v2-{}", behaviour.mark())
}

#[tokio::test]
async fn a_circuit_breaker_fails_a_deployment_whose_tasks_do_not_start_and_leaves_it() {
    for behaviour in [Behaviour::NoPull, Behaviour::Crash, Behaviour::NoCapacity] {
        let bed = bed().await;
        bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 2).circuit_breaker(false))
            .await
            .unwrap();
        let client = ecs(&bed, User::Conductor).await;
        let id = deploy(&client, &image(behaviour)).await;
        steps(&bed, 2);
        let begun = describe(&client, "pay").await;
        assert_eq!(begun.deployments()[0].rollout_state(), Some(&InProgress), "{behaviour:?}");
        assert_eq!(begun.deployments()[0].failed_tasks(), 2, "{behaviour:?}");
        steps(&bed, 50);
        let failed = describe(&client, "pay").await;
        let all: Vec<_> = failed.deployments().iter().map(told).collect();
        assert_eq!(all, [("PRIMARY", Failed, 0, 0), ("ACTIVE", Completed, 2, 0)], "{behaviour:?}");
        let primary = &failed.deployments()[0];
        assert_eq!((primary.id(), primary.failed_tasks()), (Some(&*id), 3));
        assert!(primary.rollout_state_reason().unwrap().contains("circuit breaker"));
        let listed = client.list_service_deployments().cluster("test").service("pay").send().await.unwrap();
        assert_eq!(listed.service_deployments()[0].status(), Some(&ServiceDeploymentStatus::Stopped));
        // Another deployment ends it.
        deploy(&client, "registry.example/pay:v3").await;
        steps(&bed, 20);
        let all: Vec<_> = describe(&client, "pay").await.deployments().iter().map(|one| one.running_count()).collect();
        assert_eq!(all, [2]);
    }
}

#[tokio::test]
async fn a_circuit_breaker_may_bring_back_the_version_before_as_another_deployment() {
    let bed = bed().await;
    bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 2).circuit_breaker(true))
        .await
        .unwrap();
    let client = ecs(&bed, User::Conductor).await;
    let before = describe(&client, "pay").await;
    let id = deploy(&client, &image(Behaviour::Crash)).await;
    steps(&bed, 3);
    let rolling = describe(&client, "pay").await;
    let primary = &rolling.deployments()[0];
    assert_eq!((primary.rollout_state(), primary.task_definition()), (Some(&InProgress), before.task_definition()));
    let completed = before.deployments()[0].id().unwrap();
    let because = format!("ECS deployment circuit breaker: rolling back to deploymentId {completed}.");
    assert_eq!(primary.rollout_state_reason(), Some(&*because));
    let mut back = rolling;
    for step in 0.. {
        assert!(step < 20, "it does not end: {back:?}");
        let all: Vec<_> = back.deployments().iter().map(|one| (told(one), one.id().unwrap().to_owned())).collect();
        if all[0].0.1 == Completed {
            break;
        }
        // What has failed is shown all the while, beside what has run before it.
        assert!(all[1..].contains(&(("ACTIVE", Failed, 0, 0), id.clone())), "{all:?}");
        assert!(all[2..].iter().all(|(_, id)| id == completed), "{all:?}");
        steps(&bed, 1);
        back = describe(&client, "pay").await;
    }
    assert_eq!(back.deployments().iter().map(told).collect::<Vec<_>>(), [("PRIMARY", Completed, 2, 0)]);
    assert_eq!(back.task_definition(), before.task_definition());
    let ids = [before.deployments()[0].id(), Some(&*id)];
    assert!(!ids.contains(&back.deployments()[0].id()), "{back:?}");
    let listed = client.list_service_deployments().cluster("test").service("pay").send().await.unwrap();
    assert_eq!(listed.service_deployments()[0].status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
    let arn = listed.service_deployments()[0].service_deployment_arn().unwrap();
    let told = client.describe_service_deployments().service_deployment_arns(arn).send().await.unwrap();
    let (deployment, revisions) = (&told.service_deployments()[0], before.current_service_revisions());
    assert_eq!(deployment.rollback().unwrap().service_revision_arn(), revisions[0].arn());
    let breaker = deployment.deployment_circuit_breaker().unwrap();
    assert_eq!((breaker.failure_count(), breaker.threshold()), (3, 3));
    for said in [format!("{id}) deployment failed"), format!("rolling back to (deployment {completed})")] {
        assert!(back.events().iter().any(|event| event.message().unwrap().contains(&said)), "{said}");
    }
}

#[tokio::test]
async fn a_first_version_that_fails_has_nothing_to_go_back_to() {
    let bed = bed().await;
    let service = ServiceMade::new("test", "pay", &image(Behaviour::NoPull), 1).circuit_breaker(true).starting();
    bed.make_service(service).await.unwrap();
    steps(&bed, 50);
    let service = describe(&ecs(&bed, User::Conductor).await, "pay").await;
    assert_eq!(service.deployments().iter().map(told).collect::<Vec<_>>(), [("PRIMARY", Failed, 0, 0)]);
}

#[tokio::test]
async fn without_a_circuit_breaker_failures_are_counted_and_nothing_ends() {
    let (bed, client) = with_pay().await;
    deploy(&client, &image(Behaviour::NoPull)).await;
    steps(&bed, 300);
    let service = describe(&client, "pay").await;
    assert_eq!(service.deployments()[0].rollout_state(), Some(&InProgress));
    assert!(service.deployments()[0].failed_tasks() > 200, "{service:?}");
    assert_eq!(service.running_count(), 3, "those of before go on");
}

#[tokio::test]
async fn tasks_may_wait_for_ever_without_a_failure() {
    let (bed, client) = with_pay().await;
    deploy(&client, &image(Behaviour::Stuck)).await;
    steps(&bed, 300);
    let service = describe(&client, "pay").await;
    let all: Vec<_> = service.deployments().iter().map(told).collect();
    assert_eq!(all, [("PRIMARY", InProgress, 0, 3), ("ACTIVE", Completed, 3, 0)]);
    assert_eq!(service.deployments()[0].failed_tasks(), 0);
}

#[tokio::test]
async fn tasks_that_run_and_die_are_no_failures_and_never_steady() {
    let bed = bed().await;
    let service = ServiceMade::new("test", "pay", &image(Behaviour::Dies), 1).circuit_breaker(false).starting();
    bed.make_service(service).await.unwrap();
    let client = ecs(&bed, User::Conductor).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        steps(&bed, 1);
        let service = describe(&client, "pay").await;
        seen.insert(service.running_count());
        let primary = &service.deployments()[0];
        assert_eq!((primary.rollout_state(), primary.failed_tasks()), (Some(&InProgress), 0));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(stopped(&client).await[0].stopped_reason(), Some("Essential container in task exited"));
}

#[tokio::test]
async fn stopped_tasks_say_why() {
    for (behaviour, reason, exit) in [
        (Behaviour::NoPull, "CannotPullContainerError", None),
        (Behaviour::Crash, "Essential container in task exited", Some(1)),
    ] {
        let (bed, client) = with_pay().await;
        let id = deploy(&client, &image(behaviour)).await;
        steps(&bed, 1);
        let tasks = stopped(&client).await;
        assert_eq!(tasks.len(), 1, "{behaviour:?}");
        assert!(tasks[0].stopped_reason().unwrap().starts_with(reason), "{tasks:?}");
        assert_eq!((tasks[0].last_status(), tasks[0].started_by()), (Some("STOPPED"), Some(&*id)));
        assert_eq!(tasks[0].containers()[0].exit_code(), exit);
        assert!(tasks[0].stopped_at() >= tasks[0].created_at());
    }
}

#[tokio::test]
async fn a_family_may_behave_too_and_so_does_a_digest_of_a_tag_that_does() {
    let (bed, client) = with_pay().await;
    for behaviour in [Behaviour::Crash, Behaviour::Runs] {
        let tagged = format!("registry.example/pay:v5-{}", behaviour.mark());
        let digest = format!("sha256:{}", behaviour.mark());
        bed.set_digest(&tagged, &digest);
        deploy(&client, &tagged).await;
        steps(&bed, 10);
        deploy(&client, &format!("registry.example/pay@{digest}")).await;
        steps(&bed, 10);
        let fails = describe(&client, "pay").await.deployments()[0].failed_tasks() > 0;
        assert_eq!(fails, behaviour == Behaviour::Crash, "{digest}");
    }
    let version = register(&client, "pay-bed-crash", "registry.example/pay:v1").await;
    client.update_service().cluster("test").service("pay").task_definition(version).send().await.unwrap();
    steps(&bed, 10);
    assert!(describe(&client, "pay").await.deployments()[0].failed_tasks() > 0);
}

#[tokio::test]
async fn a_cluster_has_room_for_so_many_tasks_and_says_so() {
    let (bed, client) = with_pay().await;
    bed.limit_tasks("test", Some(4));
    client.update_service().cluster("test").service("pay").desired_count(6).send().await.unwrap();
    steps(&bed, 20);
    let service = describe(&client, "pay").await;
    assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (6, 4, 0));
    let event = service.events()[0].message().unwrap();
    assert!(event.starts_with("(service pay) was unable to place a task because no container instance"), "{event}");
    bed.limit_tasks("test", None);
    steps(&bed, 20);
    assert_eq!(describe(&client, "pay").await.running_count(), 6);
}

/// The stopped tasks of `pay`.
async fn stopped(client: &aws_sdk_ecs::Client) -> Vec<Task> {
    let list = client.list_tasks().cluster("test").service_name("pay").desired_status(DesiredStatus::Stopped);
    let listed = list.send().await.unwrap();
    let describe = client.describe_tasks().cluster("test").set_tasks(Some(listed.task_arns().to_vec()));
    describe.send().await.unwrap().tasks().to_vec()
}
