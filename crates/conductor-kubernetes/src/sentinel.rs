//! Watching workloads and their autoscalers for what others change.

mod vertical;

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::guard::{Drift, drift};
use conductor_core::release::Release;
use conductor_core::scale::{Baseline, Observed};
use futures::stream::{BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};

use crate::argo_rollout::ArgoRollout;
use crate::autoscaler::{Autoscaler, target};
use crate::drift::{REPLICAS, Step, Writer, image, last_writer};
use crate::field::Owned;
use crate::object::Object;
use crate::place::{Kind, Place};
use crate::scaled_object::ScaledObject;
use crate::stack_set::Stack;
use crate::vertical::VerticalPodAutoscaler;
use crate::workload::Workload;
use vertical::Mode;

/// Sees what becomes of applications, from watches of their namespaces.
pub(crate) struct Sentinel<'a> {
    expected: BTreeMap<&'a Place, (&'a ApplicationId, &'a Observed)>,
    news: SelectAll<BoxStream<'static, (usize, News)>>,
    /// Watches that have not listed everything yet.
    listing: BTreeSet<usize>,
    /// By their names: of a StackSet there are several.
    workloads: BTreeMap<Place, BTreeMap<String, Seen<Owned>>>,
    /// As people call them, with what they scale.
    autoscalers: BTreeMap<String, (Place, Seen<Bounds>)>,
    /// As people call them, with what they size.
    vertical: BTreeMap<String, (Place, Seen<Mode>)>,
}

/// An object as it was seen last.
struct Seen<T> {
    /// By which watch.
    watch: usize,
    /// True when it was listed since that watch began anew.
    listed: bool,
    uid: Option<String>,
    /// False for a Stack without traffic.
    serves: bool,
    /// The bounds of its own autoscaler, for a Stack that has one.
    bounds: Option<Bounds>,
    fields: T,
    managed: Vec<ManagedFieldsEntry>,
}

/// What a watch tells.
enum News {
    Begins,
    /// By its name, as it is now; `None` where it is gone.
    Workload(Place, String, Option<Seen<Owned>>),
    /// As people call it, with what it scales.
    Autoscaler(String, Place, Option<Seen<Bounds>>),
    /// As people call it, with what it sizes.
    Vertical(String, Place, Option<Seen<Mode>>),
    Complete,
}

