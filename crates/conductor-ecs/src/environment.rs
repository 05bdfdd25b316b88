//! The ports over services of ECS: what is deployed and allocated, rollouts and scaling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{
    Deployed, Deployer, FailureKind, LeftBehind, PortError, Production, ProgressSink, Readiness, ReleaseSource, Scaler,
    Way,
};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use futures::future::{FutureExt, join_all};
use tokio::sync::OnceCell;

use crate::change::{Change, Wish};
use crate::connect::connect;
use crate::judge::{Limits, Wanted};
use crate::looks::Looks;
use crate::marker::Holder;
use crate::pace::Pace;
use crate::place::{Place, Revision};
use crate::production::running;
use crate::reader::{Reader, SERVICES, TARGETS, Target};
use crate::revisions::Revisions;
use crate::sends::Sends;
use crate::service::Service;
use crate::settings::EcsSettings;
use crate::settle::Settling;
use crate::signs::Signs;
use crate::writer::{Writer, Written};

/// The applications of an environment that are services of ECS, as a place to deploy to and to scale in.
pub struct EcsEnvironment {
    pub(crate) settings: EcsSettings,
    pub(crate) places: BTreeMap<ApplicationId, Place>,
    pub(crate) epoch: u64,
    pub(crate) reader: Reader,
    production: OnceCell<Reader>,
    pub(crate) services: Arc<Looks<Service>>,
    /// What scales services by itself.
    pub(crate) targets: Looks<Target>,
    pub(crate) revisions: Revisions,
    pub(crate) writer: Writer,
    settling: Settling,
    /// The deployment by which each service is what the run expects.
    pub(crate) deployments: Mutex<BTreeMap<Place, String>>,
    progress: Option<Arc<dyn ProgressSink>>,
}

/// The group of questions that are not put by cluster.
pub(crate) const ALL: &str = "";

impl EcsEnvironment {
    /// The applications of these settings. `epoch` is higher for each conductor that takes a run over: of two, the older one's
    /// writes are refused. Nothing is asked of AWS yet, but for what the default chain of credentials needs.
    pub async fn connect(settings: EcsSettings, epoch: u64) -> Self {
        let pace = Arc::new(Pace::new(&settings.rates));
        let clients = connect(&settings.account, settings.timeout.as_duration()).await;
        let reader = Reader::new(clients.clone(), Arc::clone(&pace));
        let services = Arc::new(services(reader.clone()));
        let asked = reader.clone();
        let ask = move |_, ids: Vec<String>| {
            let reader = asked.clone();
            async move { reader.targets(&ids).await }.boxed()
        };
        let shown_within = settings.shown_within.as_duration();
        let sends = Sends::new(epoch, shown_within);
        let limits = Limits { shown_within, place_within: settings.place_within.as_duration() };
        Self {
            places: settings.places(),
            epoch,
            production: OnceCell::new(),
            targets: Looks::new(TARGETS, Box::new(ask)),
            revisions: Revisions::new(reader.clone()),
            writer: Writer::new(clients, reader.clone(), pace, Arc::clone(&services), sends, shown_within),
            settling: Settling::new(reader.clone(), Arc::clone(&services), settings.poll.as_duration(), limits),
            deployments: Mutex::default(),
            services,
            reader,
            progress: None,
            settings,
        }
    }

    /// Tells somebody how far rollouts and scaling are while they are waited for.
    #[must_use]
    pub fn telling(self, progress: Option<Arc<dyn ProgressSink>>) -> Self {
        Self { progress, ..self }
    }

    pub(crate) fn holder(&self, run: &RunId) -> Holder {
        Holder { run: run.clone(), epoch: self.epoch }
    }

    pub(crate) fn place(&self, application: &ApplicationId) -> Result<&Place, PortError> {
        let absent = || format!("{application} is not an application on ECS in this environment");
        self.places.get(application).ok_or_else(|| PortError::new(FailureKind::NotFound, absent()))
    }

