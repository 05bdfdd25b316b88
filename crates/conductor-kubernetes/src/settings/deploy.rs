//! How versions are put into the test cluster.

use std::path::{Path, PathBuf};

use conductor_core::phase::Deadlines;
use conductor_core::units::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::word_or::word_or;
use super::{Application, KubernetesSettings};
use crate::delivery::template_violations;
use crate::json_path::JsonPath;

/// How versions are put into the test cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deploy {
    /// The conductor sets the images of the workload.
    #[default]
    Images,
    /// A delivery system of the test cluster deploys, by an object that the conductor makes.
    Object(Box<DeployObject>),
}

/// The object by which a delivery system deploys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployObject {
    /// The object, with placeholders.
    pub template: Template,
    /// How it tells where the deployment stands.
    pub phase: PhaseSettings,
    /// How long a deployment may take. Default 15m.
    #[serde(default = "a_quarter")]
    pub within: Span,
    /// Whether objects of deployments that have ended stay in the cluster. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_objects: bool,
}

/// An object with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Template {
    /// A file that says it.
    File(PathBuf),
    /// What such a file says.
    Object(Value),
}

/// How an object tells where its deployment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseSettings {
    /// Where in it the phase stands. Default `{.status.phase}`.
    #[serde(default = "status_phase")]
    pub json_path: JsonPath,
    /// Phases in which the deployment is done.
    pub succeeded: Vec<String>,
    /// Phases in which it has failed. Every other one, and none, is on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Where in it stands, in words, why it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<JsonPath>,
}

const fn a_quarter() -> Span {
    Span::minutes(15)
}

fn status_phase() -> JsonPath {
    JsonPath::status_phase()
}

impl Template {
    /// Everything that is wrong with what a file of a template says, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        match self {
            Self::File(path) => template_violations(&Value::String(path.display().to_string())),
            Self::Object(template) => template_violations(template),
        }
    }
}

impl DeployObject {
    /// Everything that is wrong, as field, problem and what would be right.
    pub(super) fn violations(&self, field: &str) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let mut add = |name: &str, problem: String, expected: &str| {
            found.push((format!("{field}.{name}"), problem, expected.to_owned()));
        };
        let PhaseSettings { succeeded, failed, .. } = &self.phase;
        if succeeded.is_empty() {
            add("phase.succeeded", "it is empty".to_owned(), "the phases in which a deployment is done");
        }
        if let Some(both) = succeeded.iter().find(|phase| failed.contains(phase)) {
            add("phase.failed", format!("\"{both}\" is in succeeded, too"), "each phase in one of them");
        }
        if self.within == Span::default() {
            add("within", "a deployment needs some time".to_owned(), "such as 15m");
        }
        if self.within > Deadlines::DEPLOY {
            let problem = format!("all deployments of a run have no more than {}", Deadlines::DEPLOY);
            add("within", problem, &format!("{} or less", Deadlines::DEPLOY));
        }
        if matches!(self.template, Template::Object(_)) {
            let wrong = self.template.violations();
            found.extend(wrong.into_iter().map(|(below, problem, expected)| {
                let dot = if below.is_empty() { "" } else { "." };
                (format!("{field}.template{dot}{below}"), problem, expected)
            }));
        }
        found
    }
}

impl KubernetesSettings {
    /// How an application is deployed by a delivery system, where it is.
    pub(crate) fn deploy_object<'a>(&'a self, application: &'a Application) -> Option<&'a DeployObject> {
        application.deploy.as_ref().unwrap_or(&self.deploy).object()
    }

    /// The templates that are in files of their own, relative to the folder of the environment's file: each is to be
    /// replaced by what its file says.
    pub fn template_files(&mut self, folder: &Path) -> Vec<(PathBuf, &mut Template)> {
        let own = self.applications.iter_mut().filter_map(|application| application.deploy.as_mut());
        let all = std::iter::once(&mut self.deploy).chain(own);
        let templates = all.filter_map(|deploy| match deploy {
            Deploy::Images => None,
            Deploy::Object(object) => Some(&mut object.template),
        });
        let file = |template: &Template| match template {
            Template::File(path) => Some(folder.join(path)),
            Template::Object(_) => None,
        };
        templates.filter_map(|template| Some((file(template)?, template))).collect()
    }
}

const WORD: &str = "images";

impl Serialize for Deploy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Images => serializer.serialize_str(WORD),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Deploy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(word_or(WORD, deserializer)?.map_or(Self::Images, |object| Self::Object(Box::new(object))))
    }
}

impl Deploy {
    /// The object, where one deploys.
    pub(super) fn object(&self) -> Option<&DeployObject> {
        match self {
            Self::Images => None,
            Self::Object(object) => Some(object),
        }
    }

    /// True where the conductor deploys.
    pub(super) fn is_images(&self) -> bool {
        *self == Self::Images
    }
}
