//! The end of a run's way back: nothing of it is left at its applications, and nothing of it can come any more.
//!
//! * What is still marked is put back by its marker, without waiting: an autoscaler whose workload is gone, a workload that
//!   was made anew and changed by the run after that, what could not be written a moment ago.
//! * A marker with nothing of the run below it goes.
//! * A first write that nobody has heard of, or that a conductor may have sent that is dead now, could still arrive where no
//!   marker is. So such an object is changed, and changed back, after which that write fails.

use std::collections::BTreeSet;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;
use futures::stream::{StreamExt, iter};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::apply::WaitFor;
use crate::autoscaler::{Autoscaler, ByTarget, target};
use crate::change::{Wish, back};
use crate::environment::KubernetesEnvironment;
use crate::field::Field;
use crate::heard::Last;
use crate::named::Named;
use crate::object::{Object, holder, marker};
use crate::place::Place;
use crate::rollout::Wanted;
use crate::scalable::Scalable;
use crate::scaled_object::ScaledObject;
use crate::workload::Workload;

/// Objects that are let go of at the same time.
const CONCURRENCY: usize = 16;
/// The epoch of a run's first conductor: before it there was none that could be dead.
const FIRST: u64 = 1;

/// What is done about an object.
enum Parting {
    Nothing,
    Write(Wish),
    Fence,
}

impl KubernetesEnvironment {
    /// Lets go of applications. One failure does not stop the others.
    pub(crate) async fn let_go_of(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        let places: BTreeSet<&Place> =
            applications.iter().map(|application| self.place(application)).collect::<Result<_, _>>()?;
        // Before all else: a delivery that goes on would change again what is put back.
        let ended = self.end_deliveries(run, applications).await;
        // Autoscalers first: what they rule is theirs, once they are as they were.
        let is_its = |target: Option<Place>| target.is_some_and(|place| places.contains(&place));
        let (horizontal, scaled) = futures::try_join!(self.scalers(applications), self.scaled_objects(applications))?;
        let of_horizontal = |one: &HorizontalPodAutoscaler| is_its(target(one));
        let mut failures = ended;
        failures.extend(self.part(run, &(), horizontal, of_horizontal, |_| BTreeSet::new()).await);
        let of_scaled = |one: &ScaledObject| is_its(one.target());
        failures.extend(self.part(run, &(), scaled, of_scaled, |_| BTreeSet::new()).await);
        failures.extend(self.carried_at_last(&places).await);
        failures.extend(self.part_stacks(run, applications).await.unwrap_or_else(|error| vec![error]));
        let autoscaled = self.autoscalers(applications).await?;
        let (deployments, stateful_sets, rollouts) = futures::try_join!(
            self.workloads::<Deployment>(applications, &()),
            self.workloads::<StatefulSet>(applications, &()),
            self.rollouts(applications)
        )?;
        failures.extend(self.part_workloads(run, &(), deployments, &places, &autoscaled).await);
        failures.extend(self.part_workloads(run, &(), stateful_sets, &places, &autoscaled).await);
        let kinds = self.scalables(applications).await.unwrap_or_else(|error| {
            failures.push(error);
            Vec::new()
        });
        for kind in kinds {
            match self.workloads::<Scalable>(applications, &kind.kind).await {
                Ok(all) => failures.extend(self.part_workloads(run, &kind.kind, all, &places, &autoscaled).await),
                Err(error) if error.kind == FailureKind::NotFound => self.scalables.forget(&kind.kind.workload_kind()),
                Err(error) => failures.push(error),
            }
        }
        // Last: these are waited for.
        failures.extend(self.part_workloads(run, &(), rollouts, &places, &autoscaled).await);
        all_failed(&failures)
    }

    async fn part_workloads<K: Workload>(
        &self,
        run: &RunId,
        kind: &K::DynamicType,
        workloads: Vec<K>,
        places: &BTreeSet<&Place>,
        autoscaled: &ByTarget,
    ) -> Vec<PortError> {
        let ruled = |one: &K| {
            let by = autoscaled.get(&one.place(kind)).map(Vec::as_slice).unwrap_or_default();
            let is_ruled = !by.is_empty() && !by.iter().any(Autoscaler::is_marked);
            is_ruled.then_some(Field::Replicas).into_iter().collect()
        };
        let is_its = |one: &K| places.contains(&one.place(kind));
        let is_marked = |one: &K| matches!(marker(one), Ok(Some(marker)) if marker.holder.run == *run);
        let (promoted, others): (Vec<K>, Vec<K>) =
            workloads.into_iter().partition(|one| K::NEEDS_PROMOTION && is_its(one) && is_marked(one));
        let mut failures = self.part(run, kind, others, is_its, ruled).await;
        let work = promoted.into_iter().map(|one| {
            let (place, contested) = (one.place(kind), ruled(&one));
            self.part_promoted(run, kind, one, place, contested)
        });
        let results = iter(work.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY);
        failures.extend(results.filter_map(|result| std::future::ready(result.err())).collect::<Vec<_>>().await);
        failures
    }

