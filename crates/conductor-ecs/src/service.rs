//! A service as one look shows it, and whether a run may begin on it. Pure.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_ecs::types::{
    Deployment as Described, DeploymentControllerType, DeploymentLifecycleHookTargetType, DeploymentRolloutState,
    DeploymentStrategy, SchedulingStrategy, Service as DescribedService,
};

use crate::place::Revision;

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Service {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) cluster_arn: String,
    /// When it was made: what was deleted and made anew has the same ARN.
    pub(crate) created: Option<String>,
    pub(crate) desired: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
    pub(crate) controller: Controller,
    pub(crate) is_daemon: bool,
    pub(crate) strategy: Strategy,
    /// The revision that its tasks shall run; `None` where nothing tells.
    pub(crate) definition: Option<Revision>,
    /// Those that go on, and the one that is in place.
    pub(crate) deployments: Vec<Deployment>,
    /// True where ECS' circuit breaker ends a deployment whose tasks fail.
    pub(crate) has_breaker: bool,
    pub(crate) tags: BTreeMap<String, String>,
    /// ARNs of the service revisions that have tasks.
    pub(crate) revisions: Vec<String>,
    /// What ECS has said of it, newest first.
    pub(crate) events: Vec<Event>,
}

/// Who deploys to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    /// ECS itself.
    Ecs,
    /// Something else, by the name that ECS gives it.
    Other(String),
}

/// How ECS deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Task by task.
    Rolling,
    /// By moving traffic.
    Shifting {
        /// The name that ECS gives it.
        name: String,
        /// True where a deployment waits for somebody to let it go on.
        waits: bool,
    },
}

/// A deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) is_primary: bool,
    pub(crate) definition: Option<Revision>,
    pub(crate) desired: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
    /// Tasks in a row that have not started.
    pub(crate) failed: u32,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
}

/// How far ECS says that a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// It says nothing.
    Untold,
    InProgress,
    Completed,
    Failed,
}

/// Why a service is not as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unrest {
    /// It is being deployed to: nobody can say what it will run.
    Deploys(String),
    /// Its deployment has failed: nobody can say what it shall run.
    Failed(String),
    /// It has not as many tasks as it shall have.
    Scales(String),
}

/// Something that ECS has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) message: String,
}

