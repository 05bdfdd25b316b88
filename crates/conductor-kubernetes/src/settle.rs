//! Waiting until a workload is what was written: every replica ready, and staying so. What cannot come about is told as
//! soon as it can be seen, in the words of Kubernetes.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError, Readiness};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::sync::Semaphore;

use crate::answer::answer;
use crate::follow::{Followed, Following, Sight};
use crate::named::Named;
use crate::place::{Kind, Place};
use crate::promotion::Own;
use crate::rollout::{Outlook, Progress, Steady, Troubles, Wanted};
use crate::workload::Workload;

/// How long nothing may move before its pods are looked at.
const STANDSTILL: Duration = Duration::from_secs(4);
/// Time between two looks at the pods of one workload.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Workloads whose pods are looked at at the same time.
const LOOKS: usize = 8;
/// How long it is waited for a watch to begin before the workload itself is asked for.
const BEGINS_WITHIN: Duration = Duration::from_secs(1);
/// How long a watch may say nothing before the workload itself is asked for.
const NO_NEWS: Duration = Duration::from_secs(15);

/// Waits for workloads of a kind in a cluster.
pub(crate) struct Settling<K: Workload> {
    pub(crate) client: Client,
    pub(crate) kind: K::DynamicType,
    followed: Followed<K>,
    looks: Semaphore,
    /// How long a workload must have stayed as wanted.
    hold: Duration,
    /// How long a pod may wait for a node.
    schedule_within: Duration,
}

/// One wait.
struct Wait<'a> {
    place: &'a Place,
    tell: &'a (dyn Fn(Readiness) + Send + Sync),
    wanted: Wanted,
    own: Own,
    steady: Steady,
    troubles: Troubles,
    /// Of pods of older versions.
    older_troubles: Troubles,
    /// The last text of progress, and since when it is the same.
    text: String,
    still_since: Timestamp,
    looked: Timestamp,
}

impl<K: Workload> Settling<K> {
    pub(crate) fn new(client: Client, kind: K::DynamicType, hold: Duration, schedule_within: Duration) -> Self {
        let followed = Followed::new(client.clone(), kind.clone());
        Self { client, kind, followed, looks: Semaphore::new(LOOKS), hold, schedule_within }
    }

    /// The workload at a place.
    pub(crate) fn named<'a>(&'a self, place: &'a Place) -> Named<'a, K> {
        Named { kind: &self.kind, namespace: &place.namespace, name: &place.name }
    }

    /// Follows a workload that is about to be written. What was seen of it before may be told first.
    pub(crate) fn follow(&self, place: &Place) -> Following<K> {
        self.followed.follow(place)
    }

    /// Waits until the workload is as wanted. It has no deadline of its own. `written` is the answer to the own write, and
    /// it is followed since before that. `tell` hears how far it is.
    pub(crate) async fn settle(
        &self,
        place: &Place,
        wanted: Wanted,
        following: Following<K>,
        written: Box<K>,
        tell: &(dyn Fn(Readiness) + Send + Sync),
    ) -> Result<(), PortError> {
        let own = Own::of(&*written);
        // If that changed nothing, a watch has nothing to tell.
        self.followed.show(place, Some(*written));
        let mut sights = following.written();
        let answered = sights.last();
        let now = Timestamp::now();
        let mut wait = Wait {
            place,
            tell,
            wanted,
            own,
            steady: Steady::new(self.hold),
            troubles: Troubles::new(self.schedule_within),
            older_troubles: Troubles::new(self.schedule_within),
            text: String::new(),
            still_since: now,
            looked: now,
        };
        let mut news = now;
        loop {
            let sight = sights.last();
            let pause = match sight {
                Sight::Unknown => LOOK_EVERY,
                Sight::Gone => return Err(PortError::new(FailureKind::NotFound, format!("{place} is gone"))),
                Sight::There(live) => {
                    let mut progress = live.progress(&wait.wanted);
                    if !K::SAYS_WHAT_IS_READY {
                        progress = Box::pin(self.by_pods(place, &live, progress)).await?;
                    }
                    if let Some(rollout) = live.promotable() {
                        progress = Box::pin(self.promoted(place, &mut wait.own, rollout, progress)).await?;
                    }
                    match wait.see(Timestamp::now(), progress)? {
                        // Nothing but the own write has said so, some time ago: a watch that begins soon will tell.
                        None if answered.is(&live) && since(news, Timestamp::now()) < BEGINS_WITHIN => BEGINS_WITHIN,
                        None if answered.is(&live) => {
                            Box::pin(self.ask(place)).await;
                            LOOK_EVERY
                        }
                        None => return Ok(()),
                        Some(pause) => {
                            if let Some(rollout) = live.promotable() {
                                let times = [wait.still_since, Timestamp::now()];
                                Box::pin(self.touch(place, &mut wait.own, rollout, times)).await?;
                            }
                            // Thousands wait, and few of them look: the memory for it is there for these.
                            Box::pin(self.look_at_pods(&mut wait, &live)).await?;
                            pause
                        }
                    }
                }
            };
            // For news, or for the time to look again.
            if tokio::time::timeout(pause, sights.changed()).await.is_ok() {
                news = Timestamp::now();
            } else if since(news, Timestamp::now()) >= NO_NEWS {
                news = Timestamp::now();
                Box::pin(self.ask(place)).await;
            }
        }
    }

