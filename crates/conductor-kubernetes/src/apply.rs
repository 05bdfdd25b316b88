//! Giving an application's objects other values, and waiting for what comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::autoscaler::{Autoscaler, ByTarget, Several, by_target, only, target};
use crate::change::{Wish, ours};
use crate::environment::KubernetesEnvironment;
use crate::field::{Field, Fields};
use crate::named::Named;
use crate::object::{Object, marker};
use crate::place::{Kind, Place};
use crate::rollout::Wanted;
use crate::scaled_object::ScaledObject;
use crate::settle::Settling;
use crate::terms::changes;
use crate::workload::Workload;

impl KubernetesEnvironment {
    /// Changes a workload and waits until it is so.
    pub(crate) async fn apply(
        &self,
        place: &Place,
        run: &RunId,
        wish: &Wish,
        wanted: Wanted,
        wait: WaitFor,
    ) -> Result<(), PortError> {
        match &place.kind {
            Kind::Deployment => self.apply_to(&self.deployments, place, run, wish, wanted, wait).await,
            Kind::StatefulSet => self.apply_to(&self.stateful_sets, place, run, wish, wanted, wait).await,
            Kind::StackSet => Box::pin(self.apply_to_stack(place, run, wish, wanted, wait)).await,
            Kind::Rollout => self.apply_to(&self.argo_rollouts, place, run, wish, wanted, wait).await,
            Kind::Scalable(_) => {
                let kind = Box::pin(self.scalable_at(place)).await?;
                Box::pin(self.apply_to(&kind, place, run, wish, wanted, wait)).await
            }
        }
    }

    async fn apply_to<K: Workload>(
        &self,
        settling: &Settling<K>,
        place: &Place,
        run: &RunId,
        wish: &Wish,
        mut wanted: Wanted,
        wait: WaitFor,
    ) -> Result<(), PortError> {
        // Before the write, so that nothing of what comes of it is missed.
        let following = settling.follow(place);
        let (named, holder) = (settling.named(place), self.holder(run));
        let written: Box<K> = match K::NEEDS_PROMOTION {
            false => self.writer.write(named, &holder, wish).await?,
            // Whoever goes on after a crash must see that it is not promoted yet.
            true => self.writer.write_keeping(named, &holder, wish).await?,
        };
        match wait {
            WaitFor::Nothing => return Ok(()),
            WaitFor::ReplicasOfItsOwn if has_images_of_a_run(&*written) => return Ok(()),
            WaitFor::ReplicasOfItsOwn | WaitFor::Replicas => {}
        }
        wanted.before = written.before();
        settling.settle(place, wanted, following, written, &|readiness| self.tell(place, &readiness)).await?;
        if K::NEEDS_PROMOTION && wish.way == Way::Back {
            let nothing = Wish::nothing(wish.contested.clone());
            self.writer.write(named, &holder, &nothing).await?;
        }
        Ok(())
    }

    /// Gives the autoscaler of an application other bounds. It comes before the replicas, which it would take for its own
    /// otherwise.
    pub(crate) async fn bound(
        &self,
        place: &Place,
        run: &RunId,
        way: Way,
        bounds: [Bounds; 2],
    ) -> Result<Ruler, PortError> {
        let targets = self.listed_autoscalers(&place.namespace).await?;
        let several = if way == Way::Back { Several::First } else { Several::Refused };
        let Some(autoscaler) = only(place, &targets, several)? else { return Ok(Ruler::Nobody) };
        let holder = self.holder(run);
        let wish = |changes| Wish { way, changes, contested: BTreeSet::new() };
        match autoscaler {
            Autoscaler::Horizontal(found) => {
                self.writer.seen.keep(&(), &**found);
                let [from, to] = bounds.map(|bounds| bounds.fields());
                let wish = wish(changes(&from, &to));
                self.writer.write(Named::of(&(), &**found), &holder, &wish).await?;
                Ok(Ruler::Told)
            }
            Autoscaler::Scaled(found) => {
                let unreadable = |error| {
                    let act = format!("could not read {}", autoscaler.called());
                    PortError::because(FailureKind::Rejected, act, error)
                };
                let live = found.fields().map_err(unreadable)?;
                // Without a marker nothing is known of what was absent, and every count is said.
                let original = marker(&**found).ok().flatten().map_or(live, |marker| marker.original);
                let wish = wish(live.changes(original, way, bounds));
                let written = self.writer.write(Named::of(&(), &**found), &holder, &wish).await?;
                let is_carried = self.carried(&place.namespace, &written, way).await?;
                Ok(if is_carried { Ruler::Told } else { Ruler::Late })
            }
        }
    }

    /// The autoscalers of a namespace, as a write looks at them. A thousand steps at once do not list a thousand each.
    pub(crate) async fn listed_autoscalers(&self, namespace: &str) -> Result<Arc<ByTarget>, PortError> {
        let list = async || {
            let scaled = async || match self.has_keda().await? {
                true => self.reader.list_in::<ScaledObject>(namespace).await,
                false => Ok(Vec::new()),
            };
            let horizontal = self.reader.list_in::<HorizontalPodAutoscaler>(namespace);
            let (horizontal, scaled) = futures::try_join!(horizontal, scaled())?;
            // All of them are kept for whoever asks: of those that scale applications, what a write looks at.
            let bare = horizontal.iter().filter(|one| target(one).is_some()).filter_map(Object::bare);
            Ok(by_target(bare, scaled))
        };
        self.autoscalers.ask(namespace, list).await
    }

    /// Gives the autoscaler of an application its bounds back, and the workload its replicas.
    ///
    /// An autoscaler brings replicas that are out of its bounds to the nearest of them, and insists when they are written
    /// at the same moment. Nobody has chosen that number, so it never finds them there: in between, its bounds are around
    /// what is and what shall be.
    pub(crate) async fn unpin(
        &self,
        place: &Place,
        run: &RunId,
        wish: &Wish,
        [before, after]: [Bounds; 2],
    ) -> Result<Ruler, PortError> {
        let around = before.around(after);
        if around == after {
            return self.bound(place, run, Way::Back, [before, after]).await;
        }
        if self.bound(place, run, Way::Back, [before, around]).await? == Ruler::Nobody {
            return Ok(Ruler::Nobody);
        }
        // Whatever comes of it, the bounds go back. The caller writes the same once more, and tells.
        drop(self.apply(place, run, wish, Wanted::default(), WaitFor::Nothing).await);
        self.bound(place, run, Way::Back, [around, after]).await
    }
}

/// The autoscaler of an application, once it was given bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruler {
    /// There is none any more.
    Nobody,
    /// It goes by them.
    Told,
    /// It goes by those of before, until KEDA hands it these: it may bring the replicas to any number until then.
    Late,
}

/// What is waited for after a write.
pub(crate) enum WaitFor {
    /// Every replica.
    Replicas,
    /// Every replica, unless the run's images are still to be put back: replicas that run them may never become ready.
    ReplicasOfItsOwn,
    /// More of it is still to come.
    Nothing,
}

pub(crate) fn has_images_of_a_run(workload: &impl Object) -> bool {
    let (Ok(fields), Ok(Some(marker))) = (workload.fields(), marker(workload)) else { return false };
    ours(&fields, &marker).any(|field| matches!(field, Field::Image { .. }))
}
