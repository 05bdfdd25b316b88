//! Application Auto Scaling: bounds that are kept, and what is suspended.

use serde_json::{Value, json};

use super::paging::{self, Pages};
use crate::account::{Account, Call, Trouble};
use crate::world::{Answers, Target};

const DIMENSION: &str = "ecs:service:DesiredCount";
const TARGETS: Pages = Pages { usual: 50, most: 50 };
/// What can be suspended.
const SUSPENDED: [&str; 3] = ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"];

/// Registers a target, or changes what is sent of it: bounds that are sent are put into effect at once.
pub(super) async fn register(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let before = target(account, call).await?;
    let known = before.as_ref().map(Target::read);
    let number = |name: &str, before: Option<u32>| {
        let sent = call.body[name].as_i64();
        match sent {
            Some(sent) => u32::try_from(sent).map(Some).map_err(|_| refused(format!("{name} must not be negative"))),
            None => Ok(before),
        }
    };
    let min = number("MinCapacity", known.map(|target| target.min))?;
    let max = number("MaxCapacity", known.map(|target| target.max))?;
    let (Some(min), Some(max)) = (min, max) else {
        return Err(refused("Min and max capacity must be specified for a new scalable target".to_owned()));
    };
    if min > max {
        return Err(refused("Maximum capacity cannot be less than minimum capacity".to_owned()));
    }
    let mut body = call.body.clone();
    if body["SuspendedState"].is_object() {
        body["SuspendedState"] = suspended(&body["SuspendedState"]);
    }
    let registered = account.ask(call, "RegisterScalableTarget", &body).await?;
    let arn = service(account, call).await?;
    let target = target(account, call).await?.as_ref().map(Target::read);
    let mut world = account.world();
    let now = world.clock().elapsed();
    world.late.keep(Answers::Targets, &place(call, call.text("ResourceId")), before.into(), now);
    let desired = world.service(&arn).map(|service| {
        service.target = target;
        service.desired
    });
    let sends_bounds = !call.body["MinCapacity"].is_null() || !call.body["MaxCapacity"].is_null();
    if let (Some(desired), Some(target), true) = (desired, target, sends_bounds)
        && target.within(desired) != desired
    {
        world.move_to(&arn, target.within(desired), now);
    }
    Ok(registered)
}

/// Forgets a target.
pub(super) async fn deregister(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let before = target(account, call).await?;
    let gone = account.pass(call).await?;
    let arn = service(account, call).await?;
    let mut world = account.world();
    let now = world.clock().elapsed();
    world.late.keep(Answers::Targets, &place(call, call.text("ResourceId")), before.into(), now);
    if let Some(service) = world.service(&arn) {
        service.target = None;
    }
    Ok(gone)
}

/// Describes targets, with everything that can be suspended.
pub(super) async fn describe(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let mut body = call.body.clone();
    if let Some(body) = body.as_object_mut() {
        // moto's pages overlap. They are cut here.
        body.remove("NextToken");
        body.insert("MaxResults".to_owned(), 1_000_000.into());
    }
    let mut described = account.ask(call, "DescribeScalableTargets", &body).await?;
    let mut targets = Vec::new();
    for mut target in described["ScalableTargets"].as_array_mut().map(std::mem::take).into_iter().flatten() {
        target["SuspendedState"] = suspended(&target["SuspendedState"]);
        targets.push(target);
    }
    lag_behind(account, call, &mut targets);
    paging::page(call, targets, TARGETS, ["ScalableTargets", "NextToken", "MaxResults"])
}

/// Shows targets as they were before, while they lag behind.
fn lag_behind(account: &Account, call: &Call, targets: &mut Vec<Value>) {
    let world = account.world();
    let asked = call.body["ResourceIds"].as_array();
    for (place_of, before) in world.late.all_shown(Answers::Targets, world.clock().elapsed()) {
        let Some(id) = place_of.strip_prefix(&place(call, "")) else { continue };
        if asked.is_some_and(|asked| !asked.iter().any(|asked| asked == id)) {
            continue;
        }
        targets.retain(|target| target["ResourceId"] != id);
        if before.is_object() {
            let mut before = before.clone();
            before["SuspendedState"] = suspended(&before["SuspendedState"]);
            targets.push(before);
        }
    }
}

/// Names what is in the region and the account of somebody.
fn place(call: &Call, resource: &str) -> String {
    let account = call.who.role.as_deref().and_then(|role| role.split(':').nth(4)).unwrap_or_default();
    format!("{}/{account}/{resource}", call.who.region)
}

/// What is not named is not suspended.
fn suspended(sent: &Value) -> Value {
    SUSPENDED.into_iter().map(|name| (name.to_owned(), json!(sent[name].as_bool().unwrap_or(false)))).collect()
}

/// The target that a request is about, as it is.
async fn target(account: &Account, call: &Call) -> Result<Option<Value>, Trouble> {
    let body = json!({
        "ServiceNamespace": call.body["ServiceNamespace"],
        "ResourceIds": [call.body["ResourceId"]],
        "ScalableDimension": DIMENSION,
    });
    let mut described = account.ask(call, "DescribeScalableTargets", &body).await?;
    Ok(described["ScalableTargets"].get_mut(0).map(Value::take))
}

/// The ARN of the service that a request is about.
async fn service(account: &Account, call: &Call) -> Result<String, Trouble> {
    let resource = call.text("ResourceId").to_owned();
    let mut parts = resource.split('/').skip(1);
    let (cluster, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let found = account.service(call, cluster, name).await?;
    Ok(found["serviceArn"].as_str().unwrap_or_default().to_owned())
}

fn refused(message: String) -> Trouble {
    Trouble::refused("ValidationException", message)
}
