//! Where things run: whether what makes load, or answers in place of others, is on nodes of the applications under test.
//!
//! There it takes processors and network from what is measured, so that the figures are of neither. What was seen is in
//! [`LayoutSight`]; what follows from it is decided by the [`verdict`](crate::verdict).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How many shared nodes are named.
pub const NAMED_NODES: usize = 5;
/// How many pods of each side are named of a node.
pub const NAMED_PODS: usize = 3;

/// When it was looked where things run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LayoutMoment {
    /// With the checks, before anything was changed.
    Preflight,
    /// After the scale-up, with everything in the place that it has under load.
    BeforeLoad,
    /// While load was generated. Autoscalers and load workers may have got pods meanwhile.
    DuringLoad,
}

impl fmt::Display for LayoutMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Preflight => "during the checks",
            Self::BeforeLoad => "before the load",
            Self::DuringLoad => "during the load",
        })
    }
}

/// A look at where things run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutSeen {
    /// When.
    pub when: LayoutMoment,
    /// What was seen.
    pub sight: LayoutSight,
}

/// Where load generators, mocks and applications under test run at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutSight {
    /// Pods of load generators and mocks that have a node.
    #[serde(default)]
    pub load_pods: u32,
    /// Pods of applications under test that have a node.
    #[serde(default)]
    pub tested_pods: u32,
    /// How many nodes run both.
    #[serde(default)]
    pub shared_nodes: u32,
    /// The first [`NAMED_NODES`] of them, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<SharedNode>,
    /// What is not as it should be about the nodes that are kept for load, each in one sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pool: Vec<String>,
    /// Why it is not known whether nodes are shared; `None` where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// A node that runs both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedNode {
    /// Its name.
    pub node: String,
    /// Pods of load generators and mocks there, the first [`NAMED_PODS`] by `namespace/name`.
    pub load: Vec<String>,
    /// How many there are.
    pub load_pods: u32,
    /// Pods of applications under test there, the first [`NAMED_PODS`] by `namespace/name`.
    pub tested: Vec<String>,
    /// How many there are.
    pub tested_pods: u32,
}

/// A pod and its node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// The node's name.
    pub node: String,
    /// The pod, as `namespace/name`.
    pub pod: String,
}

/// By node, the pods of both sides.
#[derive(Default)]
struct Sides<'a> {
    load: Vec<&'a str>,
    tested: Vec<&'a str>,
}

impl LayoutSight {
    /// What follows from where the pods of both sides are.
    pub fn of(load: &[Placed], tested: &[Placed]) -> Self {
        let mut nodes: BTreeMap<&str, Sides<'_>> = BTreeMap::new();
        for placed in load {
            nodes.entry(&placed.node).or_default().load.push(&placed.pod);
        }
        for placed in tested {
            nodes.entry(&placed.node).or_default().tested.push(&placed.pod);
        }
        nodes.retain(|_, sides| !sides.load.is_empty() && !sides.tested.is_empty());
        Self {
            load_pods: count(load.len()),
            tested_pods: count(tested.len()),
            shared_nodes: count(nodes.len()),
            shared: nodes.into_iter().take(NAMED_NODES).map(|(node, sides)| SharedNode::of(node, sides)).collect(),
            pool: Vec::new(),
            unread: None,
        }
    }

    /// A look that has failed.
    pub fn unread(because: impl Into<String>) -> Self {
        Self { unread: Some(because.into()), ..Self::default() }
    }

    /// How nodes are shared, in one sentence; `None` where none is.
    pub fn sharing(&self) -> Option<String> {
        let first = self.shared.first()?;
        let more = match self.shared_nodes {
            0 | 1 => String::new(),
            2 => ", and one more such node".to_owned(),
            nodes => format!(", and {} more such nodes", nodes - 1),
        };
        Some(format!("load generators or mocks run on nodes of applications under test: {first}{more}"))
    }

    /// Everything that people should know of it, in one sentence each.
    pub fn troubles(&self) -> Vec<String> {
        let unread =
            self.unread.iter().map(|why| format!("whether load and applications share nodes is not known: {why}"));
        self.sharing().into_iter().chain(unread).chain(self.pool.iter().cloned()).collect()
    }
}

impl SharedNode {
    fn of(node: &str, sides: Sides<'_>) -> Self {
        let named = |mut pods: Vec<&str>| {
            pods.sort_unstable();
            (count(pods.len()), pods.into_iter().take(NAMED_PODS).map(str::to_owned).collect())
        };
        let (load_pods, load) = named(sides.load);
        let (tested_pods, tested) = named(sides.tested);
        Self { node: node.to_owned(), load, load_pods, tested, tested_pods }
    }
}

/// Such as `node-1 has load/locust-0 beside shop/checkout-5f and 11 more`.
impl fmt::Display for SharedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |pods: &[String], all: u32| match all.saturating_sub(count(pods.len())) {
            0 => pods.join(", "),
            more => format!("{} and {more} more", pods.join(", ")),
        };
        let (load, tested) = (side(&self.load, self.load_pods), side(&self.tested, self.tested_pods));
        write!(f, "{} has {load} beside {tested}", self.node)
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(node: &str, pod: &str) -> Placed {
        Placed { node: node.to_owned(), pod: pod.to_owned() }
    }

    #[test]
    fn nodes_of_one_side_are_not_shared() {
        let load = [placed("load-1", "load/locust-0"), placed("load-1", "load/mocks-0")];
        let sight = LayoutSight::of(&load, &[placed("node-1", "shop/checkout-0")]);
        assert_eq!((sight.load_pods, sight.tested_pods, sight.shared_nodes), (2, 1, 0));
        assert_eq!(sight.troubles(), [""; 0]);
        assert_eq!(LayoutSight::of(&[], &[]), LayoutSight::default());
    }

    #[test]
    fn a_shared_node_is_named_with_a_few_pods_of_each_side() {
        let tested: Vec<Placed> = (0..5).map(|pod| placed("node-1", &format!("shop/checkout-{pod}"))).collect();
        let sight = LayoutSight::of(&[placed("node-1", "load/locust-0")], &tested);
        assert_eq!(
            sight.sharing().unwrap(),
            "load generators or mocks run on nodes of applications under test: node-1 has load/locust-0 beside \
             shop/checkout-0, shop/checkout-1, shop/checkout-2 and 2 more"
        );
    }

    #[test]
    fn of_many_shared_nodes_a_few_are_named_and_all_are_counted() {
        let of = |what: &str| (0..9).map(|node| placed(&format!("node-{node}"), &format!("{what}-{node}"))).collect();
        let (load, tested): (Vec<Placed>, Vec<Placed>) = (of("load/locust"), of("shop/checkout"));
        let sight = LayoutSight::of(&load, &tested);
        assert_eq!((sight.shared_nodes, sight.shared.len()), (9, NAMED_NODES));
        let told = sight.sharing().unwrap();
        assert!(told.ends_with("node-0 has load/locust-0 beside shop/checkout-0, and 8 more such nodes"), "{told}");
        let two = LayoutSight::of(&load[..2], &tested).sharing().unwrap();
        assert!(two.ends_with("and one more such node"), "{two}");
    }

    #[test]
    fn what_could_not_be_read_is_told() {
        let sight = LayoutSight { pool: vec!["no node is ready".to_owned()], ..LayoutSight::unread("forbidden") };
        assert_eq!(
            sight.troubles(),
            ["whether load and applications share nodes is not known: forbidden", "no node is ready"]
        );
    }
}
