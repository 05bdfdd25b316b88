//! What one container is like. Values leave here as hashes, and so does whatever else may hold a secret.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::Resources;
use conductor_core::parity::{Container, EnvValue, Role};
use conductor_core::quantity::QuantityError;
use k8s_openapi::api::core::v1::{Container as Written, EnvFromSource, EnvVar, EnvVarSource, Pod, Probe};

use super::key::Key;
use super::words::line;
use crate::images;
use crate::production::resources::{agreed, of};
use crate::production::workload::status;

/// Why a container cannot be told of.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContainerError {
    #[error(transparent)]
    Amount(#[from] QuantityError),
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
}

/// A container of a template or of pods, as these pods have it where they agree.
pub(super) fn container(role: Role, written: &Written, pods: &[&Pod], key: &Key) -> Result<Container, ContainerError> {
    let amounts = of(written, pods).into_iter().map(|(name, text)| Ok((name, text.parse()?)));
    let seen = agreed(written, pods, |one| Seen {
        env: one.env.clone().unwrap_or_default(),
        env_from: one.env_from.clone().unwrap_or_default(),
        probes: [
            ("liveness", one.liveness_probe.clone()),
            ("readiness", one.readiness_probe.clone()),
            ("startup", one.startup_probe.clone()),
        ],
        command: (one.command.clone(), one.args.clone()),
    });
    let probes = seen.probes.into_iter().filter_map(|(name, probe)| Some((name, probe?)));
    let probes = probes.map(|(name, probe)| Ok((name.to_owned(), of_probe(probe, key)?)));
    let command = match &seen.command {
        (None, None) => None,
        written => Some(key.hash("command", &serde_json::to_string(written)?)),
    };
    Ok(Container {
        role,
        image: image(written, pods),
        resources: amounts.collect::<Result<Resources, QuantityError>>()?,
        env: seen.env.into_iter().map(|variable| env(variable, key)).collect::<Result<_, _>>()?,
        env_from: seen.env_from.into_iter().filter_map(env_from).collect(),
        probes: probes.collect::<Result<BTreeMap<_, _>, serde_json::Error>>()?,
        command,
    })
}

/// What of a container is compared beside its image and resources.
#[derive(PartialEq)]
struct Seen {
    env: Vec<EnvVar>,
    env_from: Vec<EnvFromSource>,
    probes: [(&'static str, Option<Probe>); 3],
    command: (Option<Vec<String>>, Option<Vec<String>>),
}

/// The image by the digest that the pods run, where they say one; else as it is written.
fn image(written: &Written, pods: &[&Pod]) -> String {
    let named = written.image.as_deref().unwrap_or_default();
    if let Some(pinned) = images::pinned(named) {
        return pinned;
    }
    let statuses = pods.iter().filter_map(|pod| status(pod, &written.name));
    let digests: BTreeSet<&str> = statuses.filter_map(|status| images::digest(&status.image_id).ok()?).collect();
    match digests.into_iter().collect::<Vec<_>>()[..] {
        [digest] => images::pin(named, digest),
        _ => named.to_owned(),
    }
}

fn env(variable: EnvVar, key: &Key) -> Result<(String, EnvValue), serde_json::Error> {
    let EnvVar { name, value, value_from } = variable;
    let value = match value_from {
        Some(source) => EnvValue::Reference(reference(&source)?),
        None => EnvValue::Hashed(key.hash(&name, &value.unwrap_or_default())),
    };
    Ok((name, value))
}

fn reference(source: &EnvVarSource) -> Result<String, serde_json::Error> {
    let optional = |optional: Option<bool>| if optional == Some(true) { ", optional" } else { "" };
    if let Some(of) = &source.secret_key_ref {
        return Ok(format!("Secret {}, key {}{}", of.name, of.key, optional(of.optional)));
    }
    if let Some(of) = &source.config_map_key_ref {
        return Ok(format!("ConfigMap {}, key {}{}", of.name, of.key, optional(of.optional)));
    }
    line(source)
}

/// An object of which all entries become variables, and how.
fn env_from(source: EnvFromSource) -> Option<(String, String)> {
    let EnvFromSource { config_map_ref, prefix, secret_ref } = source;
    let (of, optional) = match (config_map_ref, secret_ref) {
        (Some(of), _) => (format!("ConfigMap/{}", of.name), of.optional),
        (None, Some(of)) => (format!("Secret/{}", of.name), of.optional),
        (None, None) => return None,
    };
    let prefix = prefix.filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map_or_else(String::new, |prefix| format!(" with prefix {prefix}"));
    let optional = if optional == Some(true) { ", optional" } else { "" };
    Some((of, format!("all entries{prefix}{optional}")))
}

/// Parts of probes' paths that everybody uses. Any other one may be a password.
const USUAL: [&str; 22] = [
    "",
    "actuator",
    "api",
    "check",
    "health",
    "healthcheck",
    "healthz",
    "index.html",
    "info",
    "internal",
    "live",
    "liveness",
    "livez",
    "metrics",
    "ping",
    "ready",
    "readiness",
    "readyz",
    "startup",
    "status",
    "v1",
    "version",
];

/// A probe in words. Commands, headers, queries and paths may hold passwords.
fn of_probe(mut probe: Probe, key: &Key) -> Result<String, serde_json::Error> {
    let hidden = |text: &str| key.hash("probe", text).to_string();
    if let Some(exec) = &mut probe.exec {
        let command = serde_json::to_string(&exec.command)?;
        exec.command = Some(vec![hidden(&command)]);
    }
    if let Some(get) = &mut probe.http_get {
        for header in get.http_headers.iter_mut().flatten() {
            header.value = hidden(&header.value);
        }
        get.path = get.path.take().map(|whole| {
            let (path, query) = whole.split_once('?').map_or((&*whole, None), |(path, query)| (path, Some(query)));
            let parts = path.split('/').map(|part| if USUAL.contains(&part) { part.to_owned() } else { hidden(part) });
            let query = query.map_or_else(String::new, |query| format!("?{}", hidden(query)));
            format!("{}{query}", parts.collect::<Vec<_>>().join("/"))
        });
    }
    line(&probe)
}
