//! What is read has limits, pages and gaps.

use aws_sdk_ecs::types::{ServiceField, Tag, TaskDefinitionField};
use conductor_ecs_bed::{ServiceMade, User};
use serde_json::json;

use super::support::{bed, describe, ecs, kind, register, steps, with_pay, words};

#[tokio::test]
async fn ten_services_are_described_at_once_in_another_order_and_those_that_are_missing_are_told() {
    let bed = bed().await;
    let client = ecs(&bed, User::Conductor).await;
    let names: Vec<String> = (0..11).map(|number| format!("service-{number}")).collect();
    for name in &names[..9] {
        bed.make_service(ServiceMade::new("test", name, "registry.example/pay:v1", 0)).await.unwrap();
    }
    let ask = |names: &[String]| client.describe_services().cluster("test").set_services(Some(names.to_vec())).send();
    let described = ask(&names[..10]).await.unwrap();
    let told: Vec<&str> = described.services().iter().filter_map(|service| service.service_name()).collect();
    let mut asked: Vec<&str> = names[..9].iter().map(String::as_str).collect();
    assert_ne!(told, asked);
    asked.reverse();
    assert_eq!(told, asked);
    let failure = &described.failures()[0];
    assert_eq!((failure.reason(), described.failures().len()), (Some("MISSING"), 1));
    assert!(failure.arn().unwrap().ends_with("service-9"), "{failure:?}");
    let refused = ask(&names).await.unwrap_err();
    assert_eq!(kind(&refused), "InvalidParameterException");
    assert!(words(&refused).contains("10"), "{refused:?}");
    assert_eq!(kind(&ask(&[]).await.unwrap_err()), "InvalidParameterException");
    let nowhere = client.describe_services().cluster("nowhere").services("pay").send().await.unwrap_err();
    assert_eq!(kind(&nowhere), "ClusterNotFoundException");
}

#[tokio::test]
async fn services_are_listed_ten_at_a_time() {
    let bed = bed().await;
    let client = ecs(&bed, User::Conductor).await;
    for number in 0..23 {
        let name = format!("service-{number}");
        bed.make_service(ServiceMade::new("test", &name, "registry.example/pay:v1", 0)).await.unwrap();
    }
    bed.make_cluster("test-2").await.unwrap();
    bed.make_service(ServiceMade::new("test-2", "other", "registry.example/pay:v1", 0)).await.unwrap();
    let mut pages = client.list_services().cluster("test").into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().service_arns().len());
    }
    assert_eq!(sizes, [10, 10, 3]);
    let seven = client.list_services().cluster("test").max_results(7).send().await.unwrap();
    assert_eq!((seven.service_arns().len(), seven.next_token().is_some()), (7, true));
    let all = client.list_services().cluster("test").max_results(100).send().await.unwrap();
    assert_eq!((all.service_arns().len(), all.next_token()), (23, None));
    for (list, words) in [
        (client.list_services().cluster("test").max_results(101), "between 1 and 100"),
        (client.list_services().cluster("test").next_token("of somebody"), "Invalid token"),
    ] {
        let refused = list.send().await.unwrap_err();
        assert_eq!(kind(&refused), "InvalidParameterException");
        assert!(super::support::words(&refused).contains(words), "{refused:?}");
    }
}

#[tokio::test]
async fn task_definitions_are_listed_in_their_order_and_in_pages() {
    let bed = bed().await;
    let client = ecs(&bed, User::Conductor).await;
    for number in 0..12 {
        register(&client, "pay", &format!("registry.example/pay:v{number}")).await;
    }
    let list = client.list_task_definitions().family_prefix("pay").max_results(5);
    let page = list.clone().sort(aws_sdk_ecs::types::SortOrder::Desc).send().await.unwrap();
    let ends = |arns: &[String]| arns.iter().map(|arn| arn.rsplit(':').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ends(page.task_definition_arns()), ["12", "11", "10", "9", "8"]);
    let page = list.clone().send().await.unwrap();
    assert_eq!(ends(page.task_definition_arns()), ["1", "2", "3", "4", "5"]);
    let page = list.next_token(page.next_token().unwrap()).send().await.unwrap();
    assert_eq!(ends(page.task_definition_arns()), ["6", "7", "8", "9", "10"]);
}

