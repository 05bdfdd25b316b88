//! What AWS says of the tasks of services.

use std::time::Duration;

use serde_json::{Value, json};

use super::images::Definition;
use super::service::Service;
use super::task::{Stopped, Task, Why};
use crate::clock::Clock;
use crate::who::epoch_seconds;

/// Which of a service's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those that run or shall.
    Running,
    /// Those that are no more.
    Stopped,
}

impl Service {
    /// The ARNs of its tasks, the newest last, of which it is known by the time at which they began or stopped.
    pub(crate) fn task_arns(&self, wanted: Wanted, is_known: impl Fn(Duration) -> bool) -> Vec<String> {
        match wanted {
            Wanted::Running => {
                let tasks = self.deployments.iter().rev().flat_map(|deployment| &deployment.tasks);
                tasks.filter(|task| is_known(task.created)).map(|task| self.task_arn(&task.id)).collect()
            }
            Wanted::Stopped => {
                let stopped = self.stopped.iter().filter(|stopped| is_known(stopped.at));
                stopped.map(|stopped| self.task_arn(&stopped.task.id)).collect()
            }
        }
    }

    /// A task by its id.
    pub(crate) fn describe_task(&self, id: &str, clock: &Clock) -> Option<Value> {
        let alive = self.deployments.iter().find_map(|deployment| {
            let task = deployment.tasks.iter().find(|task| task.id == id)?;
            let last = if task.is_running() { "RUNNING" } else { "PENDING" };
            Some(self.task(task, &deployment.id, &deployment.definition, (last, "RUNNING"), clock))
        });
        alive.or_else(|| {
            let stopped = self.stopped.iter().find(|stopped| stopped.task.id == id)?;
            Some(self.stopped(stopped, clock))
        })
    }

    fn stopped(&self, stopped: &Stopped, clock: &Clock) -> Value {
        let Stopped { task, at, why, deployment, definition } = stopped;
        let mut described = self.task(task, deployment, definition, ("STOPPED", "STOPPED"), clock);
        described["stoppedAt"] = epoch_seconds(clock.at(*at)).into();
        described["stoppedReason"] = stopped.reason().into();
        described["stopCode"] = why.code().into();
        if let Some(container) = described["containers"].as_array_mut().and_then(|containers| containers.first_mut()) {
            match why {
                Why::NoPull => container["reason"] = stopped.reason().into(),
                Why::Exited => container["exitCode"] = 1.into(),
                Why::Scheduled => container["exitCode"] = 0.into(),
            }
        }
        described
    }

    fn task(
        &self,
        task: &Task,
        deployment: &str,
        of: &Definition,
        (last, wanted): (&str, &str),
        clock: &Clock,
    ) -> Value {
        let arn = self.task_arn(&task.id);
        let containers = of.containers.iter();
        let containers = containers.map(|one| {
            json!({
                "taskArn": arn,
                "name": one.name,
                "image": one.image,
                "imageDigest": one.digest,
                "lastStatus": last,
            })
        });
        let mut described = json!({
            "taskArn": arn,
            "clusterArn": self.cluster_arn,
            "taskDefinitionArn": of.arn,
            "group": format!("service:{}", self.name),
            "startedBy": deployment,
            "lastStatus": last,
            "desiredStatus": wanted,
            "containers": containers.collect::<Vec<_>>(),
            "createdAt": epoch_seconds(clock.at(task.created)),
        });
        if let Some(started) = task.started {
            described["startedAt"] = epoch_seconds(clock.at(started)).into();
        }
        described
    }
}
