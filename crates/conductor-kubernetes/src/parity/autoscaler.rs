//! What scales the workloads of a namespace, in words.

use conductor_core::parity::{Autoscaler as Told, Autoscaling};
use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use super::key::Key;
use super::words::short;
use crate::autoscaler::{Autoscaler, ByTarget, Several, by_target, only, target};
use crate::place::Place;
use crate::reader::Reader;
use crate::scaled_object::ScaledObject;

/// The autoscalers of a namespace.
pub(super) struct Scalers {
    targets: ByTarget,
    /// Those that KEDA has made from ScaledObjects: they have its triggers as metrics.
    of_keda: Vec<HorizontalPodAutoscaler>,
}

impl Scalers {
    /// Lists them, those of KEDA only where the cluster knows it.
    pub(super) async fn read(reader: &Reader, namespace: &str, has_keda: bool) -> Result<Self, PortError> {
        let scaled = async { if has_keda { reader.list_in::<ScaledObject>(namespace).await } else { Ok(Vec::new()) } };
        let (horizontal, scaled) = futures::join!(reader.list_in::<HorizontalPodAutoscaler>(namespace), scaled);
        Ok(Self::of(horizontal?, scaled?))
    }

    pub(super) fn of(horizontal: Vec<HorizontalPodAutoscaler>, scaled: Vec<ScaledObject>) -> Self {
        let (own, of_keda): (Vec<_>, Vec<_>) = horizontal.into_iter().partition(|one| target(one).is_some());
        Self { targets: by_target(own, scaled), of_keda }
    }

    /// What scales a workload.
    pub(super) fn autoscaling(&self, place: &Place, key: &Key) -> Result<Autoscaling, PortError> {
        let Some(autoscaler) = only(place, &self.targets, Several::First)? else { return Ok(Autoscaling::Absent) };
        let act = || format!("could not read the autoscaler of {place}");
        let unreadable = |error| PortError::because(FailureKind::Rejected, act(), error);
        let horizontal = match autoscaler {
            Autoscaler::Horizontal(one) => Some(&**one),
            Autoscaler::Scaled(_) => self.of_keda.iter().find(|one| {
                let of = &one.spec.scale_target_ref;
                of.name == place.name && of.kind == place.kind.to_string()
            }),
        };
        let spec = horizontal.map(|one| &one.spec);
        let metrics = spec.and_then(|spec| spec.metrics.as_ref()).into_iter().flatten();
        let behavior = spec.and_then(|spec| spec.behavior.as_ref()).map(|behavior| short("behavior", behavior, key));
        Ok(Autoscaling::By(Told {
            bounds: autoscaler.bounds().map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?,
            metrics: metrics
                .map(|metric| short("metrics", metric, key))
                .collect::<Result<_, _>>()
                .map_err(unreadable)?,
            behavior: behavior.transpose().map_err(unreadable)?.unwrap_or_else(|| "as Kubernetes has it".to_owned()),
        }))
    }
}
