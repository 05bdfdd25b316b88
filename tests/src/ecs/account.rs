//! What is in an account of AWS, as JSON.

use conductor_ecs_bed::Actor;
use serde_json::{Value, json};

/// The tag of a revision that a run has made. They are kept, for later runs.
const MADE: &str = "loadtest-conductor.dev/made-of";

/// What tells of a service's past, and not of what it is.
const PAST: [&str; 2] = ["events", "currentServiceDeployment"];
/// The same of each of its deployments and of its revisions: going back is a deployment, too.
const PAST_OF_EACH: [&str; 5] = ["id", "arn", "createdAt", "updatedAt", "rolloutStateReason"];

/// A cluster with its services, and all task definitions and scalable targets of the account, by kind and name.
pub(super) async fn everything(actor: &Actor, cluster: &str) -> Vec<(String, Value)> {
    let ask = async |operation: &str, body: Value| actor.call(operation, body).await.unwrap();
    let mut found = Vec::new();
    let described = ask("DescribeClusters", json!({ "clusters": [cluster], "include": ["TAGS"] })).await;
    found.push((format!("cluster {cluster}"), sorted(described["clusters"][0].clone())));

    let listed = ask("ListServices", json!({ "cluster": cluster, "maxResults": 100 })).await;
    let asked = json!({ "cluster": cluster, "services": listed["serviceArns"], "include": ["TAGS"] });
    let described = ask("DescribeServices", asked).await;
    assert_eq!(described["failures"], json!([]));
    for service in described["services"].as_array().unwrap() {
        found.push((format!("service {}", text(&service["serviceName"])), bare(service.clone())));
    }

    for status in ["ACTIVE", "INACTIVE"] {
        let listed = ask("ListTaskDefinitions", json!({ "status": status })).await;
        for arn in listed["taskDefinitionArns"].as_array().unwrap() {
            let described =
                sorted(ask("DescribeTaskDefinition", json!({ "taskDefinition": arn, "include": ["TAGS"] })).await);
            let is_made = described["tags"].as_array().into_iter().flatten().any(|tag| tag["key"] == MADE);
            if !is_made {
                found.push((format!("definition {}", text(arn)), described));
            }
        }
    }

    for (operation, items, name) in [
        ("DescribeScalableTargets", "ScalableTargets", "ResourceId"),
        ("DescribeScalingPolicies", "ScalingPolicies", "PolicyName"),
    ] {
        let described = ask(operation, json!({ "ServiceNamespace": "ecs" })).await;
        for one in described[items].as_array().unwrap() {
            found.push((format!("{items} {}", text(&one[name])), one.clone()));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// A service without what tells of its past.
fn bare(service: Value) -> Value {
    let mut service = sorted(service);
    let fields = service.as_object_mut().unwrap();
    PAST.iter().for_each(|name| drop(fields.remove(*name)));
    for list in ["deployments", "currentServiceRevisions"] {
        for one in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let one = one.as_object_mut().unwrap();
            PAST_OF_EACH.iter().for_each(|name| drop(one.remove(*name)));
        }
    }
    service
}

/// The same with its tags in the order of their keys: AWS promises none.
fn sorted(mut described: Value) -> Value {
    if let Some(tags) = described["tags"].as_array_mut() {
        tags.sort_by_key(|tag| tag["key"].to_string());
    }
    described
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
