//! Watching Deployments and their autoscalers for what others change.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::guard::{Drift, drift};
use conductor_core::release::Release;
use conductor_core::scale::{Baseline, Observed};
use futures::stream::{BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};

use crate::drift::{REPLICAS, Step, Writer, image, last_writer};
use crate::field::Owned;
use crate::object::Object;
use crate::settings::Place;

/// Sees what becomes of applications, from watches of their namespaces.
pub(crate) struct Sentinel<'a> {
    expected: BTreeMap<&'a Place, (&'a ApplicationId, &'a Observed)>,
    news: SelectAll<BoxStream<'static, (usize, News)>>,
    /// Watches that have not listed everything yet.
    listing: BTreeSet<usize>,
    deployments: BTreeMap<Place, Seen<Owned>>,
    autoscalers: BTreeMap<(String, String), (Place, Seen<Bounds>)>,
}

/// An object as it was seen last.
struct Seen<T> {
    /// By which watch.
    watch: usize,
    /// True when it was listed since that watch began anew.
    listed: bool,
    uid: Option<String>,
    fields: T,
    managed: Vec<ManagedFieldsEntry>,
}

/// What a watch tells.
enum News {
    Begins,
    Deployment(Box<Deployment>),
    DeploymentGone(Box<Deployment>),
    Autoscaler(Box<HorizontalPodAutoscaler>),
    AutoscalerGone(Box<HorizontalPodAutoscaler>),
    Complete,
}

impl<'a> Sentinel<'a> {
    /// Watches the applications at these places.
    pub(crate) fn new(client: &Client, places: &'a BTreeMap<ApplicationId, Place>, expected: &'a Baseline) -> Self {
        let at = |(application, observed): (&'a ApplicationId, &'a Observed)| {
            Some((places.get(application)?, (application, observed)))
        };
        let expected: BTreeMap<_, _> = expected.iter().filter_map(at).collect();
        let namespaces: BTreeSet<&str> = expected.keys().map(|place| place.namespace.as_str()).collect();
        let mut streams = Vec::new();
        for namespace in namespaces {
            streams.push(watched::<Deployment>(client, namespace, News::Deployment, News::DeploymentGone));
            streams.push(watched::<HorizontalPodAutoscaler>(client, namespace, News::Autoscaler, News::AutoscalerGone));
        }
        let listing = (0..streams.len()).collect();
        let numbered = streams.into_iter().enumerate().map(|(watch, news)| news.map(move |news| (watch, news)).boxed());
        let news = futures::stream::select_all(numbered);
        Self { expected, news, listing, deployments: BTreeMap::new(), autoscalers: BTreeMap::new() }
    }

    /// Waits until something is not as expected in a way that is not known.
    pub(crate) async fn drifted(mut self, known: &[Drift]) -> Vec<Drift> {
        loop {
            let Some((watch, news)) = self.news.next().await else {
                // Nothing is watched, so nothing changes.
                return std::future::pending().await;
            };
            let looked = self.take(watch, news);
            if !self.listing.is_empty() {
                continue;
            }
            let all = match looked {
                Some(place) => self.drifts(&place),
                None => self.expected.keys().flat_map(|place| self.drifts(place)).collect(),
            };
            let news: Vec<Drift> = all.into_iter().filter(|drift| !known.iter().any(|known| known.is(drift))).collect();
            if !news.is_empty() {
                return news;
            }
        }
    }

    /// Takes in news, and tells which place to look at; `None` for all of them.
    fn take(&mut self, watch: usize, news: News) -> Option<Place> {
        match news {
            News::Begins => {
                self.listing.insert(watch);
                self.deployments.values_mut().filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                let autoscalers = self.autoscalers.values_mut().map(|(_, seen)| seen);
                autoscalers.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                None
            }
            News::Complete => {
                self.listing.remove(&watch);
                self.deployments.retain(|_, seen| seen.watch != watch || seen.listed);
                self.autoscalers.retain(|_, (_, seen)| seen.watch != watch || seen.listed);
                None
            }
            News::Deployment(found) => {
                let place = place(&found)?;
                if self.expected.contains_key(&place)
                    && let Ok(fields) = found.fields()
                {
                    self.deployments.insert(place.clone(), seen(watch, &*found, fields));
                }
                Some(place)
            }
            News::DeploymentGone(found) => {
                let place = place(&found)?;
                self.deployments.remove(&place);
                Some(place)
            }
            News::Autoscaler(found) => {
                let (name, target) = target(&found)?;
                if let Ok(fields) = found.fields() {
                    self.autoscalers.insert(name, (target.clone(), seen(watch, &*found, fields)));
                }
                Some(target)
            }
            News::AutoscalerGone(found) => {
                let (name, target) = target(&found)?;
                self.autoscalers.remove(&name);
                Some(target)
            }
        }
    }

