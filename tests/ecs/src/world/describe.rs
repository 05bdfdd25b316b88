//! What AWS says of services, their revisions and their deployments.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::deployment::{Deployment, Effort, Revision, Rollout, Standing};
use super::images::Definition;
use super::service::{Controller, Service, Status};
use crate::clock::Clock;
use crate::who::epoch_seconds;

impl Service {
    /// The part of a description that moto does not know, or knows wrongly.
    pub(crate) fn describe(&self, clock: &Clock) -> Value {
        let time = |at: Duration| epoch_seconds(clock.at(at));
        let events = self.events.iter();
        let events =
            events.map(|event| json!({ "id": event.id, "createdAt": time(event.at), "message": event.message }));
        let primary = self.deployments.first();
        let mut description = json!({
            "serviceArn": self.arn,
            "serviceName": self.name,
            "clusterArn": self.cluster_arn,
            "status": self.status.word(),
            "desiredCount": self.desired,
            "runningCount": self.running(),
            "pendingCount": self.pending(),
            "taskDefinition": primary.map(|primary| &primary.definition.arn),
            "deploymentConfiguration": self.rules.document,
            "schedulingStrategy": if self.is_daemon { "DAEMON" } else { "REPLICA" },
            "events": events.collect::<Vec<_>>(),
            "createdAt": self.revisions.first().map(|first| time(first.created)),
        });
        if self.status == Status::Inactive {
            description["deployments"] = json!([]);
        } else if self.controller == Controller::Ecs {
            let each = self.deployments.iter().enumerate();
            description["deployments"] = each.map(|(index, one)| self.deployment(index, one, clock)).collect();
            let revisions = self.deployments.iter().map(|one| {
                json!({
                    "arn": one.revision,
                    "requestedTaskCount": self.wanted_of(one),
                    "runningTaskCount": one.running(),
                    "pendingTaskCount": one.pending(),
                })
            });
            description["currentServiceRevisions"] = revisions.collect();
            let going_on = self.efforts.iter().find(|effort| effort.finished.is_none()).or(self.efforts.first());
            description["currentServiceDeployment"] = going_on.map(|effort| effort.arn.clone()).into();
        } else {
            description["deployments"] = json!([]);
            description["taskSets"] = primary.map(|primary| self.task_set(primary, clock)).into_iter().collect();
        }
        description
    }

    fn wanted_of(&self, deployment: &Deployment) -> u32 {
        let is_primary = self.deployments.first().is_some_and(|primary| primary.id == deployment.id);
        if is_primary { self.desired } else { deployment.running() }
    }

    fn deployment(&self, index: usize, one: &Deployment, clock: &Clock) -> Value {
        json!({
            "id": one.id,
            "status": if index == 0 { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": one.definition.arn,
            "desiredCount": self.wanted_of(one),
            "runningCount": one.running(),
            "pendingCount": one.pending(),
            "failedTasks": one.failed,
            "createdAt": epoch_seconds(clock.at(one.created)),
            "updatedAt": epoch_seconds(clock.at(one.updated)),
            "rolloutState": one.rollout.word(),
            "rolloutStateReason": one.reason,
        })
    }

    /// What others deploy is one task set here.
    fn task_set(&self, one: &Deployment, clock: &Clock) -> Value {
        let id = one.id.trim_start_matches("ecs-svc/");
        let is_stable = one.rollout == Rollout::Completed && one.running() == self.desired && one.pending() == 0;
        json!({
            "id": format!("ecs-svc/{id}"),
            "taskSetArn": self.child("task-set", &format!("ecs-svc/{id}")),
            "serviceArn": self.arn,
            "clusterArn": self.cluster_arn,
            "status": "PRIMARY",
            "taskDefinition": one.definition.arn,
            "computedDesiredCount": self.desired,
            "runningCount": one.running(),
            "pendingCount": one.pending(),
            "createdAt": epoch_seconds(clock.at(one.created)),
            "updatedAt": epoch_seconds(clock.at(one.updated)),
            "scale": { "value": 100.0, "unit": "PERCENT" },
            "stabilityStatus": if is_stable { "STEADY_STATE" } else { "STABILIZING" },
        })
    }

    /// A service revision.
    pub(crate) fn revision(&self, revision: &Revision, clock: &Clock) -> Value {
        json!({
            "serviceRevisionArn": revision.arn,
            "serviceArn": self.arn,
            "clusterArn": self.cluster_arn,
            "taskDefinition": revision.definition.arn,
            "containerImages": images(&revision.definition),
            "createdAt": epoch_seconds(clock.at(revision.created)),
        })
    }

    /// A service deployment: all of it, or what a list has of it.
    pub(crate) fn effort(&self, effort: &Effort, is_brief: bool, clock: &Clock) -> Value {
        let time = |at: Duration| Value::from(epoch_seconds(clock.at(at)));
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        put("serviceDeploymentArn", effort.arn.clone().into());
        put("serviceArn", self.arn.clone().into());
        put("clusterArn", self.cluster_arn.clone().into());
        put("createdAt", time(effort.created));
        put("startedAt", time(effort.created));
        put("status", effort.standing.word().into());
        if let Some(reason) = &effort.reason {
            put("statusReason", reason.clone().into());
        }
        if let Some(finished) = effort.finished {
            put("finishedAt", time(finished));
            if effort.standing == Standing::Stopped && !is_brief {
                put("stoppedAt", time(finished));
            }
        }
        if is_brief {
            put("targetServiceRevisionArn", effort.target.clone().into());
            return fields.into();
        }
        put("updatedAt", time(effort.finished.unwrap_or(effort.created)));
        let sources: Vec<Value> = effort.source.iter().map(|arn| self.counted(arn)).collect();
        put("sourceServiceRevisions", sources.into());
        put("targetServiceRevision", self.counted(&effort.target));
        put("deploymentConfiguration", self.rules.document.clone());
        put("deploymentCircuitBreaker", self.breaker(effort));
        if let Some((revision, since)) = &effort.rollback {
            let rollback =
                json!({ "serviceRevisionArn": revision, "startedAt": time(*since), "reason": effort.reason });
            put("rollback", rollback);
        }
        fields.into()
    }

    fn breaker(&self, effort: &Effort) -> Value {
        let monitored = match effort.standing {
            Standing::InProgress => "MONITORING",
            Standing::RollbackInProgress | Standing::RollbackSuccessful | Standing::RollbackFailed => "TRIGGERED",
            Standing::Stopped if effort.failed >= self.threshold() => "TRIGGERED",
            Standing::Successful | Standing::Stopped => "MONITORING_COMPLETE",
        };
        let status = if self.rules.breaks { monitored } else { "DISABLED" };
        json!({ "status": status, "failureCount": effort.failed, "threshold": self.threshold() })
    }

    fn counted(&self, arn: &str) -> Value {
        let of = self.deployments.iter().find(|deployment| deployment.revision == arn);
        json!({
            "arn": arn,
            "requestedTaskCount": of.map_or(0, |one| self.wanted_of(one)),
            "runningTaskCount": of.map_or(0, Deployment::running),
            "pendingTaskCount": of.map_or(0, Deployment::pending),
        })
    }
}

fn images(definition: &Definition) -> Value {
    let images = definition.containers.iter();
    images.map(|one| json!({ "containerName": one.name, "image": one.image, "imageDigest": one.digest })).collect()
}
