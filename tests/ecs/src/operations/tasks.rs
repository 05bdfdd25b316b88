//! The tasks of services; those that were begun by hand are moto's.

use serde_json::{Value, json};

use super::paging::{self, HUNDRED};
use crate::account::{Account, Call, Trouble};
use crate::seen::short;
use crate::world::Wanted;

/// How many tasks one request may name.
const NAMES: usize = 100;

/// The tasks of a service, or all of a cluster.
pub(super) async fn list(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let wanted = if call.text("desiredStatus") == "STOPPED" { Wanted::Stopped } else { Wanted::Running };
    let name = short(call.text("serviceName"));
    let mut arns = Vec::new();
    let cluster_arn = if name.is_empty() {
        arns = paging::all(account, call, "taskArns").await?;
        cluster(account, call).await?
    } else {
        let found = account.service(call, call.cluster(), call.text("serviceName")).await?;
        found["clusterArn"].as_str().unwrap_or_default().to_owned()
    };
    {
        let world = account.world();
        let now = world.clock().elapsed();
        let since = |time| world.late.is_listed_since(time, now);
        let of = world.services().filter(|service| service.cluster_arn == cluster_arn);
        for service in of.filter(|service| name.is_empty() || service.name == name) {
            let own = service.task_arns(wanted, since).into_iter();
            arns.extend(
                own.filter(|arn| fits(call, service.describe_task(short(arn), world.clock()))).map(Value::from),
            );
        }
    }
    paging::page(call, arns, HUNDRED, ["taskArns", "nextToken", "maxResults"])
}

/// Describes tasks.
pub(super) async fn describe(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let names: Vec<&str> = call.body["tasks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() || names.len() > NAMES {
        let message = format!("Tasks should have between 1 and {NAMES} elements.");
        return Err(Trouble::refused("InvalidParameterException", message));
    }
    let cluster_arn = cluster(account, call).await?;
    let (mut found, mut others) = (Vec::new(), Vec::new());
    {
        let world = account.world();
        for name in names {
            let mut of = world.services().filter(|service| service.cluster_arn == cluster_arn);
            match of.find_map(|service| service.describe_task(short(name), world.clock())) {
                Some(task) => found.push(task),
                None => others.push(name),
            }
        }
    }
    if others.is_empty() {
        return Ok(json!({ "tasks": found, "failures": [] }));
    }
    let mut body = call.body.clone();
    body["tasks"] = json!(others);
    let mut described = account.ask(call, "DescribeTasks", &body).await?;
    let begun_by_hand: Vec<Value> = described["tasks"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let is_known = |name: &str| {
        begun_by_hand.iter().any(|task| short(task["taskArn"].as_str().unwrap_or_default()) == short(name))
    };
    // moto is silent about those that it does not know.
    let failures = others.iter().filter(|name| !is_known(name)).map(|name| json!({ "arn": name, "reason": "MISSING" }));
    let failures: Vec<Value> = failures.collect();
    found.extend(begun_by_hand);
    Ok(json!({ "tasks": found, "failures": failures }))
}

/// The ARN of the cluster that a request is about.
async fn cluster(account: &Account, call: &Call) -> Result<String, Trouble> {
    let described = account.ask(call, "DescribeClusters", &json!({ "clusters": [call.cluster()] })).await?;
    let arn = described["clusters"][0]["clusterArn"].as_str();
    arn.map(str::to_owned).ok_or_else(|| Trouble::refused("ClusterNotFoundException", "Cluster not found."))
}

/// True for a task of the family and of the beginner that are asked for.
fn fits(call: &Call, task: Option<Value>) -> bool {
    let Some(task) = task else { return false };
    let (family, by) = (call.text("family"), call.text("startedBy"));
    let of_family = task["taskDefinitionArn"].as_str().is_some_and(|arn| short(arn).starts_with(&format!("{family}:")));
    (family.is_empty() || of_family) && (by.is_empty() || task["startedBy"] == *by)
}
