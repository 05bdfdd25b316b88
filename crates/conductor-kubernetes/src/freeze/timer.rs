//! The dead man's switch of a freeze: a Job that makes no pods, in the cluster, so that it works when the conductor is gone.
//!
//! At its deadline the Job fails and is removed at once, and the garbage collector removes the Freeze that it owns.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use super::{FIELD_MANAGER, Freezer};
use crate::answer::{answer, attempt};
use crate::error::{failed, is_absent};
use crate::names;

/// How long the controllers may take to remove the timer of an earlier freeze.
const GONE_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Freezer {
    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes the timer of a Freeze, or sets the one that runs, and answers with the reference that makes the Freeze its own.
    pub(super) async fn start_timer(&self, freeze: &str, until: Timestamp) -> Result<OwnerReference, PortError> {
        let act = format!("could not start the timer of freeze {freeze}");
        let running = self.running_timer(freeze, &act).await?;
        let job = job(freeze, seconds_left(running.as_ref(), until));
        let jobs = self.jobs();
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let job = answer(&act, || async { jobs.patch(&job.name_any(), &params, &Patch::Apply(&job)).await }).await?;
        Ok(OwnerReference {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            name: job.name_any(),
            uid: job.metadata.uid.unwrap_or_default(),
            ..OwnerReference::default()
        })
    }

    /// Sets a timer that runs.
    pub(super) async fn set_timer(&self, freeze: &str, until: Timestamp) -> Result<(), PortError> {
        let act = format!("could not set the timer of freeze {freeze}");
        let (jobs, name) = (self.jobs(), names::of_timer(freeze));
        let job = answer(&act, || async { jobs.get(&name).await }).await?;
        if has_ended(&job) {
            return Err(PortError::because(FailureKind::NotFound, act, "it has run out"));
        }
        let deadline = json!({ "spec": { "activeDeadlineSeconds": seconds_left(Some(&job), until) } });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        answer(&act, || async { jobs.patch(&name, &params, &Patch::Merge(&deadline)).await }).await.map(drop)
    }

    /// Removes a timer and, if it owned one still, its Freeze.
    pub(super) async fn remove_timer(&self, freeze: &str) -> Result<(), PortError> {
        let act = format!("could not remove the timer of freeze {freeze}");
        let (jobs, name) = (self.jobs(), names::of_timer(freeze));
        // Jobs leave behind what they own unless told otherwise.
        let params = DeleteParams::background();
        match attempt(&act, || async { jobs.delete(&name, &params).await }).await? {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(failed(act, error)),
        }
    }

    /// The timer, if there is one that runs. One that has run out is awaited to be gone, with what it owns: a Freeze made
    /// before could go with it.
    async fn running_timer(&self, freeze: &str, act: &str) -> Result<Option<Job>, PortError> {
        let (jobs, name) = (self.jobs(), names::of_timer(freeze));
        let begun = Instant::now();
        loop {
            match answer(act, || async { jobs.get_opt(&name).await }).await? {
                Some(job) if has_ended(&job) => drop(self.lift_by_name(freeze).await?),
                running => return Ok(running),
            }
            if begun.elapsed() >= GONE_WITHIN {
                let why = "the one before has run out, but is not removed";
                return Err(PortError::because(FailureKind::Unavailable, act, why));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn has_ended(job: &Job) -> bool {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ends = conditions.filter(|condition| condition.status == "True" && condition.type_ != "Suspended");
    job.metadata.deletion_timestamp.is_some() || ends.next().is_some()
}

/// The deadline of a Job counts from its start.
fn seconds_left(running: Option<&Job>, until: Timestamp) -> i64 {
    let started = running.and_then(|job| job.status.as_ref()).and_then(|status| status.start_time.as_ref());
    let from = started.map_or_else(Timestamp::now, |time| time.0);
    let left = until.duration_since(from);
    // Rounded up, and 0 is not allowed.
    (left.as_secs() + i64::from(left.subsec_nanos() > 0)).max(1)
}

fn job(freeze: &str, seconds: i64) -> Job {
    // It is never run; the API server wants one all the same.
    let container =
        Container { name: "timer".to_owned(), image: Some("none.invalid/timer".to_owned()), ..Container::default() };
    let pod = PodSpec { containers: vec![container], restart_policy: Some("Never".to_owned()), ..PodSpec::default() };
    let spec = JobSpec {
        parallelism: Some(0),
        backoff_limit: Some(0),
        active_deadline_seconds: Some(seconds),
        ttl_seconds_after_finished: Some(0),
        template: PodTemplateSpec { metadata: None, spec: Some(pod) },
        ..JobSpec::default()
    };
    let metadata = ObjectMeta { name: Some(names::of_timer(freeze)), ..ObjectMeta::default() };
    Job { metadata, spec: Some(spec), status: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(at: &str) -> Job {
        serde_json::from_value(json!({ "metadata": {}, "status": { "startTime": at } })).unwrap()
    }

    #[test]
    fn the_deadline_counts_from_the_start_of_the_timer_and_is_never_nothing() {
        let job = started("2026-01-02T03:00:00Z");
        for (until, seconds) in
            [("2026-01-02T03:10:00Z", 600), ("2026-01-02T03:10:00.2Z", 601), ("2026-01-02T02:00:00Z", 1)]
        {
            assert_eq!(seconds_left(Some(&job), until.parse().unwrap()), seconds, "{until}");
        }
        let soon = Timestamp::now() + Duration::from_secs(60);
        assert!((59..=60).contains(&seconds_left(None, soon)));
    }

    #[test]
    fn a_timer_that_is_over_or_on_its_way_out_does_not_run() {
        let mut job = started("2026-01-02T03:00:00Z");
        assert!(!has_ended(&job));
        let failed = json!([{ "type": "Failed", "status": "True" }]);
        job.status.as_mut().unwrap().conditions = serde_json::from_value(failed).unwrap();
        assert!(has_ended(&job));
    }
}
