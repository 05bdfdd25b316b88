//! The nodes of a cluster, by their type.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::parity::{NodeType, Nodes};
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::quantity::Quantity;
use k8s_openapi::api::core::v1::Node;

/// The label with the provider's name of the type.
const TYPE: &str = "node.kubernetes.io/instance-type";
const ARCH: &str = "kubernetes.io/arch";

/// What nodes of one type have; those without the label are of the type `unlabelled`.
pub(super) fn nodes(all: &[Node]) -> Result<Nodes, PortError> {
    let mut types: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    let mut agents = BTreeSet::new();
    for node in all {
        types.entry(label(node, TYPE).unwrap_or("unlabelled").to_owned()).or_default().push(node);
        let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
        agents.extend(info.map(|info| info.kubelet_version.clone()).filter(|version| !version.is_empty()));
    }
    let types = types.into_iter().map(|(name, nodes)| Ok((name, of(&nodes)?))).collect::<Result<_, PortError>>()?;
    Ok(Nodes { types, agents })
}

fn of(nodes: &[&Node]) -> Result<NodeType, PortError> {
    let arches: BTreeSet<&str> = nodes.iter().filter_map(|node| label(node, ARCH)).collect();
    Ok(NodeType {
        count: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        arch: arches.into_iter().collect::<Vec<_>>().join(", "),
        cpu: least(nodes, "cpu")?,
        memory: least(nodes, "memory")?,
    })
}

/// The least that one of the nodes has of a resource for its pods.
fn least(nodes: &[&Node], resource: &str) -> Result<Quantity, PortError> {
    let mut least: Option<Quantity> = None;
    for node in nodes {
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let Some(text) = allocatable.and_then(|all| all.get(resource)) else { continue };
        let amount: Quantity = text.0.parse().map_err(|error| {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            PortError::because(FailureKind::Rejected, format!("could not read Node {name}"), error)
        })?;
        least = match least {
            Some(known) if known.billionths() <= amount.billionths() => Some(known),
            _ => Some(amount),
        };
    }
    Ok(least.unwrap_or_else(|| Quantity::of_billionths(0)))
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}
