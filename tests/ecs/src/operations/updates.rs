//! A service is wanted otherwise.

use serde_json::Value;

use super::services::{definition, strategy};
use crate::account::{Account, Call, Trouble, overlay};
use crate::world::{Controller, Rules, Service, Status};

/// Changes what is sent and nothing else. Another task definition, or a deployment that is forced, is a deployment; another number of
/// tasks is none.
pub(super) async fn update(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let found = account.service(call, call.cluster(), call.text("service")).await?;
    let arn = found["serviceArn"].as_str().unwrap_or_default();
    let is_forced = call.body["forceNewDeployment"].as_bool().unwrap_or(false);
    let named = call.text("taskDefinition");
    strategy(&call.body["deploymentConfiguration"])?;
    let desired = call.body["desiredCount"].as_u64().map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let primary = {
        let mut world = account.world();
        let service = world.service(arn).ok_or_else(unknown)?;
        check(service, desired.is_some(), is_forced || !named.is_empty())?;
        service.deployments.first().map(|primary| primary.definition.arn.clone()).unwrap_or_default()
    };
    let wanted = match named {
        // What is forced begins with the images as they are now.
        "" if is_forced => Some(account.definition(call, &primary).await?),
        "" => None,
        named => Some(definition(account, call, named).await?),
    };
    let mut body = call.body.clone();
    if let Some(wanted) = &wanted {
        body["taskDefinition"] = wanted["taskDefinitionArn"].clone();
    }
    let mut updated = account.ask(call, "UpdateService", &body).await?;
    let mut world = account.world();
    world.keep_shown(arn);
    let now = world.clock().elapsed();
    let deploys = wanted.filter(|wanted| is_forced || wanted["taskDefinitionArn"] != *primary);
    let deploys = deploys.map(|wanted| world.images.resolve(&wanted));
    let service = world.service(arn).ok_or_else(unknown)?;
    if body["deploymentConfiguration"].is_object() {
        service.rules = Rules::read(Some(&service.rules.document), &body["deploymentConfiguration"]);
    }
    if let Some(desired) = desired {
        service.scale(desired, now);
    }
    if let Some(definition) = deploys {
        service.deploy(definition, now);
    }
    world.begin_step(arn);
    overlay(&mut updated["service"], world.truth(arn).unwrap_or_default());
    Ok(updated)
}

fn unknown() -> Trouble {
    Trouble::refused("ServiceNotFoundException", "Service not found.")
}

/// What AWS does not do with this service.
fn check(service: &Service, scales: bool, deploys: bool) -> Result<(), Trouble> {
    let refused = |message: &str| Err(Trouble::refused("InvalidParameterException", message));
    match service.status {
        Status::Active => {}
        Status::Draining | Status::Inactive => {
            return Err(Trouble::refused("ServiceNotActiveException", "Service was not ACTIVE."));
        }
    }
    if scales && service.is_daemon {
        return refused("The daemon scheduling strategy does not support a desired count for services.");
    }
    match service.controller {
        Controller::CodeDeploy if deploys => refused(
            "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a \
             new deployment.",
        ),
        Controller::External if deploys => refused(
            "Unable to update task definition on services with an EXTERNAL deployment controller. Use CreateTaskSet instead.",
        ),
        Controller::Ecs | Controller::CodeDeploy | Controller::External => Ok(()),
    }
}
