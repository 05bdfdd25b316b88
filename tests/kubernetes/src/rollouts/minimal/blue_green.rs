//! All replicas of a new version beside those of the one that users have, and then the switch.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::json;

use crate::rollouts::minimal::counts::Count;
use crate::rollouts::minimal::one::One;
use crate::rollouts::minimal::sets::HASH;
use crate::rollouts::minimal::{conditions, sets, steps};
use crate::rollouts::rollout::{BlueGreen, PauseCondition, RolloutStatus};

const PAUSE: &str = "BlueGreenPause";
/// The annotation with the time until which the replicas of an older version stay.
const DEADLINE: &str = "scale-down-deadline";
const DELAY_S: u32 = 30;

impl One {
    /// Goes on with the template.
    pub(super) async fn go_on_to_switch(
        mut self,
        newest: &ReplicaSet,
        spec: &BlueGreen,
    ) -> Result<Option<Duration>, String> {
        let (before, now) = (self.status.clone(), Timestamp::now());
        let hash = sets::label(newest).to_owned();
        let is_halted = self.rollout.spec.paused == Some(true);
        if !is_halted {
            self.services.switch_preview(&self.rollout, &hash).await?;
        }
        // Replicas that are still there from before are gone back to at once.
        let is_known = newest.annotations().contains_key(DEADLINE);
        let mut rest = self.scale_beside(newest, spec).await?;
        self.count(Some(newest));
        if self.status.promote_full {
            steps::clear(&mut self.status);
            self.status.abort = false;
        }
        let replicas = sets::wanted(&self.rollout);
        let is_there = sets::count(newest) == Count { wanted: replicas, available: replicas };
        if is_there && !is_halted && !sets::is_scaled_for_others(newest, &self.rollout) {
            let active = self.services.active();
            if self.status.abort {
                steps::clear(&mut self.status);
                let stable = self.status.stable.clone();
                self.services.switch_active(&self.rollout, &stable).await?;
            } else if is_known || self.status.promote_full || active.is_empty() || active == hash {
                steps::clear(&mut self.status);
                self.services.switch_active(&self.rollout, &hash).await?;
            } else {
                let pause = pause(spec, &mut self.status, now);
                if pause == Some(Duration::ZERO) {
                    self.services.switch_active(&self.rollout, &hash).await?;
                }
                rest = rest.into_iter().chain(pause.filter(|pause| !pause.is_zero())).min();
            }
        }
        self.see_services();
        let is_active = self.status.blue_green.active_selector == hash;
        if self.status.stable.is_empty() || (is_active && !self.status.abort) {
            self.status.stable = hash;
            self.status.promote_full = false;
        }
        let deadline = conditions::judge(&self.rollout, &before, &mut self.status, &self.owned, newest);
        self.write_status().await?;
        Ok(rest.into_iter().chain(deadline).min())
    }

    /// Gives the newest and the stable version all replicas, and takes them from each other one when its time is over.
    /// Answers with the time that is left to the next of these.
    pub(super) async fn scale_beside(&self, newest: &ReplicaSet, spec: &BlueGreen) -> Result<Option<Duration>, String> {
        let (stable, older) = self.parts(newest);
        let replicas = sets::wanted(&self.rollout);
        for set in stable.iter().chain([newest]) {
            if set.annotations().contains_key(DEADLINE) {
                self.change(set, json!({ "metadata": { "annotations": { DEADLINE: null } } })).await?;
            }
            self.give(set, replicas).await?;
        }
        let now = Timestamp::now();
        let delay = Duration::from_secs(spec.scale_down_delay_seconds.unwrap_or(DELAY_S).into());
        let mut rest = None;
        for set in older.iter().filter(|set| sets::count(set).wanted > 0 && !self.is_chosen(set)) {
            let until = set.annotations().get(DEADLINE).and_then(|until| until.parse::<Timestamp>().ok());
            let left = match until {
                Some(until) => Duration::try_from(until.duration_since(now)).unwrap_or_default(),
                // Argo Rollouts takes no delay at all for none that ends.
                None if delay.is_zero() => continue,
                None => {
                    let until = (now + delay).to_string();
                    self.change(set, json!({ "metadata": { "annotations": { DEADLINE: until } } })).await?;
                    delay
                }
            };
            if left.is_zero() {
                self.give(set, 0).await?;
            } else {
                rest = rest.into_iter().chain([left]).min();
            }
        }
        Ok(rest)
    }

    /// True for one that a Service leads to, or did when it was looked at last.
    fn is_chosen(&self, set: &ReplicaSet) -> bool {
        let seen = &self.status.blue_green;
        let hashes = [&self.services.active(), &self.services.preview(), &seen.active_selector, &seen.preview_selector];
        hashes.contains(&&sets::label(set).to_owned())
    }

    fn see_services(&mut self) {
        self.status.blue_green.active_selector = self.services.active();
        self.status.blue_green.preview_selector = self.services.preview();
        self.count_active();
    }

    /// Users have the pods of the version that the Service leads to, and an autoscaler looks at no others.
    pub(super) fn count_active(&mut self) {
        let status = &mut self.status;
        let active = &status.blue_green.active_selector;
        let Some(set) = self.owned.iter().find(|set| !active.is_empty() && sets::label(set) == active) else { return };
        (status.hpa_replicas, status.ready_replicas) = sets::actual(set);
        status.available_replicas = sets::count(set).available;
        status.selector = format!("{},{HASH}={active}", sets::selector(&self.rollout));
    }
}

/// Pauses before the switch where that is asked for. Answers with the time that the pause still takes, which is none where it
/// is over; `None` where somebody has to end it.
fn pause(spec: &BlueGreen, status: &mut RolloutStatus, now: Timestamp) -> Option<Duration> {
    let is_automatic = spec.auto_promotion_enabled != Some(false);
    let seconds = spec.auto_promotion_seconds.filter(|seconds| is_automatic && *seconds > 0);
    let whole = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let since = status.pause_conditions.iter().find(|condition| condition.reason == PAUSE).map(|one| one.start_time.0);
    let rest = match since {
        Some(since) => {
            let passed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            whole.map(|whole| whole.saturating_sub(passed))
        }
        None if (is_automatic && whole.is_none()) || status.controller_pause => Some(Duration::ZERO),
        None => {
            status.pause_conditions.push(PauseCondition { reason: PAUSE.to_owned(), start_time: Time(now) });
            status.controller_pause = true;
            whole
        }
    };
    if rest == Some(Duration::ZERO) {
        steps::clear(status);
    }
    rest
}
