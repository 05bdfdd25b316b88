//! Following workloads of a kind as they change: one watch a namespace, and a channel for each that somebody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::place::Place;
use crate::workload::Workload;

/// The watches of a cluster. They end when this is dropped.
pub(crate) struct Followed<K> {
    client: Client,
    namespaces: Mutex<BTreeMap<String, Namespace<K>>>,
}

/// What is known of a workload.
#[derive(Clone, Debug)]
pub(crate) enum Sight<K> {
    /// Nothing yet.
    Unknown,
    /// It is not there.
    Gone,
    /// It is this.
    There(Arc<K>),
}

/// The workloads of one namespace that somebody waits for.
type Channels<K> = Arc<Mutex<BTreeMap<String, watch::Sender<Sight<K>>>>>;

struct Namespace<K> {
    channels: Channels<K>,
    task: AbortHandle,
}

impl<K> Drop for Namespace<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K: Workload> Followed<K> {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, namespaces: Mutex::default() }
    }

    /// A workload from now on. What was seen of it before may be told first.
    pub(crate) fn follow(&self, place: &Place) -> watch::Receiver<Sight<K>> {
        let mut namespaces = locked(&self.namespaces);
        let namespace = namespaces.entry(place.namespace.clone()).or_insert_with(|| self.watch(&place.namespace));
        let mut channels = locked(&namespace.channels);
        let channel = channels.entry(place.name.clone()).or_insert_with(|| watch::Sender::new(Sight::Unknown));
        channel.subscribe()
    }

    /// Shows whoever follows a workload how it was found by other means than the watch, `None` where it is not there. A
    /// watch that runs already tells only of changes, and it may be interrupted without noticing.
    pub(crate) fn show(&self, place: &Place, found: Option<K>) {
        let Some(channels) = locked(&self.namespaces).get(&place.namespace).map(|one| Arc::clone(&one.channels)) else {
            return;
        };
        let channels = locked(&channels);
        let Some(channel) = channels.get(&place.name) else { return };
        match found {
            Some(found) => channel.send_replace(seen(found)),
            None => channel.send_replace(Sight::Gone),
        };
    }

    fn watch(&self, namespace: &str) -> Namespace<K> {
        let channels = Channels::default();
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let task = tokio::spawn(run(api, Arc::clone(&channels))).abort_handle();
        Namespace { channels, task }
    }
}

/// Tells what the API server shows, and comes back after every trouble.
async fn run<K: Workload>(api: Api<K>, channels: Channels<K>) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(found)) => {
                listed.extend(found.meta().name.clone());
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
                if let Some(channel) = found.meta().name.as_ref().and_then(|name| locked(&channels).get(name).cloned())
                {
                    channel.send_replace(Sight::Gone);
                }
            }
            Err(error) => tracing::debug!(kind = %K::KIND, %error, "a watch was interrupted and begins anew"),
        }
    }
}

fn tell<K: Workload>(channels: &Channels<K>, found: K) {
    let channels = locked(channels);
    if let Some(channel) = found.meta().name.as_ref().and_then(|name| channels.get(name)) {
        channel.send_replace(seen(found));
    }
}

fn seen<K: Workload>(mut found: K) -> Sight<K> {
    // The largest part of many objects, and nobody who waits looks at it.
    found.meta_mut().managed_fields = None;
    Sight::There(Arc::new(found))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
