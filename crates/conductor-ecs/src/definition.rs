//! Task definitions: what a revision runs, and what another one is like that differs in images and resources only. Pure.
//!
//! Roles, environment, logs and all the rest stay those of the test environment: a task definition of production is never used.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, Secret, Tag, TaskDefinition, TaskDefinitionStatus};
use conductor_core::app::Resources;
use ring::digest::{SHA256, digest};

use crate::place::Revision;
use crate::resources;

/// The tag of a revision that the conductor has registered: the number of the revision that it was made of, and a digest of
/// what differs.
pub(crate) const MADE_OF: &str = "loadtest-conductor.dev/made-of";
/// Tags that ECS allows on a resource.
pub(crate) const MOST_TAGS: usize = 50;
/// The beginning of keys that only AWS may set.
pub(crate) const OF_AWS: &str = "aws:";

/// A revision of a task definition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    /// Which it is.
    pub(crate) revision: Revision,
    /// What it says.
    pub(crate) content: TaskDefinition,
    /// Its tags, without those of AWS.
    pub(crate) tags: BTreeMap<String, String>,
}

/// In what a revision shall differ from another one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Difference {
    /// Images by container; what is not named stays.
    pub(crate) images: BTreeMap<String, String>,
    /// Resources by container; what is not named stays.
    pub(crate) resources: BTreeMap<String, Resources>,
}

impl Difference {
    /// True where nothing differs.
    pub(crate) fn is_nothing(&self) -> bool {
        self.images.is_empty() && self.resources.is_empty()
    }
}

impl Definition {
    /// A revision as ECS describes it; `None` where it has no name.
    pub(crate) fn read(content: TaskDefinition, tags: &[Tag]) -> Option<Self> {
        let revision = content.task_definition_arn()?.parse().ok()?;
        let tags =
            tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
        Some(Self { revision, content, tags: tags.filter(|(key, _)| !key.starts_with(OF_AWS)).collect() })
    }

    /// Whether a service can be pointed at it.
    pub(crate) fn is_active(&self) -> bool {
        self.content.status().is_none_or(|status| *status == TaskDefinitionStatus::Active)
    }

    /// Images by container.
    pub(crate) fn images(&self) -> BTreeMap<String, String> {
        let containers = self.content.container_definitions().iter();
        containers
            .filter_map(|one| Some((one.name()?.to_owned(), one.image().unwrap_or_default().to_owned())))
            .collect()
    }

    /// Resources by container.
    pub(crate) fn resources(&self) -> BTreeMap<String, Resources> {
        resources::of(&self.content)
    }

    /// What another one would say.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub(crate) fn with(&self, difference: &Difference) -> Result<TaskDefinition, String> {
        let mut content = self.content.clone();
        for container in content.container_definitions.iter_mut().flatten() {
            if let Some(image) = container.name.as_ref().and_then(|name| difference.images.get(name)) {
                container.image = Some(image.clone());
            }
        }
        resources::put_in(&mut content, &difference.resources)?;
        Ok(content)
    }

    /// In what another content differs, as far as a run may make it differ.
    fn difference(&self, content: &TaskDefinition) -> Difference {
        let other = Self { content: content.clone(), ..self.clone() };
        let mut difference = Difference { images: other.images(), resources: other.resources() };
        let (images, resources) = (self.images(), self.resources());
        difference.images.retain(|name, image| images.get(name) != Some(image));
        difference.resources.retain(|name, given| resources.get(name) != Some(given));
        difference
    }

    /// What the tag [`MADE_OF`] says on a revision with this content that is made of this one.
    pub(crate) fn made_of(&self, content: &TaskDefinition) -> String {
        let Difference { images, resources } = self.difference(content);
        let mut text = String::new();
        images.iter().for_each(|(name, image)| text.push_str(&format!("image {name} {image}\n")));
        for (name, given) in &resources {
            text.push_str(&format!("resources {name}\n"));
            given.iter().for_each(|(of, amount)| text.push_str(&format!("{of} {}\n", amount.billionths())));
        }
        let digest = digest(&SHA256, text.as_bytes());
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{hex}", self.revision.number)
    }

    /// The tags of a revision that is made of this one.
    pub(crate) fn tags_of(&self, made_of: String) -> BTreeMap<String, String> {
        let mut tags = self.tags.clone();
        tags.insert(MADE_OF.to_owned(), made_of);
        tags
    }

    /// Of which revision the conductor has made it; `None` where it has not.
    pub(crate) fn base(&self) -> Option<Revision> {
        let (number, _) = self.tags.get(MADE_OF)?.split_once(':')?;
        Some(Revision { family: self.revision.family.clone(), number: number.parse().ok()? })
    }

    /// Whether it says the same as another content, however ECS writes it.
    pub(crate) fn says(&self, content: &TaskDefinition) -> bool {
        normal(self.content.clone()) == normal(content.clone())
    }
}

