//! Services begin and end.

use serde_json::{Value, json};

use super::tags;
use crate::account::{Account, Call, Trouble, overlay};
use crate::world::{Beginning, Controller, Rules, Status};

/// A service of one task on each instance has as many, for a bed has no instances.
const DAEMON_TASKS: u32 = 2;

/// Makes a service and begins its first deployment.
pub(super) async fn create(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let refused = |message: &str| Trouble::refused("InvalidParameterException", message);
    tags::check(&call.body["tags"])?;
    strategy(&call.body["deploymentConfiguration"])?;
    let is_daemon = call.text("schedulingStrategy") == "DAEMON";
    if is_daemon && !call.body["desiredCount"].is_null() {
        return Err(refused("The daemon scheduling strategy does not support a desired count for services."));
    }
    // moto would put a new service in the place of one that is there.
    match account.service(call, call.cluster(), call.text("serviceName")).await {
        Ok(found) => {
            let arn = found["serviceArn"].as_str().unwrap_or_default();
            if account.world().service(arn).is_some_and(|service| service.status != Status::Inactive) {
                return Err(refused("Creation of service was not idempotent."));
            }
        }
        Err(Trouble::Refused(reply)) if reply.complaint().0 == "ServiceNotFoundException" => {}
        Err(trouble) => return Err(trouble),
    }
    let definition = definition(account, call, call.text("taskDefinition")).await?;
    let mut body = call.body.clone();
    body["taskDefinition"] = definition["taskDefinitionArn"].clone();
    let mut made = account.ask(call, "CreateService", &body).await?;
    let service = &mut made["service"];
    let text = |name: &str| service[name].as_str().unwrap_or_default().to_owned();
    let arn = text("serviceArn");
    let mut world = account.world();
    let sent = body["desiredCount"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let definition = world.images.resolve(&definition);
    world.add(Beginning {
        arn: arn.clone(),
        cluster_arn: text("clusterArn"),
        name: text("serviceName"),
        controller: controller(&body["deploymentController"]),
        is_daemon,
        desired: if is_daemon { DAEMON_TASKS } else { sent },
        rules: Rules::read(None, &body["deploymentConfiguration"]),
        definition,
    });
    overlay(service, world.truth(&arn).unwrap_or_default());
    Ok(json!({ "service": service }))
}

/// Lets a service come to its end.
pub(super) async fn delete(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let found = account.service(call, call.cluster(), call.text("service")).await?;
    let arn = found["serviceArn"].as_str().unwrap_or_default();
    let is_forced = call.body["force"].as_bool().unwrap_or(false);
    {
        let mut world = account.world();
        let desired = world.service(arn).map_or(0, |service| service.desired);
        if desired > 0 && !is_forced {
            let message = "The service cannot be stopped while it is scaled above 0.";
            return Err(Trouble::refused("InvalidParameterException", message));
        }
    }
    // moto counts otherwise; whether it may be is decided above.
    let body = json!({ "cluster": call.cluster(), "service": found["serviceName"], "force": true });
    let mut deleted = account.ask(call, "DeleteService", &body).await?;
    let mut world = account.world();
    world.keep_shown(arn);
    let now = world.clock().elapsed();
    if let Some(service) = world.service(arn) {
        service.drain(now);
    }
    overlay(&mut deleted["service"], world.truth(arn).unwrap_or_default());
    Ok(deleted)
}

/// A task definition that tasks can be begun with.
pub(super) async fn definition(account: &Account, call: &Call, name: &str) -> Result<Value, Trouble> {
    if name.is_empty() {
        return Err(Trouble::refused("InvalidParameterException", "TaskDefinition cannot be blank."));
    }
    let definition = account.definition(call, name).await?;
    if definition["status"] != "ACTIVE" {
        return Err(Trouble::refused("ClientException", "TaskDefinition is inactive"));
    }
    Ok(definition)
}

/// Refuses what would be deployed in a way that the bed does not know.
pub(super) fn strategy(configuration: &Value) -> Result<(), Trouble> {
    match configuration["strategy"].as_str() {
        None | Some("ROLLING") => Ok(()),
        Some(other) => {
            let message = format!("The strategy {other} is not known to this bed.");
            Err(Trouble::refused("InvalidParameterException", message))
        }
    }
}

fn controller(sent: &Value) -> Controller {
    match sent["type"].as_str() {
        Some("CODE_DEPLOY") => Controller::CodeDeploy,
        Some("EXTERNAL") => Controller::External,
        Some(_) | None => Controller::Ecs,
    }
}
