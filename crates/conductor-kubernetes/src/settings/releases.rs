//! What tells which versions production runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::word_or::word_or;
use crate::json_path::JsonPath;
use crate::placeholders::names;

/// What a name or a namespace may have in it.
pub(crate) const PLACEHOLDERS: [&str; 2] = ["application", "namespace"];

/// What tells which versions production runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Releases {
    /// The workloads themselves.
    #[default]
    Workload,
    /// Objects of a delivery system.
    Object(Box<ReleaseObject>),
}

/// An object in production that tells which images an application runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseObject {
    /// Group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace. Absent: that of the application in production, where the kind is in namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name, with `{application}` for the application's and `{namespace}` for that of its namespace in production.
    #[serde(default = "the_applications")]
    pub name: String,
    /// Where in it each container's image stands. What other containers run is told by the workload.
    pub images: BTreeMap<String, JsonPath>,
    /// Where in it the deploy id stands. Absent: it is read from the workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id: Option<JsonPath>,
}

fn the_applications() -> String {
    "{application}".to_owned()
}

impl ReleaseObject {
    /// Everything that is wrong, as field, problem and what would be right.
    pub(super) fn violations(&self, field: &str) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let mut add = |name: &str, problem: String, expected: &str| {
            found.push((format!("{field}.{name}"), problem, expected.to_owned()));
        };
        if !is_api_version(&self.api_version) {
            let problem = format!("\"{}\" is not a group and a version", self.api_version);
            add("apiVersion", problem, API_VERSION);
        }
        if !is_kind(&self.kind) {
            add("kind", format!("\"{}\" is not a kind", self.kind), KIND);
        }
        if self.images.is_empty() && self.deploy_id.is_none() {
            add("images", "it is empty".to_owned(), "the JSONPath of an image for each container that it tells of");
        }
        for (name, text) in [("namespace", self.namespace.as_ref()), ("name", Some(&self.name))] {
            for unknown in text.into_iter().flat_map(|text| names(text)).filter(|name| !PLACEHOLDERS.contains(name)) {
                add(name, format!("{{{unknown}}} stands for nothing"), "{application} or {namespace}");
            }
            if text.is_some_and(String::is_empty) {
                add(name, "it is empty".to_owned(), "a name, or to leave it out");
            }
        }
        found
    }
}

pub(super) const API_VERSION: &str = "one such as deploy.example/v1";
pub(super) const KIND: &str = "one such as Release";

/// True for `v1` and `group.example/v1`.
pub(super) fn is_api_version(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        part.starts_with(|c: char| c.is_ascii_lowercase()) && part.chars().all(is_inner)
    };
    let parts: Vec<&str> = text.split('/').collect();
    parts.len() <= 2 && parts.into_iter().all(is_part)
}

/// True for what kinds are called.
pub(super) fn is_kind(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

const WORD: &str = "workload";

impl Serialize for Releases {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Workload => serializer.serialize_str(WORD),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Releases {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(word_or(WORD, deserializer)?.map_or(Self::Workload, |object| Self::Object(Box::new(object))))
    }
}

impl Releases {
    /// The object, where one tells.
    pub(crate) fn object(&self) -> Option<&ReleaseObject> {
        match self {
            Self::Workload => None,
            Self::Object(object) => Some(object),
        }
    }

    /// True where the workloads tell.
    pub(super) fn is_workload(&self) -> bool {
        *self == Self::Workload
    }
}
