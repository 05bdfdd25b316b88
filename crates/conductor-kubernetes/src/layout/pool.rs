//! Whether the nodes that are kept for load are there, are ready, keep others out, and have all that makes load.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::layout::Placed;
use k8s_openapi::api::core::v1::Node;

/// How many nodes or pods are named.
const NAMED: usize = 3;

/// Everything that is not as it should be, each in one sentence; the nodes of the pool are those with all of these labels.
pub(super) fn troubles(
    labels: &BTreeMap<String, String>,
    nodes: &[Node],
    load: &[Placed],
    tested: &[Placed],
) -> Vec<String> {
    let pool = labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let own: Vec<&Node> = nodes.iter().filter(|node| has(node, labels)).collect();
    if own.is_empty() {
        return vec![format!("no node has {pool}, the labels of the load pool (kubernetes.layout.pool)")];
    }
    let names: BTreeSet<&str> = own.iter().map(|node| name(node)).collect();
    let of =
        |is_it: fn(&Node) -> bool| own.iter().filter(|node| is_it(node)).map(|node| name(node)).collect::<Vec<_>>();
    let (unready, open) = (of(|node| !is_ready(node)), of(|node| !is_tainted(node)));
    let pods = |placed: &[Placed], is_inside: bool| -> Vec<String> {
        let found = placed.iter().filter(|placed| names.contains(placed.node.as_str()) == is_inside);
        found.map(|placed| format!("{} on {}", placed.pod, placed.node)).collect()
    };
    let told = |found: Vec<String>, what: &str| (!found.is_empty()).then(|| format!("{}{what}", some(found)));
    let names_of = |nodes: Vec<&str>| nodes.into_iter().map(|node| format!("node {node}")).collect::<Vec<_>>();
    [
        told(names_of(unready), &format!(" of the load pool ({pool}) cannot take pods: not ready, or cordoned")),
        told(
            names_of(open),
            &format!(
                " of the load pool ({pool}) without a taint NoSchedule or NoExecute: pods of others may come there"
            ),
        ),
        told(pods(load, false), ": load generators or mocks outside of the load pool"),
        told(pods(tested, true), ": applications under test inside the load pool"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The first few, with how many more there are.
fn some(mut found: Vec<String>) -> String {
    found.sort_unstable();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", found.into_iter().take(NAMED).collect::<Vec<_>>().join(", "))
}

fn name(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}

fn has(node: &Node, labels: &BTreeMap<String, String>) -> bool {
    let own = node.metadata.labels.as_ref();
    labels.iter().all(|(key, value)| own.and_then(|own| own.get(key)) == Some(value))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let is_ready = conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    is_ready && node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true)
}

fn is_tainted(node: &Node) -> bool {
    // Those of Kubernetes itself come and go with what is wrong with a node.
    let is_own =
        |key: &str| key.starts_with("node.kubernetes.io/") || key.starts_with("node.cloudprovider.kubernetes.io/");
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let mut kept = taints.filter(|taint| !is_own(&taint.key));
    kept.any(|taint| ["NoSchedule", "NoExecute"].contains(&taint.effect.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(name: &str, pool: &str, ready: &str, spec: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": { "name": name, "labels": { "pool": pool } },
            "spec": spec,
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        }))
        .unwrap()
    }

    fn tainted(key: &str, effect: &str) -> Value {
        json!({ "taints": [{ "key": key, "value": "load", "effect": effect }] })
    }

    fn placed(node: &str, pod: &str) -> Vec<Placed> {
        vec![Placed { node: node.to_owned(), pod: pod.to_owned() }]
    }

    fn told(nodes: &[Node]) -> Vec<String> {
        let labels = [("pool".to_owned(), "load".to_owned())].into();
        troubles(&labels, nodes, &placed("load-1", "load/locust-0"), &placed("node-1", "shop/checkout-0"))
    }

    #[test]
    fn a_pool_that_is_kept_for_load_is_not_told() {
        let nodes =
            [node("load-1", "load", "True", tainted("pool", "NoSchedule")), node("node-1", "web", "True", json!({}))];
        assert_eq!(told(&nodes), [""; 0]);
        assert_eq!(told(&nodes[1..]), ["no node has pool=load, the labels of the load pool (kubernetes.layout.pool)"]);
    }

    #[test]
    fn nodes_that_are_not_ready_or_open_to_others_are_named() {
        let unready = node("load-1", "load", "False", tainted("node.kubernetes.io/unreachable", "NoSchedule"));
        assert_eq!(
            told(&[unready]),
            [
                "node load-1 of the load pool (pool=load) cannot take pods: not ready, or cordoned",
                "node load-1 of the load pool (pool=load) without a taint NoSchedule or NoExecute: pods of others may come \
                 there",
            ]
        );
        let soft = node("load-1", "load", "True", tainted("pool", "PreferNoSchedule"));
        assert_eq!(told(&[soft]).len(), 1, "others would come there when they find no other node");
        let cordoned = json!({ "unschedulable": true, "taints": [{ "key": "pool", "effect": "NoExecute" }] });
        assert_eq!(told(&[node("load-1", "load", "True", cordoned)]).len(), 1);
    }

    #[test]
    fn pods_on_the_wrong_side_are_named_a_few_of_them() {
        let nodes: Vec<Node> =
            (1..3).map(|at| node(&format!("load-{at}"), "load", "True", tainted("pool", "NoSchedule"))).collect();
        let all = |node: &str, pod: &str| -> Vec<Placed> {
            (0..5).flat_map(|at| placed(node, &format!("{pod}-{at}"))).collect()
        };
        let labels = [("pool".to_owned(), "load".to_owned())].into();
        assert_eq!(
            troubles(&labels, &nodes, &all("node-1", "load/locust"), &placed("load-2", "shop/checkout-0")),
            [
                "load/locust-0 on node-1, load/locust-1 on node-1, load/locust-2 on node-1 and 2 more: load generators or \
                 mocks outside of the load pool",
                "shop/checkout-0 on load-2: applications under test inside the load pool",
            ]
        );
    }
}
