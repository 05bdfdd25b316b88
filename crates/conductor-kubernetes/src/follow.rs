//! Following Deployments as they change: one watch a namespace, and a channel for each that somebody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::settings::Place;

/// The watches of a cluster. They end when this is dropped.
pub(crate) struct Followed {
    client: Client,
    namespaces: Mutex<BTreeMap<String, Namespace>>,
}

/// What is known of a Deployment.
#[derive(Clone, Debug)]
pub(crate) enum Sight {
    /// Nothing yet.
    Unknown,
    /// It is not there.
    Gone,
    /// It is this.
    There(Arc<Deployment>),
}

/// The Deployments of one namespace that somebody waits for.
type Channels = Arc<Mutex<BTreeMap<String, watch::Sender<Sight>>>>;

struct Namespace {
    channels: Channels,
    task: AbortHandle,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Followed {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, namespaces: Mutex::default() }
    }

    /// A Deployment from now on. What was seen of it before may be told first.
    pub(crate) fn follow(&self, place: &Place) -> watch::Receiver<Sight> {
        let mut namespaces = locked(&self.namespaces);
        let namespace = namespaces.entry(place.namespace.clone()).or_insert_with(|| self.watch(&place.namespace));
        let mut channels = locked(&namespace.channels);
        let channel = channels.entry(place.deployment.clone()).or_insert_with(|| watch::Sender::new(Sight::Unknown));
        channel.subscribe()
    }

    /// Shows whoever follows a Deployment how it was found by other means than the watch, `None` where it is not there. A
    /// watch that runs already tells only of changes, and it may be interrupted without noticing.
    pub(crate) fn show(&self, place: &Place, found: Option<Deployment>) {
        let Some(channels) = locked(&self.namespaces).get(&place.namespace).map(|one| Arc::clone(&one.channels)) else {
            return;
        };
        let channels = locked(&channels);
        let Some(channel) = channels.get(&place.deployment) else { return };
        match found {
            Some(found) => channel.send_replace(seen(found)),
            None => channel.send_replace(Sight::Gone),
        };
    }

    fn watch(&self, namespace: &str) -> Namespace {
        let channels = Channels::default();
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let task = tokio::spawn(run(api, Arc::clone(&channels))).abort_handle();
        Namespace { channels, task }
    }
}

/// Tells what the API server shows, and comes back after every trouble.
async fn run(api: Api<Deployment>, channels: Channels) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(found)) => {
                listed.extend(found.metadata.name.clone());
                tell(&channels, found);
            }
            Ok(watcher::Event::InitDone) => {
                for (name, channel) in &*locked(&channels) {
                    if !listed.contains(name) {
                        channel.send_replace(Sight::Gone);
                    }
                }
            }
            Ok(watcher::Event::Apply(found)) => tell(&channels, found),
            Ok(watcher::Event::Delete(found)) => {
                if let Some(channel) =
                    found.metadata.name.as_ref().and_then(|name| locked(&channels).get(name).cloned())
                {
                    channel.send_replace(Sight::Gone);
                }
            }
            Err(error) => tracing::debug!(%error, "a watch of Deployments was interrupted and begins anew"),
        }
    }
}

fn tell(channels: &Channels, found: Deployment) {
    let channels = locked(channels);
    if let Some(channel) = found.metadata.name.as_ref().and_then(|name| channels.get(name)) {
        channel.send_replace(seen(found));
    }
}

fn seen(mut found: Deployment) -> Sight {
    // The largest part of many objects, and nobody who waits looks at it.
    found.metadata.managed_fields = None;
    Sight::There(Arc::new(found))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
