//! The ports over a test cluster: what is deployed and allocated, rollouts and scaling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::ports::{
    Deployed, Deployer, FailureKind, LeftBehind, PortError, Production, ProgressSink, Readiness, ReleaseSource, Scaler,
    Way,
};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::Client;
use tokio::sync::OnceCell;

use crate::apply::{Ruler, WaitFor};
use crate::argo_rollout::ArgoRollout;
use crate::autoscaler::ByTarget;
use crate::carried::Carrying;
use crate::change::{Change, Wish};
use crate::connect::connect;
use crate::delivery::Unknown;
use crate::field::{Field, Value};
use crate::freeze::Freezer;
use crate::identity::same_cluster;
use crate::keeper;
use crate::known::Known;
use crate::look::{Found, Look};
use crate::marker::Holder;
use crate::place::{Kind, Place};
use crate::production::objects::{Told, put_in};
use crate::production::running;
use crate::reader::Reader;
use crate::rollout::Wanted;
use crate::scalable::{self, Scalables};
use crate::sentinel::Blind;
use crate::settings::{ClusterSettings, KubernetesSettings, ProductionSettings, ScalableObject};
use crate::settle::Settling;
use crate::shared::Shared;
use crate::stack_set::Stack;
use crate::terms::{changes, fields_of, images_of, production};
use crate::vertical::VerticalPodAutoscaler;
use crate::workload::Workload;
use crate::write::Writer;

/// The applications of an environment that run in a cluster, as a place to deploy to and to scale in.
pub struct KubernetesEnvironment {
    pub(crate) settings: KubernetesSettings,
    pub(crate) places: BTreeMap<ApplicationId, Place>,
    pub(crate) epoch: u64,
    pub(crate) client: Client,
    pub(crate) freezer: OnceCell<Freezer>,
    pub(crate) reader: Reader,
    production: OnceCell<Reader>,
    pub(crate) known: Known,
    pub(crate) writer: Writer,
    /// The autoscalers of each namespace, as they were listed last for a write.
    pub(crate) autoscalers: Shared<ByTarget>,
    /// The VerticalPodAutoscalers of each namespace, in the same way.
    pub(crate) vertical: Shared<Vec<VerticalPodAutoscaler>>,
    /// The keepers of the cluster, as they were listed last.
    pub(crate) keepers: Shared<Vec<keeper::Found>>,
    pub(crate) carrying: Carrying,
    pub(crate) deployments: Settling<Deployment>,
    pub(crate) stateful_sets: Settling<StatefulSet>,
    pub(crate) argo_rollouts: Settling<ArgoRollout>,
    /// The bounds that autoscalers got back, by what they scale: they bring the replicas there, sooner or later.
    bounds_back: Mutex<BTreeMap<Place, Bounds>>,
    /// The Stacks of each namespace, as they were listed last for a write.
    pub(crate) listed_stacks: Shared<Vec<Stack>>,
    /// The Stack of a StackSet that was written to.
    pub(crate) written_stacks: Mutex<BTreeMap<Place, String>>,
    /// What production runs where a delivery system would have to know it by a deploy id that nothing tells.
    pub(crate) unknown_deployments: Mutex<BTreeMap<ApplicationId, Unknown>>,
    pub(crate) scalables: Scalables,
    /// What is not seen of what others change.
    pub(crate) blind: Blind,
    progress: Option<Arc<dyn ProgressSink>>,
}

impl KubernetesEnvironment {
    /// The applications of these settings. `epoch` is higher for each conductor that takes a run over: of two, the older
    /// one's writes are refused.
    ///
    /// # Errors
    /// When a client of the cluster cannot be made. Nothing is asked of the cluster yet.
    pub async fn connect(settings: KubernetesSettings, epoch: u64) -> Result<Self, PortError> {
        let act = "could not connect to the test cluster (kubernetes.cluster)";
        let connected = connect(&settings.cluster).await;
        let client: Client = connected.map_err(|error| PortError::because(FailureKind::Rejected, act, error))?;
        let places = settings.applications.iter().map(|app| (app.name.clone(), settings.place(app))).collect();
        Ok(Self {
            places,
            epoch,
            reader: Reader::of_test_cluster(client.clone()),
            writer: Writer::new(client.clone()),
            autoscalers: Shared::default(),
            vertical: Shared::default(),
            keepers: Shared::default(),
            carrying: Carrying::default(),
            deployments: settling(&client, &settings, ()),
            stateful_sets: settling(&client, &settings, ()),
            argo_rollouts: settling(&client, &settings, ()),
            client,
            freezer: OnceCell::new(),
            production: OnceCell::new(),
            known: Known::default(),
            bounds_back: Mutex::default(),
            listed_stacks: Shared::default(),
            written_stacks: Mutex::default(),
            unknown_deployments: Mutex::default(),
            scalables: Scalables::default(),
            blind: Blind::default(),
            progress: None,
            settings,
        })
    }

    /// Tells somebody how far rollouts and scaling are while they are waited for.
    #[must_use]
    pub fn telling(self, progress: Option<Arc<dyn ProgressSink>>) -> Self {
        Self { progress, ..self }
    }

