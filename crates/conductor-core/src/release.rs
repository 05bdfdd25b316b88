//! What an application runs: one version (an image digest, or a local version) per container.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::ApplicationId;

/// The versions an application runs, by container.
///
/// On Kubernetes and ECS a version is an image with its digest. A local process has one container, named
/// [`Release::ONLY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release {
    containers: BTreeMap<String, String>,
}

impl Release {
    /// The container of substrates that know only one.
    pub const ONLY: &'static str = "main";

    /// A release of the given containers.
    pub fn new(containers: BTreeMap<String, String>) -> Self {
        Self { containers }
    }

    /// A release of one container, [`Release::ONLY`].
    pub fn single(version: impl Into<String>) -> Self {
        Self { containers: BTreeMap::from([(Self::ONLY.to_owned(), version.into())]) }
    }

    /// Versions by container.
    pub fn containers(&self) -> &BTreeMap<String, String> {
        &self.containers
    }

    /// The version of the only container, `None` when there are several (or none).
    pub fn version(&self) -> Option<&str> {
        let mut versions = self.containers.values();
        versions.next().filter(|_| versions.next().is_none()).map(String::as_str)
    }

    /// This release with what a user asked for put in: `image` where there is one container, `container=image`
    /// (several with commas) where there are more.
    ///
    /// # Errors
    /// A sentence that names the containers when the text does not say which of them is meant.
    pub fn with(&self, wanted: &str) -> Result<Self, String> {
        if self.containers.is_empty() {
            return Err(format!("it has no version that could be made \"{wanted}\"; expected version: keep"));
        }
        let mut containers = self.containers.clone();
        if self.version().is_some() && !self.names_a_container(wanted) {
            containers.values_mut().for_each(|version| wanted.clone_into(version));
            return Ok(Self { containers });
        }
        for part in wanted.split(',') {
            let slot = part.trim().split_once('=').and_then(|(name, image)| {
                Some((containers.get_mut(name.trim())?, image.trim())).filter(|(_, image)| !image.is_empty())
            });
            let Some((version, image)) = slot else {
                let known: Vec<&str> = self.containers.keys().map(String::as_str).collect();
                return Err(format!(
                    "\"{wanted}\" does not say which container is meant; expected container=image with a container of {}",
                    known.join(", ")
                ));
            };
            image.clone_into(version);
        }
        Ok(Self { containers })
    }

    /// This release with production's versions for the containers that production has too. Others are only here, as a
    /// debugging sidecar may be, and stay as they are. Of what has no containers nobody knows a version, here or there.
    ///
    /// # Errors
    /// A sentence that names the containers when none of them is in production.
    pub fn like(&self, production: &Self) -> Result<Self, String> {
        if self.containers.is_empty() {
            return Ok(self.clone());
        }
        let mut containers = self.containers.clone();
        let mut common = false;
        for (name, version) in &mut containers {
            if let Some(found) = production.containers.get(name) {
                found.clone_into(version);
                common = true;
            }
        }
        if common {
            return Ok(Self { containers });
        }
        let names = |release: &Self| release.containers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (here, there) = (names(self), names(production));
        Err(format!("no container has the same name in production; expected one of {here} there, which has {there}"))
    }

    fn names_a_container(&self, wanted: &str) -> bool {
        wanted.split_once('=').is_some_and(|(name, _)| self.containers.contains_key(name.trim()))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version() {
            return f.pad(version);
        }
        for (position, (container, version)) in self.containers.iter().enumerate() {
            write!(f, "{}{container}={version}", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// One application moved from one release to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The application.
    pub application: ApplicationId,
    /// What it runs before.
    pub from: Release,
    /// What it shall run.
    pub to: Release,
    /// By what the delivery system knows the deployment that has put the same into production; `None` where nothing tells,
    /// and for what is not production's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id: Option<String>,
}

impl Rollout {
    /// A rollout of what no deployment is known of.
    pub fn new(application: ApplicationId, from: Release, to: Release) -> Self {
        Self { application, from, to, deploy_id: None }
    }
}

impl fmt::Display for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.application, self.from, self.to)?;
        self.deploy_id.iter().try_for_each(|id| write!(f, " (deploy id {id})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Release {
        Release::new(BTreeMap::from([
            ("app".to_owned(), "shop:1".to_owned()),
            ("proxy".to_owned(), "envoy:3".to_owned()),
        ]))
    }

    #[test]
    fn a_single_container_takes_the_image_as_it_is_written() {
        assert_eq!(Release::single("v1").with("v2").unwrap(), Release::single("v2"));
        assert_eq!(Release::single("v1").with("main=v3").unwrap(), Release::single("v3"));
        assert_eq!(Release::single("v1").with("img?a=b").unwrap(), Release::single("img?a=b"));
    }

    #[test]
    fn several_containers_need_a_name() {
        assert_eq!(pair().with("app=shop:2").unwrap().to_string(), "app=shop:2, proxy=envoy:3");
        let error = pair().with("shop:2").unwrap_err();
        assert!(error.contains("container=image with a container of app, proxy"), "{error}");
        assert!(pair().with("app=").is_err());
    }

    #[test]
    fn what_has_no_containers_is_like_anything_and_takes_no_version() {
        let none = Release::new(BTreeMap::new());
        assert_eq!(none.like(&pair()).unwrap(), none);
        assert_eq!(none.like(&none).unwrap(), none);
        let error = none.with("search:2").unwrap_err();
        assert_eq!(error, "it has no version that could be made \"search:2\"; expected version: keep");
    }
}
