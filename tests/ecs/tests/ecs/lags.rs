//! Answers that show for a time what was before: AWS is consistent in the end only.

use conductor_ecs_bed::{Answers, EcsBed, User};
use serde_json::{Value, json};

use super::support::{STEP, steps, with_pay};

/// For how many steps everything lags behind that a test wants to.
const LAG: u32 = 4;

async fn ask(bed: &EcsBed, operation: &str, body: Value) -> Value {
    bed.actor(User::Admin).call(operation, body).await.unwrap()
}

/// Asserts that an answer is as before until the lag is over, and another one from then on; the latter.
async fn late(bed: &EcsBed, before: &Value, look: impl AsyncFn() -> Value) -> Value {
    assert_eq!(look().await, *before);
    steps(bed, LAG - 1);
    assert_eq!(look().await, *before);
    steps(bed, 1);
    let now = look().await;
    assert_ne!(now, *before);
    now
}

#[tokio::test]
async fn tags_may_lag_behind_wherever_they_are_shown() {
    let (bed, _) = with_pay().await;
    let described = async |operation: &str, items: &str, body: Value| ask(&bed, operation, body).await[items][0].take();
    let service = async || {
        let asked = json!({ "cluster": "test", "services": ["pay"], "include": ["TAGS"] });
        let service = described("DescribeServices", "services", asked).await;
        let listed = ask(&bed, "ListTagsForResource", json!({ "resourceArn": service["serviceArn"] })).await;
        assert_eq!(listed, json!({ "tags": service["tags"] }));
        (service["serviceArn"].clone(), listed["tags"].clone())
    };
    let cluster = async || {
        let asked = json!({ "clusters": ["test"], "include": ["TAGS"] });
        let cluster = described("DescribeClusters", "clusters", asked).await;
        (cluster["clusterArn"].clone(), cluster["tags"].clone())
    };
    bed.set_lag_of(Answers::Tags, STEP * LAG);
    let tag = json!({ "key": "team", "value": "shop" });
    let (arn, none) = service().await;
    ask(&bed, "TagResource", json!({ "resourceArn": arn, "tags": [tag] })).await;
    let tagged = late(&bed, &none, async || service().await.1).await;
    assert_eq!(tagged, json!([tag]));
    ask(&bed, "UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] })).await;
    assert_eq!(late(&bed, &tagged, async || service().await.1).await, json!([]));
    let (arn, none) = cluster().await;
    ask(&bed, "TagResource", json!({ "resourceArn": arn, "tags": [tag] })).await;
    assert_eq!(late(&bed, &none, async || cluster().await.1).await, json!([tag]));
    // Nothing else does, and who asks for no tags is shown none.
    ask(&bed, "UpdateService", json!({ "cluster": "test", "service": "pay", "desiredCount": 1 })).await;
    let shown = described("DescribeServices", "services", json!({ "cluster": "test", "services": ["pay"] })).await;
    assert_eq!((&shown["desiredCount"], shown["tags"].as_array().map_or(0, Vec::len)), (&json!(1), 0));
}

#[tokio::test]
async fn scalable_targets_may_lag_behind() {
    let (bed, _) = with_pay().await;
    let all = json!({ "ServiceNamespace": "ecs" });
    let one = json!({ "ServiceNamespace": "ecs", "ResourceIds": ["service/test/pay"] });
    let targets = async || {
        let listed = ask(&bed, "DescribeScalableTargets", all.clone()).await["ScalableTargets"].take();
        assert_eq!(ask(&bed, "DescribeScalableTargets", one.clone()).await["ScalableTargets"], listed);
        listed
    };
    let place = json!({ "ServiceNamespace": "ecs", "ResourceId": "service/test/pay",
        "ScalableDimension": "ecs:service:DesiredCount" });
    let with = |name: &str, value: Value| {
        let mut body = place.clone();
        body[name] = value;
        body
    };
    bed.set_lag_of(Answers::Targets, STEP * LAG);
    let mut made = with("MinCapacity", 1.into());
    made["MaxCapacity"] = 8.into();
    ask(&bed, "RegisterScalableTarget", made).await;
    let there = late(&bed, &json!([]), &targets).await;
    assert_eq!(
        (&there[0]["MaxCapacity"], &there[0]["SuspendedState"]["ScheduledScalingSuspended"]),
        (&json!(8), &json!(false))
    );
    ask(&bed, "RegisterScalableTarget", with("SuspendedState", json!({ "ScheduledScalingSuspended": true }))).await;
    let suspended = late(&bed, &there, &targets).await;
    assert_eq!(suspended[0]["SuspendedState"]["ScheduledScalingSuspended"], true);
    ask(&bed, "DeregisterScalableTarget", place.clone()).await;
    assert_eq!(late(&bed, &suspended, &targets).await, json!([]));
}

#[tokio::test]
async fn what_is_new_may_be_late_in_lists() {
    let (bed, _) = with_pay().await;
    // What was made with the bed is listed.
    steps(&bed, LAG);
    bed.set_lag_of(Answers::Lists, STEP * LAG);
    let count = async |operation: &str, items: &str, body: Value| {
        ask(&bed, operation, body).await[items].as_array().unwrap().len()
    };
    let lists = async || {
        let of_pay = json!({ "cluster": "test", "service": "pay" });
        json!([
            count("ListTaskDefinitions", "taskDefinitionArns", json!({ "familyPrefix": "pay" })).await,
            count("ListServices", "serviceArns", json!({ "cluster": "test" })).await,
            count("ListServiceDeployments", "serviceDeployments", of_pay).await,
        ])
    };
    let container = json!([{ "name": "app", "image": "registry.example/pay:v2", "memory": 64 }]);
    let registered =
        ask(&bed, "RegisterTaskDefinition", json!({ "family": "pay", "containerDefinitions": container })).await;
    let version = &registered["taskDefinition"]["taskDefinitionArn"];
    let cart = json!({ "cluster": "test", "serviceName": "cart", "desiredCount": 0, "taskDefinition": version });
    ask(&bed, "CreateService", cart).await;
    ask(&bed, "UpdateService", json!({ "cluster": "test", "service": "pay", "forceNewDeployment": true })).await;
    assert_eq!(late(&bed, &json!([1, 1, 1]), &lists).await, json!([2, 2, 2]));

    steps(&bed, 20);
    let tasks = async |status: &str| {
        let asked = json!({ "cluster": "test", "serviceName": "pay", "desiredStatus": status });
        Value::from(count("ListTasks", "taskArns", asked).await)
    };
    let scale = async |desired: u32| {
        ask(&bed, "UpdateService", json!({ "cluster": "test", "service": "pay", "desiredCount": desired })).await;
        steps(&bed, 1);
    };
    scale(4).await;
    assert_eq!(late(&bed, &3.into(), async || tasks("RUNNING").await).await, 4);
    let stopped = tasks("STOPPED").await;
    scale(3).await;
    assert_eq!(late(&bed, &stopped, async || tasks("STOPPED").await).await, stopped.as_u64().unwrap() + 1);
}
