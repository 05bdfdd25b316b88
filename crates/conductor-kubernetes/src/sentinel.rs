//! Watching workloads and their autoscalers for what others change.

mod keepers;
mod news;
mod stack;
mod vertical;
mod watches;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::failure::PortError;
use conductor_core::guard::{Drift, drift};
use conductor_core::release::Release;
use conductor_core::scale::{Baseline, Observed};
use futures::stream::{BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Client;
use tokio::time::Instant;

use crate::argo_rollout::ArgoRollout;
use crate::autoscaler::{Autoscaler, target};
use crate::drift::{bounds_writer, field_writer, last_writer, maker, way};
use crate::field::Owned;
use crate::keeper::{Application, HelmRelease, Keeper, KeeperKind, Kept, Kustomization};
use crate::place::{Kind, Place};
use crate::scalable::{Declared, Scalable};
use crate::scaled_object::ScaledObject;
use crate::stack_set::Stack;
use crate::vertical::VerticalPodAutoscaler;
use keepers::{Acts, keeper, keeps};
use news::{News, Seen, autoscaler, unreadable, workload};
use stack::{made, stack, traffic};
use vertical::Mode;
use watches::{Post, Watches};

pub(crate) use watches::Blind;

/// How long what is seen waits for watches that are still listing, to be told with what these see.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

/// The kinds that a cluster has besides those that every cluster does.
pub(crate) struct Watched {
    pub(crate) has_keda: bool,
    pub(crate) has_vertical: bool,
    /// Those that are paused for a run.
    pub(crate) keepers: BTreeSet<KeeperKind>,
    /// Those of the applications.
    pub(crate) custom: Vec<Arc<Declared>>,
}

/// Sees what becomes of applications, from watches of their namespaces.
pub(crate) struct Sentinel<'a> {
    expected: BTreeMap<&'a Place, (&'a ApplicationId, &'a Observed)>,
    news: SelectAll<BoxStream<'static, (usize, News)>>,
    /// The watches, by their numbers.
    posts: Vec<Post>,
    blind: &'a Blind,
    /// When a watch has listed everything for the first time.
    turn: Instant,
    /// By their names: of a StackSet there are several.
    workloads: BTreeMap<Place, BTreeMap<String, Seen<Owned>>>,
    /// What is made of Stacks, by where it is.
    made: BTreeMap<Place, Seen<Owned>>,
    /// As people call them, with what they scale.
    autoscalers: BTreeMap<String, (Place, Seen<Bounds>)>,
    /// As people call them, with what they size.
    vertical: BTreeMap<String, (Place, Seen<Mode>)>,
    /// Those that act.
    keepers: BTreeMap<Keeper, Seen<Acts>>,
}

/// Where to look after news.
enum Looked {
    Nowhere,
    At(Place),
    Among(BTreeSet<Place>),
    /// At all that a watch is for.
    Through(usize),
}

