//! One Rollout as it is now, with its ReplicaSets, and what is done to them.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Map, Value, json};

use crate::error::in_words;
use crate::rollouts::minimal::services::Services;
use crate::rollouts::minimal::sets::{DESIRED, HASH, REVISION};
use crate::rollouts::minimal::{conditions, counts, sets, steps};
use crate::rollouts::rollout::{Rollout, RolloutStatus};

/// A Rollout as it was read, and its status as it will be.
pub(super) struct One {
    rollouts: Api<DynamicObject>,
    sets: Api<ReplicaSet>,
    /// With every field, for it is written back as a whole.
    whole: DynamicObject,
    pub(super) rollout: Rollout,
    pub(super) status: RolloutStatus,
    pub(super) owned: Vec<ReplicaSet>,
    pub(super) services: Services,
}

/// How long after a Service was missing it is looked for again.
const MISSED_FOR: Duration = Duration::from_secs(1);

impl One {
    pub(super) async fn read(client: &Client, namespace: &str, name: &str) -> Result<Option<Self>, String> {
        let resource = ApiResource::erase::<Rollout>(&());
        let rollouts: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let Some(whole) = rollouts.get_opt(name).await.map_err(in_words)? else { return Ok(None) };
        let rollout: Rollout = whole.clone().try_parse().map_err(|error| error.to_string())?;
        let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), namespace);
        let mut owned = sets.list(&ListParams::default()).await.map_err(in_words)?.items;
        let uid = rollout.uid().unwrap_or_default();
        owned.retain(|set| set.owner_references().iter().any(|owner| owner.uid == uid));
        let status = rollout.status.clone().unwrap_or_default();
        let services = Services::read(Api::namespaced(client.clone(), namespace), &rollout).await?;
        Ok(Some(Self { rollouts, sets, whole, rollout, status, owned, services }))
    }

    /// Does the next of what is to be done. What it changes is a reason to look again.
    pub(super) async fn reconcile(mut self) -> Result<Option<Duration>, String> {
        if self.rollout.metadata.deletion_timestamp.is_some() {
            return Ok(None);
        }
        if let Some(problem) = self.problem() {
            conditions::say(&mut self.status, conditions::INVALID, "True", conditions::INVALID, &problem);
            return self.write_status().await.map(|()| Some(MISSED_FOR));
        }
        self.status.conditions.retain(|condition| condition.type_ != conditions::INVALID);
        let hash = sets::hash(&self.rollout.spec.template);
        let newest = self.newest(&hash).await?;
        if self.rollout.spec.replicas.is_none() {
            self.whole.data["spec"]["replicas"] = json!(1);
            return self.write_whole().await.map(|()| None);
        }
        let (stable, is_newest) = (self.status.stable.clone(), |set: &&ReplicaSet| sets::label(set) == hash);
        let active = self.owned.iter().filter(|set| is_newest(set) || sets::label(set) == stable);
        if active.clone().any(|set| sets::is_scaled_for_others(set, &self.rollout)) {
            // Of the template nothing is taken up yet.
            match self.rollout.spec.strategy.blue_green.clone() {
                Some(spec) => drop(self.scale_beside(&newest, &spec).await?),
                None => drop(self.scale(&newest).await?),
            }
            self.count(None);
            return self.write_status().await.map(|()| None);
        }
        if self.status.current_pod_hash != hash {
            return self.begin(&hash, &newest).await;
        }
        match self.rollout.spec.strategy.blue_green.clone() {
            Some(spec) => self.go_on_to_switch(&newest, &spec).await,
            None => self.go_on(&newest).await,
        }
    }

    /// What is wrong with its spec.
    fn problem(&self) -> Option<String> {
        let spec = &self.rollout.spec;
        let chosen = spec.selector.match_labels.iter().flatten();
        let labels = &spec.template["metadata"]["labels"];
        let is_missing = |(key, value): (&String, &String)| labels[key].as_str() != Some(value);
        let switched = spec.strategy.blue_green.as_ref();
        let wrong = match () {
            () if spec.strategy.canary.is_none() && switched.is_none() => "spec.strategy: Required value".to_owned(),
            () if chosen.clone().next().is_none() => "spec.selector: Required value".to_owned(),
            () if chosen.clone().any(is_missing) => {
                "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`".to_owned()
            }
            () => self.services.missing(switched?)?,
        };
        Some(format!("The Rollout \"{}\" is invalid: {wrong}", self.rollout.name_any()))
    }

    /// The ReplicaSet of its template, made if need be, with the highest number of all.
    async fn newest(&mut self, hash: &str) -> Result<ReplicaSet, String> {
        let is_newest = |set: &&ReplicaSet| sets::label(set) == hash;
        let older = self.owned.iter().filter(|set| !is_newest(set)).map(sets::revision).max().unwrap_or_default();
        let found = self.owned.iter().find(is_newest).cloned();
        let newest = match found {
            Some(found) if sets::revision(&found) > older => found,
            Some(found) => {
                let change = json!({ "metadata": { "annotations": { REVISION: (older + 1).to_string() } } });
                self.change(&found, change).await?
            }
            None => {
                let made = sets::made(&self.rollout, hash, older + 1).map_err(|error| error.to_string())?;
                self.sets.create(&PostParams::default(), &made).await.map_err(in_words)?
            }
        };
        if sets::revision(&newest) != sets::revision(&self.rollout) {
            let number = sets::revision(&newest).to_string();
            self.whole.annotations_mut().insert(REVISION.to_owned(), number);
            self.whole.data["spec"]["template"] = sets::normal(&self.rollout.spec.template);
            self.write_whole().await?;
        }
        self.owned.retain(|set| sets::label(set) != hash);
        self.owned.push(newest.clone());
        Ok(newest)
    }

    /// Begins with a template, at its first step; at its end where it goes back to the stable version.
    async fn begin(mut self, hash: &str, newest: &ReplicaSet) -> Result<Option<Duration>, String> {
        let before = self.status.clone();
        steps::clear(&mut self.status);
        (self.status.promote_full, self.status.abort) = (false, false);
        let end = steps::end(steps::of(&self.rollout));
        self.status.current_step_index = if self.status.stable == hash { end } else { end.map(|_| 0) };
        self.count(Some(newest));
        conditions::judge(&self.rollout, &before, &mut self.status, &self.owned, newest);
        self.write_status().await.map(|()| None)
    }

    /// Goes on with the template.
    async fn go_on(mut self, newest: &ReplicaSet) -> Result<Option<Duration>, String> {
        let before = self.status.clone();
        let is_halted = self.rollout.spec.paused == Some(true);
        let has_scaled = !is_halted && self.scale(newest).await?;
        self.count(Some(newest));
        let steps = steps::of(&self.rollout).to_vec();
        let mut rest = None;
        if self.status.promote_full {
            steps::clear(&mut self.status);
            self.status.abort = false;
            self.status.current_step_index = steps::end(&steps);
        }
        let is_complete = self.status.current_step_index.unwrap_or_default() == steps::end(&steps).unwrap_or_default();
        let has_all = sets::count(newest).available >= sets::wanted(&self.rollout);
        let is_first = self.status.stable.is_empty();
        if is_first || (has_all && !self.status.abort && (self.status.promote_full || is_complete)) {
            self.status.stable.clone_from(&self.status.current_pod_hash);
            self.status.current_step_index = steps::end(&steps);
            self.status.promote_full = false;
        } else if self.status.abort {
            self.status.current_step_index = steps::end(&steps).map(|_| 0);
        } else if !has_scaled && !is_halted {
            let has_its_replicas = self.is_at_its_weight(newest);
            rest = steps::advance(&steps, &mut self.status, has_its_replicas, Timestamp::now());
        }
        let deadline = conditions::judge(&self.rollout, &before, &mut self.status, &self.owned, newest);
        self.write_status().await?;
        Ok(rest.into_iter().chain(deadline).min())
    }

    fn ends(&self) -> (i32, i32) {
        let weight = steps::weight(steps::of(&self.rollout), &self.status);
        counts::ends(sets::wanted(&self.rollout), weight)
    }

    /// The newest, the stable where that is another one, and all the others.
    pub(super) fn parts(&self, newest: &ReplicaSet) -> (Option<ReplicaSet>, Vec<ReplicaSet>) {
        let hash = sets::label(newest);
        let others = self.owned.iter().filter(|set| sets::label(set) != hash).cloned();
        let (stable, older): (Vec<_>, Vec<_>) = others.partition(|set| sets::label(set) == self.status.stable);
        (stable.into_iter().next(), older)
    }

    fn is_at_its_weight(&self, newest: &ReplicaSet) -> bool {
        let ((to_newest, to_stable), (stable, older)) = (self.ends(), self.parts(newest));
        let newest = sets::count(newest);
        let has_stable =
            stable.as_ref().is_none_or(|set| (sets::count(set).wanted, sets::actual(set).0) == (to_stable, to_stable));
        has_stable
            && (newest.wanted, newest.available) == (to_newest, to_newest)
            && sets::sum(older.iter()).available == 0
    }

    /// Gives every ReplicaSet the replicas that it may have now; true when one got other ones.
    async fn scale(&self, newest: &ReplicaSet) -> Result<bool, String> {
        let (stable, older) = self.parts(newest);
        let count = stable.as_ref().map(sets::count).unwrap_or_default();
        let counts = [sets::count(newest), count, sets::sum(older.iter())];
        let replicas = sets::wanted(&self.rollout);
        let to = if stable.is_some() { self.ends() } else { (replicas, 0) };
        let (to_newest, to_stable) = counts::step(replicas, counts, to);
        let mut has_scaled = self.give(newest, to_newest).await?;
        if let Some(stable) = &stable {
            has_scaled |= self.give(stable, to_stable).await?;
        }
        let fewest = replicas - replicas / 4;
        let mut spare = (counts.iter().map(|count| count.available).sum::<i32>() - fewest).max(0);
        for set in &older {
            let count = sets::count(set);
            let unavailable = count.wanted - count.available;
            let fewer = count.wanted.min(spare + unavailable);
            spare -= (fewer - unavailable).max(0);
            has_scaled |= self.give(set, count.wanted - fewer).await?;
        }
        Ok(has_scaled)
    }

    pub(super) async fn give(&self, set: &ReplicaSet, replicas: i32) -> Result<bool, String> {
        let desired = sets::wanted(&self.rollout).to_string();
        if sets::count(set).wanted == replicas && set.annotations().get(DESIRED) == Some(&desired) {
            return Ok(false);
        }
        let annotations = json!({ DESIRED: desired });
        self.change(set, json!({ "metadata": { "annotations": annotations }, "spec": { "replicas": replicas } }))
            .await?;
        Ok(true)
    }

    pub(super) async fn change(&self, set: &ReplicaSet, change: Value) -> Result<ReplicaSet, String> {
        let patched = self.sets.patch(&set.name_any(), &PatchParams::default(), &Patch::Merge(change)).await;
        patched.map_err(in_words)
    }

    /// Counts replicas; those of the newest version where that is taken up.
    pub(super) fn count(&mut self, newest: Option<&ReplicaSet>) {
        let (replicas, ready) =
            self.owned.iter().map(sets::actual).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let status = &mut self.status;
        status.available_replicas = sets::sum(self.owned.iter()).available;
        status.hpa_replicas = replicas;
        status.selector = sets::selector(&self.rollout);
        let Some(newest) = newest else { return self.count_active() };
        (status.replicas, status.ready_replicas) = (replicas, ready);
        status.updated_replicas = sets::actual(newest).0;
        status.current_pod_hash = newest.labels().get(HASH).cloned().unwrap_or_default();
    }

    async fn write_whole(&mut self) -> Result<(), String> {
        let replaced = self.rollouts.replace(&self.rollout.name_any(), &PostParams::default(), &self.whole).await;
        self.whole = replaced.map_err(in_words)?;
        self.rollout = self.whole.clone().try_parse().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Writes what is other than it was read, so that what others write meanwhile stays.
    pub(super) async fn write_status(&mut self) -> Result<(), String> {
        self.status.observed_generation = self.rollout.metadata.generation.unwrap_or_default().to_string();
        let (phase, message) = conditions::phase(&self.rollout, &self.status);
        (self.status.phase, self.status.message) = (phase.to_owned(), message);
        let (before, after) = (json!(self.rollout.status), json!(self.status));
        let fields = after.as_object().into_iter().flatten();
        let other: Map<String, Value> = fields
            .filter(|(name, value)| before.get(name.as_str()).unwrap_or(&Value::Null) != *value)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if other.is_empty() {
            return Ok(());
        }
        let change = Patch::Merge(json!({ "status": other }));
        let patched = self.rollouts.patch_status(&self.rollout.name_any(), &PatchParams::default(), &change).await;
        patched.map(drop).map_err(in_words)
    }
}
