//! What is said of services and clusters.

use serde_json::{Value, json};

use super::paging::{self, Pages};
use super::tags;
use crate::account::{Account, Call, Trouble, overlay};
use crate::seen::short;
use crate::world::Status;

/// How many services one request may name.
const NAMES: usize = 10;
const SERVICES: Pages = Pages { usual: 10, most: 100 };

/// Describes services, in another order than they were asked for: AWS promises none.
pub(super) async fn services(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let names = call.body["services"].as_array().map_or(0, Vec::len);
    if names == 0 || names > NAMES {
        let message =
            if names == 0 { "Services cannot be empty." } else { "Services cannot have more than 10 elements." };
        return Err(Trouble::refused("InvalidParameterException", message));
    }
    let mut described = account.pass(call).await?;
    let world = account.world();
    if let Some(services) = described["services"].as_array_mut() {
        for service in services.iter_mut() {
            let shown = service["serviceArn"].as_str().and_then(|arn| world.shown(arn));
            overlay(service, shown.unwrap_or_default());
            tags::lag_behind(&world, "serviceArn", service);
        }
        services.reverse();
    }
    Ok(described)
}

/// The services of a cluster that are not gone: moto gives those of clusters, too, whose names begin alike.
pub(super) async fn service_arns(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let mut arns = paging::all(account, call, "serviceArns").await?;
    {
        let mut world = account.world();
        let (now, cluster) = (world.clock().elapsed(), short(call.cluster()));
        arns.retain(|arn| {
            let arn = arn.as_str().unwrap_or_default();
            world.late.is_listed(arn, now)
                && world
                    .service(arn)
                    .is_none_or(|service| service.status != Status::Inactive && service.cluster == cluster)
        });
    }
    paging::page(call, arns, SERVICES, ["serviceArns", "nextToken", "maxResults"])
}

/// Describes clusters with the tasks that there are.
pub(super) async fn clusters(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let mut described = account.pass(call).await?;
    let world = account.world();
    for cluster in described["clusters"].as_array_mut().into_iter().flatten() {
        let (running, pending, active) = world.counts(cluster["clusterArn"].as_str().unwrap_or_default());
        let counts = json!({
            "runningTasksCount": running, "pendingTasksCount": pending, "activeServicesCount": active,
        });
        overlay(cluster, counts);
        tags::lag_behind(&world, "clusterArn", cluster);
    }
    Ok(described)
}