impl<'a> Sentinel<'a> {
    /// Watches the applications at these places.
    pub(crate) fn new(
        client: &Client,
        places: &'a BTreeMap<ApplicationId, Place>,
        expected: &'a Baseline,
        watched_kinds: &Watched,
        blind: &'a Blind,
    ) -> Self {
        let at = |(application, observed): (&'a ApplicationId, &'a Observed)| {
            Some((places.get(application)?, (application, observed)))
        };
        let expected: BTreeMap<_, _> = expected.iter().filter_map(at).collect();
        let kinds: BTreeSet<(&str, &Kind)> =
            expected.keys().map(|place| (place.namespace.as_str(), &place.kind)).collect();
        let namespaces: BTreeSet<&str> = kinds.iter().map(|(namespace, _)| *namespace).collect();
        let mut watches = Watches::new(client);
        for (namespace, kind) in kinds {
            let of = Some(kind);
            match kind {
                Kind::Deployment => watches.add::<Deployment>(namespace, (), of, workload),
                Kind::StatefulSet => watches.add::<StatefulSet>(namespace, (), of, workload),
                Kind::Rollout => watches.add::<ArgoRollout>(namespace, (), of, workload),
                Kind::StackSet => {
                    watches.add::<Deployment>(namespace, (), of, made);
                    watches.add::<Stack>(namespace, (), of, stack);
                }
                Kind::Scalable(_) => {
                    let mut declared = watched_kinds.custom.iter();
                    // Where the cluster has no such kind there are none.
                    if let Some(custom) = declared.find(|custom| custom.workload_kind() == *kind) {
                        watches.add::<Scalable>(namespace, Arc::clone(custom), of, workload);
                    }
                }
            }
        }
        for namespace in namespaces {
            watches.add::<HorizontalPodAutoscaler>(namespace, (), None, |(), watch, found, is_there| {
                target(found)?;
                autoscaler(watch, &Autoscaler::Horizontal(Box::new(found.clone())), is_there)
            });
            if watched_kinds.has_keda {
                watches.add::<ScaledObject>(namespace, (), None, |(), watch, found, is_there| {
                    autoscaler(watch, &Autoscaler::Scaled(Box::new(found.clone())), is_there)
                });
            }
            if watched_kinds.has_vertical {
                watches.add::<VerticalPodAutoscaler>(namespace, (), None, vertical::vertical);
            }
        }
        for kind in &watched_kinds.keepers {
            match kind {
                KeeperKind::Kustomization => watches.add_everywhere::<Kustomization>(keeper),
                KeeperKind::HelmRelease => watches.add_everywhere::<HelmRelease>(keeper),
                KeeperKind::Application => watches.add_everywhere::<Application>(keeper),
                // They are watched with what they size.
                KeeperKind::VerticalPodAutoscaler => {}
            }
        }
        let (posts, news) = watches.begin();
        let (workloads, made, autoscalers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (turn, vertical, keepers) = (Instant::now(), BTreeMap::new(), BTreeMap::new());
        Self { expected, news, posts, blind, turn, workloads, made, autoscalers, vertical, keepers }
    }

    /// Waits until something is not as expected in a way that is not known. A place is judged as soon as everything about it
    /// has been listed, whatever becomes of the watches of others.
    ///
    /// # Errors
    /// When a watch has seen nothing for a while. That is told once.
    pub(crate) async fn drifted(mut self, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        let mut tell_at: Option<Instant> = None;
        loop {
            let wake = self.blind.due(&self.posts, self.turn).into_iter().chain(tell_at).min();
            let looked = tokio::select! {
                news = self.news.next() => match news {
                    Some((watch, news)) => self.take(watch, news),
                    // Nothing is watched, so nothing changes.
                    None => return std::future::pending().await,
                },
                () = until(wake) => Looked::Nowhere,
            };
            let now = Instant::now();
            if tell_at.is_none() && !self.unknown(known, |place| self.is_at(&looked, place)).is_empty() {
                tell_at = Some(now + TOLD_WITHIN);
            }
            if tell_at.is_some_and(|at| at <= now || self.posts.iter().all(|post| post.is_listed)) {
                let news = self.unknown(known, |_| true);
                if !news.is_empty() {
                    return Ok(news);
                }
                tell_at = None;
            }
            if tell_at.is_none()
                && let Some(error) = self.blind.tell(&mut self.posts, self.turn, now)
            {
                return Err(error);
            }
        }
    }

    /// What is not as expected at some places and not known. Places are left out of which something is still to be listed.
    fn unknown(&self, known: &[Drift], is_at: impl Fn(&Place) -> bool) -> Vec<Drift> {
        let is_seen = |place: &Place| self.posts.iter().all(|post| post.is_listed || !post.is_for(place));
        let places = self.expected.keys().filter(|place| is_at(place) && is_seen(place));
        let drifts = places.flat_map(|place| self.drifts(place));
        drifts.filter(|drift| !known.iter().any(|known| known.is(drift))).collect()
    }

    fn is_at(&self, looked: &Looked, place: &Place) -> bool {
        match looked {
            Looked::Nowhere => false,
            Looked::At(at) => at == place,
            Looked::Among(places) => places.contains(place),
            Looked::Through(watch) => self.posts[*watch].is_for(place),
        }
    }

    /// Takes in news, and tells where to look.
    fn take(&mut self, watch: usize, news: News) -> Looked {
        let at = match news {
            News::Begins => {
                self.posts[watch].begins();
                let workloads = self.workloads.values_mut().flat_map(BTreeMap::values_mut);
                let all = workloads.chain(self.made.values_mut());
                all.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                let autoscalers = self.autoscalers.values_mut().map(|(_, seen)| seen);
                autoscalers.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                let vertical = self.vertical.values_mut().map(|(_, seen)| seen);
                vertical.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                let keepers = self.keepers.values_mut();
                keepers.filter(|seen| seen.watch == watch).for_each(|seen| seen.listed = false);
                return Looked::Nowhere;
            }
            News::Fails(error) => {
                self.posts[watch].fails(error);
                return Looked::Nowhere;
            }
            News::Missed(error) => {
                self.posts[watch].begins();
                self.posts[watch].fails(error);
                return Looked::Nowhere;
            }
            News::Complete => {
                if self.posts[watch].complete() {
                    self.turn = Instant::now();
                }
                self.blind.sees(&self.posts[watch]);
                for named in self.workloads.values_mut() {
                    named.retain(|_, seen| seen.watch != watch || seen.listed);
                }
                self.made.retain(|_, seen| seen.watch != watch || seen.listed);
                self.autoscalers.retain(|_, (_, seen)| seen.watch != watch || seen.listed);
                self.vertical.retain(|_, (_, seen)| seen.watch != watch || seen.listed);
                self.keepers.retain(|_, seen| seen.watch != watch || seen.listed);
                return Looked::Through(watch);
            }
            News::Workload(place, name, seen) => {
                if self.expected.contains_key(&place) {
                    let named = self.workloads.entry(place.clone()).or_default();
                    match seen {
                        Some(seen) => drop(named.insert(name, seen)),
                        None => drop(named.remove(&name)),
                    }
                }
                place
            }
            News::Made(place, seen) => {
                match seen {
                    Some(seen) => drop(self.made.insert(place.clone(), seen)),
                    None => drop(self.made.remove(&place)),
                }
                self.looked_at(place)
            }
            News::Autoscaler(name, target, seen) => {
                match seen {
                    Some(seen) => drop(self.autoscalers.insert(name, (target.clone(), seen))),
                    None => drop(self.autoscalers.remove(&name)),
                }
                self.looked_at(target)
            }
            News::Vertical(name, target, seen) => {
                match seen {
                    Some(seen) => drop(self.vertical.insert(name, (target.clone(), seen))),
                    None => drop(self.vertical.remove(&name)),
                }
                self.looked_at(target)
            }
            News::Keeper(keeper, seen) => {
                self.posts[watch].sees();
                self.keepers.remove(&keeper);
                let Some(seen) = seen else { return Looked::Nowhere };
                let namespaces: BTreeSet<&str> = self.expected.keys().map(|place| place.namespace.as_str()).collect();
                let seen = keepers::within(*seen, |namespace| namespaces.contains(namespace));
                let kept = self.kept().filter(|kept| keeps(&seen, [*kept]));
                let places = kept.map(|kept| kept.of.clone()).collect();
                self.keepers.insert(keeper, seen);
                return Looked::Among(places);
            }
        };
        self.posts[watch].sees();
        Looked::At(at)
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
        let fields = match &found.fields {
            Ok(fields) => fields.clone(),
            Err(why) => return vec![unreadable(application, why)],
        };
        let traffic = match own {
            Some(_) if !found.serves || serving.any(|(other, _)| other != name) => {
                let others = named.into_iter().flatten().filter(|(_, seen)| seen.serves).map(|(name, _)| name.as_str());
                Some(traffic(application, name, &others.collect::<Vec<_>>()))
            }
            _ => None,
        };
        let is_its = |target: &Place| target == place || stack::is_made(place, name, target);
        let scaling = self.autoscalers.values().filter(|(target, _)| is_its(target)).map(|(_, seen)| seen);
        let illegible = scaling.clone().filter_map(|seen| Some(unreadable(application, seen.fields.as_ref().err()?)));
        let scaling = scaling.filter_map(|seen| Some((seen, *seen.fields.as_ref().ok()?)));
        // Of several autoscalers it is the one that is not expected that matters. What a Stack says comes before what it is
        // carried to.
        let is_unlike = |bounds: Bounds| Some(bounds) != expected.allocation.autoscaling;
        let scaling = scaling.filter(|(seen, has)| match found.bounds {
            Some(bounds) => !is_unlike(bounds) && is_unlike(*has) && stack::has_own_bounds(found, seen),
            None => true,
        });
        let autoscaler = scaling.clone().find(|(_, has)| is_unlike(*has)).or_else(|| scaling.clone().next());
        let made = self.made.iter().find(|(target, _)| stack::is_made(place, name, target)).map(|(_, seen)| seen);
        let Owned { mut replicas, images, resources } = fields;
        if made.is_some() && found.bounds.is_some() {
            // Its Deployment says them sooner, and who has set them.
            replicas = expected.allocation.replicas;
        }
        let autoscaling = autoscaler.map(|(_, has)| has).or(found.bounds);
        let observed = Observed {
            release: Release::new(images),
            allocation: Allocation { replicas, resources, autoscaling },
            identity: found.uid.clone(),
        };
        let by = |drift: Drift| {
            let writer = match drift.field.as_str() {
                "autoscaling" => bounds_writer(autoscaler.map_or(&found.managed, |(seen, _)| &seen.managed)),
                Drift::IDENTITY => maker(&found.managed),
                "replicas" => last_writer(&found.managed, &way(&found.replicas)),
                field => field_writer(&found.managed, field),
            };
            Drift { by: writer.map(|writer| writer.to_string()), ..drift }
        };
        let sized = self.vertical.iter().filter(|(_, (target, _))| is_its(target));
        let sized = sized.filter_map(|(name, (_, seen))| vertical::drift(application, name, seen));
        let kept: Vec<&Kept> = match self.keepers.is_empty() {
            true => Vec::new(),
            false => self.kept().filter(|kept| kept.of == *place).collect(),
        };
        let kept_by = self.keepers.values().filter(|keeper| keeps(keeper, kept.iter().copied()));
        let kept_by = kept_by.filter_map(|keeper| keepers::drift(application, keeper));
        let drifts = drift(application, expected, Some(&observed)).into_iter().map(by);
        let made = made.map(|made| stack::drifts(application, expected, name, [found, made])).unwrap_or_default();
        traffic.into_iter().chain(drifts).chain(illegible).chain(made).chain(sized).chain(kept_by).collect()
    }

    /// What keepers may keep, as it is known of now.
    fn kept(&self) -> impl Iterator<Item = &Kept> {
        let workloads = self.workloads.values().flat_map(BTreeMap::values).filter_map(|seen| seen.kept.as_ref());
        workloads.chain(self.autoscalers.values().filter_map(|(_, seen)| seen.kept.as_ref()))
    }

    /// Where the application is of what is at a place: what is made of a Stack is its StackSet's.
    fn looked_at(&self, target: Place) -> Place {
        let is_made = |(place, named): &(&Place, &BTreeMap<String, Seen<Owned>>)| {
            stack::is_made(place, &target.name, &target) && named.contains_key(&target.name)
        };
        self.workloads.iter().find(is_made).map_or(target.clone(), |(place, _)| place.clone())
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
