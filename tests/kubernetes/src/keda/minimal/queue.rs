//! What is due: which ScaledObjects must be reconciled, and whose triggers must be looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use tokio::time::Instant;

use crate::keda::minimal::one::Outcome;
use crate::keda::minimal::pause;
use crate::keda::scaled_object::ScaledObject;

/// How long after a failure it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Namespace and name.
pub(super) type Key = (String, String);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Reconcile(Key),
    Scale(Key),
}

#[derive(Debug, Default)]
struct Entry {
    /// What a change of leads to work: the generation, and the words that pause.
    seen: Option<(Option<i64>, [String; 4])>,
    reconcile: Option<Instant>,
    /// The generation that the triggers are looked at for, and when.
    scale: Option<(i64, Instant)>,
}

/// The work that there is.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: BTreeMap<Key, Entry>,
    /// Autoscalers as they were seen last, without their status.
    autoscalers: BTreeMap<Key, HorizontalPodAutoscaler>,
}

impl Queue {
    /// Takes in what a watch tells of ScaledObjects. Changed labels and annotations are no reason to do anything, but for
    /// those that pause.
    pub(super) fn see(&mut self, event: &Event<ScaledObject>) {
        match event {
            Event::Apply(object) | Event::InitApply(object) => {
                let entry = self.entries.entry(key(object)).or_default();
                let seen = Some((object.metadata.generation, pause::words(object.annotations())));
                if entry.seen != seen {
                    entry.seen = seen;
                    entry.reconcile = Some(Instant::now());
                }
            }
            Event::Delete(object) => drop(self.entries.remove(&key(object))),
            Event::Init | Event::InitDone => {}
        }
    }

    /// Takes in what a watch tells of autoscalers: the owner of one that is new, gone or changed is due.
    pub(super) fn see_autoscaler(&mut self, event: Event<HorizontalPodAutoscaler>) {
        let owner = match event {
            Event::Apply(found) | Event::InitApply(found) => {
                let owner = owner(&found);
                let (labels, annotations) = (found.metadata.labels.clone(), found.metadata.annotations.clone());
                let before = self.autoscalers.insert(key(&found), found.clone());
                let is_same = before.is_some_and(|before| {
                    (before.metadata.labels, before.metadata.annotations, before.spec)
                        == (labels, annotations, found.spec)
                });
                owner.filter(|_| !is_same)
            }
            Event::Delete(gone) => {
                self.autoscalers.remove(&key(&gone));
                owner(&gone)
            }
            Event::Init | Event::InitDone => None,
        };
        if let Some(entry) = owner.and_then(|owner| self.entries.get_mut(&owner)) {
            entry.reconcile = Some(Instant::now());
        }
    }

    /// When the next work is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.times().map(|(time, _)| time).min()
    }

    /// Work that is due.
    pub(super) fn take(&mut self) -> Option<Work> {
        let now = Instant::now();
        let (_, work) = self.times().filter(|(time, _)| *time <= now).min_by_key(|(time, _)| *time)?;
        match &work {
            Work::Reconcile(key) => self.entries.get_mut(key)?.reconcile = None,
            Work::Scale(key) => self.entries.get_mut(key)?.scale.as_mut()?.1 = now + AGAIN_AFTER,
        }
        Some(work)
    }

    fn times(&self) -> impl Iterator<Item = (Instant, Work)> {
        self.entries.iter().flat_map(|(key, entry)| {
            let reconcile = entry.reconcile.map(|time| (time, Work::Reconcile(key.clone())));
            let scale = entry.scale.map(|(_, time)| (time, Work::Scale(key.clone())));
            reconcile.into_iter().chain(scale)
        })
    }

    /// Takes in what became of a ScaledObject.
    pub(super) fn reconciled(&mut self, key: &Key, outcome: Result<Outcome, String>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        match outcome {
            Ok(Outcome::Gone | Outcome::Paused) => entry.scale = None,
            Ok(Outcome::Scaled { generation, anew }) => {
                if anew || entry.scale.is_none_or(|(before, _)| before != generation) {
                    entry.scale = Some((generation, Instant::now()));
                }
            }
            Err(_) => {
                entry.reconcile.get_or_insert_with(|| Instant::now() + AGAIN_AFTER);
            }
        }
    }

    /// Takes in when the triggers of a ScaledObject must be looked at again.
    pub(super) fn scaled(&mut self, key: &Key, again_after: Duration) {
        if let Some((_, next)) = self.entries.get_mut(key).and_then(|entry| entry.scale.as_mut()) {
            *next = Instant::now() + again_after;
        }
    }
}

fn key(object: &impl ResourceExt) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// The ScaledObject that an autoscaler belongs to.
fn owner(autoscaler: &HorizontalPodAutoscaler) -> Option<Key> {
    let mut owners = autoscaler.owner_references().iter();
    let owner = owners.find(|owner| owner.kind == ScaledObject::kind(&()) && owner.controller == Some(true))?;
    Some((autoscaler.namespace().unwrap_or_default(), owner.name.clone()))
}
