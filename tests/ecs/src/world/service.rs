//! A service: what is wanted of it, and its deployments.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::deployment::{Deployment, Effort, Revision, Rollout, Standing, count};
use super::images::{Definition, hash};
use super::scaling::{Autoscaler, Target};
use super::task::{Stopped, Task, Why};

/// How many events AWS keeps.
const EVENTS: usize = 100;
/// How many stopped tasks are kept; AWS keeps them for an hour.
const STOPPED: usize = 200;

/// Who deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    Ecs,
    CodeDeploy,
    External,
}

/// `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Draining,
    Inactive,
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// What of `deploymentConfiguration` matters here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rules {
    pub(crate) breaks: bool,
    pub(crate) rolls_back: bool,
    pub(crate) least_percent: u32,
    pub(crate) most_percent: u32,
    /// As it was sent, with what AWS adds.
    pub(crate) document: Value,
}

impl Rules {
    /// What was before, with what was sent over it.
    pub(crate) fn read(before: Option<&Value>, sent: &Value) -> Self {
        let defaults = serde_json::json!({
            "deploymentCircuitBreaker": { "enable": false, "rollback": false },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
        });
        let mut document = before.cloned().unwrap_or(defaults);
        if let (Some(document), Some(sent)) = (document.as_object_mut(), sent.as_object()) {
            document.extend(sent.clone());
        }
        let number = |name: &str| document[name].as_u64().and_then(|number| u32::try_from(number).ok());
        let breaker = |name: &str| document["deploymentCircuitBreaker"][name].as_bool().unwrap_or(false);
        Self {
            breaks: breaker("enable"),
            rolls_back: breaker("rollback"),
            least_percent: number("minimumHealthyPercent").unwrap_or(100),
            most_percent: number("maximumPercent").unwrap_or(200),
            document,
        }
    }
}

/// A line of a service's `events`.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) at: Duration,
    pub(crate) message: String,
}

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) arn: String,
    pub(crate) cluster_arn: String,
    pub(crate) cluster: String,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) controller: Controller,
    pub(crate) is_daemon: bool,
    pub(crate) desired: u32,
    pub(crate) rules: Rules,
    /// The primary first, then what it takes the place of, the newest first.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) revisions: Vec<Revision>,
    /// The newest first.
    pub(crate) efforts: Vec<Effort>,
    pub(crate) events: VecDeque<Event>,
    /// The newest first.
    pub(crate) stopped: VecDeque<Stopped>,
    /// The deployment that was completed last, by its id, and the revision that it brought.
    pub(crate) completed: Option<(String, Revision)>,
    /// It is told once for each time.
    pub(crate) is_steady: bool,
    pub(crate) target: Option<Target>,
    pub(crate) autoscaler: Option<Autoscaler>,
    pub(crate) next_pull: Duration,
    pub(crate) next_tick: Duration,
    /// For ids.
    made: u64,
}

/// How a service begins.
pub(crate) struct Beginning {
    pub(crate) arn: String,
    pub(crate) cluster_arn: String,
    pub(crate) name: String,
    pub(crate) controller: Controller,
    pub(crate) is_daemon: bool,
    pub(crate) desired: u32,
    pub(crate) rules: Rules,
    pub(crate) definition: Definition,
}

impl Service {
    pub(crate) fn new(beginning: Beginning, now: Duration) -> Self {
        let Beginning { arn, cluster_arn, name, controller, is_daemon, desired, rules, definition } = beginning;
        let mut service = Self {
            cluster: crate::seen::short(&cluster_arn).to_owned(),
            arn,
            cluster_arn,
            name,
            status: Status::Active,
            controller,
            is_daemon,
            desired,
            rules,
            deployments: Vec::new(),
            revisions: Vec::new(),
            efforts: Vec::new(),
            events: VecDeque::new(),
            stopped: VecDeque::new(),
            completed: None,
            is_steady: false,
            target: None,
            autoscaler: None,
            next_pull: Duration::MAX,
            next_tick: now,
            made: 0,
        };
        service.deploy(definition, now);
        service
    }

    /// Begins a deployment.
    pub(crate) fn deploy(&mut self, definition: Definition, now: Duration) {
        for effort in &mut self.efforts {
            if matches!(effort.standing, Standing::InProgress | Standing::RollbackInProgress) {
                effort.standing = Standing::Stopped;
                effort.reason = Some("Service deployment stopped because a newer one was started.".to_owned());
                effort.finished = Some(now);
            }
        }
        let number = self.number();
        let revision = Revision { arn: self.child("service-revision", &number), definition, created: now };
        let effort = Effort {
            arn: self.child("service-deployment", &hash(&number)[..22]),
            source: self.deployments.first().map(|deployment| deployment.revision.clone()),
            target: revision.arn.clone(),
            created: now,
            finished: None,
            standing: Standing::InProgress,
            reason: None,
            rollback: None,
            failed: 0,
        };
        self.revisions.push(revision.clone());
        self.begin(&number, revision, effort.arn.clone(), false, now);
        self.efforts.insert(0, effort);
    }

