//! Stacks with the traffic somewhere else, and what others have made of what is made of Stacks.

use conductor_core::app::{ApplicationId, Bounds};
use conductor_core::guard::Drift;
use conductor_core::scale::Observed;
use k8s_openapi::api::apps::v1::Deployment;

use super::news::{News, Seen, read, seen, unreadable};
use crate::drift::bounds_writer;
use crate::field::Owned;
use crate::named::Named;
use crate::object::Object;
use crate::place::{Kind, Place};
use crate::stack_set::{Other, Stack, StackFields, carried, is_controller, is_of_stack, unlike};
use crate::workload::Workload;

/// What there is to tell of a Stack.
pub(super) fn stack((): &(), watch: usize, found: &Stack, is_there: bool) -> Option<News> {
    let place = found.place()?;
    let now = || {
        let fields = read(Named::of(&(), found), found.fields());
        let bounds = fields.as_ref().ok().and_then(StackFields::bounds);
        let fields = fields.map(|fields| fields.owned);
        let kept = Some(found.kept(&place));
        Seen { bounds, serves: found.has_traffic(), kept, ..seen(watch, &found.metadata, fields) }
    };
    let now = is_there.then(now);
    Some(News::Workload(place, found.name().to_owned(), now))
}

/// That traffic is not where the run has its load.
pub(super) fn traffic(application: &ApplicationId, stack: &str, serving: &[&str]) -> Drift {
    let on = |stacks: &str| format!("on {stacks}");
    Drift {
        application: application.clone(),
        field: "traffic".to_owned(),
        expected: on(stack),
        found: if serving.is_empty() { "on no Stack".to_owned() } else { on(&serving.join(" and ")) },
        by: None,
        reverted: false,
    }
}

/// What there is to tell of what is made of a Stack.
pub(super) fn made((): &(), watch: usize, found: &Deployment, is_there: bool) -> Option<News> {
    if !is_of_stack(&found.metadata) {
        return None;
    }
    let now = || {
        let fields = read(Named::of(&(), found), found.fields());
        Seen { generation: carried(&found.metadata), ..seen(watch, &found.metadata, fields) }
    };
    Some(News::Made(found.place(&()), is_there.then(now)))
}

/// True for where the Deployment is of a Stack of this name, if a StackSet is there.
pub(super) fn is_made(stack_set: &Place, stack: &str, target: &Place) -> bool {
    stack_set.kind == Kind::StackSet
        && target.kind == Kind::Deployment
        && stack_set.namespace == target.namespace
        && stack == target.name
}

/// False for the autoscaler of a Stack with bounds that its controller has still to change, or has given it.
pub(super) fn has_own_bounds(stack: &Seen<Owned>, autoscaler: &Seen<Bounds>) -> bool {
    let is_by_controller = || bounds_writer(&autoscaler.managed).is_some_and(|by| is_controller(&by));
    autoscaler.generation.is_none() || (autoscaler.generation >= stack.generation && !is_by_controller())
}

/// How the Deployment of a Stack drifts from what the Stack says. What its controller has still to carry to it does not count.
pub(super) fn drifts(
    application: &ApplicationId,
    expected: &Observed,
    name: &str,
    [stack, made]: [&Seen<Owned>; 2],
) -> Vec<Drift> {
    if made.generation < stack.generation {
        return Vec::new();
    }
    let (Ok(said), Ok(has)) = (&stack.fields, &made.fields) else {
        return made.fields.as_ref().err().map(|why| unreadable(application, why)).into_iter().collect();
    };
    let mut said = said.clone();
    let is_free = expected.allocation.autoscaling.is_some_and(|bounds| bounds.min != bounds.max);
    match stack.bounds {
        // An autoscaler may choose them.
        Some(_) if is_free => said.replicas = has.replicas,
        Some(_) => said.replicas = expected.allocation.replicas,
        None => {}
    }
    let drift = |other: Other| Drift {
        application: application.clone(),
        field: format!("{} of Deployment {name}", other.field),
        expected: other.said,
        found: other.found,
        by: Some(other.by.to_string()),
        reverted: false,
    };
    unlike(&said, has, &made.managed).into_iter().map(drift).collect()
}
