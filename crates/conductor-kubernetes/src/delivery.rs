//! Deploying by an object of a delivery system: the test cluster's own delivery changes the workload, and is waited for.
//!
//! * The workload is marked before the object is made. What the delivery then makes of the fields is the run's, and goes back.
//! * The object has one name for a run and an application: a conductor that comes after a crash finds it, and makes no second.
//! * When it has succeeded, the conductor takes the workload over: images by the digests that are wanted, and all else as
//!   it was before. From then on everything is as if the conductor had deployed.

mod adopted;
mod besides;
mod images;
mod phase;
mod task;
mod template;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError, Readiness, Way};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use futures::stream::{StreamExt, iter};
use serde_json::Value;

pub(crate) use self::adopted::{adopted, as_planned};
pub(crate) use self::besides::besides_fields;
use self::task::Task;
pub(crate) use self::template::template_violations;
use self::template::{Values, fill, mentions};
pub(crate) use self::unknown::Unknown;
use crate::apply::WaitFor;
use crate::change::Wish;
use crate::environment::KubernetesEnvironment;
use crate::field::{Field, Fields};
use crate::let_go::all_failed;
use crate::named::Named;
use crate::names;
use crate::object::marker;
use crate::place::{Kind, Place};
use crate::rollout::Wanted;
use crate::settings::{DeployObject, Template};
use crate::settle::Settling;
use crate::terms::{changes, images_of};
use crate::workload::Workload;

/// Objects that are tried or taken away at the same time.
const CONCURRENCY: usize = 8;
/// The placeholder that only production's versions have something for.
const DEPLOY_ID: &str = "deployId";

impl KubernetesEnvironment {
    /// How a delivery system deploys an application, where one does.
    fn delivery(&self, application: &ApplicationId) -> Option<&DeployObject> {
        let found = self.settings.applications.iter().find(|found| found.name == *application)?;
        self.settings.deploy_object(found)
    }

    /// How a delivery system does a rollout. An image of the load test's own is none that is known by a deploy id: where the
    /// template has one, the conductor sets that image itself.
    pub(crate) fn delivered_by(&self, rollout: &Rollout) -> Option<&DeployObject> {
        let settings = self.delivery(&rollout.application)?;
        (rollout.deploy_id.is_some() || !needs_deploy_id(settings)).then_some(settings)
    }

    /// True where an application cannot be deployed without production's deploy id.
    pub(crate) fn needs_deploy_id(&self, application: &ApplicationId) -> bool {
        self.delivery(application).is_some_and(needs_deploy_id)
    }

    /// Lets the delivery system do a rollout, and takes the workload over.
    pub(crate) async fn deliver(
        &self,
        run: &RunId,
        rollout: &Rollout,
        settings: &DeployObject,
    ) -> Result<(), PortError> {
        let place = self.place(&rollout.application)?;
        let Some((task, object)) = self.task(run, &rollout.application, settings, Some(rollout)).await? else {
            return Err(no_kind(settings));
        };
        match &place.kind {
            Kind::Deployment => self.deliver_to(&self.deployments, place, &task, object, rollout).await,
            Kind::StatefulSet => self.deliver_to(&self.stateful_sets, place, &task, object, rollout).await,
            Kind::Rollout => self.deliver_to(&self.argo_rollouts, place, &task, object, rollout).await,
            Kind::StackSet | Kind::Scalable(_) => Err(PortError::new(
                FailureKind::Rejected,
                format!("{place} cannot be deployed by an object; expected deploy: images"),
            )),
        }
    }

