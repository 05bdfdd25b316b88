//! The ports over a test cluster: what is deployed and allocated, rollouts and scaling.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId, Bounds, Resources};
use conductor_core::failure::Failure;
use conductor_core::ports::{
    Deployed, Deployer, FailureKind, LeftBehind, PortError, Production, ReleaseSource, Scaler, Way,
};
use conductor_core::quantity::QuantityError;
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use futures::stream::{StreamExt, TryStreamExt, iter};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Client, Resource};
use tokio::sync::OnceCell;

use crate::autoscaler::{Autoscaler, by_target, only};
use crate::change::{Change, Wish};
use crate::connect::connect;
use crate::field::{Field, Fields, Owned, Value};
use crate::freeze::Freezer;
use crate::identity::same_cluster;
use crate::left_behind::{Marked, left_behind};
use crate::marker::{Holder, Marker};
use crate::object::{Object, marker};
use crate::production::{Running, running};
use crate::reader::Reader;
use crate::rollout::{Before, Wanted};
use crate::settings::{ClusterSettings, KubernetesSettings, Place, ProductionSettings};
use crate::settle::Settling;
use crate::write::Writer;

/// Namespaces that are read at the same time.
const CONCURRENCY: usize = 8;

/// The applications of an environment that run in a cluster, as a place to deploy to and to scale in.
pub struct KubernetesEnvironment {
    pub(crate) settings: KubernetesSettings,
    pub(crate) places: BTreeMap<ApplicationId, Place>,
    epoch: u64,
    pub(crate) client: Client,
    pub(crate) freezer: OnceCell<Freezer>,
    reader: Reader,
    production: OnceCell<Reader>,
    writer: Writer,
    settling: Settling,
}

/// An application as it is found.
struct Found {
    identity: Option<String>,
    owned: Owned,
    marker: Option<Marker<Owned>>,
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
            settling: Settling::new(client.clone(), hold),
            client,
            freezer: OnceCell::new(),
            production: OnceCell::new(),
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

    fn holder(&self, run: &RunId) -> Holder {
        Holder { run: run.clone(), epoch: self.epoch }
    }

    pub(crate) fn place(&self, application: &ApplicationId) -> Result<&Place, PortError> {
        let absent = || format!("{application} is not an application on Kubernetes in this environment");
        self.places.get(application).ok_or_else(|| PortError::new(FailureKind::NotFound, absent()))
    }
}

impl KubernetesEnvironment {
    /// The Deployments of these applications; those that do not exist are absent.
    async fn found(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Found>, PortError> {
        let listed = self.list::<Deployment>(applications).await?;
        let mut by_place = BTreeMap::new();
        for deployment in listed.into_iter().flat_map(|(_, deployments)| deployments) {
            let meta = deployment.meta();
            if let (Some(namespace), Some(name)) = (meta.namespace.clone(), meta.name.clone()) {
                by_place.insert(Place { namespace, deployment: name }, deployment);
            }
        }
        let mut found = BTreeMap::new();
        for application in applications {
            let place = self.place(application)?;
            let Some(deployment) = by_place.get(place) else { continue };
            let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
                PortError::because(FailureKind::Rejected, format!("could not read {place}"), error)
            };
            let owned = deployment.fields().map_err(|error| unreadable(error.into()))?;
            let marker = marker(deployment).map_err(|error| unreadable(error.into()))?;
            found.insert(application.clone(), Found { identity: deployment.meta().uid.clone(), owned, marker });
        }
        Ok(found)
    }

    /// The objects of a kind in every namespace of these applications.
    async fn list<K: Object>(&self, applications: &[ApplicationId]) -> Result<Vec<(String, Vec<K>)>, PortError> {
        let namespaces: BTreeSet<&str> = applications
            .iter()
            .map(|application| self.place(application).map(|place| place.namespace.as_str()))
            .collect::<Result<_, _>>()?;
        let lists = namespaces.into_iter().map(|namespace| self.list_in(namespace)).collect::<Vec<_>>();
        iter(lists).buffer_unordered(CONCURRENCY).try_collect().await
    }