impl<'a> Sentinel<'a> {
    /// Watches the applications at these places.
    pub(crate) fn new(
        client: &Client,
        places: &'a BTreeMap<ApplicationId, Place>,
        expected: &'a Baseline,
        has_keda: bool,
        has_vertical: bool,
    ) -> Self {
        let at = |(application, observed): (&'a ApplicationId, &'a Observed)| {
            Some((places.get(application)?, (application, observed)))
        };
        let expected: BTreeMap<_, _> = expected.iter().filter_map(at).collect();
        let kinds: BTreeSet<(&str, Kind)> =
            expected.keys().map(|place| (place.namespace.as_str(), place.kind)).collect();
        let namespaces: BTreeSet<&str> = kinds.iter().map(|(namespace, _)| *namespace).collect();
        let mut streams = Vec::new();
        for (namespace, kind) in kinds {
            streams.push(match kind {
                Kind::Deployment => watched::<Deployment>(client, namespace, streams.len(), workload),
                Kind::StatefulSet => watched::<StatefulSet>(client, namespace, streams.len(), workload),
                Kind::Rollout => watched::<ArgoRollout>(client, namespace, streams.len(), workload),
                Kind::StackSet => watched::<Stack>(client, namespace, streams.len(), stack),
            });
        }
        for namespace in namespaces {
            streams.push(watched::<HorizontalPodAutoscaler>(
                client,
                namespace,
                streams.len(),
                |watch, found, is_there| {
                    target(found)?;
                    autoscaler(watch, &Autoscaler::Horizontal(Box::new(found.clone())), is_there)
                },
            ));
            if has_keda {
                streams.push(watched::<ScaledObject>(client, namespace, streams.len(), |watch, found, is_there| {
                    autoscaler(watch, &Autoscaler::Scaled(Box::new(found.clone())), is_there)
                }));
            }
            if has_vertical {
                let tell = vertical::vertical;
                streams.push(watched::<VerticalPodAutoscaler>(client, namespace, streams.len(), tell));
            }
        }
        let listing = (0..streams.len()).collect();
        let news = futures::stream::select_all(streams);
        let (autoscalers, vertical) = (BTreeMap::new(), BTreeMap::new());
        Self { expected, news, listing, workloads: BTreeMap::new(), autoscalers, vertical }
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
                let workloads = self.workloads.values_mut().flat_map(BTreeMap::values_mut);
                workloads.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                let autoscalers = self.autoscalers.values_mut().map(|(_, seen)| seen);
                autoscalers.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                let vertical = self.vertical.values_mut().map(|(_, seen)| seen);
                vertical.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                None
            }
            News::Complete => {
                self.listing.remove(&watch);
                for named in self.workloads.values_mut() {
                    named.retain(|_, seen| seen.watch != watch || seen.listed);
                }
                self.autoscalers.retain(|_, (_, seen)| seen.watch != watch || seen.listed);
                self.vertical.retain(|_, (_, seen)| seen.watch != watch || seen.listed);
                None
            }
            News::Workload(place, name, seen) => {
                if self.expected.contains_key(&place) {
                    let named = self.workloads.entry(place.clone()).or_default();
                    match seen {
                        Some(seen) => drop(named.insert(name, seen)),
                        None => drop(named.remove(&name)),
                    }
                }
                Some(place)
            }
            News::Autoscaler(name, target, seen) => {
                match seen {
                    Some(seen) => drop(self.autoscalers.insert(name, (target.clone(), seen))),
                    None => drop(self.autoscalers.remove(&name)),
                }
                Some(target)
            }
            News::Vertical(name, target, seen) => {
                match seen {
                    Some(seen) => drop(self.vertical.insert(name, (target.clone(), seen))),
                    None => drop(self.vertical.remove(&name)),
                }
                Some(target)
            }
        }
    }

    /// What is not as expected at a place, with whoever has changed it.
    fn drifts(&self, place: &Place) -> Vec<Drift> {
        let Some((application, expected)) = self.expected.get(place) else { return Vec::new() };
        let named = self.workloads.get(place);
        let own = named.into_iter().flatten().find(|(_, seen)| seen.uid == expected.identity);
        let mut serving = named.into_iter().flatten().filter(|(_, seen)| seen.serves);
        let Some((name, found)) = own.or_else(|| serving.clone().next()) else {
            return drift(application, expected, None);
        };
        let traffic = match own {
            Some(_) if !found.serves || serving.any(|(other, _)| other != name) => {
                let others = named.into_iter().flatten().filter(|(_, seen)| seen.serves).map(|(name, _)| name.as_str());
                Some(traffic(application, name, &others.collect::<Vec<_>>()))
            }
            _ => None,
        };
        let scaling = self.autoscalers.values().filter(|(target, _)| target == place).map(|(_, seen)| seen);
        // Of several autoscalers it is the one that is not expected that matters.
        let unlike = |seen: &&Seen<Bounds>| Some(seen.fields) != expected.allocation.autoscaling;
        let autoscaler = scaling.clone().find(unlike).or_else(|| scaling.clone().next());
        let Owned { replicas, images, resources } = found.fields.clone();
        let autoscaling = autoscaler.map(|seen| seen.fields).or(found.bounds);
        let observed = Observed {
            release: Release::new(images),
            allocation: Allocation { replicas, resources, autoscaling },
            identity: found.uid.clone(),
        };
        let by = |drift: Drift| {
            let writer = match drift.field.as_str() {
                "autoscaling" => bounds_writer(autoscaler.map_or(&found.managed, |seen| &seen.managed)),
                field => field_writer(&found.managed, field),
            };
            Drift { by: writer.map(|writer| writer.to_string()), ..drift }
        };
        let sized = self.vertical.iter().filter(|(_, (target, _))| target == place);
        let sized = sized.filter_map(|(name, (_, seen))| vertical::drift(application, name, seen));
        let drifts = drift(application, expected, Some(&observed)).into_iter().map(by);
        traffic.into_iter().chain(drifts).chain(sized).collect()
    }
}