impl Service {
    /// A service as ECS describes it; `None` where it is not there any more: on its way out, or a remainder of one that was
    /// deleted.
    pub(crate) fn read(found: &DescribedService) -> Option<Self> {
        if found.status() != Some("ACTIVE") {
            return None;
        }
        let configuration = found.deployment_configuration();
        let primary = found.deployments().iter().find(|one| one.status() == Some("PRIMARY"));
        let in_place = found.task_sets().iter().find(|set| set.status() == Some("PRIMARY"));
        // The service's own is what was asked for last, and of another controller nothing at all.
        let definition =
            primary.and_then(Described::task_definition).or(in_place.and_then(|set| set.task_definition()));
        Some(Self {
            arn: text(found.service_arn()),
            name: text(found.service_name()),
            cluster_arn: text(found.cluster_arn()),
            created: found.created_at().map(|at| at.secs().to_string()),
            desired: count(found.desired_count()),
            running: count(found.running_count()),
            pending: count(found.pending_count()),
            controller: controller(found),
            is_daemon: found.scheduling_strategy() == Some(&SchedulingStrategy::Daemon),
            strategy: strategy(found),
            definition: definition.or(found.task_definition()).and_then(|name| name.parse().ok()),
            deployments: found.deployments().iter().map(Deployment::read).collect(),
            has_breaker: configuration.and_then(|one| one.deployment_circuit_breaker()).is_some_and(|one| one.enable()),
            tags: found.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), text(tag.value())))).collect(),
            revisions: found.current_service_revisions().iter().filter_map(|one| Some(one.arn()?.to_owned())).collect(),
            events: found
                .events()
                .iter()
                .map(|event| Event { id: text(event.id()), message: text(event.message()) })
                .collect(),
        })
    }

    /// The deployment that shall stay.
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.is_primary)
    }

    /// Why ECS cannot give it another version; `None` where it can.
    pub(crate) fn undeployable(&self) -> Option<String> {
        match (&self.controller, &self.strategy) {
            (Controller::Other(name), _) => Some(format!(
                "its deployments are those of {name}, which alone gives it another task definition; expected version: keep \
                 (it can be scaled)"
            )),
            (Controller::Ecs, Strategy::Shifting { name, waits: true }) => Some(format!(
                "its deployments ({name}) wait for somebody at a PAUSE hook; expected version: keep, or a service without the hook"
            )),
            (Controller::Ecs, Strategy::Shifting { waits: false, .. } | Strategy::Rolling) => None,
        }
    }

    /// What goes on there; `None` where nothing does.
    pub(crate) fn unrest(&self) -> Option<Unrest> {
        if self.deployments.len() > 1 {
            let text = format!("it has {} deployments at the same time", self.deployments.len());
            return Some(Unrest::Deploys(text));
        }
        if let Some(one) = self.deployments.first().filter(|one| one.rollout == Rollout::InProgress) {
            let text =
                format!("deployment {} is in progress ({} of {} tasks running)", one.id, one.running, one.desired);
            return Some(Unrest::Deploys(text));
        }
        if let Some(one) = self.deployments.first().filter(|one| one.rollout == Rollout::Failed) {
            return Some(Unrest::Failed(format!("deployment {} has failed: {}", one.id, one.reason)));
        }
        if self.running != self.desired || self.pending > 0 {
            let Self { running, desired, pending, .. } = self;
            return Some(Unrest::Scales(format!("{running} of {desired} tasks are running, and {pending} pending")));
        }
        None
    }

    /// Tags that others have given it, but for AWS.
    pub(crate) fn tags_of_others(&self) -> usize {
        let keys = self.tags.keys();
        keys.filter(|key| !key.starts_with(crate::definition::OF_AWS) && !key.starts_with(crate::marker::PREFIX))
            .count()
    }
}

impl fmt::Display for Unrest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploys(text) | Self::Failed(text) | Self::Scales(text) => f.write_str(text),
        }
    }
}

impl Deployment {
    fn read(found: &Described) -> Self {
        Self {
            id: text(found.id()),
            is_primary: found.status() == Some("PRIMARY"),
            definition: found.task_definition().and_then(|name| name.parse().ok()),
            desired: count(found.desired_count()),
            running: count(found.running_count()),
            pending: count(found.pending_count()),
            failed: count(found.failed_tasks()),
            rollout: rollout(found.rollout_state()),
            reason: text(found.rollout_state_reason()),
        }
    }
}

fn rollout(state: Option<&DeploymentRolloutState>) -> Rollout {
    match state {
        Some(state) if *state == DeploymentRolloutState::Completed => Rollout::Completed,
        Some(state) if *state == DeploymentRolloutState::Failed => Rollout::Failed,
        Some(_) => Rollout::InProgress,
        None => Rollout::Untold,
    }
}

fn controller(found: &DescribedService) -> Controller {
    let kind = found.deployment_controller().map(|one| one.r#type());
    match kind.filter(|kind| **kind != DeploymentControllerType::Ecs) {
        Some(kind) => Controller::Other(kind.as_str().to_owned()),
        None => Controller::Ecs,
    }
}

fn strategy(found: &DescribedService) -> Strategy {
    let configuration = found.deployment_configuration();
    let named = configuration.and_then(|one| one.strategy()).filter(|one| **one != DeploymentStrategy::Rolling);
    let Some(named) = named else { return Strategy::Rolling };
    let hooks = configuration.map(|one| one.lifecycle_hooks()).unwrap_or_default();
    let waits = hooks.iter().any(|hook| hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause));
    Strategy::Shifting { name: named.as_str().to_owned(), waits }
}

fn text(found: Option<&str>) -> String {
    found.unwrap_or_default().to_owned()
}

/// A count of ECS, which is never below none.
fn count(found: i32) -> u32 {
    found.try_into().unwrap_or_default()
}

#[cfg(test)]
#[path = "service_tests.rs"]
pub(crate) mod tests;
