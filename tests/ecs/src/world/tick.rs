//! What happens to a service by itself, one task at a time.

use std::time::Duration;

use super::behaviour::Behaviour;
use super::deployment::{Rollout, Standing};
use super::service::{Service, Status};
use super::task::Why;

impl Service {
    /// One step; `room` is how many tasks more the cluster can take.
    pub(crate) fn tick(&mut self, room: u32, now: Duration) {
        if self.deployments.is_empty() {
            return;
        }
        self.stop_what_is_too_much(now);
        self.launch(room, now);
        self.start_one(now);
        self.replace_one(now);
        self.break_if_it_fails(now);
        self.settle(now);
    }

    /// True when nothing will change by itself.
    pub(crate) fn rests(&self) -> bool {
        self.status == Status::Inactive || self.is_steady
    }

    /// Of the primary's tasks: those that wait at once, those that run one by one.
    fn stop_what_is_too_much(&mut self, now: Duration) {
        let Some(primary) = self.deployments.first() else { return };
        let mut excess = primary.total().saturating_sub(self.desired);
        while excess > 0 {
            let tasks = &self.deployments[0].tasks;
            let waiting = tasks.iter().rposition(|task| !task.is_running());
            match waiting {
                Some(task) => self.end_task(0, task, Why::Scheduled, now),
                None => {
                    let last = tasks.len().saturating_sub(1);
                    let task = self.deployments[0].tasks[last].id.clone();
                    self.end_task(0, last, Why::Scheduled, now);
                    self.tell(format!("(service {}) has stopped 1 running tasks: (task {task}).", self.name), now);
                    return;
                }
            }
            excess -= 1;
        }
    }

    /// Begins all tasks that are missing and that there is room for.
    fn launch(&mut self, room: u32, now: Duration) {
        let (_, most) = self.bounds();
        let total = self.total();
        let primary = &self.deployments[0];
        if primary.rollout == Rollout::Failed {
            return;
        }
        let missing = self.desired.saturating_sub(primary.total()).min(most.saturating_sub(total));
        let placed = match primary.definition.behaviour {
            Behaviour::NoCapacity => 0,
            Behaviour::Runs | Behaviour::Stuck | Behaviour::NoPull | Behaviour::Crash | Behaviour::Dies => {
                missing.min(room)
            }
        };
        if placed > 0 {
            let tasks: Vec<String> = (0..placed).map(|_| format!("(task {})", self.begin_task(now))).collect();
            self.tell(format!("(service {}) has started {placed} tasks: {}.", self.name, tasks.join(" ")), now);
        }
        if placed < missing {
            self.deployments[0].fail();
            let message = format!(
                "(service {}) was unable to place a task because no container instance met all of its requirements. Reason: No \
                 Container Instances were found in your cluster.",
                self.name
            );
            // AWS does not repeat it for each try, either.
            if self.events.front().is_none_or(|event| event.message != message) {
                self.tell(message, now);
            }
        }
    }

    /// Lets the oldest task that waits go on.
    fn start_one(&mut self, now: Duration) {
        let primary = &mut self.deployments[0];
        let behaviour = primary.definition.behaviour;
        if behaviour == Behaviour::Dies
            && let Some(task) = primary.tasks.iter().position(super::task::Task::is_running)
        {
            self.end_task(0, task, Why::Exited, now);
            return;
        }
        let Some(task) = primary.tasks.iter().position(|task| !task.is_running()) else { return };
        match behaviour {
            Behaviour::Stuck | Behaviour::NoCapacity => {}
            Behaviour::Runs | Behaviour::Dies => {
                primary.tasks[task].started = Some(now);
                primary.failed = 0;
                primary.has_run = true;
            }
            Behaviour::NoPull | Behaviour::Crash => {
                primary.fail();
                let why = if behaviour == Behaviour::Crash { Why::Exited } else { Why::NoPull };
                self.end_task(0, task, why, now);
                let message = format!("(service {}) is unable to consistently start tasks successfully.", self.name);
                if self.deployments[0].failed == 3 {
                    self.tell(message, now);
                }
            }
        }
    }

