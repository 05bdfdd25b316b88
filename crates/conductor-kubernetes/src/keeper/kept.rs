//! Which keepers keep which applications. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Found, Keeper, KeeperKind, Reference, argo_cd, flux};
use crate::place::Place;

/// An object of an application, with what keepers and it say of each other.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// The application's workload.
    pub(crate) of: Place,
    /// As keepers name it, and what is made of it.
    itself: Vec<Reference>,
    /// By its labels.
    named: Vec<Keeper>,
    /// By its annotation.
    tracker: Option<String>,
}

/// The keepers of applications.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    /// Those that are in the cluster, by the workloads of the applications.
    pub(crate) by_place: BTreeMap<Place, BTreeSet<Keeper>>,
    /// How many objects of the applications each keeps.
    pub(super) own: BTreeMap<Keeper, usize>,
    /// Why some could not be paused, or would not stay so, by the workloads of the applications.
    pub(crate) unfit: BTreeMap<Place, BTreeSet<String>>,
}

impl Kept {
    /// An object of a kind, that belongs to the application of this workload.
    pub(crate) fn new(of: Place, kind: &str, meta: &ObjectMeta) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let itself = Reference { kind: kind.to_owned(), namespace: text(&meta.namespace), name: text(&meta.name) };
        Self { of, itself: vec![itself], named: flux::named(meta), tracker: argo_cd::tracker(meta).map(str::to_owned) }
    }

    /// It, and an object of this kind and name that is made of it: what keeps that keeps it as well.
    #[must_use]
    pub(crate) fn with_made(mut self, kind: &str, name: &str) -> Self {
        let namespace = self.of.namespace.clone();
        self.itself.push(Reference { kind: kind.to_owned(), namespace, name: name.to_owned() });
        self
    }

    /// Whether a keeper says that it keeps it, or it that it is kept by this one.
    pub(crate) fn is_kept_by(&self, found: &Found) -> bool {
        self.named.contains(&found.keeper) || self.is_tracked_by(found)
    }

    fn is_tracked_by(&self, found: &Found) -> bool {
        self.itself.iter().any(|itself| found.keeps.contains(itself)) && self.may_be_kept_by(&found.keeper)
    }

    /// False where the object says that it is tracked by another Application.
    fn may_be_kept_by(&self, Keeper { kind, namespace, name }: &Keeper) -> bool {
        *kind != KeeperKind::Application
            || self.tracker.as_ref().is_none_or(|tracker| tracker == name || *tracker == format!("{namespace}_{name}"))
    }
}

impl Keepers {
    /// Finds the keepers of these objects among those of the cluster.
    pub(crate) fn of(kept: &[Kept], found: &[Found]) -> Self {
        let present: BTreeMap<&Keeper, &Found> = found.iter().map(|found| (&found.keeper, found)).collect();
        let mut keepers = Self::default();
        for object in kept {
            let (named, elsewhere): (Vec<_>, Vec<_>) =
                object.named.iter().partition(|keeper| present.contains_key(keeper));
            let tracking = found.iter().filter(|found| object.is_tracked_by(found));
            let tracking: Vec<&Keeper> = tracking.map(|found| &found.keeper).collect();
            let is_tracked = tracking.iter().any(|keeper| keeper.kind == KeeperKind::Application);
            let tracker = object.tracker.as_ref().filter(|_| !is_tracked).map(|name| format!("Application {name}"));
            let absent = elsewhere.into_iter().map(ToString::to_string).chain(tracker);
            let unfit = absent.map(|keeper| {
                format!("it is kept by {keeper}, which is not in this cluster and cannot be paused; {EXPECTED}")
            });
            keepers.unfit.entry(object.of.clone()).or_default().extend(unfit);
            for keeper in named.into_iter().chain(tracking) {
                keepers.by_place.entry(object.of.clone()).or_default().insert(keeper.clone());
                *keepers.own.entry(keeper.clone()).or_default() += 1;
                if let Some(owner) = present.get(keeper).and_then(|found| found.restless.as_ref()) {
                    let unfit = format!("it is kept by {keeper}, which {owner} would switch on again; {EXPECTED}");
                    keepers.unfit.entry(object.of.clone()).or_default().insert(unfit);
                }
            }
        }
        keepers.unfit.retain(|_, unfit| !unfit.is_empty());
        keepers
    }

