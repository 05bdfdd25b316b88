//! Everything that is wrong with the settings.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::ApplicationId;

use super::{Application, KINDS, KubernetesSettings, workload};
use crate::place::{Kind, Place};

/// Field, problem, and what would be right.
type Violation = (String, String, String);

const LABEL: &str = "1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit";
const SUBDOMAIN: &str = "1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit";

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
        }
        found
    }

    /// A workload that is another application already.
    fn taken<'a>(
        &self,
        position: usize,
        application: &'a Application,
        places: &mut BTreeMap<Place, &'a ApplicationId>,
    ) -> Option<Violation> {
        let (place, name) = (self.place(application), &application.name);
        let field = KINDS.into_iter().find_map(|(kind, field)| (kind == place.kind).then_some(field))?;
        let expected = format!("a {} of its own", place.kind);
        let other = places.insert(place.clone(), name).filter(|other| *other != name)?;
        Some(at(position, field, format!("{place} is \"{other}\" already"), &expected))
    }
}

impl Application {
    /// What is wrong with it whatever the others are.
    fn violations(&self, position: usize) -> Vec<Violation> {
        let Self { name, namespace, deployment, stateful_set, rollout, in_production, .. } = self;
        let names = [deployment, stateful_set, rollout];
        let mut found = Vec::new();
        let mut at_place = |below: &str, namespace: &Option<String>, names: [&Option<String>; 3]| {
            let field = |name: &str| format!("applications[{position}].{below}{name}");
            found.extend(namespace.as_ref().and_then(|namespace| not_a_namespace(field("namespace"), namespace)));
            for ((kind, name), text) in KINDS.into_iter().zip(names) {
                let wrong = text.as_ref().filter(|text| !is_subdomain(text));
                let told =
                    |text| (field(name), format!("\"{text}\" is not the name of a {kind}"), SUBDOMAIN.to_owned());
                found.extend(wrong.map(told));
            }
            let first = workload(names);
            for ((kind, name), _) in KINDS.into_iter().zip(names).filter(|(_, text)| text.is_some()) {
                if let Some((other, text)) = first.filter(|(other, _)| *other != kind) {
                    let expected = "only one of deployment, statefulSet and rollout".to_owned();
                    found.push((field(name), format!("it is {other} \"{text}\" already"), expected));
                }
            }
        };
        at_place("", namespace, names);
        if let Some(other) = in_production {
            at_place("inProduction.", &other.namespace, [&other.deployment, &other.stateful_set, &other.rollout]);
        }
        let named = workload(names);
        if named.is_none() && !is_subdomain(name.as_str()) {
            let problem = format!("\"{name}\" is not the name of a Deployment");
            found.push(at(position, "name", problem, "deployment: its name"));
        }
        if self.allow_volume_deletion && stateful_set.is_none() {
            let kind = named.map_or(Kind::Deployment, |(kind, _)| kind);
            let problem = format!("a {kind} has no volumes that scaling deletes");
            found.push(at(position, "allowVolumeDeletion", problem, "statefulSet beside it, or to leave it out"));
        }
        found
    }
}

fn at(position: usize, field: &str, problem: String, expected: &str) -> Violation {
    (format!("applications[{position}].{field}"), problem, expected.to_owned())
}

fn not_a_namespace(field: String, name: &str) -> Option<Violation> {
    (!is_label(name)).then(|| (field, format!("\"{name}\" is not a name"), LABEL.to_owned()))
}

/// True for an RFC 1123 label, as namespaces are named.
fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// True for an RFC 1123 subdomain, as most objects are named.
fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}