    /// Tells how far the workload at a place is.
    pub(crate) fn tell(&self, place: &Place, readiness: &Readiness) {
        let Some(progress) = &self.progress else { return };
        let its = self.places.iter().filter(|(_, known)| *known == place);
        its.for_each(|(application, _)| progress.told(application, readiness.clone()));
    }

    /// Production, where the environment names one.
    pub(crate) async fn reader_of_production(&self) -> Result<Option<&Reader>, PortError> {
        let Some(settings) = &self.settings.production else { return Ok(None) };
        self.production.get_or_try_init(|| self.connect_production(settings)).await.map(Some)
    }

    /// Where those of these applications that are on Kubernetes are in production.
    pub(crate) fn places_in_production(&self, applications: &[ApplicationId]) -> BTreeMap<ApplicationId, Place> {
        let known = self.settings.applications.iter().filter(|application| applications.contains(&application.name));
        known.map(|application| (application.name.clone(), self.settings.place_in_production(application))).collect()
    }

    /// Those of these applications that are objects of custom kinds in production.
    fn scalables_in_production(&self, applications: &[ApplicationId]) -> Vec<(Place, &ScalableObject)> {
        let known = self.settings.applications.iter().filter(|application| applications.contains(&application.name));
        let place = |application| self.settings.place_in_production(application);
        known.filter_map(|one| Some((place(one), one.scalable_in_production()?))).collect()
    }

    /// Production, once it is known not to be the cluster that is written to.
    async fn connect_production(&self, settings: &ProductionSettings) -> Result<Reader, PortError> {
        let act = "could not connect to production (kubernetes.production)";
        let cluster = ClusterSettings {
            kubeconfig: settings.kubeconfig.clone(),
            context: settings.context.clone(),
            requests_per_second: settings.requests_per_second,
        };
        let client = connect(&cluster).await.map_err(|error| PortError::because(FailureKind::Rejected, act, error))?;
        let reader = Reader::new(client);
        if !settings.same_cluster && same_cluster(&reader, &self.client).await? {
            let text = "kubernetes.production is the very cluster that is written to (its kube-system has the same uid); \
                        expected another one, or sameCluster: true";
            return Err(PortError::new(FailureKind::Rejected, text));
        }
        Ok(reader)
    }

    /// Notes that the autoscaler of what is at a place has its bounds back.
    pub(crate) fn note_bounds_back(&self, place: &Place, bounds: Bounds) {
        self.bounds_back.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone(), bounds);
    }

    pub(crate) fn holder(&self, run: &RunId) -> Holder {
        Holder { run: run.clone(), epoch: self.epoch }
    }

    /// Refuses to change an application towards the test's state where others may have put the run back.
    fn admit(&self, application: &ApplicationId, way: Way) -> Result<(), PortError> {
        match way {
            Way::There => self.writer.life.check(&format!("could not change {application}"), Timestamp::now()),
            Way::Back => Ok(()),
        }
    }

    pub(crate) fn place(&self, application: &ApplicationId) -> Result<&Place, PortError> {
        let absent = || format!("{application} is not an application on Kubernetes in this environment");
        self.places.get(application).ok_or_else(|| PortError::new(FailureKind::NotFound, absent()))
    }
}

#[async_trait]
impl ReleaseSource for KubernetesEnvironment {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        let Some(reader) = self.reader_of_production().await? else { return Ok(BTreeMap::new()) };
        let places = self.places_in_production(applications);
        let wanted: Vec<Place> = places.values().cloned().collect();
        let settings = self.settings.production.clone().unwrap_or_default();
        let mut found = running(reader, &wanted, settings.deploy_id_annotation.as_deref()).await?;
        let told = self.settings.applications.iter().filter_map(|application| {
            let (place, by) = (places.get(&application.name)?, self.settings.release_object(application)?);
            Some(Told { application: &application.name, place, by })
        });
        put_in(reader, told.collect(), &mut found).await?;
        found.extend(scalable::running(reader, &self.scalables_in_production(applications)).await?);
        let images = found.values_mut().flat_map(|running| running.images.values_mut());
        images.for_each(|image| *image = settings.registries.here(image));
        self.note_unknown_deployments(&places, &found);
        let told = places.into_iter().filter_map(|(name, place)| {
            let running = found.get(&place)?.clone();
            Some(production(&place, running).map(|production| (name, production)))
        });
        told.collect()
    }
}

