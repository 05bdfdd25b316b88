//! What objects of a delivery system tell of production: which images an application runs, and by which deployment. They are
//! believed, even before the workload runs what they say.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};
use futures::stream::{StreamExt, iter};
use serde_json::Value;

use super::{Running, told};
use crate::images;
use crate::json_path::{JsonPath, NoText};
use crate::place::Place;
use crate::placeholders::filled;
use crate::reader::{Called, Reader};
use crate::settings::ReleaseObject;

/// Objects that are read at the same time.
const AT_ONCE: usize = 8;

/// An application of which an object tells.
pub(crate) struct Told<'a> {
    pub(crate) application: &'a ApplicationId,
    pub(crate) place: &'a Place,
    pub(crate) by: &'a ReleaseObject,
}

/// Why an object does not tell what an application runs.
#[derive(Debug, thiserror::Error)]
enum Silent {
    #[error("production has no kind {kind} of {api_version}; expected one that it serves")]
    NoKind { kind: String, api_version: String },
    #[error("{object} does not exist in production, and shall tell what {application} runs")]
    NoObject { object: String, application: ApplicationId },
    #[error("{kind} is in no namespace; expected no namespace for it")]
    NotNamespaced { kind: String },
    #[error("{object} in production: at {path}, {what}, {found}; expected one text")]
    NoText { object: String, path: JsonPath, what: String, found: NoText },
    #[error("{object} in production: at {path}, the image of {container}, there is \"{text}\", which is no image")]
    NoImage { object: String, path: JsonPath, container: String, text: String },
    #[error(
        "{object} in production says that {container} runs \"{image}\", which has no digest, and {runs}; \
         expected an image with a digest, or the one that the workload has, whose pods tell its digest"
    )]
    NoDigest { object: String, container: String, image: String, runs: String },
}

impl From<Silent> for PortError {
    fn from(silent: Silent) -> Self {
        Self::new(FailureKind::Rejected, silent.to_string())
    }
}

/// Puts what the objects tell in place of what was read of the workloads. A workload that does not exist is left out.
pub(crate) async fn put_in(
    production: &Reader,
    all: Vec<Told<'_>>,
    found: &mut BTreeMap<Place, Running>,
) -> Result<(), PortError> {
    let all: Vec<Told> = all.into_iter().filter(|one| found.contains_key(one.place)).collect();
    let mut kinds = BTreeMap::new();
    for Told { by, .. } in &all {
        let key = (by.api_version.as_str(), by.kind.as_str());
        if let Entry::Vacant(unknown) = kinds.entry(key) {
            unknown.insert(production.kind_called(key.0, key.1).await?);
        }
    }
    let reading = all.iter().map(|one| {
        let kind = kinds.get(&(one.by.api_version.as_str(), one.by.kind.as_str()));
        read(production, one, kind.and_then(Option::as_ref))
    });
    let reading: Vec<_> = reading.collect();
    let read: Vec<_> = iter(reading).buffered(AT_ONCE).collect().await;
    let mut troubles = Vec::new();
    for (one, object) in all.iter().zip(read) {
        let Some(running) = found.get_mut(one.place) else { continue };
        match object {
            Ok((called, object)) => {
                let silent = put(one, &called, &object, running);
                troubles.extend(silent.iter().map(|silent| (FailureKind::Rejected, silent.to_string())));
            }
            Err(error) => troubles.push((error.kind, Failure::of("", &error).message)),
        }
    }
    troubles.dedup();
    if troubles.is_empty() { Ok(()) } else { Err(told(troubles)) }
}

/// The object that tells of an application, and what people call it.
async fn read(
    production: &Reader,
    Told { application, place, by }: &Told<'_>,
    kind: Option<&Called>,
) -> Result<(String, Value), PortError> {
    let no_kind = || Silent::NoKind { kind: by.kind.clone(), api_version: by.api_version.clone() };
    let kind = kind.ok_or_else(no_kind)?;
    if by.namespace.is_some() && !kind.is_namespaced {
        return Err(Silent::NotNamespaced { kind: by.kind.clone() }.into());
    }
    let fill = |text: &str| {
        let value = |name: &str| match name {
            "application" => Some(application.to_string()),
            "namespace" => Some(place.namespace.clone()),
            _ => None,
        };
        // The settings have none that is not known.
        filled(text, value).unwrap_or_default()
    };
    let namespace = by.namespace.as_deref().map_or_else(|| place.namespace.clone(), fill);
    let name = fill(&by.name);
    let object = kind.called(&namespace, &name);
    match production.object_called(kind, &namespace, &name).await? {
        Some(found) => Ok((object, found)),
        None => Err(Silent::NoObject { object, application: (*application).clone() }.into()),
    }
}

/// Puts what one object tells in place of what was read of the workload; with what it does not tell.
fn put(Told { place, by, .. }: &Told<'_>, called: &str, object: &Value, running: &mut Running) -> Vec<Silent> {
    let text = |path: &JsonPath, what: String| {
        let silent = |found| Silent::NoText { object: called.to_owned(), path: path.clone(), what, found };
        path.text(object).map_err(silent)
    };
    let mut silent = Vec::new();
    for (container, path) in &by.images {
        let image = text(path, format!("the image of {container}"));
        match image.and_then(|image| pinned([called, container], path, image, place, running)) {
            Ok(pinned) => drop(running.images.insert(container.clone(), pinned)),
            Err(error) => silent.push(error),
        }
    }
    if let Some(path) = &by.deploy_id {
        match text(path, "the deploy id".to_owned()) {
            Ok(id) => running.deploy_id = Some(id.to_owned()),
            Err(error) => silent.push(error),
        }
    }
    silent
}

/// An image as an object has it, with its digest: its own, or the one of the pods where the workload has the same image.
fn pinned(
    [called, container]: [&str; 2],
    path: &JsonPath,
    image: &str,
    place: &Place,
    running: &Running,
) -> Result<String, Silent> {
    let (object, container_of) = (called.to_owned(), container.to_owned());
    if image.contains(char::is_whitespace) || images::repository(image).is_empty() {
        let (path, text) = (path.clone(), image.to_owned());
        return Err(Silent::NoImage { object, path, container: container_of, text });
    }
    if let Some(pinned) = images::pinned(image) {
        return Ok(pinned);
    }
    let runs = match running.written.get(container) {
        Some(written) if written == image => {
            return Ok(running.images.get(container).cloned().unwrap_or_default());
        }
        Some(written) => format!("{place} has \"{written}\""),
        None => format!("{place} has no such container"),
    };
    Err(Silent::NoDigest { object, container: container_of, image: image.to_owned(), runs })
}