    /// Puts back what is left of a run, and lets go once that is promoted.
    async fn part_promoted<K: Workload>(
        &self,
        run: &RunId,
        kind: &K::DynamicType,
        workload: K,
        place: Place,
        ruled: BTreeSet<Field>,
    ) -> Result<(), PortError> {
        let Parting::Write(wish) = self.parting(run, Named::of(kind, &workload), &workload, true, ruled) else {
            return Ok(());
        };
        let done = self.apply(&place, run, &wish, Wanted::default(), WaitFor::Replicas).await;
        done.or_else(|error| if error.kind == FailureKind::NotFound { Ok(()) } else { Err(error) })
    }

    /// Lets go of the objects of a kind. `is_its` says which belong to the applications, `ruled` which of their fields are an
    /// autoscaler's.
    pub(crate) async fn part<K: Object>(
        &self,
        run: &RunId,
        kind: &K::DynamicType,
        objects: Vec<K>,
        is_its: impl Fn(&K) -> bool,
        ruled: impl Fn(&K) -> BTreeSet<Field>,
    ) -> Vec<PortError> {
        let partings: Vec<(K, Parting)> = objects
            .into_iter()
            .map(|object| {
                let parting = self.parting(run, Named::of(kind, &object), &object, is_its(&object), ruled(&object));
                (object, parting)
            })
            .collect();
        let work =
            partings.into_iter().map(|(object, parting)| self.act(run, kind, object, parting)).collect::<Vec<_>>();
        let results = iter(work).buffer_unordered(CONCURRENCY);
        results.filter_map(|result| std::future::ready(result.err())).collect().await
    }

    fn parting<K: Object>(
        &self,
        run: &RunId,
        named: Named<'_, K>,
        object: &K,
        is_its: bool,
        ruled: BTreeSet<Field>,
    ) -> Parting {
        match marker(object) {
            Ok(Some(marker)) if marker.holder.run != *run => Parting::Nothing,
            Ok(Some(marker)) => {
                let mut changes = object.fields().map(|fields| back(&fields, &marker)).unwrap_or_default();
                changes.retain(|change| !ruled.contains(&change.field));
                Parting::Write(Wish { way: Way::Back, changes, contested: ruled })
            }
            // Half a marker: nobody can put anything back by it, and the journal has been here.
            Err(_) => match holder(object) {
                Some(holder) if holder.run != *run => Parting::Nothing,
                _ if is_its => Parting::Write(Wish::nothing(ruled)),
                _ => Parting::Nothing,
            },
            Ok(None) => {
                if is_its && self.is_in_doubt(named) {
                    Parting::Fence
                } else {
                    Parting::Nothing
                }
            }
        }
    }

    /// True where a write to an object may have been sent that nobody has heard of, by this conductor or one before it.
    pub(crate) fn is_in_doubt<K: Object>(&self, named: Named<'_, K>) -> bool {
        let last = self.writer.last(named);
        last == Some(Last::Nothing) || (last.is_none() && self.epoch > FIRST)
    }

    async fn act<K: Object>(
        &self,
        run: &RunId,
        kind: &K::DynamicType,
        object: K,
        parting: Parting,
    ) -> Result<(), PortError> {
        let (named, holder) = (Named::of(kind, &object), self.holder(run));
        let done = match parting {
            Parting::Nothing => Ok(()),
            Parting::Write(wish) => self.writer.write(named, &holder, &wish).await.map(drop),
            Parting::Fence => self.writer.fence(named, &holder).await,
        };
        // Nothing is left of what has gone meanwhile.
        done.or_else(|error| if error.kind == FailureKind::NotFound { Ok(()) } else { Err(error) })
    }
}

/// One error of all; the worst of their kinds is its kind.
pub(crate) fn all_failed(failures: &[PortError]) -> Result<(), PortError> {
    let Some(kind) = failures.iter().map(|error| error.kind).max_by_key(|kind| !kind.is_transient()) else {
        return Ok(());
    };
    let texts: Vec<String> = failures.iter().map(|error| Failure::of("", error).message).collect();
    Err(PortError::new(kind, texts.join("; ")))
}
