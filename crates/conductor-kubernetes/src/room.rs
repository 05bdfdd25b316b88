//! Whether a cluster has room for what a run asks for: what quotas allow, and what nodes have free.
//!
//! PodDisruptionBudgets are not looked at: they bind evictions, and scaling is none.

use std::collections::BTreeMap;

use async_trait::async_trait;
use conductor_core::capacity::{Amounts, Shortage};
use conductor_core::ports::{Capacity, FailureKind, PortError};
use conductor_core::quantity::Quantity;
use conductor_core::scale::ScaleStep;
use k8s_openapi::api::core::v1::{Container, Node, Pod, ResourceQuota};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

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
        let mut all = Amounts::default();
        for (namespace, more) in &namespaces {
            all.add_all(more);
            for quota in self.reader.list_in::<ResourceQuota>(namespace).await? {
                found.extend(beyond_quota(namespace, &quota, more)?);
            }
        }
        if NODE_RESOURCES.iter().any(|(asked, _)| all.get(asked) > 0) {
            let asked = |pod: &Pod| occupies(pod).then(|| requests(pod));
            let (nodes, asked) = futures::try_join!(self.reader.list::<Node>(), self.reader.kept_of(asked))?;
            let asked = asked.into_iter().collect::<Result<Vec<Amounts>, _>>()?;
            found.extend(beyond_nodes(&nodes, &asked, &all)?);
        }
        Ok(found)
    }
}

/// What nodes have, by the name under which it is asked for.
const NODE_RESOURCES: [(&str, &str); 3] =
    [("requests.cpu", "cpu"), ("requests.memory", "memory"), (Amounts::PODS, "pods")];

/// What a quota does not allow. A quota for some pods only is not judged: which they are is not known beforehand.
fn beyond_quota(namespace: &str, quota: &ResourceQuota, more: &Amounts) -> Result<Vec<Shortage>, PortError> {
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
        let more = more.get(&asked);
        if more > 0 && used + more > hard {
            let [hard, used, more] = [hard, used, more].map(Quantity::of_billionths);
            let message = format!(
                "ResourceQuota {namespace}/{name} allows {hard} of {resource}; {used} is used, and {more} more is asked for"
            );
            found.push(Shortage { is_final: true, message });
        }
    }
    Ok(found)
}

/// What the nodes do not have free now, all together, beside what pods have asked them for.
fn beyond_nodes(nodes: &[Node], asked: &[Amounts], more: &Amounts) -> Result<Vec<Shortage>, PortError> {
    let usable = |node: &&Node| !node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
    let mut free = Amounts::default();
    for node in nodes.iter().filter(usable) {
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        for (name, resource) in NODE_RESOURCES {
            let name_of = || format!("could not read Node {}", node.metadata.name.as_deref().unwrap_or_default());
            let text = allocatable.and_then(|allocatable| allocatable.get(resource));
            free.add(name, text.map(|text| amount(text, name_of)).transpose()?.unwrap_or_default());
        }
    }
    asked.iter().for_each(|asked| free.take_all(asked));
    let short = NODE_RESOURCES.iter().filter(|(name, _)| more.get(name) > free.get(name).max(0));
    let told = short.map(|(name, _)| Shortage {
        is_final: false,
        message: format!(
            "the nodes have {} of {name} free, and {} more is asked for; pods wait until there are more nodes",
            Quantity::of_billionths(free.get(name).max(0)),
            more.shown(name)
        ),
    });
    Ok(told.collect())
}

/// True for a pod that has a place on a node and has not ended.
fn occupies(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// What a pod asks its node for: of all its containers together, or of its largest init container.
fn requests(pod: &Pod) -> Result<Amounts, PortError> {
    let mut all = Amounts::default();
    let spec = pod.spec.as_ref();
    for (name, resource) in &NODE_RESOURCES[..2] {
        let of = |container: &Container| -> Result<i128, PortError> {
            let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
            let text = requests.and_then(|requests| requests.get(*resource));
            let named = || format!("could not read Pod {}", pod.metadata.name.as_deref().unwrap_or_default());
            text.map_or(Ok(0), |text| amount(text, named))
        };
        let (mut together, mut largest) = (0, 0);
        for container in spec.into_iter().flat_map(|spec| &spec.containers) {
            together += of(container)?;
        }
        for container in spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten()) {
            // A sidecar stays beside the containers.
            if container.restart_policy.as_deref() == Some("Always") {
                together += of(container)?;
            } else {
                largest = of(container)?.max(largest);
            }
        }
        all.add(name, together.max(largest));
    }
    all.add(Amounts::PODS, 1_000_000_000);
    Ok(all)
}

fn amount(text: &Text, act: impl Fn() -> String) -> Result<i128, PortError> {
    let quantity: Result<Quantity, _> = text.0.parse();
    quantity
        .map(|quantity| quantity.billionths())
        .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