#[tokio::test]
async fn services_and_task_definitions_have_tags_that_are_told_when_they_are_asked_for() {
    let bed = bed().await;
    bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 1).tag("team", "pay")).await.unwrap();
    let client = ecs(&bed, User::Conductor).await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let service = describe(&client, "pay").await;
    assert_eq!(service.tags(), []);
    let arn = service.service_arn().unwrap();
    client.tag_resource().resource_arn(arn).tags(tag("run", "7")).send().await.unwrap();
    let tags = async || {
        let ask = client.describe_services().cluster("test").services("pay").include(ServiceField::Tags);
        let mut tags = ask.send().await.unwrap().services()[0].tags().to_vec();
        tags.sort_by_key(|tag| tag.key().unwrap().to_owned());
        tags
    };
    assert_eq!(tags().await, [tag("run", "7"), tag("team", "pay")]);
    client.untag_resource().resource_arn(arn).tag_keys("run").send().await.unwrap();
    assert_eq!(tags().await, [tag("team", "pay")]);
    let listed = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(listed.tags(), [tag("team", "pay")]);
    let long =
        client.tag_resource().resource_arn(arn).tags(tag("snapshot", &"x".repeat(257))).send().await.unwrap_err();
    assert_eq!(kind(&long), "InvalidParameterException");

    let container = aws_sdk_ecs::types::ContainerDefinition::builder().name("app").image("pay:v1").memory(64).build();
    let request = client.register_task_definition().family("tagged").container_definitions(container);
    let registered = request.tags(tag("source", "sha256:ab")).send().await.unwrap();
    assert_eq!(registered.tags(), [tag("source", "sha256:ab")]);
    let ask = || client.describe_task_definition().task_definition("tagged:1");
    assert_eq!(ask().send().await.unwrap().tags(), []);
    let told = ask().include(TaskDefinitionField::Tags).send().await.unwrap();
    assert_eq!(told.tags(), [tag("source", "sha256:ab")]);
}

#[tokio::test]
async fn clusters_count_their_tasks_and_services() {
    let (bed, client) = with_pay().await;
    bed.make_cluster("production").await.unwrap();
    client.update_service().cluster("test").service("pay").desired_count(5).send().await.unwrap();
    steps(&bed, 1);
    let described = client.describe_clusters().clusters("production").clusters("test").send().await.unwrap();
    let counts = described
        .clusters()
        .iter()
        .map(|cluster| (cluster.running_tasks_count(), cluster.pending_tasks_count(), cluster.active_services_count()));
    assert_eq!(counts.collect::<Vec<_>>(), [(0, 0, 0), (4, 1, 1)]);
}

#[tokio::test]
async fn regions_are_apart() {
    let (bed, client) = with_pay().await;
    let elsewhere = bed.actor(User::Admin).in_region("us-west-2");
    assert_eq!(elsewhere.call("ListClusters", json!({})).await.unwrap(), json!({ "clusterArns": [] }));
    elsewhere.call("CreateCluster", json!({ "clusterName": "test" })).await.unwrap();
    let service = ServiceMade::new("test", "pay", "registry.example/pay:v9", 8).in_region("us-west-2");
    let made = bed.make_service(service).await.unwrap();
    assert!(made.service.starts_with("arn:aws:ecs:us-west-2:"), "{made:?}");
    assert!(made.definition.ends_with("/pay:1") && made.deployment.starts_with("ecs-svc/"), "{made:?}");
    assert_eq!(describe(&client, "pay").await.running_count(), 3);
    let there = elsewhere.call("DescribeServices", json!({ "cluster": "test", "services": ["pay"] })).await.unwrap();
    assert_eq!(there["services"][0]["runningCount"], 8);
}
