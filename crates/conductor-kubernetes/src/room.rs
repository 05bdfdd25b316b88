//! Whether a cluster has room for what a run asks for: what quotas allow, what nodes have free, and whether these can be emptied.

mod claims;
mod evictions;
mod fits;
mod nodes;

use std::collections::BTreeMap;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::capacity::{Amounts, Shortage};
use conductor_core::failure::Failure;
use conductor_core::ports::{Capacity, FailureKind, PortError};
use conductor_core::quantity::Quantity;
use conductor_core::scale::ScaleStep;
use k8s_openapi::api::core::v1::{Node, ResourceQuota};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use self::claims::Claims;
use self::nodes::{Demand, Fit, asks_nodes, beyond_nodes, requests};
use crate::environment::KubernetesEnvironment;

#[async_trait]
impl Capacity for KubernetesEnvironment {
    async fn shortages(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError> {
        let mut namespaces: BTreeMap<&str, Amounts> = BTreeMap::new();
        for step in steps {
            let more = namespaces.entry(&self.place(&step.application)?.namespace).or_default();
            more.add_all(&Amounts::of(&step.to));
            more.take_all(&Amounts::of(&step.from));
        }
        let mut found = Vec::new();
        let mut budgets = Vec::new();
        for (namespace, more) in &namespaces {
            let quotas = self.reader.list_in::<ResourceQuota>(namespace).await?;
            let claims = Box::pin(self.claims(namespace, steps, &quotas)).await?;
            for quota in &quotas {
                found.extend(beyond_quota(namespace, quota, more, &claims)?);
            }
            match self.reader.list_in::<PodDisruptionBudget>(namespace).await {
                Ok(more) => budgets.extend(more),
                Err(error) if error.kind == FailureKind::Rejected => found.push(unseen(&error, "")),
                Err(error) => return Err(error),
            }
        }
        found.extend(Box::pin(self.beyond_nodes(steps)).await?);
        found.extend(evictions::without_evictions(&budgets));
        Ok(found)
    }
}

impl KubernetesEnvironment {
    /// What the nodes do not have free for these steps. Who may see some namespaces only does not see what is free.
    async fn beyond_nodes(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError> {
        let mut more: BTreeMap<&ApplicationId, Amounts> = BTreeMap::new();
        for step in steps {
            let more = more.entry(&step.application).or_default();
            more.add_all(&Amounts::of(&step.to));
            more.take_all(&Amounts::of(&step.from));
        }
        if !more.values().any(asks_nodes) {
            return Ok(Vec::new());
        }
        let asked = self.reader.kept_of(requests);
        let (nodes, asked) = match futures::try_join!(self.reader.list::<Node>(), asked) {
            Ok(seen) => seen,
            Err(error) if error.kind == FailureKind::Rejected => {
                return Ok(vec![unseen(&error, "; whether nodes have room is not looked at")]);
            }
            Err(error) => return Err(error),
        };
        let asked = asked.into_iter().collect::<Result<Vec<_>, _>>()?;
        let fits = self.fits(more.keys().copied()).await?;
        let anywhere = Fit::default();
        let demand = |(application, more)| {
            let fit = self.places.get(application).and_then(|place| fits.get(place)).unwrap_or(&anywhere);
            Demand { application, more, fit }
        };
        beyond_nodes(&nodes, &asked, &more.into_iter().map(demand).collect::<Vec<_>>())
    }
}

/// Objects that may not be listed are in the way of nothing: who may not see them is told so.
fn unseen(error: &PortError, what: &str) -> Shortage {
    let why = Failure::of("", error).message;
    Shortage { is_final: false, message: format!("{why}{what}") }
}

/// What a quota does not allow. A quota for some pods only is not judged: which they are is not known beforehand.
fn beyond_quota(
    namespace: &str,
    quota: &ResourceQuota,
    more: &Amounts,
    claims: &Claims,
) -> Result<Vec<Shortage>, PortError> {
    let is_scoped = quota.spec.as_ref().is_some_and(|spec| spec.scopes.is_some() || spec.scope_selector.is_some());
    let Some(status) = quota.status.as_ref().filter(|_| !is_scoped) else { return Ok(Vec::new()) };
    let name = quota.metadata.name.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for (resource, hard) in status.hard.iter().flatten() {
        let asked = match resource.as_str() {
            "cpu" | "memory" => format!("requests.{resource}"),
            other => other.to_owned(),
        };
        let used = status.used.as_ref().and_then(|used| used.get(resource));
        let of = |text: &Text| amount(text, || format!("could not read ResourceQuota {namespace}/{name}"));
        let (hard, used) = (of(hard)?, used.map(of).transpose()?.unwrap_or_default());
        let more = more.get(&asked) + claims.amounts.get(&asked);
        if more > 0 && used + more > hard {
            let [hard, used, more] = [hard, used, more].map(Quantity::of_billionths);
            let whose = claims.whose(resource);
            let message = format!(
                "ResourceQuota {namespace}/{name} allows {hard} of {resource}; {used} is used, and {more} more is asked \
                 for{whose}"
            );
            found.push(Shortage { is_final: true, message });
        }
    }
    Ok(found)
}

/// What a text of Kubernetes amounts to.
fn amount(text: &Text, act: impl Fn() -> String) -> Result<i128, PortError> {
    let quantity: Result<Quantity, _> = text.0.parse();
    quantity
        .map(|quantity| quantity.billionths())
        .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