/// A content without what ECS adds, leaves out or sorts as it likes.
fn normal(content: TaskDefinition) -> TaskDefinition {
    let mut plain = content;
    plain.task_definition_arn = None;
    plain.revision = 0;
    plain.status = None;
    plain.requires_attributes = None;
    plain.compatibilities = None;
    (plain.registered_at, plain.deregistered_at, plain.delete_requested_at, plain.registered_by) =
        (None, None, None, None);
    plain.volumes = plain.volumes.filter(|all| !all.is_empty());
    plain.placement_constraints = plain.placement_constraints.filter(|all| !all.is_empty());
    plain.inference_accelerators = plain.inference_accelerators.filter(|all| !all.is_empty());
    plain.requires_compatibilities = plain.requires_compatibilities.filter(|all| !all.is_empty());
    plain.container_definitions.iter_mut().flatten().for_each(make_normal);
    if let Some(containers) = &mut plain.container_definitions {
        containers.sort_by(|one, other| one.name.cmp(&other.name));
    }
    plain
}

fn make_normal(container: &mut ContainerDefinition) {
    fn drop_empty<T>(list: &mut Option<Vec<T>>) {
        if list.as_ref().is_some_and(Vec::is_empty) {
            *list = None;
        }
    }
    container.essential = Some(container.essential.unwrap_or(true));
    if let Some(environment) = &mut container.environment {
        environment.sort_by(|one: &KeyValuePair, other| one.name.cmp(&other.name));
    }
    if let Some(secrets) = &mut container.secrets {
        secrets.sort_by(|one: &Secret, other| one.name.cmp(&other.name));
    }
    drop_empty(&mut container.environment);
    drop_empty(&mut container.secrets);
    drop_empty(&mut container.environment_files);
    drop_empty(&mut container.mount_points);
    drop_empty(&mut container.volumes_from);
    drop_empty(&mut container.port_mappings);
    drop_empty(&mut container.system_controls);
    drop_empty(&mut container.links);
    drop_empty(&mut container.entry_point);
    drop_empty(&mut container.command);
    drop_empty(&mut container.depends_on);
    drop_empty(&mut container.dns_servers);
    drop_empty(&mut container.dns_search_domains);
    drop_empty(&mut container.extra_hosts);
    drop_empty(&mut container.docker_security_options);
    drop_empty(&mut container.ulimits);
    drop_empty(&mut container.resource_requirements);
    if container.docker_labels.as_ref().is_some_and(std::collections::HashMap::is_empty) {
        container.docker_labels = None;
    }
}

/// An image by its digest, in the repository of the image that was asked for.
pub(crate) fn pinned(image: &str, digest: &str) -> String {
    let repository = image.split_once('@').map_or(image, |(repository, _)| repository);
    // What follows a colon before the last slash is the port of a registry.
    let tag = repository.rfind(':').filter(|colon| !repository[*colon..].contains('/'));
    format!("{}@{digest}", &repository[..tag.unwrap_or(repository.len())])
}

/// The digest that an image names itself.
pub(crate) fn own_digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