    /// Signs of life in the clusters of the environment.
    pub(crate) fn signs(&self) -> Signs<'_> {
        let clusters: BTreeSet<&str> = self.places.values().map(|place| place.cluster.as_str()).collect();
        Signs::new(&self.reader, &self.writer, clusters)
    }

    /// The services of applications that are there.
    pub(crate) async fn look(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Arc<Service>>, PortError> {
        let looks = applications.iter().map(|application| async move {
            let place = self.place(application)?;
            let found = self.present(place).await?;
            Ok(found.map(|service| (application.clone(), service)))
        });
        let found: Vec<Result<_, PortError>> = join_all(looks).await;
        found.into_iter().filter_map(Result::transpose).collect()
    }

    /// A service; `None` where it is missing in several answers: one alone is no deletion.
    pub(crate) async fn present(&self, place: &Place) -> Result<Option<Arc<Service>>, PortError> {
        match self.writer.look(place, "could not look").await {
            Ok(service) => Ok(Some(service)),
            Err(error) if error.kind == FailureKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the task definition of a service says.
    pub(crate) async fn definition_of(
        &self,
        service: &Service,
    ) -> Result<Arc<crate::definition::Definition>, PortError> {
        let absent = || format!("service {} has no task definition that could be read", service.name);
        let revision = service.definition.as_ref().ok_or_else(|| PortError::new(FailureKind::Rejected, absent()))?;
        self.revisions.get(revision).await
    }

    fn tell(&self, place: &Place, readiness: &Readiness) {
        let Some(progress) = &self.progress else { return };
        let its = self.places.iter().filter(|(_, known)| *known == place);
        its.for_each(|(application, _)| progress.told(application, readiness.clone()));
    }

    /// Writes, and waits until the service has become so.
    pub(crate) async fn make(&self, place: &Place, run: &RunId, wish: &Wish) -> Result<(), PortError> {
        let Written { deployment, before, told } = self.writer.write(place, &self.holder(run), wish).await?;
        let wanted = Wanted {
            definition: wish.definition.as_ref().map(|change| change.to.clone()),
            deployment,
            before,
            desired: wish.desired.map(|change| change.to),
            told,
        };
        let see = |service: &Service| self.writer.sends.see(place, service);
        let service = self.settling.wait(place, wanted, see, |readiness| self.tell(place, &readiness)).await?;
        self.note_deployment(place, &service);
        Ok(())
    }

    /// Notes the deployment that is in place with the run's will.
    pub(crate) fn note_deployment(&self, place: &Place, service: &Service) {
        if let Some(primary) = service.primary() {
            let mut known = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(place.clone(), primary.id.clone());
        }
    }

    /// Production, where the environment names one, once it is known not to be what is written to.
    async fn reader_of_production(&self) -> Result<Option<&Reader>, PortError> {
        let Some(settings) = &self.settings.production else { return Ok(None) };
        let connect = || async {
            let timeout = self.settings.timeout.as_duration();
            let pace = Arc::new(Pace::new(&self.settings.rates));
            let reader = Reader::new(connect(&settings.account, timeout).await, pace);
            if !settings.same_cluster {
                self.refuse_same_cluster(&reader).await?;
            }
            Ok(reader)
        };
        self.production.get_or_try_init(connect).await.map(Some)
    }

    async fn refuse_same_cluster(&self, production: &Reader) -> Result<(), PortError> {
        let theirs = self.settings.applications.iter().map(|one| self.settings.place_in_production(one).cluster);
        let (theirs, ours): (BTreeSet<String>, BTreeSet<&String>) =
            (theirs.collect(), self.places.values().map(|place| &place.cluster).collect());
        let mut arns = BTreeSet::new();
        for name in ours {
            arns.extend(self.reader.cluster(name).await?.map(|cluster| cluster.arn));
        }
        for name in theirs {
            let found = production.cluster(&name).await?;
            if let Some(cluster) = found.filter(|cluster| arns.contains(&cluster.arn)) {
                let text = format!(
                    "ecs.production has the very cluster that is written to ({}); expected another one, or sameCluster: true",
                    cluster.arn
                );
                return Err(PortError::new(FailureKind::Rejected, text));
            }
        }
        Ok(())
    }
}

/// Looks at services, put together by cluster.
pub(crate) fn services(reader: Reader) -> Looks<Service> {
    let ask = move |cluster: String, names: Vec<String>| {
        let reader = reader.clone();
        async move { reader.services(&cluster, &names).await }.boxed()
    };
    Looks::new(SERVICES, Box::new(ask))
}

#[async_trait]
impl ReleaseSource for EcsEnvironment {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        let Some(reader) = self.reader_of_production().await? else { return Ok(BTreeMap::new()) };
        let known = self.settings.applications.iter().filter(|application| applications.contains(&application.name));
        let places =
            known.map(|application| (application.name.clone(), self.settings.place_in_production(application)));
        running(reader, places.collect()).await
    }
}

#[async_trait]
impl Deployer for EcsEnvironment {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        let found = self.look(applications).await?;
        let read = found.into_iter().map(|(application, service)| async move {
            let release = Release::new(self.definition_of(&service).await?.images());
            Ok((application, Deployed { release, identity: service.created.clone() }))
        });
        join_all(read).await.into_iter().collect()
    }

    async fn try_out(&self, _: &RunId, rollouts: &[Rollout]) -> Result<BTreeMap<ApplicationId, String>, PortError> {
        let applications: Vec<ApplicationId> = rollouts.iter().map(|rollout| rollout.application.clone()).collect();
        let found = self.look(&applications).await?;
        let looks = found.iter().map(|(application, service)| async move {
            match service.undeployable() {
                Some(problem) => Ok(Some(format!("{application}: {problem}"))),
                None => self.cannot_come_back(application, service).await,
            }
        });
        let problems: Result<Vec<String>, PortError> =
            join_all(looks).await.into_iter().filter_map(Result::transpose).collect();
        let problems = problems?;
        if problems.is_empty() {
            return Ok(BTreeMap::new());
        }
        Err(PortError::new(FailureKind::Rejected, problems.join("; ")))
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        let Rollout { application, from, to, .. } = rollout;
        let place = self.place(application)?;
        let change = self.change_of_images(place, run, from, to, way).await?;
        let wish = Wish { definition: Some(change), ..Wish::nothing(way) };
        self.make(place, run, &wish).await
    }
}

