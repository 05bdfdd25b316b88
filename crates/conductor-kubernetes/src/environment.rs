//! The ports over a test cluster: what is deployed and allocated, rollouts and scaling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::ports::{
    Deployed, Deployer, FailureKind, LeftBehind, PortError, Production, ReleaseSource, Scaler, Way,
};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Client;
use tokio::sync::OnceCell;

use crate::autoscaler::{Several, by_target, name, only};
use crate::change::{Wish, ours};
use crate::connect::connect;
use crate::field::{Field, Fields};
use crate::freeze::Freezer;
use crate::identity::same_cluster;
use crate::look::Found;
use crate::marker::Holder;
use crate::object::{Object, marker};
use crate::production::running;
use crate::reader::Reader;
use crate::rollout::{Before, Wanted};
use crate::settings::{ClusterSettings, KubernetesSettings, Place, ProductionSettings};
use crate::settle::Settling;
use crate::terms::{changes, fields_of, images_of, production};
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
    pub(crate) writer: Writer,
    settling: Settling,
    /// The bounds that autoscalers got back, by what they scale: they bring the replicas there, sooner or later.
    bounds_back: Mutex<BTreeMap<Place, Bounds>>,
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
        let hold = settings.steady_for.as_duration();
        Ok(Self {
            places,
            epoch,
            reader: Reader::of_test_cluster(client.clone()),
            writer: Writer::new(client.clone()),
            settling: Settling::new(client.clone(), hold, settings.schedule_within.as_duration()),
            client,
            freezer: OnceCell::new(),
            production: OnceCell::new(),
            bounds_back: Mutex::default(),
            settings,
        })
    }

    /// Production, once it is known not to be the cluster that is written to.
    async fn connect_production(&self, settings: &ProductionSettings) -> Result<Reader, PortError> {
        let act = "could not connect to production (kubernetes.production)";
        let cluster = ClusterSettings { kubeconfig: settings.kubeconfig.clone(), context: settings.context.clone() };
        let client = connect(&cluster).await.map_err(|error| PortError::because(FailureKind::Rejected, act, error))?;
        let reader = Reader::new(client);
        if !settings.same_cluster && same_cluster(&reader, &self.client).await? {
            let text = "kubernetes.production is the very cluster that is written to (its kube-system has the same uid); \
                        expected another one, or sameCluster: true";
            return Err(PortError::new(FailureKind::Rejected, text));
        }
        Ok(reader)
    }

    pub(crate) fn holder(&self, run: &RunId) -> Holder {
        Holder { run: run.clone(), epoch: self.epoch }
    }

    pub(crate) fn place(&self, application: &ApplicationId) -> Result<&Place, PortError> {
        let absent = || format!("{application} is not an application on Kubernetes in this environment");
        self.places.get(application).ok_or_else(|| PortError::new(FailureKind::NotFound, absent()))
    }
}

impl KubernetesEnvironment {
    /// Changes a Deployment and waits until it is so, unless more of it is still to come.
    async fn apply(
        &self,
        place: &Place,
        run: &RunId,
        wish: &Wish,
        mut wanted: Wanted,
        more: impl Fn(&Deployment) -> bool,
    ) -> Result<(), PortError> {
        // Before the write, so that nothing of what comes of it is missed.
        let sights = self.settling.follow(place);
        let written: Deployment =
            self.writer.write(&place.namespace, &place.deployment, &self.holder(run), wish).await?;
        if more(&written) {
            return Ok(());
        }
        wanted.before = Before::of_deployment(&written);
        self.settling.settle(place, wanted, sights, written).await
    }

    /// Gives the autoscaler of an application other bounds. It comes before the replicas, which it would take for its own
    /// otherwise. False when there is none any more.
    async fn bound(&self, place: &Place, run: &RunId, way: Way, [from, to]: [Bounds; 2]) -> Result<bool, PortError> {
        let targets = by_target(self.reader.list_in(&place.namespace).await?);
        let several = if way == Way::Back { Several::First } else { Several::Refused };
        let Some(autoscaler) = only(place, &targets, several)? else { return Ok(false) };
        let wish = Wish { way, changes: changes(&from.fields(), &to.fields()), contested: BTreeSet::new() };
        let holder = self.holder(run);
        self.writer
            .write::<HorizontalPodAutoscaler>(&place.namespace, name(autoscaler), &holder, &wish)
            .await
            .map(|_| true)
    }
}

