//! What production runs: the task definition of the deployment in place, its images by the digests that ECS has resolved, its
//! tasks and what each is given. A service that is being deployed to is an error, for nobody can say what it runs; one that merely
//! scales is not, for as many tasks as it wants are what it has.

use std::collections::BTreeMap;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{FailureKind, PortError, Production};
use conductor_core::release::Release;
use futures::future::join_all;

use crate::definition::{Definition, own_digest, pinned};
use crate::environment::services;
use crate::place::{Place, Revision};
use crate::reader::Reader;
use crate::revisions::Revisions;
use crate::service::{Service, Unrest};

/// What these services run. What is not there is left out.
pub(crate) async fn running(
    reader: &Reader,
    places: BTreeMap<ApplicationId, Place>,
) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
    let looks = services(reader.clone());
    let looked = places.iter().map(|(application, place)| {
        let looks = &looks;
        async move { looks.at(&place.cluster, &place.service).await.map(|found| Some((application, place, found?))) }
    });
    let found: Result<Vec<_>, PortError> = join_all(looked).await.into_iter().filter_map(Result::transpose).collect();
    let found = found?;
    all_are_settled(found.iter().map(|(_, place, service)| (*place, service.as_ref())))?;
    let arns: Vec<String> = found.iter().flat_map(|(_, _, service)| service.revisions.clone()).collect();
    let digests = reader.digests(&arns).await?;
    let revisions = Revisions::new(reader.clone());
    let read = found.into_iter().map(|(application, place, service)| {
        let (revisions, digests) = (&revisions, &digests);
        async move {
            let revision = named(place, &service)?;
            let definition = revisions.get(revision).await?;
            let own = digests.get(&format!("{} {revision}", service.arn)).cloned().unwrap_or_default();
            Ok((application.clone(), told(place, &service, &definition, &own)?))
        }
    });
    join_all(read).await.into_iter().collect()
}

/// # Errors
/// With every service of which nobody can say what it runs: for now, or until somebody deploys to it again.
fn all_are_settled<'a>(services: impl Iterator<Item = (&'a Place, &'a Service)>) -> Result<(), PortError> {
    let problems: Vec<(FailureKind, String)> = services.filter_map(|(place, one)| unsettled(place, one)).collect();
    let kinds = problems.iter().map(|(kind, _)| *kind);
    let Some(kind) = kinds.max_by_key(|kind| !kind.is_transient()) else { return Ok(()) };
    let texts: Vec<String> = problems.into_iter().map(|(_, text)| text).collect();
    Err(PortError::new(kind, texts.join("; ")))
}

fn unsettled(place: &Place, service: &Service) -> Option<(FailureKind, String)> {
    let unrest = service.unrest()?;
    let (kind, expected) = match unrest {
        Unrest::Deploys(_) => (FailureKind::Unavailable, "expected no deployment in progress: try again then"),
        Unrest::Failed(_) => (FailureKind::Rejected, "expected a deployment that is completed"),
        Unrest::Scales(_) => return None,
    };
    Some((kind, format!("{place} in production cannot be read: {unrest}; {expected}")))
}

fn named<'a>(place: &Place, service: &'a Service) -> Result<&'a Revision, PortError> {
    let untold = || format!("{place} in production cannot be read: nothing tells which task definition it runs");
    service.definition.as_ref().ok_or_else(|| PortError::new(FailureKind::Rejected, untold()))
}

/// What a service runs, with what its service revision tells of digests.
fn told(
    place: &Place,
    service: &Service,
    definition: &Definition,
    digests: &BTreeMap<String, String>,
) -> Result<Production, PortError> {
    let images = definition.images().into_iter().map(|(container, image)| {
        let digest = digests.get(&container).map(String::as_str).or(own_digest(&image));
        let Some(digest) = digest else {
            let text = format!(
                "{place} in production cannot be read: ECS tells no digest of image {image} of container {container}; expected an \
                 image with a digest, or versionConsistency enabled"
            );
            return Err(PortError::new(FailureKind::Rejected, text));
        };
        Ok((container, pinned(&image, digest)))
    });
    let release = Release::new(images.collect::<Result<_, _>>()?);
    let allocation = Allocation { resources: definition.resources(), ..Allocation::of_replicas(service.desired) };
    Ok(Production::new(release, allocation))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};

    use super::*;
    use crate::service::Rollout;
    use crate::service::tests::steady;

    fn read(image: &str, digest: Option<&str>) -> Result<String, String> {
        let container = ContainerDefinition::builder().name("app").image(image).build();
        let content =
            TaskDefinition::builder().task_definition_arn("shop:7").cpu("256").container_definitions(container);
        let definition = Definition::read(content.build(), &[]).unwrap();
        let digests = digest.map(|digest| ("app".to_owned(), digest.to_owned())).into_iter().collect();
        let place = Place { cluster: "live".to_owned(), service: "cart".to_owned() };
        let told = told(&place, &steady("shop:7", 20, "1"), &definition, &digests);
        told.map(|found| format!("{} with {}", found.release, found.allocation)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_image_is_told_by_the_digest_that_runs() {
        let good = Ok("cart@sha256:1 with 20 replicas, requests.cpu 250m".to_owned());
        assert_eq!(read("cart:v2", Some("sha256:1")), good);
        assert_eq!(read("cart@sha256:1", None), good);
        assert_eq!(
            read("cart:v2", None).unwrap_err(),
            "service cart of cluster live in production cannot be read: ECS tells no digest of image cart:v2 of container app; \
             expected an image with a digest, or versionConsistency enabled"
        );
    }

    #[test]
    fn a_deployment_in_progress_passes_by_itself_and_a_failed_one_does_not() {
        let place = Place { cluster: "live".to_owned(), service: "cart".to_owned() };
        let told = |rollouts: &[Rollout]| {
            let services: Vec<Service> = rollouts
                .iter()
                .map(|rollout| {
                    let mut service = steady("shop:7", 20, "1");
                    service.deployments[0].rollout = *rollout;
                    service
                })
                .collect();
            let settled = all_are_settled(services.iter().map(|service| (&place, service)));
            settled.map_err(|error| (error.kind, error.to_string()))
        };
        assert_eq!(told(&[Rollout::Completed, Rollout::Untold]), Ok(()));
        let (kind, text) = told(&[Rollout::Completed, Rollout::InProgress]).unwrap_err();
        assert_eq!(kind, FailureKind::Unavailable);
        assert_eq!(
            text,
            "service cart of cluster live in production cannot be read: deployment 1 is in progress (20 of 20 tasks running); \
             expected no deployment in progress: try again then"
        );
        let (kind, text) = told(&[Rollout::InProgress, Rollout::Failed]).unwrap_err();
        assert_eq!(kind, FailureKind::Rejected);
        assert!(text.ends_with("deployment 1 has failed: ; expected a deployment that is completed"), "{text}");
    }

    #[test]
    fn production_that_merely_scales_is_read() {
        let place = Place { cluster: "live".to_owned(), service: "cart".to_owned() };
        let service = Service { running: 17, pending: 2, ..steady("shop:7", 20, "1") };
        assert_eq!(unsettled(&place, &service), None);
    }
}
