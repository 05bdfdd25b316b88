//! What watches tell, and the objects as they were seen last.

use std::fmt::Display;

use conductor_core::app::{ApplicationId, Bounds};
use conductor_core::failure::PortError;
use conductor_core::guard::Drift;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

use super::keepers::Acts;
use super::vertical::Mode;
use crate::autoscaler::Autoscaler;
use crate::drift::REPLICAS;
use crate::field::Owned;
use crate::keeper::{Keeper, Kept};
use crate::named::Named;
use crate::place::Place;
use crate::stack_set::carried;
use crate::workload::Workload;

/// An object as it was seen last.
pub(super) struct Seen<T> {
    /// By which watch.
    pub(super) watch: usize,
    /// True when it was listed since that watch began anew.
    pub(super) listed: bool,
    pub(super) uid: Option<String>,
    /// Of what is made of a Stack it is that of the Stack.
    pub(super) generation: Option<i64>,
    /// False for a Stack without traffic.
    pub(super) serves: bool,
    /// Where its replicas stand, as a JSON pointer.
    pub(super) replicas: String,
    /// The bounds of its own autoscaler, for a Stack that has one.
    pub(super) bounds: Option<Bounds>,
    /// What it holds, or why it cannot be read.
    pub(super) fields: Result<T, String>,
    pub(super) managed: Vec<ManagedFieldsEntry>,
    /// As keepers know it, where they may keep it for an application.
    pub(super) kept: Option<Kept>,
}

/// What a watch tells.
pub(super) enum News {
    Begins,
    /// By its name, as it is now; `None` where it is gone.
    Workload(Place, String, Option<Seen<Owned>>),
    /// What is made of a Stack, by where it is.
    Made(Place, Option<Seen<Owned>>),
    /// As people call it, with what it scales.
    Autoscaler(String, Place, Option<Seen<Bounds>>),
    /// As people call it, with what it sizes.
    Vertical(String, Place, Option<Seen<Mode>>),
    /// Which keeper, where it acts.
    Keeper(Keeper, Option<Box<Seen<Acts>>>),
    Complete,
    /// It could not begin.
    Fails(PortError),
    /// Something was not understood: what is there has to be listed again.
    Missed(PortError),
}

/// What there is to tell of a workload.
pub(super) fn workload<K: Workload>(kind: &K::DynamicType, watch: usize, found: &K, is_there: bool) -> Option<News> {
    let now = || {
        let replicas = found.layout().replicas.unwrap_or(REPLICAS).to_owned();
        let place = found.place(kind);
        let kept = Some(Kept::new(place.clone(), &place.kind.to_string(), found.meta()));
        Seen { replicas, kept, ..seen(watch, found.meta(), read(Named::of(kind, found), found.fields())) }
    };
    Some(News::Workload(found.place(kind), found.meta().name.clone()?, is_there.then(now)))
}

/// What there is to tell of an autoscaler.
pub(super) fn autoscaler(watch: usize, found: &Autoscaler, is_there: bool) -> Option<News> {
    let target = found.target()?;
    let now = || {
        let fields = read(found.called(), found.bounds());
        let kept = Some(Kept::new(target.clone(), found.kind(), found.meta()));
        Seen { generation: carried(found.meta()), kept, ..seen(watch, found.meta(), fields) }
    };
    let now = is_there.then(now);
    Some(News::Autoscaler(found.called(), target, now))
}

/// What an object holds, or which object cannot be read and why.
pub(super) fn read<T>(named: impl Display, fields: Result<T, impl Display>) -> Result<T, String> {
    fields.map_err(|why| format!("{named}: {why}"))
}

pub(super) fn seen<T>(watch: usize, meta: &ObjectMeta, fields: Result<T, String>) -> Seen<T> {
    let managed = meta.managed_fields.clone().unwrap_or_default();
    let (uid, generation, replicas) = (meta.uid.clone(), meta.generation, REPLICAS.to_owned());
    Seen { watch, listed: true, uid, generation, serves: true, replicas, bounds: None, fields, managed, kept: None }
}

/// That nobody can say any more what an application is.
pub(super) fn unreadable(application: &ApplicationId, why: &str) -> Drift {
    Drift {
        application: application.clone(),
        field: Drift::LEGIBILITY.to_owned(),
        expected: "readable".to_owned(),
        found: why.to_owned(),
        by: None,
        reverted: false,
    }
}
