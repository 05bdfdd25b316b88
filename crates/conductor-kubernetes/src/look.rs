//! Looking at the applications of an environment: what is there, and what runs have left.
//!
//! A marker that cannot be read keeps nobody from being looked at: only who asks for markers is told.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::ports::{FailureKind, LeftBehind, PortError};
use conductor_core::run::RunId;
use futures::stream::{StreamExt, TryStreamExt, iter};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::argo_rollout::ArgoRollout;
use crate::autoscaler::{Autoscaler, ByTarget, Several, by_target, only};
use crate::delivery::as_planned;
use crate::environment::KubernetesEnvironment;
use crate::field::Owned;
use crate::keeper::{Keepers, Kept};
use crate::left_behind::{Marked, left_behind};
use crate::marker::{Marker, MarkerError};
use crate::object::{Object, marker};
use crate::place::{Kind, Place};
use crate::scaled_object::ScaledObject;
use crate::stack_set::others;
use crate::unfit::Unfit;
use crate::workload::Workload;

/// Namespaces that are read at the same time.
const CONCURRENCY: usize = 8;

/// When it is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Before a run.
    Before,
    /// Since it has begun: nothing that somebody else has made keeps it from being put back.
    Since,
}

/// An application as it is found.
pub(crate) struct Found {
    /// The uid of its workload.
    pub(crate) identity: Option<String>,
    /// Its fields, where a delivery system is at them as the run wants them.
    pub(crate) owned: Owned,
    pub(crate) marker: Result<Option<Marker<Owned>>, MarkerError>,
    /// The bounds within which it is scaled, where they are its own, with what a run has left on them.
    pub(crate) bounds: Option<(Bounds, Option<Marker<Bounds>>)>,
    pub(crate) unfit: Vec<Unfit>,
    pub(crate) kept: Kept,
    /// Where the Deployment is that is made of it, for a Stack.
    pub(crate) made: Option<Place>,
}

