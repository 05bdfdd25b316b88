//! Watching under load that nobody else changes services. ECS tells nobody of changes, so it is looked for them, again and again.
//!
//! A look may show an older state, or leave a service out. So only what two looks in a row show alike is told.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::guard::{Drift, drift};
use conductor_core::ports::PortError;
use conductor_core::release::Release;
use conductor_core::scale::{Baseline, Observed};
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::environment::EcsEnvironment;
use crate::marker::Suspended;
use crate::place::Place;
use crate::service::Service;

/// How soon it is looked again at what seems to be changed.
const CONFIRM: Duration = Duration::from_secs(2);
/// For how long something may not be seen.
const BLIND: Duration = Duration::from_secs(45);
/// The field of a deployment that puts the same task definition there anew.
const DEPLOYMENT: &str = "deployment";
/// The field of what scales a service by itself.
const AUTOSCALING: &str = "autoscaling";

/// Watches the services of a run.
pub(crate) struct Sentinel<'a> {
    environment: &'a EcsEnvironment,
    expected: &'a Baseline,
    places: BTreeMap<&'a ApplicationId, &'a Place>,
}

impl<'a> Sentinel<'a> {
    pub(crate) fn new(environment: &'a EcsEnvironment, expected: &'a Baseline) -> Result<Self, PortError> {
        let places = expected.keys().map(|application| Ok((application, environment.place(application)?)));
        Ok(Self { environment, expected, places: places.collect::<Result<_, PortError>>()? })
    }

    /// Waits until a service is not what is expected of it.
    pub(crate) async fn drifted(&self, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        if self.expected.is_empty() {
            return std::future::pending().await;
        }
        let poll = self.environment.settings.drift_poll.as_duration();
        let (mut before, mut seen): (Vec<Drift>, Instant) = (Vec::new(), Instant::now());
        loop {
            match self.look().await {
                Ok(mut drifts) => {
                    seen = Instant::now();
                    drifts.retain(|drift| !known.iter().any(|known| known.is(drift)));
                    let confirmed: Vec<Drift> =
                        drifts.iter().filter(|drift| before.iter().any(|before| before.is(drift))).cloned().collect();
                    if !confirmed.is_empty() {
                        self.accept(&confirmed);
                        return Ok(confirmed);
                    }
                    before = drifts;
                }
                Err(error) if !error.kind.is_transient() || seen.elapsed() > BLIND => return Err(error),
                Err(_) => {}
            }
            sleep(if before.is_empty() { poll } else { CONFIRM.min(poll) }).await;
        }
    }

    async fn look(&self) -> Result<Vec<Drift>, PortError> {
        let places: Vec<&Place> = self.places.values().copied().collect();
        let suspended = self.environment.suspended(&places).await?;
        let looks = self.places.iter().map(|(application, place)| {
            let suspended = suspended.get(*place).copied().flatten();
            self.of(application, place, suspended)
        });
        let drifts: Result<Vec<Vec<Drift>>, PortError> = join_all(looks).await.into_iter().collect();
        Ok(drifts?.into_iter().flatten().collect())
    }

    async fn of(
        &self,
        application: &ApplicationId,
        place: &Place,
        suspended: Option<Suspended>,
    ) -> Result<Vec<Drift>, PortError> {
        let Some(expected) = self.expected.get(application) else { return Ok(Vec::new()) };
        let service = self.environment.services.at(&place.cluster, &place.service).await?;
        let Some(service) = service else { return Ok(drift(application, expected, None)) };
        let definition = self.environment.definition_of(&service).await?;
        let resources = if service.undeployable().is_none() { definition.resources() } else { BTreeMap::new() };
        let allocation = Allocation { resources, ..Allocation::of_replicas(service.desired) };
        let release = Release::new(definition.images());
        let found = Observed { identity: service.created.clone(), ..Observed::new(release, allocation) };
        let mut drifts = drift(application, expected, Some(&found));
        if drifts.is_empty() {
            drifts.extend(self.anew(application, place, &service));
        }
        drifts.extend(acts(application, suspended));
        Ok(drifts)
    }

    /// Tells where somebody has deployed what runs there once more. The first look of all is what it is compared with.
    fn anew(&self, application: &ApplicationId, place: &Place, service: &Service) -> Option<Drift> {
        let primary = service.primary()?;
        let known = {
            let mut known = self.environment.deployments.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            known.entry(place.clone()).or_insert_with(|| primary.id.clone()).clone()
        };
        (known != primary.id).then(|| told(application, DEPLOYMENT, known, primary.id.clone()))
    }

    /// A deployment that was told is what is expected from now on: nothing puts the one of before back.
    fn accept(&self, drifts: &[Drift]) {
        let mut known = self.environment.deployments.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for drift in drifts.iter().filter(|drift| drift.field == DEPLOYMENT) {
            if let Some(place) = self.places.get(&drift.application) {
                known.insert((*place).clone(), drift.found.clone());
            }
        }
    }
}

/// Tells where something scales a service by itself again.
fn acts(application: &ApplicationId, suspended: Option<Suspended>) -> Option<Drift> {
    let suspended = suspended.filter(|suspended| *suspended != Suspended::ALL)?;
    Some(told(application, AUTOSCALING, Suspended::ALL.to_string(), format!("suspended {suspended}")))
}

fn told(application: &ApplicationId, field: &str, expected: String, found: String) -> Drift {
    let expected = if field == AUTOSCALING { format!("suspended {expected}") } else { expected };
    Drift { application: application.clone(), field: field.to_owned(), expected, found, by: None, reverted: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autoscaling_that_acts_is_told_by_what_of_it_does() {
        let cart = "cart".parse().unwrap();
        assert_eq!(acts(&cart, None), None, "nothing scales it");
        assert_eq!(acts(&cart, Some(Suspended::ALL)), None);
        let partly = Suspended { scale_out: false, ..Suspended::ALL };
        assert_eq!(
            acts(&cart, Some(partly)).unwrap().to_string(),
            "cart: autoscaling is suspended in=true out=false scheduled=true, not suspended in=true out=true scheduled=true"
        );
    }
}