    /// Goes back to the revision that was completed last, by a deployment of its own; false when there is none.
    pub(crate) fn roll_back(&mut self, now: Duration) -> bool {
        let Some((completed, revision)) = self.completed.clone() else { return false };
        let Some(failed) = self.deployments.first() else { return false };
        let (failed, effort) = (failed.id.clone(), failed.effort.clone());
        let number = self.number();
        self.begin(&number, revision.clone(), effort.clone(), true, now);
        if let Some(deployment) = self.deployments.first_mut() {
            deployment.reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {completed}.");
        }
        if let Some(effort) = self.efforts.iter_mut().find(|known| known.arn == effort) {
            effort.standing = Standing::RollbackInProgress;
            effort.reason =
                Some("Service deployment rolled back because the circuit breaker threshold was exceeded.".to_owned());
            effort.rollback = Some((revision.arn, now));
        }
        self.tell(
            format!("(service {}) (deployment {failed}) deployment failed: tasks failed to start.", self.name),
            now,
        );
        self.tell(format!("(service {}) rolling back to (deployment {completed}).", self.name), now);
        true
    }

    fn begin(&mut self, number: &str, revision: Revision, effort: String, is_rollback: bool, now: Duration) {
        // What was not running yet is wanted no more.
        for index in 0..self.deployments.len() {
            while let Some(task) = self.deployments[index].tasks.iter().position(|task| !task.is_running()) {
                self.end_task(index, task, Why::Scheduled, now);
            }
        }
        let id = format!("ecs-svc/{number}");
        let deployment = Deployment {
            reason: format!("ECS deployment {id} in progress."),
            id,
            definition: revision.definition,
            revision: revision.arn,
            effort,
            created: now,
            updated: now,
            tasks: Vec::new(),
            failed: 0,
            has_run: false,
            rollout: Rollout::InProgress,
            is_rollback,
        };
        self.deployments.insert(0, deployment);
        self.wake(now);
    }

    /// Wants another number of tasks.
    pub(crate) fn scale(&mut self, desired: u32, now: Duration) {
        self.desired = desired;
        if let Some(primary) = self.deployments.first_mut() {
            primary.updated = now;
        }
        self.wake(now);
    }

    /// There is something to do from now on.
    pub(crate) fn wake(&mut self, now: Duration) {
        self.is_steady = false;
        self.next_tick = self.next_tick.max(now);
    }

    /// Is deleted: no task is wanted any more.
    pub(crate) fn drain(&mut self, now: Duration) {
        self.status = Status::Draining;
        self.scale(0, now);
    }

    pub(crate) fn running(&self) -> u32 {
        self.deployments.iter().map(Deployment::running).sum()
    }

    pub(crate) fn pending(&self) -> u32 {
        self.deployments.iter().map(Deployment::pending).sum()
    }

    pub(crate) fn total(&self) -> u32 {
        self.deployments.iter().map(Deployment::total).sum()
    }

    /// True while a deployment is going on.
    pub(crate) fn deploys(&self) -> bool {
        self.deployments.len() > 1 || self.deployments.iter().any(|primary| primary.rollout == Rollout::InProgress)
    }

    /// Begins a task of the primary.
    pub(crate) fn begin_task(&mut self, now: Duration) -> String {
        let number = self.number();
        let id = hash(&format!("{}{number}", self.arn))[..32].to_owned();
        if let Some(primary) = self.deployments.first_mut() {
            primary.tasks.push(Task { id: id.clone(), created: now, started: None });
        }
        id
    }

    /// Ends a task.
    pub(crate) fn end_task(&mut self, deployment: usize, task: usize, why: Why, now: Duration) {
        let of = &mut self.deployments[deployment];
        let task = of.tasks.remove(task);
        let (deployment, definition) = (of.id.clone(), of.definition.clone());
        self.stopped.push_front(Stopped { task, at: now, why, deployment, definition });
        self.stopped.truncate(STOPPED);
    }

    /// Adds an event.
    pub(crate) fn tell(&mut self, message: String, now: Duration) {
        let number = self.number();
        let number = hash(&format!("{}{number}", self.arn));
        let id =
            format!("{}-{}-{}-{}-{}", &number[..8], &number[8..12], &number[12..16], &number[16..20], &number[20..32]);
        self.events.push_front(Event { id, at: now, message });
        self.events.truncate(EVENTS);
    }

    /// The ARN of what belongs to the service.
    pub(crate) fn child(&self, kind: &str, id: &str) -> String {
        let account = self.cluster_arn.split(":cluster/").next().unwrap_or_default();
        format!("{account}:{kind}/{}/{}/{id}", self.cluster, self.name)
    }

    /// The ARN of a task.
    pub(crate) fn task_arn(&self, id: &str) -> String {
        let account = self.cluster_arn.split(":cluster/").next().unwrap_or_default();
        format!("{account}:task/{}/{id}", self.cluster)
    }

    /// 19 digits, as deployments have them; never the same.
    fn number(&mut self) -> String {
        self.made += 1;
        let digits = u64::from_str_radix(&hash(&self.arn)[..12], 16).unwrap_or_default() % 1_000_000_000_000;
        format!("1{digits:012}{:06}", self.made)
    }

    /// How many failures in a row end a deployment that has a circuit breaker.
    pub(crate) fn threshold(&self) -> u32 {
        self.desired.div_ceil(2).clamp(3, 200)
    }

    /// How many tasks of all deployments shall run at least, and be at most.
    pub(crate) fn bounds(&self) -> (u32, u32) {
        let part = |percent: u32| u64::from(self.desired) * u64::from(percent);
        let least = part(self.rules.least_percent).div_ceil(100);
        let most = part(self.rules.most_percent) / 100;
        let number = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX));
        // A single task could otherwise never be replaced.
        (number(least), number(most).max(self.desired).max(1))
    }
}
