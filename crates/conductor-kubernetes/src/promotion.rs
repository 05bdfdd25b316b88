//! Bringing a Rollout of Argo Rollouts past the pauses of its steps, and making sure that it goes where it was sent.
//!
//! A load test wants all replicas of the version that it has asked for, on the way there and on the way back alike; the pauses
//! are there for users whom a test environment does not have. So a pause is ended by a full promotion, the rest of the steps
//! included. It is done only on the object that the own write has left, with the images and resources that it has left, and
//! once the ReplicaSet of the newest template shows them. That an autoscaler scales it meanwhile, or that its controller writes
//! amounts in another form, is no reason to let it pause for ever.
//!
//! Argo Rollouts puts the answers to its own writes over what it hears of Rollouts. So it may forget a change that is made at
//! such a moment, and not see it before the next one. A Rollout whose change is not taken up for some seconds is touched
//! therefore: its message, which its controller writes anew as soon as it looks.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use conductor_core::app::Resources;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use jiff::Timestamp;
use json_patch::Patch as JsonPatch;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value as Json, json};

use crate::answer::{answer, attempt};
use crate::argo_rollout::ArgoRollout;
use crate::error::failed;
use crate::field::Owned;
use crate::marker::RUN;
use crate::object::{Object, marker};
use crate::place::Place;
use crate::rollout::{Progress, argo_rollout_newest};
use crate::settle::Settling;
use crate::workload::Workload;
use crate::write::{FIELD_MANAGER, is_moved};

/// The pauses that a promotion ends: those of canary steps, and that before the switch of blue and green.
const PAUSES: [&str; 2] = ["CanaryPauseStep", "BlueGreenPause"];

/// How long nothing may move before it is touched, and again.
const TOUCH_AFTER: Duration = Duration::from_secs(4);

/// Time between two looks at what a delivery system deploys.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Images and resources, by container.
type Containers = (BTreeMap<String, String>, BTreeMap<String, Resources>);

/// What the own write has left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    uid: Option<String>,
    run: Option<String>,
    /// The images and the resources of its containers.
    containers: Option<Containers>,
    /// The hash of the template that was seen to be the newest one.
    shown: Option<String>,
    /// True while something is not taken up that was written.
    is_ignored: bool,
    touched: Option<Timestamp>,
}

impl Own {
    /// By the answer to it.
    pub(crate) fn of(written: &impl Workload) -> Self {
        let Some(written) = written.promotable() else { return Self::default() };
        let meta = &written.metadata;
        let (uid, run) = (meta.uid.clone(), run(written).cloned());
        Self { uid, run, containers: containers(written), ..Self::default() }
    }

    /// True for the same object with the same version in it.
    fn is(&self, live: &ArgoRollout) -> bool {
        let found = containers(live);
        found.is_some()
            && (&live.metadata.uid, run(live), found) == (&self.uid, self.run.as_ref(), self.containers.clone())
    }
}

impl<K: Workload> Settling<K> {
    /// Where a Rollout stands whose own status says that it stands there; promoted, if it is to be.
    pub(crate) async fn promoted(
        &self,
        place: &Place,
        own: &mut Own,
        live: &ArgoRollout,
        progress: Progress,
    ) -> Result<Progress, PortError> {
        let is_at_its_end = match &progress {
            Progress::Settled { .. } => true,
            Progress::Underway { .. } => is_pausing(live),
            Progress::Failed(_) => false,
        };
        own.is_ignored = is_ignored(live);
        let Some(newest) = argo_rollout_newest(live).filter(|_| is_at_its_end) else { return Ok(progress) };
        if own.shown.as_deref() != Some(newest) {
            if !self.shows(place, live, newest).await? {
                own.is_ignored = true;
                return Ok(unseen(live, progress));
            }
            own.shown = Some(newest.to_owned());
        }
        if is_pausing(live)
            && live.status.as_ref().is_some_and(|status| status.promote_full != Some(true))
            && let Some(patch) = patch(live, own, "/status/promoteFull", json!(true))?
        {
            self.write_status(&format!("could not promote {place}"), place, patch).await?;
        }
        Ok(progress)
    }