    async fn list_in<K: Object>(&self, namespace: &str) -> Result<(String, Vec<K>), PortError> {
        Ok((namespace.to_owned(), self.reader.list_in::<K>(namespace).await?))
    }

    /// The autoscalers of these applications' namespaces, by what they scale.
    pub(crate) async fn autoscalers(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<Place, Vec<Autoscaler>>, PortError> {
        let mut targets = BTreeMap::new();
        for (namespace, found) in self.list::<HorizontalPodAutoscaler>(applications).await? {
            targets.extend(by_target(&namespace, &found)?);
        }
        Ok(targets)
    }

    /// Takes the marker of a run from the objects of a kind, where nothing of the run is left. One failure does not stop
    /// the others.
    async fn unmark<K: Object>(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
    ) -> Result<Vec<PortError>, PortError> {
        let mut failures = Vec::new();
        for (namespace, objects) in self.list::<K>(applications).await? {
            for object in objects {
                let meta = object.meta();
                // What cannot be read is told when somebody wants to write to it.
                if !marker(&object).is_ok_and(|marker| marker.is_some_and(|marker| marker.holder.run == *run)) {
                    continue;
                }
                let nothing = Wish { way: Way::Back, changes: Vec::new() };
                let name = meta.name.as_deref().unwrap_or_default();
                failures.extend(self.writer.write::<K>(&namespace, name, &self.holder(run), &nothing).await.err());
            }
        }
        Ok(failures)
    }

    /// Changes a Deployment and waits until it is so.
    async fn apply(&self, place: &Place, run: &RunId, wish: &Wish, mut wanted: Wanted) -> Result<(), PortError> {
        let written: Deployment =
            self.writer.write(&place.namespace, &place.deployment, &self.holder(run), wish).await?;
        wanted.before = Before::of_deployment(&written);
        self.settling.settle(place, wanted).await
    }

    /// Gives the autoscaler of an application other bounds. It comes before the replicas, which it would take for its own
    /// otherwise.
    async fn bound(
        &self,
        application: &ApplicationId,
        run: &RunId,
        way: Way,
        [from, to]: [Bounds; 2],
    ) -> Result<(), PortError> {
        let place = self.place(application)?;
        let targets = self.autoscalers(std::slice::from_ref(application)).await?;
        let absent = || PortError::new(FailureKind::NotFound, format!("{place} has no autoscaler any more"));
        let autoscaler = only(place, targets.get(place))?.ok_or_else(absent)?;
        let (from, to) = (from.fields(), to.fields());
        let changes = changes(&from, &to, |_| false);
        let wish = Wish { way, changes };
        self.writer
            .write::<HorizontalPodAutoscaler>(&place.namespace, &autoscaler.name, &self.holder(run), &wish)
            .await
            .map(drop)
    }
}

/// The changes from some fields to others.
fn changes(
    from: &BTreeMap<Field, Value>,
    to: &BTreeMap<Field, Value>,
    contested: impl Fn(&Field) -> bool,
) -> Vec<Change> {
    let fields: BTreeSet<&Field> = from.keys().chain(to.keys()).collect();
    let unlike = fields.into_iter().filter(|field| from.get(field) != to.get(field));
    let change = |field: &Field| Change {
        field: field.clone(),
        from: from.get(field).cloned(),
        to: to.get(field).cloned(),
        contested: contested(field),
    };
    unlike.map(change).collect()
}

/// The fields of an allocation, without those of its autoscaler.
fn fields_of(allocation: &Allocation) -> BTreeMap<Field, Value> {
    let Allocation { replicas, resources, .. } = allocation.clone();
    Owned { replicas, images: BTreeMap::new(), resources }.fields()
}

/// The images of a release.
fn images_of(release: &Release) -> BTreeMap<Field, Value> {
    Owned { replicas: 0, images: release.containers().clone(), resources: BTreeMap::new() }.fields()
}

/// What production gives an application, as the core knows it.
fn production(place: &Place, running: Running) -> Result<Production, PortError> {
    let Running { images, resources, replicas } = running;
    let amounts = |resources: BTreeMap<String, String>| -> Result<Resources, QuantityError> {
        resources.into_iter().map(|(name, text)| Ok((name, text.parse()?))).collect()
    };
    let resources = resources.into_iter().map(|(container, resources)| Ok((container, amounts(resources)?)));
    let unreadable = |error: QuantityError| {
        PortError::because(FailureKind::Rejected, format!("could not read {place} in production"), error)
    };
    let resources = resources.collect::<Result<_, _>>().map_err(unreadable)?;
    let allocation = Allocation { resources, ..Allocation::of_replicas(replicas) };
    Ok(Production { release: Release::new(images), allocation })
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
        let deployed =
            |Found { identity, owned, .. }: Found| Deployed { release: Release::new(owned.images), identity };
        Ok(found.into_iter().map(|(application, found)| (application, deployed(found))).collect())
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        let Rollout { application, from, to } = rollout;
        let changes = changes(&images_of(from), &images_of(to), |_| false);
        let wanted = Wanted { images: to.containers().clone(), ..Wanted::default() };
        self.apply(self.place(application)?, run, &Wish { way, changes }, wanted).await
    }
}

