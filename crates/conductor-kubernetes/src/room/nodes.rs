//! What nodes have free for the pods of applications. Of the nodes only those count to which the pods can go, by labels and taints;
//! affinities are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::ApplicationId;
use conductor_core::capacity::{Amounts, Shortage};
use conductor_core::ports::PortError;
use conductor_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, Node, Pod, PodTemplateSpec, Taint, Toleration};

use super::amount;

/// What nodes have, by the name under which it is asked for.
const NODE_RESOURCES: [(&str, &str); 3] =
    [("requests.cpu", "cpu"), ("requests.memory", "memory"), (Amounts::PODS, "pods")];
/// How many applications are named.
const NAMED: usize = 3;

/// To which nodes pods can go.
#[derive(Default)]
pub(super) struct Fit {
    labels: BTreeMap<String, String>,
    /// `None` where nothing is known of the pods.
    tolerations: Option<Vec<Toleration>>,
}

impl Fit {
    /// By the pod template of a workload; where it has none that is known, to all nodes.
    pub(super) fn of(template: Option<&PodTemplateSpec>) -> Self {
        let Some(spec) = template.and_then(|template| template.spec.as_ref()) else { return Self::default() };
        let tolerations = Some(spec.tolerations.clone().unwrap_or_default());
        Self { labels: spec.node_selector.clone().unwrap_or_default(), tolerations }
    }

    fn takes(&self, node: &Node) -> bool {
        let has = |(key, value): (&String, &String)| {
            node.metadata.labels.as_ref().and_then(|labels| labels.get(key)) == Some(value)
        };
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let keeps_away = |taint: &&Taint| ["NoSchedule", "NoExecute"].contains(&taint.effect.as_str());
        let tolerated =
            |taint: &Taint| self.tolerations.as_ref().is_none_or(|all| all.iter().any(|one| tolerates(one, taint)));
        self.labels.iter().all(has) && taints.filter(keeps_away).all(tolerated)
    }
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let Toleration { effect, key, operator, value, .. } = toleration;
    let is_any = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    let exists = operator.as_deref() == Some("Exists");
    let of_key = if is_any(key) { exists } else { key.as_deref() == Some(&taint.key) };
    let of_value = exists || value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
    of_key && of_value && (is_any(effect) || effect.as_deref() == Some(&taint.effect))
}

/// What more an application asks nodes for, and which nodes.
pub(super) struct Demand<'a> {
    pub(super) application: &'a ApplicationId,
    pub(super) more: Amounts,
    pub(super) fit: &'a Fit,
}

/// True where nodes are asked for more.
pub(super) fn asks_nodes(more: &Amounts) -> bool {
    NODE_RESOURCES.iter().any(|(asked, _)| more.get(asked) > 0)
}

/// What the nodes do not have free now, all together, beside what pods have asked them for. Those that can go to some nodes only
/// are judged by these, too.
pub(super) fn beyond_nodes(
    nodes: &[Node],
    asked: &[(String, Amounts)],
    demands: &[Demand<'_>],
) -> Result<Vec<Shortage>, PortError> {
    let usable = |node: &&Node| !node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
    let nodes: Vec<&Node> = nodes.iter().filter(usable).collect();
    let mut taken: BTreeMap<&str, Amounts> = BTreeMap::new();
    for (node, asked) in asked {
        taken.entry(node).or_default().add_all(asked);
    }
    let free = nodes.iter().map(|node| free(node, &taken)).collect::<Result<Vec<Amounts>, _>>()?;
    let mut by_nodes: BTreeMap<Vec<bool>, Vec<&Demand<'_>>> = BTreeMap::new();
    for demand in demands {
        by_nodes.entry(nodes.iter().map(|node| demand.fit.takes(node)).collect()).or_default().push(demand);
    }
    let any = (0..nodes.len()).map(|node| by_nodes.keys().any(|those| those[node])).collect();
    let sets: BTreeSet<Vec<bool>> = by_nodes.keys().cloned().chain([any]).collect();
    let mut found = Vec::new();
    // The widest come first.
    for set in sets.iter().rev() {
        let is_within = |those: &&Vec<bool>| those.iter().zip(set).all(|(one, here)| !one || *here);
        let within = by_nodes.iter().filter(|(those, _)| is_within(those)).flat_map(|(_, demands)| demands);
        let (mut more, mut room) = (Amounts::default(), Amounts::default());
        within.clone().for_each(|demand| more.add_all(&demand.more));
        free.iter().zip(set).filter(|(_, here)| **here).for_each(|(free, _)| room.add_all(free));
        let whose = if set.iter().all(|here| *here) && !set.is_empty() { String::new() } else { whose(within) };
        let short = NODE_RESOURCES.iter().filter(|(name, _)| more.get(name) > room.get(name).max(0));
        found.extend(short.map(|(name, _)| Shortage {
            is_final: false,
            message: format!(
                "the nodes{whose} have {} of {name} free, and {} more is asked for; pods wait until there are more nodes",
                Quantity::of_billionths(room.get(name).max(0)),
                more.shown(name)
            ),
        }));
    }
    Ok(found)
}

/// Whose pods can go to nodes, after these.
fn whose<'a>(demands: impl Iterator<Item = &'a &'a Demand<'a>>) -> String {
    let names: Vec<String> = demands.map(|demand| demand.application.to_string()).collect();
    match names.len().saturating_sub(NAMED) {
        0 => format!(" for {}", names.join(", ")),
        more => format!(" for {} and {more} more", names[..NAMED].join(", ")),
    }
}

fn free(node: &Node, taken: &BTreeMap<&str, Amounts>) -> Result<Amounts, PortError> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
    let mut free = Amounts::default();
    for (asked, resource) in NODE_RESOURCES {
        let text = allocatable.and_then(|allocatable| allocatable.get(resource));
        let read = text.map(|text| amount(text, || format!("could not read Node {name}"))).transpose()?;
        free.add(asked, read.unwrap_or_default());
    }
    taken.get(name).into_iter().for_each(|taken| free.take_all(taken));
    Ok(free)
}

/// What a pod has asked its node for: of all its containers together, or of its largest init container. `None` where it has no
/// place on a node, or has ended.
pub(super) fn requests(pod: &Pod) -> Option<Result<(String, Amounts), PortError>> {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let node = pod.spec.as_ref()?.node_name.clone()?;
    (!matches!(phase, Some("Succeeded" | "Failed"))).then(|| amounts(pod).map(|amounts| (node, amounts)))
}

fn amounts(pod: &Pod) -> Result<Amounts, PortError> {
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

#[cfg(test)]
#[path = "nodes_tests.rs"]
mod tests;
