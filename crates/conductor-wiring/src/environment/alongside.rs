//! What is scaled with every load test of an environment and is no application under test: mocks, load workers, an ingress.

use std::collections::BTreeSet;

use conductor_core::app::ApplicationId;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_core::units::{Cpu, Memory};
use conductor_local::PortMode;
use serde::{Deserialize, Serialize};

use super::EnvironmentSpec;

/// Most replicas of anything.
const MOST_REPLICAS: u32 = 100_000;

/// A support application, and what it has for the time of every load test. What is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alongside {
    /// The application, one with `support: true`.
    pub name: ApplicationId,
    /// Replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// CPU of one replica, where it runs on Kubernetes or ECS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory of one replica, where it runs on Kubernetes or ECS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

impl Alongside {
    /// What it shall become for the time of a test.
    pub(crate) fn intent(&self) -> Intent {
        let Self { name, replicas, cpu, memory } = self;
        let scale = ScaleChoice::Exactly { replicas: *replicas, cpu: *cpu, memory: *memory };
        Intent { support: true, ..Intent::new(name.clone(), VersionChoice::Keep, scale) }
    }
}

/// Where an application runs, as far as it matters here.
enum Runs {
    Locally { exclusive: bool },
    Remotely,
}

/// Everything that is wrong, as field, problem and what would be right.
pub(super) fn violations(spec: &EnvironmentSpec) -> Vec<(String, String, &'static str)> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for (position, Alongside { name, replicas, cpu, memory }) in spec.alongside.iter().enumerate() {
        let mut add = |field: &str, problem: String, expected: &'static str| {
            found.push((format!("alongside[{position}].{field}"), problem, expected));
        };
        if !names.insert(name) {
            add("name", format!("\"{name}\" is there twice"), "each application once");
        }
        if replicas.is_none() && cpu.is_none() && memory.is_none() {
            add("name", format!("nothing is said of \"{name}\""), "replicas, cpu or memory beside it");
        }
        if replicas.is_some_and(|replicas| replicas > MOST_REPLICAS) {
            add("replicas", format!("{} is out of range", replicas.unwrap_or_default()), "0 to 100000");
        }
        match (support(spec, name), replicas) {
            (None, _) => {
                let problem = format!("\"{name}\" is no support application of the environment");
                add("name", problem, "one with support: true; what a load test has in scope is scaled as that says");
            }
            (Some(Runs::Locally { exclusive: true }), Some(2..)) => {
                add("replicas", "replicas cannot share its port".to_owned(), "1, or port.mode shared or behindFront");
            }
            (Some(Runs::Locally { .. }), _) => {
                for (field, is_there) in [("cpu", cpu.is_some()), ("memory", memory.is_some())] {
                    if is_there {
                        add(field, "a process of this machine cannot be given that".to_owned(), "replicas only");
                    }
                }
            }
            (Some(Runs::Remotely), _) => {}
        }
    }
    found
}

fn support(spec: &EnvironmentSpec, name: &ApplicationId) -> Option<Runs> {
    let mut local = spec.local.iter().flat_map(|local| &local.applications).filter(|one| one.support);
    let mut kubernetes = spec.kubernetes.iter().flat_map(|found| &found.applications).filter(|one| one.support);
    if let Some(found) = local.find(|one| one.name == *name) {
        let exclusive = found.port.is_some_and(|port| port.mode == PortMode::Exclusive);
        return Some(Runs::Locally { exclusive });
    }
    let mut ecs = spec.ecs.iter().flat_map(|found| &found.applications).filter(|one| one.support);
    let is_remote = kubernetes.any(|one| one.name == *name) || ecs.any(|one| one.name == *name);
    is_remote.then_some(Runs::Remotely)
}
