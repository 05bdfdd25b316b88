//! Everything that is wrong with the settings.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::ApplicationId;

use super::{Application, Deploy, FreezeSettings, KubernetesSettings, Names, ProductionSettings, Releases};
use crate::place::{Kind, Place};

/// Field, problem, and what would be right.
type Violation = (String, String, String);

pub(super) const LABEL: &str = "1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit";
const SUBDOMAIN: &str = "1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit";

/// What keys of labels look like.
pub(super) const KEY_OF_LABEL: &str = "a name such as loadtest-conductor.dev/pool";
const KEY: &str = "a name such as delivery.example/deployment-id";
const REPOSITORY: &str = "a registry, or the beginning of its repositories, without scheme, tag or digest";

/// Why no delivery system deploys a StackSet.
const OTHER_STACK: &str = "a delivery would make another Stack and let it have the traffic, and that of before may be scaled to \
                           none, or deleted, before it could have it back";

/// With fewer requests in a second an answer would seem to be late that was only not asked for yet.
const LEAST_RATE: u32 = 5;

fn too_slow(field: &str, rate: u32) -> Violation {
    let problem = format!("{rate} requests in a second are too few for anything to be done in time");
    (field.to_owned(), problem, format!("{LEAST_RATE} or more, or nothing for no limit"))
}

impl KubernetesSettings {
    /// Everything that is wrong, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        for (field, namespace) in [("namespace", &self.namespace), ("conductorNamespace", &self.conductor_namespace)] {
            found.extend(not_a_namespace(field.to_owned(), namespace));
        }
        let production = self.production.as_ref().and_then(|production| production.requests_per_second);
        for (field, rate) in [
            ("cluster.requestsPerSecond", self.cluster.requests_per_second),
            ("production.requestsPerSecond", production),
        ] {
            found.extend(rate.filter(|rate| *rate < LEAST_RATE).map(|rate| too_slow(field, rate)));
        }
        found.extend(self.production.iter().flat_map(ProductionSettings::violations));
        found.extend(self.layout.iter().flat_map(|layout| layout.violations(&self.applications)));
        found.extend(self.deploy.object().into_iter().flat_map(|object| object.violations("deploy")));
        found.extend(self.undeliverable());
        let (mut names, mut places) = (BTreeSet::new(), BTreeMap::new());
        for (position, application) in self.applications.iter().enumerate() {
            let name = &application.name;
            if !names.insert(name) {
                let problem = format!("\"{name}\" is there twice");
                found.push(at(position, "name", problem, "a name of its own for each application"));
            }
            let own = application.violations(position);
            let is_named = own.is_empty();
            found.extend(own);
            if is_named {
                found.extend(self.taken(position, application, &mut places));
            }
            let problem = match self.place(application).kind {
                Kind::StackSet => OTHER_STACK,
                Kind::Scalable(_) => "which version it is nobody knows, so that none can be delivered",
                Kind::Deployment | Kind::StatefulSet | Kind::Rollout => continue,
            };
            if self.deploy_object(application).is_some() {
                found.push(at(position, "deploy", problem.to_owned(), "images"));
            }
        }
        found
    }

    /// A delivery that could change nothing.
    fn undeliverable(&self) -> Option<Violation> {
        let is_delivered = self.applications.iter().any(|application| self.deploy_object(application).is_some());
        let usual = FreezeSettings::default().controllers;
        let is_exempt = self.freeze.controllers.iter().any(|user| !usual.contains(user));
        (is_delivered && !is_exempt).then(|| {
            let problem = "the delivery system is not among them, and would be denied what it shall do".to_owned();
            let expected =
                "its user, such as system:serviceaccount:delivery:controller, beside those of the usual controllers"
                    .to_owned();
            ("freeze.controllers".to_owned(), problem, expected)
        })
    }

    /// A workload that is another application already.
    fn taken<'a>(
        &self,
        position: usize,
        application: &'a Application,
        places: &mut BTreeMap<Place, &'a ApplicationId>,
    ) -> Option<Violation> {
        let (place, name) = (self.place(application), &application.name);
        let other = places.insert(place.clone(), name).filter(|other| *other != name)?;
        let expected = format!("a {} of its own", place.kind);
        Some(at(position, named(&place.kind), format!("{place} is \"{other}\" already"), &expected))
    }
}

