//! The tasks of services, one by one.

use aws_sdk_ecs::types::DesiredStatus;

use super::support::{deploy, describe, kind, steps, with_pay};

#[tokio::test]
async fn the_tasks_of_a_service_are_listed_and_told_with_their_images() {
    let (bed, client) = with_pay().await;
    bed.set_digest("registry.example/pay:v2", "sha256:two");
    let id = deploy(&client, "registry.example/pay:v2").await;
    steps(&bed, 1);
    let list = || client.list_tasks().cluster("test").service_name("pay");
    let listed = list().send().await.unwrap();
    assert_eq!(listed.task_arns().len(), 5);
    let new = list().started_by(&id).send().await.unwrap().task_arns().to_vec();
    let told = client.describe_tasks().cluster("test").set_tasks(Some(new)).send().await.unwrap();
    let states: Vec<_> =
        told.tasks().iter().map(|task| (task.last_status().unwrap(), task.desired_status().unwrap())).collect();
    assert_eq!(states, [("RUNNING", "RUNNING"), ("PENDING", "RUNNING"), ("PENDING", "RUNNING")]);
    let task = &told.tasks()[0];
    assert_eq!((task.group(), task.containers()[0].image_digest()), (Some("service:pay"), Some("sha256:two")));
    assert_eq!(task.task_definition_arn(), describe(&client, "pay").await.task_definition());
    let stopped = list().desired_status(DesiredStatus::Stopped).send().await.unwrap();
    assert_eq!(stopped.task_arns().len(), 1, "one of before has gone");
}

#[tokio::test]
async fn tasks_of_a_cluster_are_found_by_their_family_and_unknown_ones_are_missing() {
    let (_bed, client) = with_pay().await;
    let count =
        async |family: &str| client.list_tasks().cluster("test").family(family).send().await.unwrap().task_arns().len();
    assert_eq!((count("pay").await, count("shop").await), (3, 0));
    assert_eq!(client.list_tasks().cluster("test").send().await.unwrap().task_arns().len(), 3);
    let one = client.list_tasks().cluster("test").max_results(1).send().await.unwrap();
    let known = one.task_arns()[0].clone();
    let unknown = format!("{}{}", &known[..known.len() - 1], "x");
    let told = client.describe_tasks().cluster("test").tasks(&known).tasks(unknown).send().await.unwrap();
    assert_eq!((told.tasks().len(), told.failures()[0].reason()), (1, Some("MISSING")));
    let none = client.describe_tasks().cluster("test").set_tasks(Some(Vec::new())).send().await.unwrap_err();
    assert_eq!(kind(&none), "InvalidParameterException");
}
