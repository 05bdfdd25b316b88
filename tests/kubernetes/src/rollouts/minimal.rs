//! A controller that does with Rollouts what Argo Rollouts does with them, as far as others can tell.
//!
//! What it does when was taken from the behaviour of Argo Rollouts; the tests of the bed check it against Argo Rollouts itself.
//! It knows canaries without traffic routing, with the steps `setWeight` and `pause`, and the switch of Services without analyses and
//! with all replicas of both versions, and no more.

mod blue_green;
mod conditions;
mod counts;
mod one;
mod services;
mod sets;
mod steps;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::time::Instant;

use crate::rollouts::minimal::one::One;
use crate::rollouts::rollout::Rollout;

/// How long the controller may rest when nothing is due.
const REST: Duration = Duration::from_secs(3600);
/// How long after a failure it is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Namespace and name.
type Key = (String, String);

/// Does its work for as long as it is let.
pub(super) async fn follow(client: Client, mut log: File) {
    let rollouts = watcher(Api::<Rollout>::all(client.clone()), watcher::Config::default());
    let sets = watcher(Api::<ReplicaSet>::all(client.clone()), watcher::Config::default());
    let mut rollouts = std::pin::pin!(rollouts.default_backoff());
    let mut sets = std::pin::pin!(sets.default_backoff());
    let mut due: BTreeMap<Key, Instant> = BTreeMap::new();
    loop {
        let next = due.iter().min_by_key(|(_, time)| **time).map(|(key, time)| (key.clone(), *time));
        tokio::select! {
            // A watch that was interrupted begins anew by itself.
            Some(event) = rollouts.next() => if let Some(key) = event.ok().and_then(|event| changed(event, key)) {
                due.insert(key, Instant::now());
            },
            Some(event) = sets.next() => if let Some(key) = event.ok().and_then(|event| changed(event, owner)) {
                due.insert(key, Instant::now());
            },
            () = tokio::time::sleep_until(next.as_ref().map_or_else(|| Instant::now() + REST, |(_, time)| *time)) => {
                let Some((key, _)) = next else { continue };
                due.remove(&key);
                match reconcile(&client, &key).await {
                    Ok(Some(pause)) => drop(due.insert(key, Instant::now() + pause)),
                    Ok(None) => {}
                    Err(error) => {
                        let (namespace, name) = &key;
                        // A log that cannot be written is gone with the cluster.
                        let _ = writeln!(log, "could not reconcile Rollout {namespace}/{name}: {error}");
                        due.insert(key, Instant::now() + AGAIN_AFTER);
                    }
                }
            }
        }
    }
}

/// Answers with the time after which it is to be looked at again, whatever is heard of it.
async fn reconcile(client: &Client, (namespace, name): &Key) -> Result<Option<Duration>, String> {
    match One::read(client, namespace, name).await? {
        Some(one) => one.reconcile().await,
        None => Ok(None),
    }
}

fn changed<K>(event: Event<K>, whose: fn(&K) -> Option<Key>) -> Option<Key> {
    match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => whose(&object),
        Event::Init | Event::InitDone => None,
    }
}

fn key(rollout: &Rollout) -> Option<Key> {
    Some((rollout.namespace()?, rollout.name_any()))
}

/// The Rollout that a ReplicaSet belongs to.
fn owner(set: &ReplicaSet) -> Option<Key> {
    let owner = set.owner_references().iter().find(|owner| owner.kind == Rollout::kind(&()))?;
    Some((set.namespace()?, owner.name.clone()))
}