#[async_trait]
impl Scaler for KubernetesEnvironment {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        let (found, autoscalers) = futures::try_join!(self.found(applications), self.autoscalers(applications))?;
        let mut allocated = BTreeMap::new();
        for (application, Found { owned, .. }) in found {
            let place = self.place(&application)?;
            let autoscaling = only(place, autoscalers.get(place))?.map(|autoscaler| autoscaler.bounds);
            let Owned { replicas, resources, .. } = owned;
            allocated.insert(application, Allocation { replicas, resources, autoscaling });
        }
        Ok(allocated)
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        let ScaleStep { application, from, to } = step;
        let is_autoscaled = match (from.autoscaling, to.autoscaling) {
            (Some(before), Some(after)) => {
                if before != after {
                    self.bound(application, run, way, [before, after]).await?;
                }
                true
            }
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => {
                let text = format!("{step}: autoscalers are neither made nor deleted");
                return Err(PortError::new(FailureKind::Rejected, text));
            }
        };
        let contested = |field: &Field| is_autoscaled && *field == Field::Replicas;
        let changes = changes(&fields_of(from), &fields_of(to), contested);
        let pinned = to.autoscaling.is_none_or(|bounds| bounds.min == bounds.max);
        let wanted = Wanted { replicas: pinned.then_some(to.replicas), ..Wanted::default() };
        self.apply(self.place(application)?, run, &Wish { way, changes }, wanted).await
    }

    async fn left_behind(&self, applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        let (found, mut autoscalers) = futures::try_join!(self.found(applications), self.autoscalers(applications))?;
        let mut marked = BTreeMap::new();
        for (application, Found { identity, owned, marker }) in found {
            let place = self.place(&application)?;
            let autoscaler = only(place, autoscalers.remove(place).as_ref())?;
            let autoscaler = autoscaler.map(|found| (found.bounds, found.marker));
            marked.insert(application, Marked { identity, workload: (owned, marker), autoscaler });
        }
        let mut all = left_behind(&marked);
        for (run, left) in &mut all {
            left.alive_until = self.signs().until(run).await?;
        }
        Ok(all)
    }

    async fn let_go(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        let (deployments, autoscalers) = futures::join!(
            self.unmark::<Deployment>(run, applications),
            self.unmark::<HorizontalPodAutoscaler>(run, applications),
        );
        let failures: Vec<PortError> = deployments?.into_iter().chain(autoscalers?).collect();
        let Some(kind) = failures.iter().map(|error| error.kind).max_by_key(|kind| !kind.is_transient()) else {
            return Ok(());
        };
        let texts: Vec<String> = failures.iter().map(|error| Failure::of("", error).message).collect();
        Err(PortError::new(kind, texts.join("; ")))
    }
}