#[async_trait]
impl Scaler for EcsEnvironment {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        let found = self.look(applications).await?;
        let problems: Vec<String> = found.iter().filter_map(|(name, service)| unfit(name, service)).collect();
        if !problems.is_empty() {
            return Err(PortError::new(FailureKind::Rejected, problems.join("; ")));
        }
        self.allocations(found).await
    }

    async fn still_allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.allocations(self.look(applications).await?).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        let ScaleStep { application, from, to } = step;
        if from.autoscaling != to.autoscaling {
            let text = format!("{step}: the bounds of an autoscaling are not changed on ECS");
            return Err(PortError::new(FailureKind::Rejected, text));
        }
        let place = self.place(application)?;
        if way == Way::There {
            self.suspend(run, place).await?;
        }
        let definition: Option<Change<Revision>> = match step.sets_resources() {
            true => Some(self.change_of_resources(place, run, step, way).await?),
            false => None,
        };
        let desired = (from.replicas != to.replicas).then_some(Change { from: from.replicas, to: to.replicas });
        let wish = Wish { desired, definition, ..Wish::nothing(way) };
        self.make(place, run, &wish).await
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

/// Why no run may begin on a service; `None` where one may.
fn unfit(application: &ApplicationId, service: &Service) -> Option<String> {
    crate::unfit::unfit(service).map(|problem| format!("{application}: {problem}"))
}