/// The news of one kind in one namespace, with the number of the watch. A watch comes back after every trouble.
fn watched<K: Object>(
    client: &Client,
    namespace: &str,
    watch: usize,
    tell: fn(usize, &K, bool) -> Option<News>,
) -> BoxStream<'static, (usize, News)> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let news = events.filter_map(move |event| {
        let news = match event {
            Ok(watcher::Event::Init) => Some(News::Begins),
            Ok(watcher::Event::InitApply(found) | watcher::Event::Apply(found)) => tell(watch, &found, true),
            Ok(watcher::Event::Delete(found)) => tell(watch, &found, false),
            Ok(watcher::Event::InitDone) => Some(News::Complete),
            Err(error) => {
                tracing::debug!(%error, "a watch for drift was interrupted and begins anew");
                None
            }
        };
        std::future::ready(news.map(|news| (watch, news)))
    });
    news.boxed()
}

/// What there is to tell of a workload: nothing where it cannot be read.
fn workload<K: Workload>(watch: usize, found: &K, is_there: bool) -> Option<News> {
    let seen = if is_there { Some(seen(watch, found.meta(), found.fields().ok()?)) } else { None };
    Some(News::Workload(found.place(), found.meta().name.clone()?, seen))
}

/// What there is to tell of a Stack: nothing where it cannot be read.
fn stack(watch: usize, found: &Stack, is_there: bool) -> Option<News> {
    let seen = match is_there {
        true => {
            let fields = found.fields().ok()?;
            let bounds = fields.bounds();
            Some(Seen { bounds, serves: found.has_traffic(), ..seen(watch, found.meta(), fields.owned) })
        }
        false => None,
    };
    Some(News::Workload(found.place()?, found.name().to_owned(), seen))
}

/// That traffic is not where the run has its load.
fn traffic(application: &ApplicationId, stack: &str, serving: &[&str]) -> Drift {
    let on = |stacks: &str| format!("on {stacks}");
    Drift {
        application: application.clone(),
        field: "traffic".to_owned(),
        expected: on(stack),
        found: if serving.is_empty() { "on no Stack".to_owned() } else { on(&serving.join(" and ")) },
        by: None,
        reverted: false,
    }
}

/// What there is to tell of an autoscaler.
fn autoscaler(watch: usize, found: &Autoscaler, is_there: bool) -> Option<News> {
    let seen = if is_there { Some(seen(watch, found.meta(), found.bounds().ok()?)) } else { None };
    Some(News::Autoscaler(found.called(), found.target()?, seen))
}

fn seen<T>(watch: usize, meta: &ObjectMeta, fields: T) -> Seen<T> {
    let managed = meta.managed_fields.clone().unwrap_or_default();
    Seen { watch, listed: true, uid: meta.uid.clone(), serves: true, bounds: None, fields, managed }
}

/// Who has written a field of a workload, as a drift names it.
fn field_writer(managed: &[ManagedFieldsEntry], field: &str) -> Option<Writer> {
    if field == "replicas" {
        return last_writer(managed, &REPLICAS);
    }
    if let Some(container) = field.strip_prefix("version of ") {
        let mut path = image(container);
        return last_writer(managed, &path).or_else(|| {
            path[1] = Step::Field("podTemplate");
            last_writer(managed, &path)
        });
    }
    let (name, container) = field.split_once(" of ")?;
    let (kind, resource) = name.split_once('.')?;
    let mut path = image(container).to_vec();
    path.pop();
    path.extend([Step::Field("resources"), Step::Field(kind), Step::Field(resource)]);
    last_writer(managed, &path).or_else(|| {
        path[1] = Step::Field("podTemplate");
        last_writer(managed, &path)
    })
}

/// Who has written the bounds of an autoscaler last.
fn bounds_writer(managed: &[ManagedFieldsEntry]) -> Option<Writer> {
    let of = |field| last_writer(managed, &[Step::Field("spec"), Step::Field(field)]);
    let of_stack = |field| last_writer(managed, &[Step::Field("spec"), Step::Field("autoscaler"), Step::Field(field)]);
    let bounds = ["minReplicas", "maxReplicas", "minReplicaCount", "maxReplicaCount"].map(of);
    let all = bounds.into_iter().chain(["minReplicas", "maxReplicas"].map(of_stack));
    all.flatten().max_by_key(|writer| writer.time)
}
