//! What production gives an object of a custom kind: its replicas. Which version it runs nobody says.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::ports::{FailureKind, PortError};

use super::Scalable;
use crate::named::Named;
use crate::object::Object;
use crate::place::Place;
use crate::production::Running;
use crate::production::refusal::Refusal;
use crate::reader::Reader;
use crate::settings::ScalableObject;

/// What each of these in production has; one that does not exist is absent.
pub(crate) async fn running(
    production: &Reader,
    wanted: &[(Place, &ScalableObject)],
) -> Result<BTreeMap<Place, Running>, PortError> {
    let mut found = BTreeMap::new();
    for (place, object) in wanted {
        let declared = production.declared(&object.api_version, &object.kind).await?;
        let kind = Arc::new(declared.ok_or_else(|| object.unknown("production"))?);
        let named = Named::<Scalable> { kind: &kind, namespace: &place.namespace, name: &place.name };
        match production.get_of(named).await {
            Ok(scalable) => drop(found.insert(place.clone(), of(place, &scalable)?)),
            Err(error) if error.kind == FailureKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn of(place: &Place, found: &Scalable) -> Result<Running, PortError> {
    let act = || format!("could not read {place} in production");
    let owned = found.fields().map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
    let (counted, wanted) = (found.counted(), owned.replicas);
    if counted != wanted {
        let [replicas, wanted] = [counted, wanted].map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        let refusal = Refusal::Scaling { place: place.clone(), replicas, wanted };
        return Err(PortError::because(refusal.kind(), "could not read what production runs", refusal));
    }
    Ok(Running {
        images: BTreeMap::new(),
        written: BTreeMap::new(),
        resources: BTreeMap::new(),
        replicas: wanted,
        deploy_id: None,
    })
}
