//! The operations that the bed answers itself or changes on their way; all others are moto's.

mod paging;
mod reading;
mod rollouts;
mod scaling;
mod services;
mod tags;
mod tasks;
mod updates;

use serde_json::Value;

use crate::account::{Account, Call, ECS, SCALING, Trouble};
use crate::reply::Reply;

/// Does what is asked, after everything that has come about by then.
///
/// # Errors
/// When moto cannot be asked: there is no answer then.
pub(crate) async fn answer(account: &Account, call: Call) -> Result<Reply, Lost> {
    let _turn = account.turn.lock().await;
    account.world().advance();
    let done = match (&*call.prefix, &*call.operation) {
        (ECS, operation) => ecs(account, &call, operation).await,
        (SCALING, operation) => scaling(account, &call, operation).await,
        (_, _) => return forward(account, call).await,
    };
    match done {
        Some(Ok(value)) => Ok(Reply::done(&value)),
        Some(Err(Trouble::Refused(reply))) => Ok(*reply),
        Some(Err(Trouble::Lost)) => Err(Lost),
        None => forward(account, call).await,
    }
}

/// moto cannot be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost;

async fn ecs(account: &Account, call: &Call, operation: &str) -> Option<Result<Value, Trouble>> {
    Some(match operation {
        "CreateService" => services::create(account, call).await,
        "DeleteService" => services::delete(account, call).await,
        "UpdateService" => updates::update(account, call).await,
        "DescribeServices" => reading::services(account, call).await,
        "ListServices" => reading::service_arns(account, call).await,
        "DescribeClusters" => reading::clusters(account, call).await,
        "ListClusters" => paging::passed(account, call, "clusterArns").await,
        "DescribeServiceRevisions" => rollouts::revisions(account, call),
        "DescribeServiceDeployments" => rollouts::deployments(account, call),
        "ListServiceDeployments" => rollouts::list(account, call).await,
        "ListTasks" => tasks::list(account, call).await,
        "DescribeTasks" => tasks::describe(account, call).await,
        "RegisterTaskDefinition" => tags::register(account, call).await,
        "TagResource" => tags::tag(account, call).await,
        "UntagResource" => tags::untag(account, call).await,
        "ListTagsForResource" => tags::list(account, call).await,
        "ListTaskDefinitions" => paging::definitions(account, call).await,
        "ListTaskDefinitionFamilies" => paging::passed(account, call, "families").await,
        _ => return None,
    })
}

async fn scaling(account: &Account, call: &Call, operation: &str) -> Option<Result<Value, Trouble>> {
    Some(match operation {
        "RegisterScalableTarget" => scaling::register(account, call).await,
        "DeregisterScalableTarget" => scaling::deregister(account, call).await,
        "DescribeScalableTargets" => scaling::describe(account, call).await,
        _ => return None,
    })
}

/// What the bed has nothing to add to.
async fn forward(account: &Account, call: Call) -> Result<Reply, Lost> {
    let operation = call.operation;
    let reply = account.moto.forward(call.request).await.map_err(|_| Lost)?;
    if operation == "AssumeRole" && reply.status.is_success() {
        let text = String::from_utf8_lossy(&reply.body);
        let session = text.split_once("<AssumedRoleUser>").and_then(|(_, user)| element(user, "Arn"));
        if let (Some(key), Some(session)) = (element(&text, "AccessKeyId"), session) {
            account.shared.assumed(key.to_owned(), session.to_owned());
        }
    }
    Ok(reply)
}

/// The text of the first element of a name.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}
