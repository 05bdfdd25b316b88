//! The nodes of a cluster. kwok says that they are ready.

use k8s_openapi::api::core::v1::Node;
use serde_json::json;

/// The zones that nodes are spread over.
const ZONES: [&str; 3] = ["a", "b", "c"];

/// A node to create, with room for so many processors.
pub(crate) fn node(index: u32, cpu: u32) -> Result<Node, serde_json::Error> {
    let name = format!("node-{index}");
    let zone = ZONES[index as usize % ZONES.len()];
    let room = json!({ "cpu": cpu.to_string(), "memory": "4Ti", "pods": "2000" });
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "bed.large",
                "topology.kubernetes.io/zone": format!("bed-{zone}"),
            },
        },
        "status": { "capacity": room, "allocatable": room },
    }))
}

/// True when pods can be scheduled to a node: it is ready, and the controllers have taken their taint away.
pub(crate) fn is_usable(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"));
    let tainted = node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_some_and(|taints| !taints.is_empty());
    ready && !tainted
}
