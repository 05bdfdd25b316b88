//! What an environment's file says about its local applications, and everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use conductor_core::app::ApplicationId;
use conductor_core::ports::FailureKind;
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

use crate::application::Change;
use crate::command;
use crate::wire::Refusal;

/// The local applications of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalSettings {
    /// The release manifest that tells what production runs. Absent: nobody may ask for production's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_manifest: Option<PathBuf>,
    /// The applications, in the order in which they are started.
    pub applications: Vec<Application>,
}

/// One application: a command line and how it is kept running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: ApplicationId,
    /// True for what belongs to the environment but never to a load test's scope, such as a database or Locust itself.
    #[serde(default)]
    pub support: bool,
    /// Program and arguments. `{version}`, `{port}`, `{readyPort}`, `{replica}` and `{dir}` are filled in.
    pub command: Vec<String>,
    /// Where it listens; absent for what nobody connects to, such as a load worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// When a replica counts as ready.
    pub ready: Ready,
    /// The version that runs when the environment comes up.
    #[serde(default)]
    pub version: String,
    /// The replicas that run when the environment comes up.
    #[serde(default = "one")]
    pub replicas: u32,
    /// How long a replica may take to end by itself after SIGTERM.
    #[serde(default = "ten_seconds")]
    pub grace_period: Span,
    /// More environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The folder it runs in. Absent: the folder of the environment's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// The folder of the environment's file, which `{dir}` stands for; set by [`LocalSettings::resolve`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
}

/// Where an application listens on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Port {
    /// The port under which its clients find it.
    pub number: u16,
    /// How replicas share it.
    #[serde(default)]
    pub mode: PortMode,
}

/// How the replicas of an application share its port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PortMode {
    /// They do not: there is one replica at most.
    #[default]
    Exclusive,
    /// All listen on it (`SO_REUSEPORT`); each also has a `{readyPort}` of its own.
    Shared,
    /// Each has a `{port}` of its own, and the supervisor spreads connections over those that are ready.
    BehindFront,
}

/// When a replica counts as ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ready {
    /// It answers a GET of this path with a status below 400. Absent: it accepts a connection, or, without a port, still
    /// runs after a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_get: Option<String>,
    /// How long that may take.
    #[serde(default = "thirty_seconds")]
    pub within: Span,
}

const fn one() -> u32 {
    1
}

const fn ten_seconds() -> Span {
    Span::seconds(10)
}

const fn thirty_seconds() -> Span {
    Span::seconds(30)
}

impl Application {
    /// The folder that `{dir}` stands for.
    pub(crate) fn base(&self) -> PathBuf {
        self.base.clone().unwrap_or_default()
    }

    /// How its replicas share its port; `None` when it has none.
    pub(crate) fn mode(&self) -> Option<PortMode> {
        self.port.map(|port| port.mode)
    }

    /// Refuses what the port does not allow.
    pub(crate) fn allows(&self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Replicas(replicas) if self.mode() == Some(PortMode::Exclusive) && *replicas > 1 => {
                let text = format!(
                    "{} cannot have {replicas} replicas on one port; expected 1, or port.mode shared or behindFront",
                    self.name
                );
                Err(Refusal::new(FailureKind::Rejected, text))
            }
            Change::None | Change::Version(_) | Change::Replicas(_) => Ok(()),
        }
    }
}

/// The applications that load tests may have in scope.
pub fn catalogue(settings: &LocalSettings) -> Vec<ApplicationId> {
    settings.applications.iter().filter(|app| !app.support).map(|app| app.name.clone()).collect()
}