    /// What is not as expected at a place, with whoever has changed it.
    fn drifts(&self, place: &Place) -> Vec<Drift> {
        let Some((application, expected)) = self.expected.get(place) else { return Vec::new() };
        let Some(found) = self.deployments.get(place) else { return drift(application, expected, None) };
        let scaling = self.autoscalers.values().filter(|(target, _)| target == place).map(|(_, seen)| seen);
        // Of several autoscalers it is the one that is not expected that matters.
        let unlike = |seen: &&Seen<Bounds>| Some(seen.fields) != expected.allocation.autoscaling;
        let autoscaler = scaling.clone().find(unlike).or_else(|| scaling.clone().next());
        let Owned { replicas, images, resources } = found.fields.clone();
        let autoscaling = autoscaler.map(|seen| seen.fields);
        let observed = Observed {
            release: Release::new(images),
            allocation: Allocation { replicas, resources, autoscaling },
            identity: found.uid.clone(),
        };
        let by = |drift: Drift| {
            let writer = match drift.field.as_str() {
                "autoscaling" => autoscaler.and_then(|seen| bounds_writer(&seen.managed)),
                field => field_writer(&found.managed, field),
            };
            Drift { by: writer.map(|writer| writer.to_string()), ..drift }
        };
        drift(application, expected, Some(&observed)).into_iter().map(by).collect()
    }
}

/// The news of one kind in one namespace. A watch comes back after every trouble.
fn watched<K: Object>(
    client: &Client,
    namespace: &str,
    there: fn(Box<K>) -> News,
    gone: fn(Box<K>) -> News,
) -> BoxStream<'static, News> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let news = events.filter_map(move |event| {
        std::future::ready(match event {
            Ok(watcher::Event::Init) => Some(News::Begins),
            Ok(watcher::Event::InitApply(found) | watcher::Event::Apply(found)) => Some(there(Box::new(found))),
            Ok(watcher::Event::Delete(found)) => Some(gone(Box::new(found))),
            Ok(watcher::Event::InitDone) => Some(News::Complete),
            Err(error) => {
                tracing::debug!(%error, "a watch for drift was interrupted and begins anew");
                None
            }
        })
    });
    news.boxed()
}

fn seen<K: Object>(watch: usize, found: &K, fields: K::Fields) -> Seen<K::Fields> {
    let meta = found.meta();
    let managed = meta.managed_fields.clone().unwrap_or_default();
    Seen { watch, listed: true, uid: meta.uid.clone(), fields, managed }
}

fn place(found: &Deployment) -> Option<Place> {
    let (namespace, deployment) = (found.metadata.namespace.clone()?, found.metadata.name.clone()?);
    Some(Place { namespace, deployment })
}

/// An autoscaler's own name, and the Deployment it scales.
fn target(found: &HorizontalPodAutoscaler) -> Option<((String, String), Place)> {
    let namespace = found.metadata.namespace.clone()?;
    let target = &found.spec.scale_target_ref;
    let place = Place { namespace: namespace.clone(), deployment: target.name.clone() };
    (target.kind == "Deployment").then(|| Some(((namespace, found.metadata.name.clone()?), place)))?
}

/// Who has written a field of a Deployment, as a drift names it.
fn field_writer(managed: &[ManagedFieldsEntry], field: &str) -> Option<Writer> {
    if field == "replicas" {
        return last_writer(managed, &REPLICAS);
    }
    if let Some(container) = field.strip_prefix("version of ") {
        return last_writer(managed, &image(container));
    }
    let (name, container) = field.split_once(" of ")?;
    let (kind, resource) = name.split_once('.')?;
    let mut path = image(container).to_vec();
    path.pop();
    path.extend([Step::Field("resources"), Step::Field(kind), Step::Field(resource)]);
    last_writer(managed, &path)
}

/// Who has written the bounds of an autoscaler last.
fn bounds_writer(managed: &[ManagedFieldsEntry]) -> Option<Writer> {
    let of = |field| last_writer(managed, &[Step::Field("spec"), Step::Field(field)]);
    [of("minReplicas"), of("maxReplicas")].into_iter().flatten().max_by_key(|writer| writer.time)
}
