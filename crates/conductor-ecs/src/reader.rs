//! Reads an account. It has no method that writes, and nobody gets at its clients.
//!
//! What can be asked for in batches is; answers are matched by name, and every failure in them is told. Calls that AWS refuses
//! for now are sent again, a few times.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::{
    ClusterField, DesiredStatus, Failure, ServiceField, SortOrder, Task, TaskDefinitionField, TaskDefinitionStatus,
};
use conductor_core::ports::{FailureKind, PortError};

use crate::answer::{Failed, Outcome};
use crate::connect::Clients;
use crate::definition::Definition;
use crate::marker::Suspended;
use crate::pace::{Operation, Pace, pause};
use crate::place::{Place, Revision};
use crate::service::Service;

/// Names that `DescribeServices` takes.
pub(crate) const SERVICES: usize = 10;
/// ARNs that `DescribeServiceRevisions` takes.
const REVISIONS: usize = 20;
/// Ids that `DescribeScalableTargets` takes.
pub(crate) const TARGETS: usize = 50;
/// ARNs that `DescribeTasks` takes.
const TASKS: usize = 100;
/// How often a call is sent that AWS refuses for now.
const ATTEMPTS: u32 = 5;
/// Pages that are read of a list.
const PAGES: usize = 20;

/// Reads an account.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    clients: Clients,
    pace: Arc<Pace>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) arn: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// What scales a service by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) min: i32,
    pub(crate) max: i32,
    pub(crate) suspended: Suspended,
}

impl Reader {
    pub(crate) fn new(clients: Clients, pace: Arc<Pace>) -> Self {
        Self { clients, pace }
    }

