//! What it says of a run that load generators or mocks have run on nodes of the applications under test.

use super::{Evidence, Outcome, Rule, VerdictCause};
use crate::layout::{LayoutMoment, LayoutSeen, LayoutSight};
use crate::spec::SharedNodesRule;

const NODES: &str = "nodes of pods";

pub(super) const SHARED_NODES: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "shared_nodes",
    when: "load was measured, and load generators or mocks ran on nodes of the applications under test, before the load or during it",
    evidence: "the first nodes, with pods of both sides, and how many nodes there are",
    advice: "Keep load generators and mocks in a node pool of their own (docs/deploy.md, load pool), and name support applications \
             that are neither under kubernetes.layout.except; in a cluster of one node say `spec.verdict.sharedNodes: warn`.",
};
pub(super) const SHARED_NODES_WARNED: Rule = Rule {
    outcome: Outcome::Warned,
    when: "`spec.verdict.sharedNodes: warn`, load was measured, and load generators or mocks ran on nodes of the applications under \
           test",
    ..SHARED_NODES
};
pub(super) const LAYOUT_UNREAD: Rule = Rule {
    outcome: Outcome::Warned,
    code: "layout_unread",
    when: "load was measured, and at the last look the nodes of load generators, mocks and applications under test could not be read",
    evidence: "why",
    advice: "Give the conductor the right that the message names (docs/deploy.md, load pool), or say \
             `spec.verdict.sharedNodes: ignore`.",
};

/// One reason at most for shared nodes: of the look that has found the most of them, the earlier one of equal ones.
pub(super) fn causes(rule: SharedNodesRule, seen: &[LayoutSeen]) -> Vec<VerdictCause> {
    let shared = match rule {
        SharedNodesRule::Invalid => SHARED_NODES,
        SharedNodesRule::Warn => SHARED_NODES_WARNED,
        SharedNodesRule::Ignore => return Vec::new(),
    };
    // What was so during the checks may have changed by the scale-up.
    let under_load = || seen.iter().filter(|look| look.when != LayoutMoment::Preflight);
    let worst = under_load().rev().max_by_key(|look| look.sight.shared_nodes);
    let sharing = worst.and_then(|look| Some((look.when, &look.sight, look.sight.sharing()?)));
    if let Some((when, sight, sharing)) = sharing {
        return vec![shared.because(format!("{when}, {sharing}"), evidence(sight))];
    }
    // One of many looks that has failed says nothing of the others.
    let unread = under_load().next_back().and_then(|look| Some((look.when, look.sight.unread.as_ref()?)));
    let unread = unread.map(|(when, why)| {
        let message = format!("{when}, whether load and applications share nodes could not be read: {why}");
        LAYOUT_UNREAD.because(message, vec![Evidence::fact(why.clone(), NODES)])
    });
    unread.into_iter().collect()
}

fn evidence(sight: &LayoutSight) -> Vec<Evidence> {
    let nodes = sight.shared.iter().map(|node| Evidence::fact(node.to_string(), NODES));
    let all = Evidence::figure("nodes that are shared", f64::from(sight.shared_nodes), "", NODES);
    nodes.chain([all]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Placed;

    fn shared(nodes: usize) -> LayoutSight {
        let of = |pod: &str| -> Vec<Placed> {
            (0..nodes).map(|node| Placed { node: format!("node-{node}"), pod: pod.to_owned() }).collect()
        };
        LayoutSight::of(&of("load/locust"), &of("shop/checkout"))
    }

    fn seen(looks: &[(LayoutMoment, LayoutSight)]) -> Vec<LayoutSeen> {
        looks.iter().map(|(when, sight)| LayoutSeen { when: *when, sight: sight.clone() }).collect()
    }

    #[test]
    fn the_look_that_has_found_the_most_is_told_once() {
        use LayoutMoment::{BeforeLoad, DuringLoad, Preflight};
        let all = seen(&[(Preflight, shared(9)), (BeforeLoad, shared(1)), (DuringLoad, shared(7))]);
        let causes = causes(SharedNodesRule::Invalid, &all);
        let [cause] = causes.as_slice() else { panic!("{causes:?}") };
        assert_eq!((cause.outcome, cause.code.as_str()), (Outcome::Invalid, "shared_nodes"));
        assert_eq!(
            cause.message,
            "during the load, load generators or mocks run on nodes of applications under test: node-0 has \
             load/locust beside shop/checkout, and 6 more such nodes"
        );
        let told: Vec<String> = cause.evidence.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 6, "five nodes and how many there are");
        assert_eq!(told[0], "node-0 has load/locust beside shop/checkout; nodes of pods");
        assert_eq!(told[5], "nodes that are shared: 7; nodes of pods");
    }

    #[test]
    fn of_equal_looks_the_earlier_one_is_told() {
        let all = seen(&[(LayoutMoment::BeforeLoad, shared(1)), (LayoutMoment::DuringLoad, shared(1))]);
        assert!(causes(SharedNodesRule::Warn, &all)[0].message.starts_with("before the load, "));
    }

    #[test]
    fn what_could_not_be_read_is_told_where_nothing_is_known_to_be_shared() {
        let unread = (LayoutMoment::DuringLoad, LayoutSight::unread("pods is forbidden"));
        let told = |rule, looks: &[(LayoutMoment, LayoutSight)]| {
            causes(rule, &seen(looks)).into_iter().map(|cause| cause.code).collect::<Vec<_>>()
        };
        let separate = (LayoutMoment::BeforeLoad, shared(0));
        assert_eq!(told(SharedNodesRule::Invalid, &[separate, unread.clone()]), ["layout_unread"]);
        let again = [unread.clone(), (LayoutMoment::DuringLoad, shared(0))];
        assert_eq!(told(SharedNodesRule::Invalid, &again), [""; 0], "it was read again");
        let both = [(LayoutMoment::BeforeLoad, shared(1)), unread.clone()];
        assert_eq!(told(SharedNodesRule::Invalid, &both), ["shared_nodes"]);
        assert_eq!(told(SharedNodesRule::Ignore, &[unread]), [""; 0]);
        let checks = (LayoutMoment::Preflight, LayoutSight::unread("pods is forbidden"));
        assert_eq!(told(SharedNodesRule::Invalid, &[checks]), [""; 0], "nothing was measured then");
    }
}