    /// Asks for the workload itself.
    async fn ask(&self, place: &Place) {
        let api = self.named(place).api(&self.client);
        match answer(&format!("could not look at {place}"), || api.get_opt(&place.name)).await {
            Ok(found) => self.followed.show(place, found.map(|found| found.of_kind(&self.kind))),
            Err(error) => {
                let error = conductor_core::failure::Failure::of("", &error).message;
                tracing::debug!(error, "it is looked at again later");
            }
        }
    }

    /// Looks at the pods when nothing has moved for a while.
    async fn look_at_pods(&self, wait: &mut Wait<'_>, live: &K) -> Result<(), PortError> {
        let now = Timestamp::now();
        if since(wait.still_since, now) < STANDSTILL || since(wait.looked, now) < LOOK_EVERY {
            return Ok(());
        }
        wait.looked = now;
        match self.pods(wait.place, live).await {
            Ok(Some((sets, pods))) => {
                if let Some(pods) = live.newest_pods(&sets, &pods) {
                    wait.judge(now, pods.into_iter())?;
                }
                match live.newest(&sets) {
                    Some(revision) => wait.judge_older(now, live.waits_for(&pods, revision)),
                    None => Ok(()),
                }
            }
            Ok(None) => Ok(()),
            Err(error) => {
                // Whether it settles is seen without them.
                let error = conductor_core::failure::Failure::of("", &error).message;
                tracing::debug!(place = %wait.place, error, "the pods could not be looked at");
                Ok(())
            }
        }
    }

    /// The pods of a workload, and what it has made them by; `None` where nobody can tell which are its.
    pub(crate) async fn pods(&self, place: &Place, live: &K) -> Result<Option<(Vec<ReplicaSet>, Vec<Pod>)>, PortError> {
        let act = format!("could not look at the pods of {place}");
        let labels = live.selector().map_err(|error| PortError::because(FailureKind::Rejected, act.clone(), error))?;
        let Some(labels) = labels else { return Ok(None) };
        let closed = |error| PortError::because(FailureKind::Unavailable, act.clone(), error);
        let _slot = self.looks.acquire().await.map_err(closed)?;
        let params = ListParams::default().labels(&labels);
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &place.namespace);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &place.namespace);
        let sets = async {
            match K::workload_kind(&self.kind) {
                Kind::Deployment => Ok(answer(&act, || sets.list(&params)).await?.items),
                Kind::StatefulSet | Kind::Rollout | Kind::StackSet | Kind::Scalable(_) => Ok(Vec::new()),
            }
        };
        let (sets, pods) = futures::try_join!(sets, answer(&act, || pods.list(&params)))?;
        Ok(Some((sets, pods.items)))
    }
}

impl Wait<'_> {
    /// Sees where the workload stands: `None` when it has settled, else how long to wait for news of it.
    fn see(&mut self, now: Timestamp, progress: Progress) -> Result<Option<Duration>, PortError> {
        match self.steady.see(now, progress) {
            Progress::Settled { .. } => Ok(None),
            Progress::Failed(text) => Err(self.failed(&text)),
            Progress::Underway { ready, wanted, text } => {
                if text != self.text {
                    (self.tell)(Readiness { ready, wanted, text: text.clone() });
                    (self.text, self.still_since) = (text, now);
                }
                Ok(Some(Duration::from_secs(1)))
            }
        }
    }

    /// Sees the pods of the newest version.
    fn judge<'p>(&mut self, now: Timestamp, pods: impl Iterator<Item = &'p Pod>) -> Result<(), PortError> {
        match self.troubles.see(now, pods) {
            Outlook::Failed(text) => Err(self.failed(&text)),
            Outlook::Fine | Outlook::Troubled(_) => Ok(()),
        }
    }

    /// Sees the pods of older versions that the newest one waits for.
    fn judge_older<'p>(&mut self, now: Timestamp, pods: impl IntoIterator<Item = &'p Pod>) -> Result<(), PortError> {
        match self.older_troubles.see(now, pods) {
            Outlook::Failed(text) => Err(self.failed(&format!(
                "{text}; it is of an older version, which is not replaced before it is ready \
                 (podManagementPolicy: OrderedReady): delete the pod, and its controller goes on"
            ))),
            Outlook::Fine | Outlook::Troubled(_) => Ok(()),
        }
    }

    fn failed(&self, text: &str) -> PortError {
        PortError::new(FailureKind::Unsettled, format!("{} does not become ready: {text}", self.place))
    }
}

fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
