//! What production runs: the task definition of the deployment in place, its images by the digests that ECS has resolved, its
//! tasks and what each is given. A service that is being changed is an error: nobody can say what it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{FailureKind, PortError, Production};
use conductor_core::release::Release;
use futures::future::join_all;

use crate::definition::{Definition, own_digest, pinned};
use crate::environment::services;
use crate::place::{Place, Revision};
use crate::reader::Reader;
use crate::revisions::Revisions;
use crate::service::Service;

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
    let problems: Vec<String> = found.iter().filter_map(|(_, place, service)| unsettled(place, service)).collect();
    if !problems.is_empty() {
        return Err(PortError::new(FailureKind::Rejected, problems.join("; ")));
    }
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

fn unsettled(place: &Place, service: &Arc<Service>) -> Option<String> {
    let unrest = service.unrest()?;
    Some(format!("{place} in production cannot be read: {unrest}; expected one that is as it shall be: try again then"))
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
    fn a_service_that_is_being_changed_is_told() {
        let place = Place { cluster: "live".to_owned(), service: "cart".to_owned() };
        let mut service = steady("shop:7", 20, "1");
        assert_eq!(unsettled(&place, &Arc::new(service.clone())), None);
        service.running = 19;
        assert_eq!(
            unsettled(&place, &Arc::new(service)).unwrap(),
            "service cart of cluster live in production cannot be read: 19 of 20 tasks are running, and 0 pending; expected one \
             that is as it shall be: try again then"
        );
    }
}
