//! Services that are deployed by others, that run on every instance, and that are going or gone.

use aws_sdk_ecs::types::SchedulingStrategy;
use conductor_ecs_bed::{ServiceMade, User};
use serde_json::json;

use super::support::{bed, describe, ecs, kind, register, steps, with_pay, words};

#[tokio::test]
async fn a_service_that_others_deploy_can_be_scaled_and_no_more() {
    for controller in ["CODE_DEPLOY", "EXTERNAL"] {
        let bed = bed().await;
        let service = ServiceMade::new("test", "pay", "registry.example/pay:v1", 2).controller(controller);
        bed.make_service(service).await.unwrap();
        let client = ecs(&bed, User::Conductor).await;
        let told = describe(&client, "pay").await;
        assert_eq!(told.deployment_controller().unwrap().r#type().as_str(), controller);
        assert_eq!((told.deployments(), told.running_count()), (&[][..], 2));
        let set = &told.task_sets()[0];
        assert_eq!(
            (set.status(), set.running_count(), set.task_definition()),
            (Some("PRIMARY"), 2, told.task_definition())
        );
        let version = register(&client, "pay", "registry.example/pay:v2").await;
        let update = || client.update_service().cluster("test").service("pay");
        for refused in [update().task_definition(version), update().force_new_deployment(true)] {
            let refused = refused.send().await.unwrap_err();
            assert_eq!(kind(&refused), "InvalidParameterException");
            assert!(words(&refused).contains(controller), "{refused:?}");
        }
        update().desired_count(4).send().await.unwrap();
        steps(&bed, 5);
        assert_eq!(describe(&client, "pay").await.task_sets()[0].running_count(), 4);
    }
}

#[tokio::test]
async fn a_daemon_is_not_scaled() {
    let bed = bed().await;
    bed.make_service(ServiceMade::new("test", "agent", "registry.example/agent:v1", 0).daemon()).await.unwrap();
    let client = ecs(&bed, User::Conductor).await;
    let told = describe(&client, "agent").await;
    assert_eq!(told.scheduling_strategy(), Some(&SchedulingStrategy::Daemon));
    assert_eq!((told.desired_count(), told.running_count()), (2, 2));
    let refused = client.update_service().cluster("test").service("agent").desired_count(4).send().await.unwrap_err();
    assert_eq!(kind(&refused), "InvalidParameterException");
    assert!(words(&refused).contains("daemon"), "{refused:?}");
    let wanted =
        json!({ "cluster": "test", "serviceName": "other", "schedulingStrategy": "DAEMON", "desiredCount": 1 });
    let refused = bed.actor(User::Ci).call("CreateService", wanted).await.unwrap_err();
    assert_eq!(refused.kind(), Some("InvalidParameterException"));
}

#[tokio::test]
async fn a_strategy_that_would_only_seem_to_be_followed_is_refused() {
    let (bed, _) = with_pay().await;
    for strategy in ["BLUE_GREEN", "LINEAR", "CANARY"] {
        let service = ServiceMade::new("test", "other", "registry.example/other:v1", 1);
        let service = service.of_service("deploymentConfiguration", json!({ "strategy": strategy }));
        let refused = bed.make_service(service).await.unwrap_err();
        assert!(refused.to_string().contains(&format!("{strategy} is not known to this bed")), "{refused}");
        let update =
            json!({ "cluster": "test", "service": "pay", "deploymentConfiguration": { "strategy": strategy } });
        let refused = bed.actor(User::Ci).call("UpdateService", update).await.unwrap_err();
        assert_eq!(refused.kind(), Some("InvalidParameterException"));
    }
}

#[tokio::test]
async fn a_deleted_service_drains_before_it_is_gone_and_takes_no_update() {
    let (bed, client) = with_pay().await;
    let delete = || client.delete_service().cluster("test").service("pay");
    assert_eq!(kind(&delete().send().await.unwrap_err()), "InvalidParameterException");
    let deleted = delete().force(true).send().await.unwrap();
    assert_eq!(deleted.service().unwrap().status(), Some("DRAINING"));
    let update = async || client.update_service().cluster("test").service("pay").desired_count(1).send().await;
    assert_eq!(kind(&update().await.unwrap_err()), "ServiceNotActiveException");
    let listed = async || client.list_services().cluster("test").send().await.unwrap().service_arns().len();
    assert_eq!(listed().await, 1);
    steps(&bed, 2);
    let told = describe(&client, "pay").await;
    assert_eq!((told.status(), told.running_count()), (Some("DRAINING"), 1));
    steps(&bed, 2);
    let told = describe(&client, "pay").await;
    assert_eq!((told.status(), told.running_count()), (Some("INACTIVE"), 0));
    assert_eq!(listed().await, 0);
    assert_eq!(kind(&update().await.unwrap_err()), "ServiceNotActiveException");
    // Its name can be had again.
    bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 1)).await.unwrap();
    assert_eq!(describe(&client, "pay").await.status(), Some("ACTIVE"));
}

#[tokio::test]
async fn a_service_cannot_be_made_twice_nor_updated_where_it_is_not() {
    let (bed, client) = with_pay().await;
    let again = bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 1)).await.unwrap_err();
    assert_eq!(
        again.to_string(),
        "could not call CreateService: InvalidParameterException: Creation of service was not idempotent."
    );
    assert_eq!(describe(&client, "pay").await.running_count(), 3);
    let unknown = client.update_service().cluster("test").service("shop").desired_count(1).send().await.unwrap_err();
    assert_eq!(kind(&unknown), "ServiceNotFoundException");
    let nowhere = client.update_service().cluster("nowhere").service("pay").desired_count(1).send().await.unwrap_err();
    assert_eq!(kind(&nowhere), "ClusterNotFoundException");
}
