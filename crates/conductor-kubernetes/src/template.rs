//! Pod templates of custom resources, as they are written and as they are meant.
//!
//! The API server does not know that there are amounts in them, so that `cpu: 1` stays a number, which a JSON Patch tells from
//! the text `1`.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::field::UnreadableError;

/// A pod template, as it is written and as it is meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Json", into = "Json")]
pub(crate) struct Template {
    pub(crate) written: Json,
    /// Why it is none, where it cannot be read.
    pub(crate) read: Result<PodTemplateSpec, String>,
}

impl Template {
    /// What it means, unless it cannot be read.
    pub(crate) fn readable(&self) -> Result<&PodTemplateSpec, UnreadableError> {
        self.read.as_ref().map_err(|why| UnreadableError::Template(why.clone()))
    }
}

impl From<Json> for Template {
    fn from(written: Json) -> Self {
        let mut meant = written.clone();
        in_words(&mut meant);
        let read = serde_json::from_value(meant).map_err(|error| error.to_string());
        Self { written, read }
    }
}

impl From<Template> for Json {
    fn from(template: Template) -> Self {
        template.written
    }
}

/// Makes texts of the amounts that are written as numbers.
fn in_words(value: &mut Json) {
    let text = |value: &mut Json| {
        if let Json::Number(number) = value {
            *value = Json::String(number.to_string());
        }
    };
    match value {
        Json::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "requests" | "limits" => field.as_object_mut().into_iter().flatten().for_each(|(_, one)| text(one)),
                    "sizeLimit" | "divisor" => text(field),
                    _ => in_words(field),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(in_words),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
