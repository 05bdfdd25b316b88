//! Which Stack of a StackSet the application is. Pure.

use std::cmp::Ordering;

use crate::object::is_marked;
use crate::stack_set::Stack;
use crate::unfit::Unfit;

/// Of the Stacks of a StackSet the one that a run has left something on, else the one that this conductor has written to,
/// else the one with the most traffic: nothing may keep a run from going back where it has been.
pub(crate) fn chosen<'a>(stacks: &'a [Stack], written: Option<&str>) -> Option<&'a Stack> {
    let of = |stack: &Stack| (is_marked(stack), written == Some(stack.name()));
    let made = |stack: &Stack| stack.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let order = |one: &&Stack, other: &&Stack| -> Ordering {
        let by_traffic = one.weight().total_cmp(&other.weight());
        of(one).cmp(&of(other)).then(by_traffic).then_with(|| made(one).cmp(&made(other)))
    };
    stacks.iter().max_by(order)
}

/// Why it cannot be said which Stack of a StackSet a run may change.
pub(crate) fn unfit(stacks: &[Stack]) -> Option<Unfit> {
    let serving: Vec<&Stack> = stacks.iter().filter(|stack| stack.has_traffic()).collect();
    match serving[..] {
        [] => Some(Unfit::NoTraffic(weights(stacks))),
        [stack] if stack.is_autoscaled() && stack.spec.replicas == Some(0) => {
            Some(Unfit::SwitchedOff(stack.name().to_owned()))
        }
        [_] => None,
        _ => Some(Unfit::SplitTraffic(weights(serving))),
    }
}

/// Stacks with their traffic, for people.
pub(crate) fn weights<'a>(stacks: impl IntoIterator<Item = &'a Stack>) -> String {
    let mut told: Vec<String> =
        stacks.into_iter().map(|stack| format!("{} has {:.0} %", stack.name(), stack.weight())).collect();
    told.sort();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::marker::{RUN, SNAPSHOT};

    fn stack(name: &str, weight: f64, made: &str) -> Stack {
        serde_json::from_value(json!({
            "apiVersion": "zalando.org/v1",
            "kind": "Stack",
            "metadata": { "name": name, "uid": name, "creationTimestamp": format!("2026-01-0{made}T00:00:00Z") },
            "spec": { "podTemplate": {} },
            "status": { "actualTrafficWeight": weight },
        }))
        .unwrap()
    }

    fn marked(mut stack: Stack) -> Stack {
        let run = json!({ "run": "one", "epoch": 1, "uid": stack.name(), "applied": [] }).to_string();
        let annotations = [(SNAPSHOT, "{}".to_owned()), (RUN, run)].map(|(key, text)| (key.to_owned(), text));
        stack.metadata.annotations = Some(annotations.into());
        stack
    }

    #[test]
    fn it_is_the_marked_one_then_the_written_one_then_the_one_with_the_traffic_then_the_newest() {
        let [old, new] = [stack("a", 0.0, "1"), stack("b", 100.0, "2")];
        for (name, stacks, written, expected) in [
            ("traffic", vec![old.clone(), new.clone()], None, Some("b")),
            ("more traffic", vec![stack("a", 60.0, "1"), stack("b", 40.0, "2")], None, Some("a")),
            ("no traffic", vec![stack("a", 0.0, "3"), stack("b", 0.0, "2")], None, Some("a")),
            ("written", vec![old.clone(), new.clone()], Some("a"), Some("a")),
            ("marked", vec![marked(old.clone()), new.clone()], None, Some("a")),
            ("marked, and another one written", vec![marked(old), new.clone()], Some("b"), Some("a")),
            ("written is gone", vec![new], Some("a"), Some("b")),
            ("none", vec![], None, None),
        ] {
            assert_eq!(chosen(&stacks, written).map(Stack::name), expected, "{name}");
        }
    }

    #[test]
    fn traffic_on_no_stack_or_on_several_speaks_against_a_run() {
        let of = |weights: &[f64]| {
            let stacks: Vec<Stack> = weights.iter().zip(["a", "b"]).map(|(of, name)| stack(name, *of, "1")).collect();
            unfit(&stacks).map(|unfit| unfit.to_string())
        };
        assert_eq!(of(&[100.0, 0.0]), None);
        assert_eq!(
            of(&[0.0, 0.0]).as_deref(),
            Some(
                "none of its Stacks has traffic (a has 0 %, b has 0 %), and their controller scales such ones to none; \
                 expected one with all of it, for which the StackSet needs an ingress"
            )
        );
        assert_eq!(
            of(&[79.6, 20.4]).as_deref(),
            Some("several of its Stacks have traffic (a has 80 %, b has 20 %); expected one with all of it")
        );
    }

    #[test]
    fn an_autoscaled_stack_that_is_switched_off_is_refused_and_a_plain_one_is_scaled() {
        let mut off = stack("a", 100.0, "1");
        off.spec.replicas = Some(0);
        assert_eq!(unfit(std::slice::from_ref(&off)), None);
        off.spec.autoscaler = serde_json::from_value(json!({ "maxReplicas": 4 })).unwrap();
        assert_eq!(
            unfit(&[off]).map(|unfit| unfit.to_string()).as_deref(),
            Some(
                "its Stack a is switched off (spec.replicas: 0), so that its controller keeps it at none whatever the bounds \
                 of its autoscaler are; expected another number, or none said"
            )
        );
    }
}