    /// Those of the services of a cluster that are there, ten at most.
    pub(crate) async fn services(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, Service>, PortError> {
        let act = format!("could not describe services of cluster {cluster}");
        let call = || {
            let call = self.clients.ecs.describe_services().cluster(cluster).include(ServiceField::Tags);
            call.set_services(Some(names.to_vec())).send()
        };
        let found = self.ask(Operation::Describe, &act, call).await?;
        only_missing(&act, found.failures())?;
        let services = found.services().iter().filter_map(Service::read);
        Ok(services.filter(|one| names.contains(&one.name)).map(|one| (one.name.clone(), one)).collect())
    }

    /// A revision of a task definition, even one that is inactive.
    pub(crate) async fn definition(&self, revision: &Revision) -> Result<Definition, PortError> {
        let act = format!("could not describe task definition {revision}");
        let call = || {
            let call = self.clients.ecs.describe_task_definition().task_definition(revision.to_string());
            call.include(TaskDefinitionField::Tags).send()
        };
        let found = self.ask(Operation::Definitions, &act, call).await?;
        let definition = found.task_definition().and_then(|content| Definition::read(content.clone(), found.tags()));
        definition.ok_or_else(|| PortError::because(FailureKind::Unavailable, act, "the answer has none in it"))
    }

    /// The active revisions of a family that are newer than one of them, newest first and so many at most.
    pub(crate) async fn newer(&self, than: &Revision, most: usize) -> Result<Vec<Revision>, PortError> {
        let act = format!("could not list revisions of task definition {}", than.family);
        let (mut all, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let call = || {
                let call = self.clients.ecs.list_task_definitions().family_prefix(&than.family);
                let call = call.status(TaskDefinitionStatus::Active).sort(SortOrder::Desc);
                call.set_next_token(token.clone()).send()
            };
            let page = self.ask(Operation::Definitions, &act, call).await?;
            let named = page.task_definition_arns().iter().filter_map(|arn| arn.parse::<Revision>().ok());
            let (newer, others): (Vec<Revision>, Vec<Revision>) =
                named.filter(|one| one.family == than.family).partition(|one| one.number > than.number);
            all.extend(newer);
            token = page.next_token().map(str::to_owned);
            // They are sorted: what follows is older still.
            if token.is_none() || !others.is_empty() || all.len() >= most {
                break;
            }
        }
        all.truncate(most);
        Ok(all)
    }

    /// The digests of the images of service revisions, by revision and container.
    pub(crate) async fn digests(
        &self,
        arns: &[String],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, PortError> {
        let act = "could not describe service revisions";
        let mut all = BTreeMap::new();
        for arns in arns.chunks(REVISIONS) {
            let call =
                || self.clients.ecs.describe_service_revisions().set_service_revision_arns(Some(arns.to_vec())).send();
            let found = self.ask(Operation::Describe, act, call).await?;
            only_missing(act, found.failures())?;
            for revision in found.service_revisions() {
                let images = revision.container_images().iter();
                let digests =
                    images.filter_map(|one| Some((one.container_name()?.to_owned(), one.image_digest()?.to_owned())));
                // Of a revision of another task definition nothing is known.
                let Some(definition) = revision.task_definition().and_then(|name| name.parse::<Revision>().ok()) else {
                    continue;
                };
                let Some(service) = revision.service_arn() else { continue };
                all.entry(format!("{service} {definition}")).or_insert_with(BTreeMap::new).extend(digests);
            }
        }
        Ok(all)
    }

    /// A cluster, with its tags; `None` where it is not there.
    pub(crate) async fn cluster(&self, name: &str) -> Result<Option<Cluster>, PortError> {
        let act = format!("could not describe cluster {name}");
        let call = || self.clients.ecs.describe_clusters().clusters(name).include(ClusterField::Tags).send();
        let found = self.ask(Operation::Describe, &act, call).await?;
        only_missing(&act, found.failures())?;
        let cluster = found.clusters().iter().find(|one| one.cluster_name() == Some(name));
        Ok(cluster.filter(|one| one.status() == Some("ACTIVE")).map(|one| Cluster {
            arn: one.cluster_arn().unwrap_or_default().to_owned(),
            tags: one
                .tags()
                .iter()
                .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
                .collect(),
        }))
    }

    /// What scales these services by itself, by resource id; fifty at most.
    pub(crate) async fn targets(&self, ids: &[String]) -> Result<BTreeMap<String, Target>, PortError> {
        let act = "could not describe scalable targets";
        let mut all = BTreeMap::new();
        let mut token = None;
        for _ in 0..PAGES {
            let call = || {
                let call =
                    self.clients.autoscaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
                let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
                call.set_resource_ids(Some(ids.to_vec())).set_next_token(token.clone()).send()
            };
            let page = self.ask(Operation::Autoscaling, act, call).await?;
            for found in page.scalable_targets() {
                let state = found.suspended_state();
                let suspended = Suspended {
                    scale_in: state.and_then(|one| one.dynamic_scaling_in_suspended()).unwrap_or_default(),
                    scale_out: state.and_then(|one| one.dynamic_scaling_out_suspended()).unwrap_or_default(),
                    scheduled: state.and_then(|one| one.scheduled_scaling_suspended()).unwrap_or_default(),
                };
                let target = Target { min: found.min_capacity(), max: found.max_capacity(), suspended };
                all.insert(found.resource_id().to_owned(), target);
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        all.retain(|id, _| ids.contains(id));
        Ok(all)
    }

    /// The stopped tasks of a service that ECS still knows: those of about the last hour.
    pub(crate) async fn stopped(&self, place: &Place) -> Result<Vec<Task>, PortError> {
        let act = format!("could not list stopped tasks of {place}");
        let (mut arns, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let list = || {
                let call = self.clients.ecs.list_tasks().cluster(&place.cluster).service_name(&place.service);
                call.desired_status(DesiredStatus::Stopped).set_next_token(token.clone()).send()
            };
            let page = self.ask(Operation::Describe, &act, list).await?;
            arns.extend_from_slice(page.task_arns());
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let mut all = Vec::new();
        for arns in arns.chunks(TASKS) {
            let call =
                || self.clients.ecs.describe_tasks().cluster(&place.cluster).set_tasks(Some(arns.to_vec())).send();
            let found = self.ask(Operation::Describe, &act, call).await?;
            // What ECS has forgotten since then tells nothing any more.
            only_missing(&act, found.failures())?;
            all.extend_from_slice(found.tasks());
        }
        Ok(all)
    }

    /// The newest deployment of a service that moves traffic: its state and why; `None` where nothing tells of one.
    pub(crate) async fn shift(&self, place: &Place) -> Result<Option<(String, String)>, PortError> {
        let act = format!("could not list deployments of {place}");
        let call = || {
            let call = self.clients.ecs.list_service_deployments().cluster(&place.cluster);
            call.service(&place.service).send()
        };
        let found = self.ask(Operation::Describe, &act, call).await?;
        let newest = found.service_deployments().iter().max_by_key(|one| one.created_at().map(|at| at.as_nanos()));
        Ok(newest.map(|one| {
            let status = one.status().map(|status| status.as_str().to_owned()).unwrap_or_default();
            (status, one.status_reason().unwrap_or_default().to_owned())
        }))
    }

    /// Puts a question at its turn, and again where AWS refuses it for now.
    async fn ask<T, E, F>(&self, operation: Operation, act: &str, call: impl Fn() -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut attempt = 0;
        loop {
            self.pace.turn(operation).await;
            let failed = match call().await {
                Ok(answer) => {
                    self.pace.let_through(operation);
                    return Ok(answer);
                }
                Err(error) => Failed::of(act, error),
            };
            attempt += 1;
            match failed.outcome {
                Outcome::Throttled => self.pace.throttled(operation),
                Outcome::Busy | Outcome::Unknown => {}
                Outcome::Refused => return Err(failed.error),
            }
            if attempt >= ATTEMPTS {
                return Err(failed.error);
            }
            pause(attempt - 1).await;
        }
    }
}

/// # Errors
/// With whatever in a list of failures is more than that something is not there.
fn only_missing(act: &str, failures: &[Failure]) -> Result<(), PortError> {
    let grave = failures.iter().filter(|failure| failure.reason() != Some("MISSING"));
    let told: Vec<String> = grave
        .map(|failure| {
            let text = |text: Option<&str>| text.unwrap_or("nothing is said").to_owned();
            let detail = failure.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{}: {}{detail}", text(failure.arn()), text(failure.reason()))
        })
        .collect();
    if told.is_empty() { Ok(()) } else { Err(PortError::because(FailureKind::Rejected, act, told.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_failed_in_a_batch_is_told_unless_it_is_not_there() {
        let failure = |reason: &str| Failure::builder().arn("arn:cart").reason(reason).detail("why").build();
        assert!(only_missing("act", &[failure("MISSING")]).is_ok());
        let error = only_missing("act", &[failure("MISSING"), failure("ACCESS_DENIED")]).unwrap_err();
        let told = conductor_core::failure::Failure::of("", &error).message;
        assert_eq!(told, "act: arn:cart: ACCESS_DENIED (why)");
    }
}