    /// Promotes what a delivery system leaves at a pause while it deploys for a run: it may wait for the end of that. Goes on
    /// for as long as it is let, and does nothing for workloads that need no promotion.
    pub(crate) async fn promoting(&self, place: &Place, run: &RunId) -> Infallible {
        if !K::NEEDS_PROMOTION {
            return std::future::pending().await;
        }
        let api = self.named(place).api(&self.client);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.promote_delivered(&api, place, run).await {
                let error = conductor_core::failure::Failure::of("", &error).message;
                tracing::debug!(%place, error, "it is looked at again whether it is to be promoted");
            }
        }
    }

    async fn promote_delivered(&self, api: &Api<K>, place: &Place, run: &RunId) -> Result<(), PortError> {
        let live = answer(&format!("could not look at {place}"), || api.get(&place.name)).await?;
        let of_the_run = marker(&live).ok().flatten().filter(|marker| marker.holder.run == *run && marker.delivering);
        match live.promotable().filter(|live| of_the_run.is_some() && is_pausing(live)) {
            Some(rollout) => {
                let progress = Progress::underway(0, 0, None);
                self.promoted(place, &mut Own::of(&live), rollout, progress).await.map(drop)
            }
            None => Ok(()),
        }
    }

    /// Touches a Rollout whose controller has not taken up for a while what was written.
    pub(crate) async fn touch(
        &self,
        place: &Place,
        own: &mut Own,
        live: &ArgoRollout,
        [still_since, now]: [Timestamp; 2],
    ) -> Result<(), PortError> {
        let since = own.touched.map_or(still_since, |touched| touched.max(still_since));
        let passed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if !own.is_ignored || passed < TOUCH_AFTER {
            return Ok(());
        }
        own.touched = Some(now);
        let message =
            format!("generation {} is not taken up yet ({now})", live.metadata.generation.unwrap_or_default());
        match patch(live, own, "/status/message", json!(message))? {
            Some(patch) => self.write_status(&format!("could not touch {place}"), place, patch).await,
            None => Ok(()),
        }
    }

    /// True when the ReplicaSet with this hash has the template of the Rollout.
    async fn shows(&self, place: &Place, live: &ArgoRollout, hash: &str) -> Result<bool, PortError> {
        let act = format!("could not look at the newest ReplicaSet of {place}");
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &place.namespace);
        let name = format!("{}-{hash}", place.name);
        let set = answer(&act, || sets.get_opt(&name)).await?;
        let Some(template) = set.and_then(|set| set.spec?.template) else { return Ok(false) };
        let (Ok(shown), Ok(wanted)) = (Owned::of(None, &template), live.fields()) else { return Ok(false) };
        Ok((shown.images, shown.resources) == (wanted.images, wanted.resources))
    }

    async fn write_status(&self, act: &str, place: &Place, patch: JsonPatch) -> Result<(), PortError> {
        let rollouts: Api<ArgoRollout> = Api::namespaced(self.client.clone(), &place.namespace);
        let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Json::<()>(patch);
        match attempt(act, || rollouts.patch_status(&place.name, &manager, &patch)).await? {
            Ok(_) => Ok(()),
            // It is looked at again as soon as it is seen to have changed.
            Err(error) if is_moved(&error) => Ok(()),
            Err(error) => Err(failed(act, error)),
        }
    }
}

fn is_pausing(live: &ArgoRollout) -> bool {
    let Some(status) = &live.status else { return false };
    let mut pauses = status.pause_conditions.iter().flatten();
    live.spec.paused != Some(true)
        && !status.is_promoted()
        && pauses.any(|pause| PAUSES.contains(&pause.reason.as_str()))
}

/// True while its controller has not taken up its newest generation, or its promotion.
fn is_ignored(live: &ArgoRollout) -> bool {
    let Some(status) = &live.status else { return true };
    status.observed() < live.metadata.generation || (status.promote_full == Some(true) && is_pausing(live))
}

/// Where it stands while its controller has taken up the number of its replicas, and not its template.
fn unseen(live: &ArgoRollout, progress: Progress) -> Progress {
    if live.spec.paused == Some(true) {
        return Progress::Failed("it is paused (spec.paused), so that nothing is rolled out".to_owned());
    }
    let why = || Some("its controller has not seen the template yet".to_owned());
    match progress {
        Progress::Settled { replicas } => Progress::underway(replicas, replicas, why()),
        Progress::Underway { ready, wanted, .. } => Progress::underway(ready, wanted, why()),
        Progress::Failed(_) => progress,
    }
}

/// What gives a field of its status a value; `None` where somebody has changed it since.
fn patch(live: &ArgoRollout, own: &Own, field: &str, value: Json) -> Result<Option<JsonPatch>, PortError> {
    let Some(status) = live.status.as_ref().filter(|_| own.is(live)) else { return Ok(None) };
    let test = |path: &str, value: Json| json!({ "op": "test", "path": path, "value": value });
    let marker = match live.metadata.annotations {
        None => test("/metadata/annotations", Json::Null),
        Some(_) => test(&format!("/metadata/annotations/{}", RUN.replace('/', "~1")), json!(own.run)),
    };
    let operations = json!([
        test("/metadata/uid", json!(own.uid)),
        test("/metadata/generation", json!(live.metadata.generation)),
        marker,
        test("/status/currentPodHash", json!(status.current_pod_hash)),
        { "op": "add", "path": field, "value": value },
    ]);
    let unwritten = |error| PortError::because(FailureKind::Rejected, "could not write a patch of a status", error);
    serde_json::from_value(operations).map(Some).map_err(unwritten)
}

fn containers(live: &ArgoRollout) -> Option<Containers> {
    live.fields().ok().map(|fields| (fields.images, fields.resources))
}

fn run(live: &ArgoRollout) -> Option<&String> {
    live.metadata.annotations.as_ref()?.get(RUN)
}

#[cfg(test)]
#[path = "promotion_tests.rs"]
mod tests;
