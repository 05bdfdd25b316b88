//! Real processes for the pods of a Deployment. The pods of a bed do nothing, and what shall answer requests must run
//! somewhere: a bridge runs a program once for each ready pod, for as long as the pod is ready.
//!
//! All of them may share a port, so that what clients find behind it grows and shrinks with the Deployment.

mod pods;
mod processes;

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::JoinHandle;

use conductor_bed::LOOK_EVERY;
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::core::Selector;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config};
use tokio::sync::{oneshot, watch};

use crate::bridge::pods::ReadyPods;
use crate::bridge::processes::{Processes, Seen};
use crate::cluster::Cluster;
use crate::error::BedError;
use crate::port::{self, Reserved};
use crate::user::User;

/// One process, and the pod that it runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The pod's name.
    pub pod: String,
    /// What each container runs, by the container's name: the image with its digest, as the pod's status says.
    pub images: BTreeMap<String, String>,
    /// The port that all processes of the bridge share, with `SO_REUSEPORT`.
    pub shared_port: u16,
    /// The port of this process alone. It must listen there, with `SO_REUSEPORT`, too: that it does so says that it is up.
    pub own_port: u16,
}

/// How the process of a pod is started.
pub(crate) type Start = Box<dyn FnMut(&Replica) -> Command + Send>;

/// Runs a program for each ready pod of a Deployment. When it is dropped, or its process ends in whatever way, so do they.
#[derive(Debug)]
pub struct Bridge {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    seen: watch::Receiver<Seen>,
    port: Reserved,
}

impl Bridge {
    /// Begins to run what `start` makes, for each ready pod of a Deployment that is there already.
    ///
    /// # Errors
    /// When the Deployment cannot be read, or the kernel gives no port.
    pub async fn start(
        cluster: &Cluster,
        namespace: &str,
        deployment: &str,
        start: impl FnMut(&Replica) -> Command + Send + 'static,
    ) -> Result<Self, BedError> {
        let act = || format!("read Deployment {namespace}/{deployment}");
        let refused = |source| BedError::Api { act: act(), source: Box::new(source) };
        let deployments: Api<Deployment> = Api::namespaced(cluster.client(&User::Admin).await?, namespace);
        let found = deployments.get(deployment).await.map_err(refused)?;
        let selector = Selector::try_from(found.spec.map(|spec| spec.selector).unwrap_or_default());
        let selector = selector.map_err(|error| BedError::Selector { of: act(), source: Box::new(error) })?;
        let config = cluster.access.config(&User::Admin, &cluster.folder).await?;
        let port = port::reserve()?;
        let (told, seen) = watch::channel(Seen::default());
        let (stop, stopped) = oneshot::channel();
        let processes = Processes::new(port.number, Box::new(start), told);
        let pods = watcher::Config::default().labels_from(&selector);
        let namespace = namespace.to_owned();
        // A thread of its own: the death of the one that started them is what ends the processes.
        let thread = std::thread::spawn(move || keep(config, &namespace, pods, processes, stopped));
        Ok(Self { stop: Some(stop), thread: Some(thread), seen, port })
    }

    /// The port of loopback that all processes share.
    pub const fn port(&self) -> u16 {
        self.port.number
    }

    /// The processes that are up.
    ///
    /// # Errors
    /// When one could not be started or has ended although its pod is ready.
    pub fn replicas(&self) -> Result<Vec<Replica>, BedError> {
        let Seen { up, troubles } = self.seen.borrow().clone();
        match troubles.into_iter().next() {
            None => Ok(up),
            Some((pod, trouble)) => Err(BedError::Replica { pod, trouble }),
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has taken its processes with it.
            let _ = thread.join();
        }
    }
}

/// Follows the pods until the bridge is gone, then stops what runs.
fn keep(
    config: Config,
    namespace: &str,
    of: watcher::Config,
    mut processes: Processes,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let followed = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let client = Client::try_from(config).map_err(|error| error.to_string())?;
            follow(Api::namespaced(client, namespace), of, &mut processes, stopped).await;
            Ok(())
        })
    });
    if let Err(error) = followed {
        processes.give_up(&error);
    }
    processes.stop();
}

async fn follow(pods: Api<Pod>, of: watcher::Config, processes: &mut Processes, mut stopped: oneshot::Receiver<()>) {
    let mut events = std::pin::pin!(watcher(pods, of).default_backoff());
    let mut ready = ReadyPods::default();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            // A watch that was interrupted begins anew by itself.
            Some(event) = events.next() => if event.is_ok_and(|event| ready.see(event)) {
                processes.want(ready.images());
            },
            _ = looks.tick() => processes.look(),
        }
    }
}
