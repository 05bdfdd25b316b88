//! Following workloads of a kind as they change: one watch a namespace, and a channel for each that somebody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use crate::named::objects;
use crate::place::Place;
use crate::workload::Workload;

/// How long a watch waits at most until the workloads of its namespace are written.
const HEAD_START: Duration = Duration::from_secs(10);
/// Watches that begin at the same time: the list that each begins with takes the memory of a whole namespace.
const BEGINNING: usize = 4;

/// The watches of a cluster. Each lasts as long as somebody waits for something in its namespace.
pub(crate) struct Followed<K: Workload> {
    client: Client,
    kind: K::DynamicType,
    beginning: Arc<Semaphore>,
    namespaces: Mutex<BTreeMap<String, Weak<Namespace<K>>>>,
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

impl<K> Sight<K> {
    /// True when this was told, and not the same once more.
    pub(crate) fn is(&self, told: &Arc<K>) -> bool {
        matches!(self, Self::There(known) if Arc::ptr_eq(known, told))
    }
}

/// The workloads of one namespace that somebody waits for.
type Channels<K> = Arc<Mutex<BTreeMap<String, watch::Sender<Sight<K>>>>>;

/// A namespace with a watch.
struct Namespace<K> {
    channels: Channels<K>,
    /// How many writes are on their way.
    writes: watch::Sender<usize>,
    task: AbortHandle,
}

impl<K> Drop for Namespace<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A workload that is about to be written.
pub(crate) struct Following<K> {
    sights: Sights<K>,
    write: Write<K>,
}

impl<K> Following<K> {
    /// The workload has been written.
    pub(crate) fn written(self) -> Sights<K> {
        drop(self.write);
        self.sights
    }
}

/// One of the writes that are on their way.
struct Write<K>(Arc<Namespace<K>>);

impl<K> Drop for Write<K> {
    fn drop(&mut self) {
        self.0.writes.send_modify(|count| *count -= 1);
    }
}

/// What is told of a workload, as long as this lives.
pub(crate) struct Sights<K> {
    told: watch::Receiver<Sight<K>>,
    _watch: Arc<Namespace<K>>,
}

impl<K: Clone> Sights<K> {
    /// What was told last.
    pub(crate) fn last(&mut self) -> Sight<K> {
        self.told.borrow_and_update().clone()
    }

    /// Waits until something else is told.
    pub(crate) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.told.changed().await
    }
}

impl<K: Workload> Followed<K> {
    pub(crate) fn new(client: Client, kind: K::DynamicType) -> Self {
        Self { client, kind, beginning: Arc::new(Semaphore::new(BEGINNING)), namespaces: Mutex::default() }
    }

    /// Follows a workload that is about to be written. What was seen of it before may be told first.
    pub(crate) fn follow(&self, place: &Place) -> Following<K> {
        let mut namespaces = locked(&self.namespaces);
        let entry = namespaces.entry(place.namespace.clone()).or_default();
        let namespace = match entry.upgrade() {
            Some(namespace) => {
                namespace.writes.send_modify(|count| *count += 1);
                namespace
            }
            None => {
                let namespace = self.watch_for_a_write(&place.namespace);
                *entry = Arc::downgrade(&namespace);
                namespace
            }
        };
        let mut channels = locked(&namespace.channels);
        let channel = channels.entry(place.name.clone()).or_insert_with(|| watch::Sender::new(Sight::Unknown));
        let told = channel.subscribe();
        drop(channels);
        Following { sights: Sights { told, _watch: Arc::clone(&namespace) }, write: Write(namespace) }
    }

    fn watch_for_a_write(&self, namespace: &str) -> Arc<Namespace<K>> {
        let (channels, writes) = (Channels::default(), watch::Sender::new(1));
        let api = objects(&self.client, namespace, &self.kind);
        let (kind, beginning) = (self.kind.clone(), Arc::clone(&self.beginning));
        let told = run(api, kind, Arc::clone(&channels), writes.subscribe(), beginning);
        let task = tokio::spawn(told).abort_handle();
        Arc::new(Namespace { channels, writes, task })
    }

    /// Shows whoever follows a workload how it was found by other means than the watch, `None` where it is not there. A
    /// watch that runs already tells only of changes, and it may be interrupted without noticing.
    pub(crate) fn show(&self, place: &Place, found: Option<K>) {
        let namespace = locked(&self.namespaces).get(&place.namespace).and_then(Weak::upgrade);
        let Some(namespace) = namespace else { return };
        let channels = locked(&namespace.channels);
        let Some(channel) = channels.get(&place.name) else { return };
        channel.send_if_modified(|known| {
            let is_news = found.as_ref().is_none_or(|found| !is_older(found, known));
            if is_news {
                *known = found.map_or(Sight::Gone, seen);
            }
            is_news
        });
    }
}

/// True for what was so before what is known by now.
fn is_older<K: Workload>(found: &K, known: &Sight<K>) -> bool {
    let Sight::There(known) = known else { return false };
    let version = |one: &K| one.meta().resource_version.as_ref()?.parse::<u128>().ok();
    found.meta().uid == known.meta().uid
        && version(found).zip(version(known)).is_some_and(|(found, known)| found < known)
}

/// Tells what the API server shows, and comes back after every trouble. It begins when a wave of writes is over: what has come of
/// them is in the first list, and a watch would cost the API server an event for each.
async fn run<K: Workload>(
    api: Api<K>,
    kind: K::DynamicType,
    channels: Channels<K>,
    mut writes: watch::Receiver<usize>,
    beginning: Arc<Semaphore>,
) {
    let written = writes.wait_for(|count| *count == 0);
    if matches!(tokio::time::timeout(HEAD_START, written).await, Ok(Err(_))) {
        return;
    }
    let mut begins = beginning.acquire().await.ok();
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(found)) => {
                listed.extend(found.meta().name.clone());
                tell(&channels, &kind, found);
            }
            Ok(watcher::Event::InitDone) => {
                for (name, channel) in &*locked(&channels) {
                    if !listed.contains(name) {
                        channel.send_replace(Sight::Gone);
                    }
                }
                drop(begins.take());
            }
            Ok(watcher::Event::Apply(found)) => tell(&channels, &kind, found),
            Ok(watcher::Event::Delete(found)) => {
                if let Some(channel) = found.meta().name.as_ref().and_then(|name| locked(&channels).get(name).cloned())
                {
                    channel.send_replace(Sight::Gone);
                }
            }
            Err(error) => {
                tracing::debug!(kind = %K::kind(&kind), %error, "a watch was interrupted and begins anew");
                drop(begins.take());
            }
        }
    }
}

fn tell<K: Workload>(channels: &Channels<K>, kind: &K::DynamicType, found: K) {
    let channels = locked(channels);
    if let Some(channel) = found.meta().name.as_ref().and_then(|name| channels.get(name)) {
        channel.send_replace(seen(found.of_kind(kind)));
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
