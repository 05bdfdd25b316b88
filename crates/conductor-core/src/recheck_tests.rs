//! The second look: what came back is put back, what others did since is told, and what was known is not told again.

use std::collections::BTreeMap;

use super::*;
use crate::app::{Allocation, Bounds};
use crate::release::{Release, Rollout};
use crate::scale::{Plan, ScaleStep};

fn app() -> ApplicationId {
    "shop".parse().unwrap()
}

fn observed(version: &str, allocation: Allocation) -> Baseline {
    let identity = Some("uid-1".to_owned());
    BTreeMap::from([(app(), Observed { identity, ..Observed::new(Release::single(version), allocation) })])
}

fn found(version: &str, replicas: u32) -> Baseline {
    observed(version, Allocation::of_replicas(replicas))
}

/// A run that rolls `v2` out and scales from one replica to three.
fn changes() -> Changes {
    let rollout = Rollout::new(app(), Release::single("v1"), Release::single("v2"));
    let [from, to] = [1, 3].map(Allocation::of_replicas);
    let step = ScaleStep { application: app(), from, to };
    Changes { baseline: found("v1", 1), plan: Plan { rollouts: vec![rollout], scale_steps: vec![step] } }
}

fn back(found: Baseline) -> WayBack {
    WayBack { changes: changes(), found, at: Timestamp::UNIX_EPOCH }
}

fn texts(first: Baseline, second: &Baseline) -> Vec<String> {
    back(first).late(second).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_as_at_the_first_look_is_not_told() {
    assert_eq!(texts(found("v1", 1), &found("v1", 1)), [""; 0]);
    assert_eq!(texts(found("v9", 7), &found("v9", 7)), [""; 0], "others had changed it before");
    assert_eq!(texts(BTreeMap::new(), &BTreeMap::new()), [""; 0], "it was gone before");
    assert_eq!(texts(found("v9", 7), &found("v1", 1)), [""; 0], "others have put it back themselves");
    assert_eq!(texts(BTreeMap::new(), &found("v9", 7)), [""; 0], "nobody had looked, and it may be of before");
}

#[test]
fn a_value_of_the_run_that_has_come_back_is_put_back_and_somebody_elses_is_left_alone() {
    assert_eq!(
        texts(found("v1", 1), &found("v2", 3)),
        ["shop: version of main is v2, not v1; put back once more", "shop: replicas is 3, not 1; put back once more"]
    );
    assert_eq!(
        texts(found("v1", 1), &found("v9", 3)),
        ["shop: replicas is 3, not 1; put back once more", "shop: version of main is v9, not v1; left alone"]
    );
    assert_eq!(texts(found("v1", 7), &found("v1", 8)), ["shop: replicas is 8, not 1; left alone"]);
    assert_eq!(texts(found("v1", 1), &BTreeMap::new()), ["shop was deleted; left alone"]);
    let mut anew = found("v2", 3);
    anew.values_mut().for_each(|observed| observed.identity = Some("uid-2".to_owned()));
    assert_eq!(texts(found("v1", 1), &anew), ["shop was deleted and made anew; left alone"]);
}

#[test]
fn replicas_of_an_autoscaler_are_told_where_they_are_outside_of_its_bounds() {
    let of = |replicas, bounds| Allocation { autoscaling: Some(bounds), ..Allocation::of_replicas(replicas) };
    let (free, pinned) = (Bounds { min: 1, max: 4 }, Bounds::pinned(20));
    let step = ScaleStep { application: app(), from: of(2, free), to: of(20, pinned) };
    let plan = Plan { rollouts: Vec::new(), scale_steps: vec![step] };
    let first = observed("v1", of(2, free));
    let back = WayBack { changes: Changes { baseline: first.clone(), plan }, found: first, at: Timestamp::UNIX_EPOCH };
    let texts = |allocation| -> Vec<String> {
        back.late(&observed("v1", allocation)).iter().map(ToString::to_string).collect()
    };
    assert_eq!(texts(of(4, free)), [""; 0], "it chooses");
    assert_eq!(texts(of(20, free)), ["shop: replicas is 20, not 2; put back once more"]);
    assert_eq!(
        texts(of(20, pinned)),
        ["shop: autoscaling is pinned at 20, not autoscaled from 1 to 4; put back once more"]
    );
    assert_eq!(texts(of(2, Bounds { min: 2, max: 4 })), ["shop: autoscaling minimum is 2, not 1; left alone"]);
}

#[test]
fn only_applications_of_which_something_came_back_are_put_back_again() {
    let late = |first: Baseline, second: &Baseline| {
        let back = back(first);
        let late = back.late(second);
        back.again(&late, second, Timestamp::UNIX_EPOCH)
    };
    assert_eq!(late(found("v1", 1), &found("v9", 1)), None);
    let again = late(found("v1", 1), &found("v1", 3)).unwrap();
    assert_eq!((again.changes, again.found), (changes(), found("v1", 3)));
}