impl KubernetesEnvironment {
    /// The workloads of these applications; those that do not exist are absent.
    pub(crate) async fn found(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Found>, PortError> {
        let rollouts = async {
            match self.has_rollouts(applications).await? {
                true => self.found_of::<ArgoRollout>(applications, &()).await,
                false => Ok(BTreeMap::new()),
            }
        };
        let (mut found, stateful_sets, rollouts, stacks, scalables) = futures::try_join!(
            self.found_of::<Deployment>(applications, &()),
            self.found_of::<StatefulSet>(applications, &()),
            rollouts,
            self.found_stacks(applications),
            self.found_scalables(applications)
        )?;
        found.extend(stateful_sets);
        found.extend(rollouts);
        found.extend(stacks);
        found.extend(scalables);
        Ok(found)
    }

    pub(crate) async fn found_of<K: Workload>(
        &self,
        applications: &[ApplicationId],
        kind: &K::DynamicType,
    ) -> Result<BTreeMap<ApplicationId, Found>, PortError> {
        let all = self.settings.applications.iter();
        let may_delete_volumes: BTreeSet<&ApplicationId> =
            all.filter(|one| one.allow_volume_deletion).map(|one| &one.name).collect();
        let mut wanted = BTreeMap::new();
        for application in applications {
            wanted.insert(self.place(application)?, application);
        }
        let look = |workload: K| {
            let (place, application) = wanted.get_key_value(&workload.place(kind))?;
            self.writer.seen.keep(kind, &workload);
            let unreadable =
                |error| PortError::because(FailureKind::Rejected, format!("could not read {place}"), error);
            let marker = marker(&workload);
            let seen = |owned: Owned| match &marker {
                Ok(Some(marker)) => as_planned(&owned, marker),
                Ok(None) | Err(_) => owned,
            };
            let fields = match workload.fields() {
                // Made unreadable since a run has changed it: it keeps nothing else from being put back, and letting go tells.
                Err(_) if !matches!(marker, Ok(None)) => return None,
                fields => fields.map_err(unreadable),
            };
            let found = fields.map(seen).map(|owned| Found {
                identity: workload.meta().uid.clone(),
                owned,
                marker,
                bounds: None,
                kept: Kept::new((*place).clone(), &place.kind.to_string(), workload.meta()),
                unfit: workload.unfit(may_delete_volumes.contains(application)),
                made: None,
            });
            Some(found.map(|found| ((*application).clone(), found)))
        };
        self.list(applications, kind, |of| *of == K::workload_kind(kind), look).await?.into_iter().collect()
    }

    /// The workloads of a kind in every namespace where one of these applications is of that kind.
    pub(crate) async fn workloads<K: Workload>(
        &self,
        applications: &[ApplicationId],
        kind: &K::DynamicType,
    ) -> Result<Vec<K>, PortError> {
        self.list(applications, kind, |of| *of == K::workload_kind(kind), Some).await
    }

    /// The autoscalers in every namespace of these applications.
    pub(crate) async fn scalers(
        &self,
        applications: &[ApplicationId],
    ) -> Result<Vec<HorizontalPodAutoscaler>, PortError> {
        self.list(applications, &(), |_| true, Some).await
    }

    /// KEDA's ScaledObjects in every namespace of these applications; none where the cluster does not know them.
    pub(crate) async fn scaled_objects(&self, applications: &[ApplicationId]) -> Result<Vec<ScaledObject>, PortError> {
        if self.has_keda().await? { self.list(applications, &(), |_| true, Some).await } else { Ok(Vec::new()) }
    }

    /// True for a cluster that knows KEDA's ScaledObjects.
    pub(crate) async fn has_keda(&self) -> Result<bool, PortError> {
        self.known.knows::<ScaledObject>(&self.reader).await
    }

    /// Argo's Rollouts in every namespace where one of these applications is one; none where the cluster does not know them.
    pub(crate) async fn rollouts(&self, applications: &[ApplicationId]) -> Result<Vec<ArgoRollout>, PortError> {
        if self.has_rollouts(applications).await? { self.workloads(applications, &()).await } else { Ok(Vec::new()) }
    }

    /// True where one of these applications is a Rollout of Argo Rollouts, and the cluster knows such.
    async fn has_rollouts(&self, applications: &[ApplicationId]) -> Result<bool, PortError> {
        let is_one = |application| self.places.get(application).is_some_and(|place| place.kind == Kind::Rollout);
        Ok(applications.iter().any(is_one) && self.known.knows::<ArgoRollout>(&self.reader).await?)
    }

    /// What is kept of the objects of a kind, in every namespace of those applications whose workloads are of such a kind:
    /// of a thousand objects at once no more is held than that.
    pub(crate) async fn list<K: Object, T>(
        &self,
        applications: &[ApplicationId],
        kind: &K::DynamicType,
        of: impl Fn(&Kind) -> bool,
        keep: impl Fn(K) -> Option<T>,
    ) -> Result<Vec<T>, PortError> {
        let places: Vec<&Place> =
            applications.iter().map(|application| self.place(application)).collect::<Result<_, _>>()?;
        let namespaces: BTreeSet<&str> =
            places.into_iter().filter(|place| of(&place.kind)).map(|place| place.namespace.as_str()).collect();
        let lists =
            namespaces.into_iter().map(|namespace| self.reader.list_of::<K>(namespace, kind)).collect::<Vec<_>>();
        let mut lists = iter(lists).buffer_unordered(CONCURRENCY);
        let mut kept = Vec::new();
        while let Some(list) = lists.try_next().await? {
            kept.extend(list.into_iter().filter_map(&keep));
        }
        Ok(kept)
    }

    /// The autoscalers of these applications' namespaces, by what they scale.
    pub(crate) async fn autoscalers(&self, applications: &[ApplicationId]) -> Result<ByTarget, PortError> {
        let (horizontal, scaled) = futures::try_join!(self.scalers(applications), self.scaled_objects(applications))?;
        Ok(by_target(horizontal, scaled))
    }

    /// The wanted allocation of the applications. Where a run has left something, it is looked as in a run.
    pub(crate) async fn look_at_allocations(
        &self,
        applications: &[ApplicationId],
        look: Look,
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        if look == Look::Before {
            self.refuse_unknown_kinds(applications).await?;
        }
        // At once, so that who looks for what is left at the same moment shares the answer.
        let keepers = async {
            let is_asked = look == Look::Before && self.settings.pause_git_ops;
            if is_asked { self.found_keepers().await.map(Some) } else { Ok(None) }
        };
        let (found, autoscalers, cluster) =
            futures::try_join!(self.found(applications), self.autoscalers(applications), keepers)?;
        let is_left = |found: &Found| !matches!(found.marker, Ok(None));
        let left = found.values().any(is_left) || autoscalers.values().flatten().any(Autoscaler::is_marked);
        let is_before = look == Look::Before && !left;
        let several = if is_before { Several::Refused } else { Several::First };
        if is_before {
            let keepers =
                cluster.map_or_else(Keepers::default, |cluster| self.keepers_of(&found, &autoscalers, &cluster));
            self.refuse_unfit(&found, &autoscalers, &keepers)?;
        }
        let mut allocated = BTreeMap::new();
        for (application, Found { owned, bounds, .. }) in found {
            let place = self.place(&application)?;
            let autoscaler = only(place, &autoscalers, several)?;
            let autoscaling = autoscaler.map(Autoscaler::bounds).transpose().map_err(|error| {
                PortError::because(FailureKind::Rejected, format!("could not read the autoscaler of {place}"), error)
            })?;
            let autoscaling = bounds.map(|(bounds, _)| bounds).or(autoscaling);
            let Owned { replicas, resources, .. } = owned;
            allocated.insert(application, Allocation { replicas, resources, autoscaling });
        }
        Ok(allocated)
    }

    /// Refuses what could not be put back, all of it at once.
    fn refuse_unfit(
        &self,
        found: &BTreeMap<ApplicationId, Found>,
        autoscalers: &ByTarget,
        keepers: &Keepers,
    ) -> Result<(), PortError> {
        let mut told = Vec::new();
        for (application, found) in found {
            let place = self.place(application)?;
            told.extend(found.unfit.iter().map(|unfit| format!("{place}: {unfit}")));
            let scaling = autoscalers.get(place).into_iter().flatten();
            let unfit = |one: &Autoscaler| one.unfit().map(|unfit| format!("{}: {unfit}", one.called()));
            told.extend(scaling.filter_map(unfit));
            let beside = found.made.iter().flat_map(|made| others(made, autoscalers, found.bounds.is_some()));
            told.extend(beside.map(|one| format!("{place}: {}", Unfit::ScaledBeside(one.called()))));
            told.extend(keepers.unfit.get(place).into_iter().flatten().map(|unfit| format!("{place}: {unfit}")));
        }
        if told.is_empty() { Ok(()) } else { Err(PortError::new(FailureKind::Rejected, told.join("; "))) }
    }

    /// What runs have left at applications. Markers that cannot be read are told of when nothing else is left: they keep
    /// nothing from being put back.
    pub(crate) async fn look_for_what_is_left(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        let (mut found, autoscalers, cluster) =
            futures::try_join!(self.found(applications), self.autoscalers(applications), self.found_keepers())?;
        let keepers = self.keepers_of(&found, &autoscalers, &cluster);
        let (mut marked, mut unreadable) = (BTreeMap::new(), Vec::new());
        for application in applications {
            let place = self.place(application)?;
            let mut own_bounds = None;
            let workload = found.remove(application).map(|found| {
                let marker = read(found.marker, || place.to_string(), &mut unreadable);
                own_bounds = found.bounds;
                (found.identity, found.owned, marker)
            });
            let autoscaler = only(place, &autoscalers, Several::First)?;
            let autoscaler = autoscaler.and_then(|autoscaler| {
                let marker = read(autoscaler.marker(), || autoscaler.called(), &mut unreadable);
                Some((autoscaler.bounds().ok()?, marker))
            });
            let autoscaler = own_bounds.or(autoscaler);
            let keepers = keepers.of_place(place, &cluster).filter_map(|keeper| keeper.holder.clone()).collect();
            marked.insert(application.clone(), Marked { workload, autoscaler, keepers });
        }
        let left = left_behind(&marked);
        match unreadable.into_iter().next() {
            Some(error) if left.is_empty() => Err(error),
            _ => Ok(left),
        }
    }
}

/// What was read of a marker; none where it cannot be read.
fn read<T>(
    marker: Result<Option<Marker<T>>, MarkerError>,
    called: impl Fn() -> String,
    unreadable: &mut Vec<PortError>,
) -> Option<Marker<T>> {
    let told = |error| {
        let act = format!("could not read what a load test has left on {}", called());
        PortError::because(FailureKind::Rejected, act, error)
    };
    marker.map_err(told).unwrap_or_else(|error| {
        unreadable.push(error);
        None
    })
}
