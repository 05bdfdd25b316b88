//! Roles: whoever takes one acts in its account, and is known by its session.

use aws_config::Region;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_ecs::Client;
use conductor_ecs_bed::{Requests, ServiceMade, User};
use serde_json::json;

use super::support::{config, describe, with_pay};

const ROLE: &str = "arn:aws:iam::222222222222:role/conductor";

#[tokio::test]
async fn a_write_in_a_role_is_of_its_session_and_in_its_account() {
    let (bed, here) = with_pay().await;
    let base = config(&bed, User::Conductor).await;
    let role = AssumeRoleProvider::builder(ROLE).session_name("run-7").region(Region::new("eu-central-1"));
    let role = role.configure(&base).build().await;
    let conf = aws_sdk_ecs::config::Builder::from(&base).credentials_provider(role).build();
    let there = Client::from_conf(conf);
    assert_eq!(there.list_clusters().send().await.unwrap().cluster_arns().len(), 0);
    let made = there.create_cluster().cluster_name("test").send().await.unwrap();
    assert_eq!(made.cluster().unwrap().cluster_arn(), Some("arn:aws:ecs:eu-central-1:222222222222:cluster/test"));
    let admin = bed.actor(User::Admin).assume(ROLE, "maker").await.unwrap();
    bed.make_service_as(&admin, ServiceMade::new("test", "pay", "registry.example/pay:v1", 1)).await.unwrap();
    there.update_service().cluster("test").service("pay").desired_count(9).send().await.unwrap();
    assert_eq!((describe(&there, "pay").await.desired_count(), describe(&here, "pay").await.desired_count()), (9, 3));
    let update = bed.writes().pop().unwrap();
    assert_eq!(update.who.role.as_deref(), Some("arn:aws:sts::222222222222:assumed-role/conductor/run-7"));
    assert_ne!(update.who.access_key, User::Conductor.access_key());
    assert_eq!(bed.count(&Requests::writes().by(User::Conductor.access_key())), 0);
    assert_eq!(bed.count(&Requests::all().operation("AssumeRole").by(User::Conductor.access_key())), 1);
}

#[tokio::test]
async fn a_service_in_two_accounts_is_not_the_only_one_of_its_name() {
    let (bed, _) = with_pay().await;
    let other = bed.actor(User::Admin).assume(ROLE, "maker").await.unwrap();
    other.call("CreateCluster", json!({ "clusterName": "test" })).await.unwrap();
    bed.autoscale("test", "pay", None).unwrap();
    bed.make_service_as(&other, ServiceMade::new("test", "pay", "registry.example/pay:v1", 1)).await.unwrap();
    bed.autoscale("test", "pay", None).unwrap_err();
}
