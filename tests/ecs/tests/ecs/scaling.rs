//! Application Auto Scaling: what is registered, and who fights for a number.

use std::time::Duration;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::operation::register_scalable_target::builders::RegisterScalableTargetFluentBuilder;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace, SuspendedState};
use conductor_ecs_bed::{Autoscaler, EcsBed, Pull, ServiceMade, User};

use super::support::{config, describe, kind, steps, with_pay};

const DIMENSION: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

async fn scaling(bed: &EcsBed) -> Client {
    Client::new(&config(bed, User::Conductor).await)
}

fn register(client: &Client, service: &str) -> RegisterScalableTargetFluentBuilder {
    let register = client.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
    register.scalable_dimension(DIMENSION).resource_id(format!("service/test/{service}"))
}

async fn target(client: &Client) -> ScalableTarget {
    let ask = client.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
    ask.resource_ids("service/test/pay").send().await.unwrap().scalable_targets()[0].clone()
}

fn suspended(dynamic_in: bool, dynamic_out: bool, scheduled: bool) -> SuspendedState {
    SuspendedState::builder()
        .dynamic_scaling_in_suspended(dynamic_in)
        .dynamic_scaling_out_suspended(dynamic_out)
        .scheduled_scaling_suspended(scheduled)
        .build()
}

#[tokio::test]
async fn registering_again_changes_what_is_sent_and_bounds_that_are_sent_move_the_service() {
    let (bed, client) = with_pay().await;
    let scaling = scaling(&bed).await;
    let absent = register(&scaling, "pay").min_capacity(1).send().await.unwrap_err();
    assert_eq!(kind(&absent), "ValidationException");
    register(&scaling, "pay").min_capacity(1).max_capacity(8).send().await.unwrap();
    assert_eq!(target(&scaling).await.suspended_state(), Some(&suspended(false, false, false)));
    let all = suspended(true, true, true);
    register(&scaling, "pay").suspended_state(all.clone()).send().await.unwrap();
    let told = target(&scaling).await;
    assert_eq!((told.min_capacity(), told.max_capacity(), told.suspended_state()), (1, 8, Some(&all)));
    assert_eq!(describe(&client, "pay").await.desired_count(), 3);
    register(&scaling, "pay").min_capacity(5).send().await.unwrap();
    let told = target(&scaling).await;
    assert_eq!((told.min_capacity(), told.max_capacity(), told.suspended_state()), (5, 8, Some(&all)));
    assert_eq!(describe(&client, "pay").await.desired_count(), 5, "suspended or not");
    let wrong = register(&scaling, "pay").min_capacity(9).send().await.unwrap_err();
    assert_eq!(kind(&wrong), "ValidationException");
    let ghost = register(&scaling, "ghost").min_capacity(1).max_capacity(2).send().await.unwrap_err();
    assert_eq!(kind(&ghost), "ValidationException");
}

#[tokio::test]
async fn an_autoscaler_fights_for_its_number_until_it_is_suspended() {
    let (bed, client) = with_pay().await;
    let scaling = scaling(&bed).await;
    register(&scaling, "pay").min_capacity(1).max_capacity(6).send().await.unwrap();
    let every = Duration::from_secs(10);
    for (by, suspend) in
        [(Pull::Dynamic, suspended(true, true, false)), (Pull::Scheduled, suspended(false, false, true))]
    {
        register(&scaling, "pay").suspended_state(suspended(false, false, false)).send().await.unwrap();
        bed.autoscale("test", "pay", Some(Autoscaler { wants: 50, every, by })).unwrap();
        bed.clock().advance(every);
        assert_eq!(describe(&client, "pay").await.desired_count(), 6, "{by:?}: no more than its bounds allow");
        let scale = async |desired| {
            client.update_service().cluster("test").service("pay").desired_count(desired).send().await.unwrap();
        };
        scale(2).await;
        assert_eq!(describe(&client, "pay").await.desired_count(), 2);
        bed.clock().advance(every);
        assert_eq!(describe(&client, "pay").await.desired_count(), 6, "{by:?}: it is back");
        register(&scaling, "pay").suspended_state(suspend).send().await.unwrap();
        scale(4).await;
        bed.clock().advance(every * 100);
        assert_eq!(describe(&client, "pay").await.desired_count(), 4, "{by:?}: it is suspended");
        bed.autoscale("test", "pay", None).unwrap();
    }
    let by_itself = bed.writes().into_iter().filter(|seen| seen.who.access_key == "application-autoscaling");
    let wanted: Vec<_> = by_itself.map(|seen| (seen.service, seen.body["desiredCount"].as_u64().unwrap())).collect();
    assert_eq!(wanted, vec![("pay".to_owned(), 6); 4]);
}

#[tokio::test]
async fn nothing_is_scaled_in_by_a_policy_while_a_deployment_goes_on_or_where_nothing_is_registered() {
    let (bed, client) = with_pay().await;
    let every = Duration::from_millis(10);
    bed.autoscale("test", "pay", Some(Autoscaler { wants: 1, every, by: Pull::Dynamic })).unwrap();
    steps(&bed, 10);
    assert_eq!(describe(&client, "pay").await.desired_count(), 3, "it is not registered");
    super::support::deploy(&client, "registry.example/pay:v2").await;
    let scaling = scaling(&bed).await;
    register(&scaling, "pay").min_capacity(1).max_capacity(6).send().await.unwrap();
    steps(&bed, 1);
    assert_eq!(describe(&client, "pay").await.desired_count(), 3, "a deployment goes on");
    steps(&bed, 10);
    assert_eq!(describe(&client, "pay").await.desired_count(), 1);
    let gone = scaling.deregister_scalable_target().service_namespace(ServiceNamespace::Ecs);
    gone.scalable_dimension(DIMENSION).resource_id("service/test/pay").send().await.unwrap();
    client.update_service().cluster("test").service("pay").desired_count(4).send().await.unwrap();
    steps(&bed, 10);
    assert_eq!(describe(&client, "pay").await.desired_count(), 4, "it is registered no more");
    let unknown = bed.autoscale("test", "shop", None).unwrap_err().to_string();
    assert!(unknown.starts_with("could not find one service shop in a cluster test"), "{unknown}");
}

#[tokio::test]
async fn targets_come_in_pages() {
    let (bed, _) = with_pay().await;
    let scaling = scaling(&bed).await;
    for number in 0..5 {
        let name = format!("service-{number}");
        bed.make_service(ServiceMade::new("test", &name, "registry.example/pay:v1", 1)).await.unwrap();
        register(&scaling, &name).min_capacity(0).max_capacity(number).send().await.unwrap();
    }
    let ask = scaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs).max_results(2);
    let mut pages = ask.into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.scalable_targets().len() <= 2);
        all.extend(page.scalable_targets().iter().map(|target| target.max_capacity()));
    }
    assert_eq!(all, [0, 1, 2, 3, 4]);
}
