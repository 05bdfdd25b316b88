//! The services of ECS beside the shop: what production runs, what the test cluster runs, and how a conductor gets there.

use std::time::Duration;

use conductor_ecs_bed::{Actor, Autoscaler, EcsBed, Pull, ServiceMade, User};
use serde_json::{Value, json};

/// The cluster that is written to.
pub(super) const TEST: &str = "shop-test";
/// Production's, in an account of its own.
pub(super) const LIVE: &str = "shop-live";
/// The name of the session in which the bed makes production.
pub(super) const MAKER: &str = "maker";
/// By whom the bed says that an autoscaler has acted.
pub(super) const AUTOSCALER: &str = "application-autoscaling";
/// What is scaled with the shop.
pub(super) const ALONGSIDE: &str = "    - { name: bank, replicas: 2 }\n";

/// What a run makes like production.
const LIKE_PRODUCTION: [&str; 2] = ["search", "stock"];
/// The role that reads production.
const READER: &str = "arn:aws:iam::222222222222:role/loadtest-conductor-reader";
/// By how many tasks each runs in production.
const TASKS: u32 = 3;

/// Makes both clusters: in production newer versions, with more tasks of more CPU. `search` has an autoscaler, which wants its one task
/// whenever it may; of `stock`'s target the scheduled actions stand still for good.
pub(super) async fn make() -> EcsBed {
    let bed = EcsBed::start().await.unwrap_or_else(|error| panic!("{error}"));
    let (admin, live) = (bed.actor(User::Admin), production(&bed).await);
    for (actor, cluster) in [(&admin, TEST), (&live, LIVE)] {
        let team = json!([{ "key": "team", "value": "shop" }]);
        actor.call("CreateCluster", json!({ "clusterName": cluster, "tags": team })).await.unwrap();
    }
    for name in LIKE_PRODUCTION {
        let image = |tag: &str| format!("registry.example/{name}:{tag}");
        let made = ServiceMade::new(LIVE, name, &image("v2"), TASKS).family(&format!("live-{name}"));
        let made = made.of_definition("cpu", "512".into()).of_definition("memory", "1024".into());
        bed.make_service_as(&live, made.of_container("environment", stage("live"))).await.unwrap();
        let made = ServiceMade::new(TEST, name, &image("v1"), 1).tag("team", name).circuit_breaker(true);
        bed.make_service(made.of_container("environment", stage("test"))).await.unwrap();
    }
    bed.make_service(ServiceMade::new(TEST, "bank", "registry.example/bank-mock:v1", 1)).await.unwrap();
    for (name, max, stands_still) in [("search", 2, false), ("stock", 4, true)] {
        let target = json!({
            "ServiceNamespace": "ecs", "ResourceId": format!("service/{TEST}/{name}"),
            "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": max,
            "SuspendedState": { "ScheduledScalingSuspended": stands_still },
        });
        admin.call("RegisterScalableTarget", target).await.unwrap();
    }
    let pull = Autoscaler { wants: 1, every: Duration::from_millis(300), by: Pull::Dynamic };
    bed.autoscale(TEST, "search", Some(pull)).unwrap();
    bed
}

/// Somebody who may do everything in production's account.
pub(super) async fn production(bed: &EcsBed) -> Actor {
    bed.actor(User::Admin).assume(READER, MAKER).await.unwrap()
}

/// The part of an environment's file. Looks are as frequent as they can be, and calls are not limited to what a small account takes.
pub(super) fn settings(bed: &EcsBed) -> String {
    let (region, endpoint) = (bed.region(), bed.endpoint());
    let file = EcsBed::credentials_file();
    let account = format!("region: {region}, endpoint: {endpoint:?}, profile: conductor, credentialsFile: {file:?}");
    format!(
        "  ecs:
    cluster: {TEST}
    account: {{ {account} }}
    production: {{ cluster: {LIVE}, account: {{ {account}, roleArn: {READER:?} }} }}
    poll: 1s
    driftPoll: 1s
    applications:
      - name: search
      - name: stock
      - {{ name: bank, support: true }}
"
    )
}

/// The number of tasks that are wanted of each service of the test cluster.
pub(super) async fn desired(bed: &EcsBed) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for name in ["bank", "search", "stock"] {
        found.push((name.to_owned(), service(bed, name).await["desiredCount"].as_u64().unwrap()));
    }
    found
}

/// Asserts that each is as it is in production, but for what is the test environment's own.
pub(super) async fn assert_like_production(bed: &EcsBed) {
    let admin = bed.actor(User::Admin);
    for name in LIKE_PRODUCTION {
        let service = service(bed, name).await;
        assert_eq!([&service["desiredCount"], &service["runningCount"]], [TASKS, TASKS], "{name}");
        let ask = json!({ "taskDefinition": service["taskDefinition"] });
        let definition = admin.call("DescribeTaskDefinition", ask).await.unwrap()["taskDefinition"].take();
        assert_eq!(
            (&definition["family"], &definition["cpu"], &definition["memory"]),
            (&json!(name), &json!("512"), &json!("1024"))
        );
        let container = &definition["containerDefinitions"][0];
        let image = container["image"].as_str().unwrap();
        assert!(image.starts_with(&format!("registry.example/{name}@sha256:")), "{image}");
        assert_eq!(container["environment"], stage("test"), "{name}");
        let ask = json!({ "ServiceNamespace": "ecs", "ResourceIds": [format!("service/{TEST}/{name}")] });
        let targets = admin.call("DescribeScalableTargets", ask).await.unwrap();
        let suspended = targets["ScalableTargets"][0]["SuspendedState"].as_object().unwrap().values();
        assert!(suspended.clone().all(|value| *value == true), "{name}: {suspended:?}");
    }
    assert_eq!(service(bed, "bank").await["runningCount"], 2, "the mock is scaled with them");
}

async fn service(bed: &EcsBed, name: &str) -> Value {
    let ask = json!({ "cluster": TEST, "services": [name] });
    bed.actor(User::Admin).call("DescribeServices", ask).await.unwrap()["services"][0].take()
}

fn stage(name: &str) -> Value {
    json!([{ "name": "STAGE", "value": name }])
}