    async fn deliver_to<K: Workload<DynamicType = ()>>(
        &self,
        settling: &Settling<K>,
        place: &Place,
        task: &Task<'_>,
        object: Value,
        rollout: &Rollout,
    ) -> Result<(), PortError> {
        let wanted = rollout.to.containers();
        let wish = wish(changes(&images_of(&rollout.from), &images_of(&rollout.to)), BTreeSet::new());
        let (holder, [namespace, name]) = (self.holder(task.run), [&place.namespace, &place.name]);
        let live: K = self.reader.get_in(namespace, name).await?;
        let of_the_run = marker(&live).ok().flatten().filter(|marker| marker.holder.run == *task.run);
        if of_the_run.is_some_and(|marker| !marker.delivering && !marker.applied.is_empty()) {
            // The delivery was taken over: what somebody has changed since is put in place as any version is.
            let wanted = Wanted { images: wanted.clone(), ..Wanted::default() };
            return self.apply(place, task.run, &wish, wanted, WaitFor::Replicas).await;
        }
        let announced: Box<K> = self.writer.announce(Named::new(namespace, name), &holder, &wish).await?;
        let unreadable = |error| PortError::because(FailureKind::Rejected, format!("could not read {place}"), error);
        let fields = announced.fields().map_err(unreadable)?;
        let is_delivered = wanted.iter().all(|(container, image)| fields.images.get(container) == Some(image));
        if !is_delivered {
            task.make(object, false).await?;
            let replicas = fields.replicas;
            let tell = |text| self.tell(place, &Readiness { ready: 0, wanted: replicas, text });
            // It may wait until what it has deployed is promoted.
            tokio::select! {
                ended = task.ended(&tell) => ended?,
                never = settling.promoting(place, task.run) => match never {},
            }
        }
        let live: K = self.reader.get_in(namespace, name).await?;
        let fields = live.fields().map_err(unreadable)?;
        let before = marker(&live).ok().flatten().map_or_else(|| fields.clone(), |marker| marker.original);
        let unchanged = images::unchanged(&task.called(), place, &fields.images, &before.images, wanted)?;
        if !unchanged.is_empty() {
            let following = settling.follow(place);
            let written = self.writer.announce(Named::new(namespace, name), &holder, &wish).await?;
            let settled = Wanted { images: fields.images.clone(), ..Wanted::default() };
            settling.settle(place, settled, following, written, &|readiness| self.tell(place, &readiness)).await?;
            images::prove(&self.reader, &task.called(), place, &unchanged).await?;
        }
        let mut target = before;
        target.images.extend(wanted.iter().map(|(container, image)| (container.clone(), image.clone())));
        // What was not there before keeps what the delivery has given it.
        for (container, resources) in &fields.resources {
            target.resources.entry(container.clone()).or_insert_with(|| resources.clone());
        }
        let autoscalers = self.autoscalers(std::slice::from_ref(&rollout.application)).await?;
        let mut contested = BTreeSet::new();
        if autoscalers.get(place).is_some_and(|scaling| !scaling.is_empty()) {
            target.replicas = fields.replicas;
            contested.insert(Field::Replicas);
        }
        let take_over = self::wish(changes(&fields.fields(), &target.fields()), contested);
        let wanted = Wanted { images: wanted.clone(), ..Wanted::default() };
        self.apply(place, task.run, &take_over, wanted, WaitFor::Replicas).await
    }

    /// Tries whether the delivery systems would take the objects of these rollouts, and tells by what each is deployed.
    pub(crate) async fn try_deliveries(
        &self,
        run: &RunId,
        rollouts: &[Rollout],
    ) -> Result<BTreeMap<ApplicationId, String>, PortError> {
        let delivered = rollouts.iter().filter_map(|rollout| Some((rollout, self.delivered_by(rollout)?)));
        let tried = delivered.map(|(rollout, settings)| async move {
            let task = self.task(run, &rollout.application, settings, Some(rollout)).await?;
            let (task, object) = task.ok_or_else(|| no_kind(settings))?;
            task.make(object, true).await?;
            Ok((rollout.application.clone(), format!("a {}", kind_of(settings))))
        });
        // Made before the stream, whose future could not move between threads with the closure in it.
        let tried: Vec<_> = tried.collect();
        let tried: Vec<Result<_, PortError>> = iter(tried).buffered(CONCURRENCY).collect().await;
        let (mut by, mut failures) = (BTreeMap::new(), Vec::new());
        for one in tried {
            match one {
                Ok((application, text)) => drop(by.insert(application, text)),
                Err(error) => failures.push(error),
            }
        }
        all_failed(&failures).map(|()| by)
    }