    /// Those that keep an application's objects, as they are found.
    pub(crate) fn of_place<'f>(&self, place: &Place, found: &'f [Found]) -> impl Iterator<Item = &'f Found> {
        let keepers = self.by_place.get(place).cloned().unwrap_or_default();
        found.iter().filter(move |found| keepers.contains(&found.keeper))
    }

    /// All of them.
    pub(crate) fn all(&self) -> BTreeSet<&Keeper> {
        self.by_place.values().flatten().collect()
    }
}

/// What helps where the conductor cannot.
const EXPECTED: &str = "expected somebody to pause it, and pauseGitOps: false in the environment's file";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Kind;

    fn place(name: &str) -> Place {
        Place { namespace: "shop".to_owned(), kind: Kind::Deployment, name: name.to_owned() }
    }

    fn kept(name: &str, meta: &str) -> Kept {
        let meta = serde_saphyr::from_str(&format!("{{ name: {name}, namespace: shop, {meta} }}")).unwrap();
        Kept::new(place(name), "Deployment", &meta)
    }

    fn found(kind: KeeperKind, name: &str, keeps: &[&str], restless: Option<&str>) -> Found {
        let keeps = keeps.iter().map(|name| Reference {
            kind: "Deployment".to_owned(),
            namespace: "shop".to_owned(),
            name: (*name).to_owned(),
        });
        Found {
            keeper: Keeper { kind, namespace: "gitops".to_owned(), name: name.to_owned() },
            holder: None,
            keeps: keeps.collect(),
            count: None,
            acts: true,
            sizes: false,
            restless: restless.map(str::to_owned),
        }
    }

    const FLUX: &str =
        "labels: { kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: gitops }";
    const ARGO: &str = "annotations: { argocd.argoproj.io/tracking-id: 'made:apps/Deployment:shop/any' }";

    #[test]
    fn keepers_are_found_by_what_either_side_says() {
        let cluster = [
            found(KeeperKind::Kustomization, "apps", &[], None),
            found(KeeperKind::Application, "shop", &["cart"], None),
        ];
        let objects = [kept("checkout", FLUX), kept("cart", ""), kept("alone", "")];
        let keepers = Keepers::of(&objects, &cluster);
        let names = |name: &str| {
            let found = keepers.by_place.get(&place(name)).into_iter().flatten();
            found.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("checkout"), ["Kustomization gitops/apps"]);
        assert_eq!(names("cart"), ["Application gitops/shop"]);
        assert_eq!(names("alone"), [""; 0]);
        assert_eq!(keepers.all().len(), 2);
        assert_eq!(keepers.unfit, BTreeMap::new());
    }

    #[test]
    fn a_keeper_that_cannot_be_paused_is_told_by_name() {
        let cluster = [found(KeeperKind::Application, "made", &["cart"], Some("ApplicationSet all"))];
        let objects = [kept("checkout", FLUX), kept("search", ARGO), kept("cart", ARGO)];
        let unfit = Keepers::of(&objects, &cluster).unfit;
        let told = |name: &str| unfit[&place(name)].iter().cloned().collect::<Vec<_>>();
        let expected = "expected somebody to pause it, and pauseGitOps: false in the environment's file";
        assert_eq!(
            told("checkout"),
            [format!(
                "it is kept by Kustomization gitops/apps, which is not in this cluster and cannot be paused; {expected}"
            )]
        );
        assert_eq!(
            told("search"),
            [format!("it is kept by Application made, which is not in this cluster and cannot be paused; {expected}")]
        );
        assert_eq!(
            told("cart"),
            [format!(
                "it is kept by Application gitops/made, which ApplicationSet all would switch on again; {expected}"
            )]
        );
    }
}