/// True when the run's images are still to be put back: replicas that run them may never become ready, and are not waited for.
fn has_images_of_a_run(deployment: &Deployment) -> bool {
    let (Ok(fields), Ok(Some(marker))) = (deployment.fields(), marker(deployment)) else { return false };
    ours(&fields, &marker).any(|field| matches!(field, Field::Image { .. }))
}

#[async_trait]
impl ReleaseSource for KubernetesEnvironment {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        let Some(settings) = &self.settings.production else { return Ok(BTreeMap::new()) };
        let reader = self.production.get_or_try_init(|| self.connect_production(settings)).await?;
        let known = self.settings.applications.iter().filter(|application| applications.contains(&application.name));
        let places: BTreeMap<&ApplicationId, Place> =
            known.map(|application| (&application.name, self.settings.place_in_production(application))).collect();
        let wanted: Vec<Place> = places.values().cloned().collect();
        let found = running(reader, &wanted).await?;
        let told = places.into_iter().filter_map(|(name, place)| {
            let running = found.get(&place)?.clone();
            Some(production(&place, running).map(|production| (name.clone(), production)))
        });
        told.collect()
    }
}

#[async_trait]
impl Deployer for KubernetesEnvironment {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        let found = self.found(applications).await?;
        let deployed = |Found { deployment, owned }: Found| Deployed {
            release: Release::new(owned.images),
            identity: deployment.metadata.uid,
        };
        Ok(found.into_iter().map(|(application, found)| (application, deployed(found))).collect())
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        let Rollout { application, from, to } = rollout;
        let changes = changes(&images_of(from), &images_of(to));
        let place = self.place(application)?;
        let bounds = self.bounds_back.lock().unwrap_or_else(PoisonError::into_inner).get(place).copied();
        let bounds = bounds.filter(|_| way == Way::Back);
        let wanted = Wanted { images: to.containers().clone(), bounds, ..Wanted::default() };
        let wish = Wish { way, changes, contested: BTreeSet::new() };
        self.apply(place, run, &wish, wanted, |_| false).await
    }
}

#[async_trait]
impl Scaler for KubernetesEnvironment {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.look_at_allocations(applications).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        let ScaleStep { application, from, to } = step;
        let place = self.place(application)?;
        let bounded = match (from.autoscaling, to.autoscaling) {
            (Some(before), Some(after)) if before != after => self.bound(place, run, way, [before, after]).await,
            (Some(_), Some(_)) => Ok(true),
            (None, None) => Ok(false),
            (Some(_), None) | (None, Some(_)) => {
                let text = format!("{step}: autoscalers are neither made nor deleted");
                return Err(PortError::new(FailureKind::Rejected, text));
            }
        };
        let is_autoscaled = match (&bounded, way) {
            (Ok(false), Way::There) if to.autoscaling.is_some() => {
                return Err(PortError::new(FailureKind::NotFound, format!("{place} has no autoscaler any more")));
            }
            (Ok(is_autoscaled), _) => *is_autoscaled,
            // What can be put back of the workload is, all the same.
            (Err(_), Way::Back) => true,
            (Err(_), Way::There) => return bounded.map(drop),
        };
        let contested = is_autoscaled.then_some(Field::Replicas).into_iter().collect();
        let wish = Wish { way, changes: changes(&fields_of(from), &fields_of(to)), contested };
        let pinned = !is_autoscaled || to.autoscaling.is_none_or(|bounds| bounds.min == bounds.max);
        let bounds = to.autoscaling.filter(|_| way == Way::Back && matches!(bounded, Ok(true)));
        if let Some(bounds) = bounds {
            self.bounds_back.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone(), bounds);
        }
        let wanted = Wanted { replicas: pinned.then_some(to.replicas), bounds, ..Wanted::default() };
        let more = |written: &Deployment| bounded.is_err() || (way == Way::Back && has_images_of_a_run(written));
        self.apply(place, run, &wish, wanted, more).await?;
        bounded.map(drop)
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