    /// Ends what a delivery system still does for an application, and takes its object away, before the application is put
    /// back: after that nothing would tell of the object. Tells what the delivery has done that will not be put back.
    pub(crate) async fn stop_delivery(&self, run: &RunId, application: &ApplicationId) -> Result<(), PortError> {
        let Some(settings) = self.delivery(application) else { return Ok(()) };
        let stopped = match self.task(run, application, settings, None).await {
            Ok(Some((task, _))) => task.stop(!settings.keep_objects).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        stopped.and(self.look_besides(run, application).await)
    }

    /// Takes away the objects of a run's deployments. One failure does not stop the others.
    pub(crate) async fn end_deliveries(&self, run: &RunId, applications: &[ApplicationId]) -> Vec<PortError> {
        let delivered = applications.iter().filter_map(|application| Some((application, self.delivery(application)?)));
        let ended = delivered.map(|(application, settings)| async move {
            if let Some((task, _)) = self.task(run, application, settings, None).await? {
                task.stop(!settings.keep_objects).await?;
            }
            self.look_besides(run, application).await
        });
        let ended: Vec<_> = ended.collect();
        let ended: Vec<Result<(), PortError>> = iter(ended).buffer_unordered(CONCURRENCY).collect().await;
        ended.into_iter().filter_map(Result::err).collect()
    }

    /// The object of a run for an application, and what it is made of; `None` where the cluster has no such kind. Without a
    /// rollout only its name and its place count.
    async fn task<'a>(
        &'a self,
        run: &'a RunId,
        application: &'a ApplicationId,
        settings: &'a DeployObject,
        rollout: Option<&Rollout>,
    ) -> Result<Option<(Task<'a>, Value)>, PortError> {
        let place = self.place(application)?;
        let refused = |text: String| {
            let act = format!("could not let {application} be deployed by a {}", kind_of(settings));
            PortError::because(FailureKind::Rejected, act, text)
        };
        let template = template_of(settings).ok_or_else(|| refused("its template was not read".to_owned()))?;
        let images = rollout.map(|rollout| rollout.to.containers().clone()).unwrap_or_default();
        let values = Values {
            application: application.as_str(),
            namespace: &place.namespace,
            run: run.as_str(),
            deploy_id: rollout.and_then(|rollout| rollout.deploy_id.as_deref()),
            images: &images,
        };
        let word = |field: &str| template[field].as_str().unwrap_or_default();
        let Some(kind) = self.known.named(&self.reader, word("apiVersion"), word("kind")).await? else {
            return Ok(None);
        };
        let object = match rollout {
            Some(_) => fill(template, &values).map_err(refused)?,
            None => Value::Null,
        };
        let namespace = match template["metadata"].get("namespace") {
            None => place.namespace.clone(),
            Some(_) if !kind.is_namespaced => {
                return Err(refused("its kind is in no namespace; expected a template without one".to_owned()));
            }
            Some(named) => fill(named, &values).map_err(refused)?.as_str().unwrap_or_default().to_owned(),
        };
        let name = names::of_delivery(run, application);
        let (client, reader) = (&self.client, &self.reader);
        Ok(Some((Task { client, reader, settings, kind, namespace, name, run, application }, object)))
    }
}

fn wish(changes: Vec<crate::change::Change>, contested: BTreeSet<Field>) -> Wish {
    Wish { way: Way::There, changes, contested }
}

fn template_of(settings: &DeployObject) -> Option<&Value> {
    match &settings.template {
        Template::Object(template) => Some(template),
        Template::File(_) => None,
    }
}

fn needs_deploy_id(settings: &DeployObject) -> bool {
    template_of(settings).is_some_and(|template| mentions(template, &|name| name == DEPLOY_ID))
}

/// Kind, group and version of the objects.
fn kind_of(settings: &DeployObject) -> String {
    let word = |field: &str| template_of(settings).and_then(|template| template[field].as_str()).unwrap_or_default();
    format!("{} of {}", word("kind"), word("apiVersion"))
}

fn no_kind(settings: &DeployObject) -> PortError {
    let text = format!("the test cluster has no kind {}; expected one that it serves", kind_of(settings));
    PortError::new(FailureKind::Rejected, text)
}
