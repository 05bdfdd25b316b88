//! What keeps objects as a repository says: Kustomizations and HelmReleases of Flux, Applications of Argo CD; and what sizes
//! pods as it recommends: VerticalPodAutoscalers. For a run they are paused, or they would take back what it changes; they go
//! on afterwards.
//!
//! Nothing is paused that keeps none of the run's objects. What a keeper was before is on it while it is paused, as with every
//! object that a run changes.

mod argo_cd;
mod flux;
mod kept;
mod pause;
mod told;
mod under_way;
mod vertical;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::field::UnreadableError;
use crate::freeze::{Resource, Target};
use crate::marker::Holder;
use crate::object::Object;

pub(crate) use self::argo_cd::Application;
pub(crate) use self::flux::{HelmRelease, Kustomization};
pub(crate) use self::kept::{Keepers, Kept};

/// A kind of keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum KeeperKind {
    Kustomization,
    HelmRelease,
    Application,
    VerticalPodAutoscaler,
}

/// Which keeper.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Keeper {
    pub(crate) kind: KeeperKind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A keeper as it is found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) keeper: Keeper,
    /// Which run has left something on it.
    pub(crate) holder: Option<Holder>,
    /// The objects that it says it keeps; those of Flux say it themselves.
    keeps: Vec<Reference>,
    /// How many it keeps, where it says.
    count: Option<usize>,
    /// Whether it does anything by itself.
    acts: bool,
    /// Whether it gives new pods resources of its own.
    sizes: bool,
    /// Why it would not stay paused.
    restless: Option<String>,
}

/// An object, as keepers name those they keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reference {
    kind: String,
    #[serde(default)]
    namespace: String,
    name: String,
}

/// A kind of object that keeps others, and can be paused.
pub(crate) trait Keeps: Object<DynamicType = ()> {
    const KIND: KeeperKind;

    /// What pauses it; nothing where it does nothing by itself already.
    fn pause(&self) -> Result<Vec<Change>, UnreadableError>;

    /// True where it gives new pods resources of its own.
    fn sizes(&self) -> bool {
        false
    }

    /// The objects that it says it keeps.
    fn keeps(&self) -> Vec<Reference>;

    /// How many objects it keeps, where it says.
    fn count(&self) -> Option<usize>;

    /// Why it would not stay paused.
    fn restless(&self) -> Option<String>;
}

impl Found {
    pub(crate) fn of<K: Keeps>(object: &K) -> Option<Self> {
        let meta = object.meta();
        let keeper = Keeper { kind: K::KIND, namespace: meta.namespace.clone()?, name: meta.name.clone()? };
        let holder = crate::object::holder(object);
        let acts = object.pause().is_ok_and(|changes| !changes.is_empty());
        let restless = object.restless().filter(|_| acts);
        let (keeps, count, sizes) = (object.keeps(), object.count(), object.sizes());
        Some(Self { keeper, holder, keeps, count, acts, sizes, restless })
    }

    /// It, with those of the objects that it says it keeps that are in some namespaces.
    #[must_use]
    pub(crate) fn within(mut self, is_in: impl Fn(&str) -> bool) -> Self {
        self.keeps.retain(|reference| is_in(&reference.namespace));
        self
    }
}

impl Keeper {
    /// It, as something to be frozen. Those of a repository are not: somebody may want to repair one.
    pub(crate) fn frozen(&self) -> Option<Target> {
        let resource = (!self.kind.is_git_ops()).then_some(Resource::VerticalPodAutoscalers)?;
        Some(Target::new(resource, &self.namespace, &self.name))
    }
}

impl KeeperKind {
    /// True for those that keep objects as a repository says.
    pub(crate) const fn is_git_ops(self) -> bool {
        !matches!(self, Self::VerticalPodAutoscaler)
    }
}

impl fmt::Display for KeeperKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::Application => "Application",
            Self::VerticalPodAutoscaler => "VerticalPodAutoscaler",
        })
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