impl LocalSettings {
    /// The settings with every path absolute; relative ones are relative to `folder`.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        if let Some(manifest) = &mut self.production_manifest {
            *manifest = folder.join(&*manifest);
        }
        for application in &mut self.applications {
            let dir = application.dir.take().unwrap_or_default();
            application.dir = Some(folder.join(dir));
            application.base = Some(folder.to_owned());
        }
        self
    }

    /// Everything that is wrong, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let mut add = |field: String, problem: String, expected: &str| {
            found.push((field, problem, expected.to_owned()));
        };
        let mut names = BTreeSet::new();
        let mut ports = BTreeSet::new();
        for (position, application) in self.applications.iter().enumerate() {
            let at = |field: &str| format!("applications[{position}].{field}");
            let Application { name, command, port, ready, .. } = application;
            if !names.insert(name) {
                add(at("name"), format!("\"{name}\" is there twice"), "a name of its own for each application");
            }
            if let Some(Port { number, .. }) = port {
                if !ports.insert(number) {
                    add(at("port.number"), format!("{number} is another application's"), "a port of its own");
                }
                if *number == 0 {
                    add(at("port.number"), "0 is no port".to_owned(), "1 to 65535");
                }
            } else if let Some(argument) = command.iter().position(|word| command::names(word, "port")) {
                let problem = "{port} stands for nothing, since there is no port".to_owned();
                add(at(&format!("command[{argument}]")), problem, "{readyPort}, or port: { number: 18080 }");
            }
            if application.base.is_some() {
                add(at("base"), "it is set by the conductor".to_owned(), "no such field");
            }
            if command.is_empty() {
                add(at("command"), "it is empty".to_owned(), "a program and its arguments");
            }
            for (argument, word) in command.iter().enumerate() {
                if let Some(unknown) = command::unknown_placeholder(word) {
                    let problem = format!("{{{unknown}}} is not known");
                    add(
                        at(&format!("command[{argument}]")),
                        problem,
                        "{version}, {port}, {readyPort}, {replica} or {dir}",
                    );
                }
            }
            if application.mode() == Some(PortMode::Exclusive) && application.replicas > 1 {
                let problem = format!("{} replicas cannot have one port", application.replicas);
                add(at("replicas"), problem, "1, or port.mode shared or behindFront");
            }
            if ready.http_get.as_ref().is_some_and(|path| !path.starts_with('/') || path.contains(char::is_whitespace))
            {
                add(at("ready.httpGet"), "it is not a path".to_owned(), "a path such as /health");
            }
            if ready.within.is_zero() {
                add(at("ready.within"), "0s is no time".to_owned(), "a time such as 30s");
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(changes: &str) -> LocalSettings {
        let text = format!(
            "applications: [{{ name: shop, command: [shop, '{{port}}'], port: {{ number: 1 }}, ready: {{}}, {changes} }}]"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    fn wrong(changes: &str) -> Vec<String> {
        let told = |(field, problem, expected)| format!("{field}: {problem}; expected {expected}");
        settings(changes).violations().into_iter().map(told).collect()
    }

    #[test]
    fn defaults_are_enough() {
        assert_eq!(wrong(""), [""; 0]);
        assert_eq!(settings("").applications[0].replicas, 1);
    }

    #[test]
    fn every_violation_is_told_at_once_with_its_field() {
        let mut settings = settings("replicas: 3");
        settings.applications[0].command.push("{prot}".to_owned());
        settings.applications[0].ready.http_get = Some("health".to_owned());
        settings.applications.push(settings.applications[0].clone());
        let found: Vec<String> =
            settings.violations().into_iter().map(|(field, problem, _)| format!("{field}: {problem}")).collect();
        assert_eq!(
            found,
            [
                "applications[0].command[2]: {prot} is not known",
                "applications[0].replicas: 3 replicas cannot have one port",
                "applications[0].ready.httpGet: it is not a path",
                "applications[1].name: \"shop\" is there twice",
                "applications[1].port.number: 1 is another application's",
                "applications[1].command[2]: {prot} is not known",
                "applications[1].replicas: 3 replicas cannot have one port",
                "applications[1].ready.httpGet: it is not a path",
            ]
        );
    }

    #[test]
    fn what_nobody_connects_to_needs_no_port_and_has_as_many_replicas_as_are_wanted() {
        let without = |command: &str| -> LocalSettings {
            let text = format!("applications: [{{ name: worker, command: [{command}], replicas: 3, ready: {{}} }}]");
            serde_saphyr::from_str(&text).unwrap()
        };
        assert_eq!(without("locust, --worker").violations(), []);
        assert_eq!(without("locust, '{readyPort}'").violations(), []);
        assert_eq!(without("locust").applications[0].allows(&Change::Replicas(9)), Ok(()));
        let (field, problem, expected) = without("locust, '--port={port}'").violations().remove(0);
        assert_eq!(
            format!("{field}: {problem}; expected {expected}"),
            "applications[0].command[1]: {port} stands for nothing, since there is no port; expected {readyPort}, or port: { number: 18080 }"
        );
    }

    #[test]
    fn paths_become_absolute_once() {
        let folder = Path::new("/environments/a shop");
        let resolved = settings("dir: app").resolve(folder);
        assert_eq!(resolved.applications[0].dir.as_deref(), Some(Path::new("/environments/a shop/app")));
        assert_eq!(resolved.applications[0].base.as_deref(), Some(folder));
    }

    #[test]
    fn support_is_not_in_the_catalogue() {
        assert_eq!(catalogue(&settings("")).len(), 1);
        assert!(catalogue(&settings("support: true")).is_empty());
    }
}
