//! The autoscalers of workloads, HorizontalPodAutoscalers and ScaledObjects: which of them scales what.

use std::collections::BTreeMap;

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, PortError};
use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::field::UnreadableError;
use crate::freeze::{Resource, Target};
use crate::marker::{Marker, MarkerError};
use crate::object::{Object, is_marked, marker};
use crate::place::{Kind, Place};
use crate::scaled_object::{Counts, ScaledObject, is_scaled_object};
use crate::unfit::Unfit;

/// What scales a workload.
#[derive(Clone, Debug)]
pub(crate) enum Autoscaler {
    Horizontal(Box<HorizontalPodAutoscaler>),
    Scaled(Box<ScaledObject>),
}

/// Autoscalers by the workload they scale.
pub(crate) type ByTarget = BTreeMap<Place, Vec<Autoscaler>>;

/// What becomes of a workload that several autoscalers scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    /// It is refused: they fight.
    Refused,
    /// The one that a run has left something on is taken, else the oldest: somebody has made the others during the run, and
    /// nothing may keep it from being put back.
    First,
}

impl Autoscaler {
    /// The workload that it scales, if it is of a kind that applications are.
    pub(crate) fn target(&self) -> Option<Place> {
        match self {
            Self::Horizontal(one) => target(one),
            Self::Scaled(one) => one.target(),
        }
    }

    /// The bounds within which it scales.
    pub(crate) fn bounds(&self) -> Result<Bounds, UnreadableError> {
        match self {
            Self::Horizontal(one) => one.fields(),
            Self::Scaled(one) => one.fields().map(Counts::bounds),
        }
    }

    /// What a run has left on it, in bounds.
    pub(crate) fn marker(&self) -> Result<Option<Marker<Bounds>>, MarkerError> {
        match self {
            Self::Horizontal(one) => marker(&**one),
            Self::Scaled(one) => {
                let bounds = |Marker { original, holder, applied, delivering, besides }: Marker<Counts>| Marker {
                    original: original.bounds(),
                    holder,
                    delivering,
                    besides,
                    applied: applied.into_iter().map(Counts::bounds).collect(),
                };
                Ok(marker(&**one)?.map(bounds))
            }
        }
    }

    /// True when a run has left something on it, whether it can be read or not.
    pub(crate) fn is_marked(&self) -> bool {
        match self {
            Self::Horizontal(one) => is_marked(&**one),
            Self::Scaled(one) => is_marked(&**one),
        }
    }

    /// Why it cannot be held at a number of replicas.
    pub(crate) fn unfit(&self) -> Option<Unfit> {
        match self {
            Self::Horizontal(_) => None,
            Self::Scaled(one) => {
                let held = one.held_at().map(|count| Unfit::HeldByKeda(count.to_owned()));
                held.or_else(|| one.idle().map(Unfit::IdleByKeda))
            }
        }
    }

    /// What Kubernetes calls its kind.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Horizontal(_) => "HorizontalPodAutoscaler",
            Self::Scaled(_) => "ScaledObject",
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.meta().name.as_deref().unwrap_or_default()
    }

    /// How people call it: `ScaledObject shop/checkout`.
    pub(crate) fn called(&self) -> String {
        let namespace = self.meta().namespace.as_deref().unwrap_or_default();
        format!("{} {namespace}/{}", self.kind(), self.name())
    }

    /// It, as something to be frozen.
    pub(crate) fn frozen(&self) -> Target {
        let resource = match self {
            Self::Horizontal(_) => Resource::HorizontalPodAutoscalers,
            Self::Scaled(_) => Resource::ScaledObjects,
        };
        Target::new(resource, self.meta().namespace.as_deref().unwrap_or_default(), self.name())
    }

    fn made(&self) -> Option<Timestamp> {
        self.meta().creation_timestamp.as_ref().map(|time| time.0)
    }

    pub(crate) fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Horizontal(one) => &one.metadata,
            Self::Scaled(one) => &one.metadata,
        }
    }
}

/// The workload that an autoscaler scales, if it is of a kind that applications are. What one does that KEDA has made is a
/// matter of its ScaledObject.
pub(crate) fn target(autoscaler: &HorizontalPodAutoscaler) -> Option<Place> {
    if autoscaler.metadata.owner_references.iter().flatten().any(is_scaled_object) {
        return None;
    }
    let target = &autoscaler.spec.scale_target_ref;
    let namespace = autoscaler.metadata.namespace.clone().unwrap_or_default();
    Kind::called(target.api_version.as_deref(), &target.kind).map(|kind| Place {
        namespace,
        kind,
        name: target.name.clone(),
    })
}

/// Autoscalers by the workload they scale.
pub(crate) fn by_target(
    horizontal: impl IntoIterator<Item = HorizontalPodAutoscaler>,
    scaled: impl IntoIterator<Item = ScaledObject>,
) -> ByTarget {
    let horizontal = horizontal.into_iter().map(|one| Autoscaler::Horizontal(Box::new(one)));
    let scaled = scaled.into_iter().map(|one| Autoscaler::Scaled(Box::new(one)));
    let mut targets = ByTarget::new();
    for autoscaler in horizontal.chain(scaled) {
        if let Some(place) = autoscaler.target() {
            targets.entry(place).or_default().push(autoscaler);
        }
    }
    targets
}

/// The autoscaler of a workload, if it has one.
pub(crate) fn only<'a>(
    place: &Place,
    targets: &'a ByTarget,
    several: Several,
) -> Result<Option<&'a Autoscaler>, PortError> {
    let found = targets.get(place).map(Vec::as_slice).unwrap_or_default();
    if found.len() > 1 && several == Several::Refused {
        let names: Vec<String> = found.iter().map(Autoscaler::called).collect();
        let text = format!(
            "{place} is scaled by several autoscalers ({}), which fight; expected one at most",
            names.join(", ")
        );
        return Err(PortError::new(FailureKind::Rejected, text));
    }
    Ok(found.iter().min_by_key(|one| (!one.is_marked(), one.made(), one.name())))
}

#[cfg(test)]
#[path = "autoscaler_tests.rs"]
mod tests;