#[async_trait]
impl Deployer for KubernetesEnvironment {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        let found = self.found(applications).await?;
        let deployed =
            |Found { owned, identity, .. }: Found| Deployed { release: Release::new(owned.images), identity };
        Ok(found.into_iter().map(|(application, found)| (application, deployed(found))).collect())
    }

    async fn try_out(&self, run: &RunId, rollouts: &[Rollout]) -> Result<BTreeMap<ApplicationId, String>, PortError> {
        self.refuse_unknown_deployments(rollouts)?;
        self.try_deliveries(run, rollouts).await
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        let Rollout { application, from, to, .. } = rollout;
        self.admit(application, way)?;
        let stopped = match way {
            Way::Back => self.stop_delivery(run, application).await,
            Way::There => Ok(()),
        };
        if let Some(settings) = self.delivered_by(rollout).filter(|_| way == Way::There) {
            return self.deliver(run, rollout, settings).await;
        }
        let changes = changes(&images_of(from), &images_of(to));
        let place = self.place(application)?;
        let bounds = self.bounds_back.lock().unwrap_or_else(PoisonError::into_inner).get(place).copied();
        let bounds = bounds.filter(|_| way == Way::Back);
        let wanted = Wanted { images: to.containers().clone(), bounds, ..Wanted::default() };
        let wish = Wish { way, changes, contested: BTreeSet::new() };
        self.apply(place, run, &wish, wanted, WaitFor::Replicas).await.and(stopped)
    }
}

#[async_trait]
impl Scaler for KubernetesEnvironment {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.look_at_allocations(applications, Look::Before).await
    }

    async fn still_allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.look_at_allocations(applications, Look::Since).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        let ScaleStep { application, from, to } = step;
        self.admit(application, way)?;
        let place = self.place(application)?;
        if place.kind == Kind::StackSet {
            return Box::pin(self.scale_stack(place, run, step, way)).await;
        }
        let sized = Box::pin(self.size(place, run, way, step.sets_resources())).await;
        let sized = match way {
            Way::There => Ok(sized?),
            // What can be put back is, all the same.
            Way::Back => sized,
        };
        let bounded = match (from.autoscaling, to.autoscaling) {
            (Some(before), Some(after)) if before != after => match way {
                Way::There => Box::pin(self.bound(place, run, way, [before, after])).await,
                Way::Back => Box::pin(self.unpin(place, run, &ruled(step, way), [before, after])).await,
            },
            (Some(_), Some(_)) => Ok(Ruler::Told),
            (None, None) => Ok(Ruler::Nobody),
            (Some(_), None) | (None, Some(_)) => {
                let text = format!("{step}: autoscalers are neither made nor deleted");
                return Err(PortError::new(FailureKind::Rejected, text));
            }
        };
        let is_autoscaled = match (&bounded, way) {
            (Ok(Ruler::Nobody), Way::There) if to.autoscaling.is_some() => {
                return Err(PortError::new(FailureKind::NotFound, format!("{place} has no autoscaler any more")));
            }
            (Ok(ruler), _) => *ruler != Ruler::Nobody,
            // What can be put back of the workload is, all the same.
            (Err(_), Way::Back) => true,
            (Err(_), Way::There) => return bounded.map(drop),
        };
        let wish = if is_autoscaled { ruled(step, way) } else { own(step, way) };
        let pinned = !is_autoscaled || to.autoscaling.is_none_or(|bounds| bounds.min == bounds.max);
        let bounds = to.autoscaling.filter(|_| way == Way::Back && matches!(bounded, Ok(Ruler::Told | Ruler::Late)));
        if let Some(bounds) = bounds {
            self.note_bounds_back(place, bounds);
        }
        let wanted = Wanted { replicas: pinned.then_some(to.replicas), bounds, ..Wanted::default() };
        let wait = match (&bounded, way) {
            (Err(_) | Ok(Ruler::Late), _) => WaitFor::Nothing,
            (Ok(_), Way::Back) => WaitFor::ReplicasOfItsOwn,
            (Ok(_), Way::There) => WaitFor::Replicas,
        };
        self.apply(place, run, &wish, wanted, wait).await?;
        bounded.map(drop).and(sized)
    }

    async fn left_behind(&self, applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        let mut all = self.look_for_what_is_left(applications).await?;
        for (run, left) in &mut all {
            left.alive_until = self.signs().until(run).await?;
        }
        Ok(all)
    }

    async fn let_go(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        self.let_go_of(run, applications).await
    }
}

/// Waits for workloads of a kind.
pub(crate) fn settling<K: Workload>(
    client: &Client,
    settings: &KubernetesSettings,
    kind: K::DynamicType,
) -> Settling<K> {
    let (hold, schedule_within) = (settings.steady_for.as_duration(), settings.schedule_within.as_duration());
    Settling::new(client.clone(), kind, hold, schedule_within)
}

/// What a step wishes of a workload whose replicas are its own.
fn own(step: &ScaleStep, way: Way) -> Wish {
    let changes = changes(&fields_of(&step.from), &fields_of(&step.to));
    Wish { way, changes, contested: BTreeSet::new() }
}

/// What a step wishes of a workload whose replicas an autoscaler rules.
fn ruled(step: &ScaleStep, way: Way) -> Wish {
    let Wish { mut changes, .. } = own(step, way);
    let goes_back = way == Way::Back && step.from.autoscaling != step.to.autoscaling;
    if goes_back && step.from.replicas == step.to.replicas {
        // By bounds that it has no more the autoscaler may be about to move them.
        let [from, to] = [step.from.replicas, step.to.replicas].map(|replicas| Some(Value::Count(replicas)));
        changes.push(Change { field: Field::Replicas, from, to });
    }
    Wish { way, changes, contested: BTreeSet::from([Field::Replicas]) }
}
