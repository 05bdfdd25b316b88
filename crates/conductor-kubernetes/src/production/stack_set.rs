//! What one StackSet runs: what the Deployment of its Stack with the traffic runs. Nothing is asked of production here.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;

use crate::place::Place;
use crate::production::refusal::Refusal;
use crate::production::{Found, Running};
use crate::stack_set::{Stack, is_carried, weights};

/// StackSets with the Stack that has their traffic, by where the Deployment of that is; and those of which it is not clear.
pub(super) fn clear(stack_sets: BTreeMap<Place, Vec<Stack>>) -> (BTreeMap<Place, (Place, Stack)>, Vec<Found>) {
    let (mut clear, mut unclear) = (BTreeMap::new(), Vec::new());
    for (place, stacks) in stack_sets {
        match serving(&place, &stacks) {
            Ok(stack) => drop(clear.insert(stack.deployment(), (place, stack.clone()))),
            Err(refusal) => unclear.push((place, Err(vec![refusal]))),
        }
    }
    (clear, unclear)
}

/// The Stack of a StackSet that has all of its traffic.
fn serving<'a>(place: &Place, stacks: &'a [Stack]) -> Result<&'a Stack, Refusal> {
    let with_traffic: Vec<&Stack> = stacks.iter().filter(|stack| stack.has_traffic()).collect();
    match with_traffic[..] {
        [stack] => Ok(stack),
        [] => Err(Refusal::NoTraffic { place: place.clone(), weights: weights(stacks) }),
        _ => Err(Refusal::Switching { place: place.clone(), weights: weights(with_traffic) }),
    }
}

/// What the Deployment of a Stack runs, once it is what its Stack says.
pub(super) fn running(
    place: &Place,
    stack: &Stack,
    deployment: &Deployment,
    running: impl FnOnce() -> Result<Running, Vec<Refusal>>,
) -> Result<Running, Vec<Refusal>> {
    if is_carried(&deployment.metadata, stack.metadata.generation.unwrap_or_default()) {
        running()
    } else {
        Err(vec![Refusal::Unseen { place: place.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::place::Kind;

    fn stack(name: &str, weight: f64) -> Stack {
        serde_json::from_value(json!({
            "apiVersion": "zalando.org/v1",
            "kind": "Stack",
            "metadata": { "name": name, "namespace": "shop", "generation": 3 },
            "spec": { "podTemplate": {} },
            "status": { "actualTrafficWeight": weight },
        }))
        .unwrap()
    }

    #[test]
    fn a_stack_set_is_clear_while_one_stack_has_all_of_its_traffic() {
        let place = Place { namespace: "shop".to_owned(), kind: Kind::StackSet, name: "checkout".to_owned() };
        let of = |weights: [f64; 2]| {
            let stacks = weights.iter().zip(["v1", "v2"]).map(|(weight, name)| stack(name, *weight)).collect();
            clear(BTreeMap::from([(place.clone(), stacks)]))
        };
        let (found, unclear) = of([0.0, 100.0]);
        assert_eq!((found.keys().next().unwrap().to_string().as_str(), unclear.len()), ("Deployment shop/v2", 0));
        for (weights, expected) in [
            (
                [20.0, 80.0],
                "production is in the middle of switching the traffic of StackSet shop/checkout: of its Stacks v1 has 20 %, \
                 v2 has 80 %; try again when one has all of it",
            ),
            (
                [0.0, 0.0],
                "no Stack of StackSet shop/checkout has traffic in production (v1 has 0 %, v2 has 0 %); expected one with \
                 all of it, for which it needs an ingress",
            ),
        ] {
            let (found, unclear) = of(weights);
            assert!(found.is_empty());
            let [(_, Err(refusals))] = &unclear[..] else { panic!("{unclear:?}") };
            assert_eq!(refusals[0].to_string(), expected);
        }
    }

    #[test]
    fn what_the_deployment_runs_counts_once_it_is_made_of_the_newest_stack() {
        let place = Place { namespace: "shop".to_owned(), kind: Kind::StackSet, name: "checkout".to_owned() };
        for (generation, expected) in [("3", true), ("2", false)] {
            let annotations = json!({ "stackset-controller.zalando.org/stack-generation": generation });
            let made = serde_json::from_value(json!({ "metadata": { "annotations": annotations } })).unwrap();
            let nothing = || {
                Ok(Running {
                    images: BTreeMap::new(),
                    written: BTreeMap::new(),
                    resources: BTreeMap::new(),
                    replicas: 0,
                    deploy_id: None,
                })
            };
            assert_eq!(running(&place, &stack("v1", 100.0), &made, nothing).is_ok(), expected, "{generation}");
        }
    }
}
