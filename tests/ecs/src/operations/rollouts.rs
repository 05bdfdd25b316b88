//! Service revisions and service deployments, which moto does not know.

use serde_json::{Value, json};

use super::paging::{self, Pages};
use crate::account::{Account, Call, Trouble};

/// How many one request may name.
const NAMES: usize = 20;
const DEPLOYMENTS: Pages = Pages { usual: 20, most: 100 };

/// Describes what deployments bring.
pub(super) fn revisions(account: &Account, call: &Call) -> Result<Value, Trouble> {
    describe(call, ["serviceRevisionArns", "serviceRevisions"], |arn| {
        let world = account.world();
        world.services().find_map(|service| {
            let revision = service.revisions.iter().find(|revision| revision.arn == arn)?;
            Some(service.revision(revision, world.clock()))
        })
    })
}

/// Describes how they stand.
pub(super) fn deployments(account: &Account, call: &Call) -> Result<Value, Trouble> {
    describe(call, ["serviceDeploymentArns", "serviceDeployments"], |arn| {
        let world = account.world();
        world.services().find_map(|service| {
            let effort = service.efforts.iter().find(|effort| effort.arn == arn)?;
            Some(service.effort(effort, false, world.clock()))
        })
    })
}

/// Those of one service, the newest first.
pub(super) async fn list(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let found = account.service(call, call.cluster(), call.text("service")).await?;
    let arn = found["serviceArn"].as_str().unwrap_or_default();
    let statuses = call.body["status"].as_array();
    let items: Vec<Value> = {
        let world = account.world();
        let now = world.clock().elapsed();
        let wanted = |word: &str| statuses.is_none_or(|statuses| statuses.iter().any(|status| status == word));
        let of = world.services().filter(|service| service.arn == arn);
        of.flat_map(|service| service.efforts.iter().map(move |effort| (service, effort)))
            .filter(|(_, effort)| wanted(effort.standing.word()))
            .filter(|(_, effort)| world.late.is_listed_since(effort.created, now))
            .map(|(service, effort)| service.effort(effort, true, world.clock()))
            .collect()
    };
    paging::page(call, items, DEPLOYMENTS, ["serviceDeployments", "nextToken", "maxResults"])
}

fn describe(call: &Call, names: [&str; 2], find: impl Fn(&str) -> Option<Value>) -> Result<Value, Trouble> {
    let arns: Vec<&str> = call.body[names[0]].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if arns.is_empty() || arns.len() > NAMES {
        let message = format!("{} should have between 1 and {NAMES} elements.", names[0]);
        return Err(Trouble::refused("InvalidParameterException", message));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        match find(arn) {
            Some(described) => found.push(described),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ names[1]: found, "failures": failures }))
}