impl ProductionSettings {
    /// What is wrong with how production's versions are read.
    fn violations(&self) -> Vec<Violation> {
        let key = self.deploy_id_annotation.iter().filter(|key| !is_key(key));
        let key = key.map(|key| {
            let problem = format!("\"{key}\" is not the key of an annotation or a label");
            ("production.deployIdAnnotation".to_owned(), problem, KEY.to_owned())
        });
        let registries = self
            .registries
            .problems()
            .map(|(prefix, problem)| (format!("production.registries.{prefix}"), problem, REPOSITORY.to_owned()));
        let releases = self.releases.object().map(|object| object.violations("production.releases"));
        key.chain(releases.into_iter().flatten()).chain(registries).collect()
    }
}

impl Application {
    /// What is wrong with it whatever the others are.
    fn violations(&self, position: usize) -> Vec<Violation> {
        let Self { name, namespace, stateful_set, in_production, .. } = self;
        let mut found = Vec::new();
        let mut workload = |below: &str, namespace: &Option<String>, names: Names<'_>| {
            let field = |name: &str| format!("applications[{position}].{below}{name}");
            found.extend(namespace.as_ref().and_then(|namespace| not_a_namespace(field("namespace"), namespace)));
            let mut first: Option<(Kind, &str)> = None;
            let mut others = Vec::new();
            for (kind, name) in names {
                if !is_subdomain(name) {
                    let problem = format!("\"{name}\" is not the name of a {kind}");
                    found.push((field(named(&kind)), problem, SUBDOMAIN.to_owned()));
                }
                match &first {
                    None => first = Some((kind, name)),
                    Some((of, taken)) => others.push((
                        field(named(&kind)),
                        format!("it is {of} \"{taken}\" already"),
                        format!("{} or {}", named(of), named(&kind)),
                    )),
                }
            }
            found.extend(others);
        };
        workload("", namespace, self.names());
        let scalable = format!("applications[{position}].scalable");
        let mut unknown: Vec<Violation> = self.scalable.iter().flat_map(|one| one.violations(&scalable)).collect();
        if let Some(other) = in_production {
            workload("inProduction.", &other.namespace, other.names());
            let scalable = format!("applications[{position}].inProduction.scalable");
            unknown.extend(other.scalable.iter().flat_map(|one| one.violations(&scalable)));
            if let Some(object) = other.releases.as_ref().and_then(Releases::object) {
                found.extend(object.violations(&format!("applications[{position}].inProduction.releases")));
            }
        }
        found.extend(unknown);
        if self.names().is_empty() && !is_subdomain(name.as_str()) {
            let problem = format!("\"{name}\" is not the name of a Deployment");
            found.push(at(position, "name", problem, "deployment: its name"));
        }
        if let Some(object) = self.deploy.as_ref().and_then(Deploy::object) {
            found.extend(object.violations(&format!("applications[{position}].deploy")));
        }
        if self.allow_volume_deletion && stateful_set.is_none() {
            let kind = self.names().into_iter().next().map_or(Kind::Deployment, |(kind, _)| kind);
            let problem = format!("a {kind} has no volumes that scaling deletes");
            found.push(at(position, "allowVolumeDeletion", problem, "statefulSet beside it, or to leave it out"));
        }
        found
    }
}

/// The field that names a workload of a kind.
const fn named(kind: &Kind) -> &'static str {
    match kind {
        Kind::Deployment => "deployment",
        Kind::StatefulSet => "statefulSet",
        Kind::Rollout => "rollout",
        Kind::StackSet => "stackSet",
        Kind::Scalable(_) => "scalable",
    }
}

fn at(position: usize, field: &str, problem: String, expected: &str) -> Violation {
    (format!("applications[{position}].{field}"), problem, expected.to_owned())
}

fn not_a_namespace(field: String, name: &str) -> Option<Violation> {
    (!is_label(name)).then(|| (field, format!("\"{name}\" is not a name"), LABEL.to_owned()))
}

/// True for an RFC 1123 label, as namespaces are named.
pub(super) fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// True for an RFC 1123 subdomain, as most objects are named.
fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// True for what annotations and labels may be called: a name, after a subdomain and a slash or alone.
pub(super) fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_name =
        name.len() <= 63 && name.chars().all(inner) && is_end(name.chars().next()) && is_end(name.chars().last());
    is_name && prefix.is_none_or(is_subdomain)
}