    /// True while the version before is being brought back.
    fn rolls_back(&self) -> bool {
        let primary = self.deployments.first();
        primary.is_some_and(|primary| primary.is_rollback && primary.rollout == Rollout::InProgress)
    }

    /// Stops one task of an older deployment, if those that stay are enough.
    fn replace_one(&mut self, now: Duration) {
        let (least, _) = self.bounds();
        let primary_failed = self.deployments[0].rollout == Rollout::Failed;
        let is_enough = self.running() > least || self.desired == 0;
        if is_enough && (!primary_failed || self.desired == 0) {
            let oldest = (1..self.deployments.len()).rev().find(|index| self.deployments[*index].total() > 0);
            if let Some(oldest) = oldest {
                self.end_task(oldest, 0, Why::Scheduled, now);
            }
        }
        let rolls_back = self.rolls_back();
        let mut index = 0;
        self.deployments.retain(|deployment| {
            index += 1;
            // What has failed is shown until the version before is back.
            index == 1 || deployment.total() > 0 || (rolls_back && deployment.rollout == Rollout::Failed)
        });
    }

    fn break_if_it_fails(&mut self, now: Duration) {
        let threshold = self.threshold();
        let Some(primary) = self.deployments.first_mut() else { return };
        let fails = self.rules.breaks && primary.rollout == Rollout::InProgress && primary.failed >= threshold;
        let (id, arn, is_rollback, failed) =
            (primary.id.clone(), primary.effort.clone(), primary.is_rollback, primary.failed);
        if let Some(effort) = self.efforts.iter_mut().find(|effort| effort.arn == arn)
            && !is_rollback
        {
            effort.failed = failed;
        }
        if !fails {
            return;
        }
        primary.rollout = Rollout::Failed;
        primary.reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        primary.updated = now;
        while let Some(task) = self.deployments[0].tasks.iter().position(|task| !task.is_running()) {
            self.end_task(0, task, Why::Scheduled, now);
        }
        if self.rules.rolls_back && !is_rollback && self.roll_back(now) {
            return;
        }
        if let Some(effort) = self.efforts.iter_mut().find(|effort| effort.arn == arn) {
            effort.standing = if is_rollback { Standing::RollbackFailed } else { Standing::Stopped };
            effort.reason =
                Some("Service deployment stopped because the circuit breaker threshold was exceeded.".to_owned());
            effort.finished = Some(now);
        }
        self.tell(format!("(service {}) (deployment {id}) deployment failed: tasks failed to start.", self.name), now);
    }

    /// Says once that all is as it is wanted.
    fn settle(&mut self, now: Duration) {
        if self.status == Status::Draining && self.total() == 0 {
            self.status = Status::Inactive;
        }
        let primary = &self.deployments[0];
        if primary.rollout == Rollout::Failed {
            // It tries no more, and what ran before goes on.
            self.is_steady = primary.total() <= self.desired;
            return;
        }
        let is_alone = self.deployments[1..].iter().all(|deployment| deployment.total() == 0);
        let all_run = primary.running() == self.desired && primary.pending() == 0 && is_alone;
        let dies = primary.definition.behaviour == Behaviour::Dies && self.desired > 0;
        if !all_run || dies {
            return;
        }
        if primary.rollout == Rollout::InProgress {
            self.complete(now);
        }
        if !self.is_steady {
            self.is_steady = true;
            self.tell(format!("(service {}) has reached a steady state.", self.name), now);
        }
    }

    fn complete(&mut self, now: Duration) {
        let primary = &mut self.deployments[0];
        primary.rollout = Rollout::Completed;
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated = now;
        let (id, revision, effort) = (primary.id.clone(), primary.revision.clone(), primary.effort.clone());
        let standing = if primary.is_rollback { Standing::RollbackSuccessful } else { Standing::Successful };
        self.completed =
            self.revisions.iter().find(|known| known.arn == revision).map(|known| (id.clone(), known.clone()));
        if let Some(effort) = self.efforts.iter_mut().find(|known| known.arn == effort) {
            effort.standing = standing;
            effort.finished = Some(now);
        }
        self.deployments.truncate(1);
        self.tell(format!("(service {}) (deployment {id}) deployment completed.", self.name), now);
    }
}
