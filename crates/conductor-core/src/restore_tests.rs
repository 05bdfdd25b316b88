//! The way back: whose value a field holds decides what becomes of it.

use super::*;
use crate::scale::Plan;

fn app() -> ApplicationId {
    "shop".parse().unwrap()
}

fn changes(plan: Plan) -> Changes {
    let release = Release::single("v1");
    let observed = Observed { release, allocation: Allocation::of_replicas(1), identity: Some("uid-1".to_owned()) };
    Changes { baseline: BTreeMap::from([(app(), observed)]), plan }
}

fn plan() -> Plan {
    Plan {
        rollouts: vec![Rollout::new(app(), Release::single("v1"), Release::single("v2"))],
        scale_steps: vec![ScaleStep {
            application: app(),
            from: Allocation::of_replicas(1),
            to: Allocation::of_replicas(3),
        }],
    }
}

fn found(version: &str, replicas: u32) -> BTreeMap<ApplicationId, Observed> {
    let release = Release::single(version);
    BTreeMap::from([(app(), observed(release, Allocation::of_replicas(replicas)))])
}

fn observed(release: Release, allocation: Allocation) -> Observed {
    Observed { release, allocation, identity: Some("uid-1".to_owned()) }
}

/// What the restore would do, as (version, replicas, foreign changes).
fn outcome(version: &str, replicas: u32, policy: ForeignPolicy) -> (String, u32, Vec<String>) {
    let restore = RestorePlan::make(&changes(plan()), &found(version, replicas), policy);
    let version = restore.rollouts.first().map_or(version.to_owned(), |r| r.to.to_string());
    let replicas = restore.scale_steps.first().map_or(replicas, |s| s.to.replicas);
    (version, replicas, restore.foreign.into_iter().map(|f| f.field).collect())
}

#[test]
fn what_the_run_applied_is_put_back_wherever_it_was_interrupted() {
    for (version, replicas) in [("v2", 3), ("v1", 1), ("v2", 1), ("v1", 3)] {
        assert_eq!(outcome(version, replicas, ForeignPolicy::Report), ("v1".to_owned(), 1, vec![]));
    }
}

#[test]
fn somebody_elses_value_stays_and_is_reported_field_by_field() {
    assert_eq!(outcome("v9", 3, ForeignPolicy::Report), ("v9".to_owned(), 1, vec!["version of main".to_owned()]));
    assert_eq!(outcome("v2", 5, ForeignPolicy::Report), ("v1".to_owned(), 5, vec!["replicas".to_owned()]));
}

#[test]
fn force_puts_the_original_back_and_still_reports() {
    assert_eq!(outcome("v2", 5, ForeignPolicy::Force), ("v1".to_owned(), 1, vec!["replicas".to_owned()]));
}

#[test]
fn every_number_of_replicas_that_the_run_has_applied_is_its_own_and_none_between_them() {
    let step = |from, to| ScaleStep {
        application: app(),
        from: Allocation::of_replicas(from),
        to: Allocation::of_replicas(to),
    };
    let changes = changes(Plan { rollouts: vec![], scale_steps: vec![step(1, 3), step(3, 6)] });
    for replicas in [3, 6] {
        let restore = RestorePlan::make(&changes, &found("v1", replicas), ForeignPolicy::Report);
        assert_eq!(restore.scale_steps, [step(replicas, 1)], "one step, to what was there before the first");
        assert!(restore.foreign.is_empty());
    }
    assert!(RestorePlan::make(&changes, &found("v1", 1), ForeignPolicy::Report).is_done());
    let restore = RestorePlan::make(&changes, &found("v1", 4), ForeignPolicy::Report);
    assert!(restore.is_done());
    assert_eq!(
        restore.foreign[0].to_string(),
        "shop: replicas is 4, which is neither 1 (before the run) nor 6 (during it); left alone"
    );
    assert_eq!(RestorePlan::make(&changes, &BTreeMap::new(), ForeignPolicy::Report).missing, [app()]);
}

#[test]
fn a_restored_environment_needs_nothing() {
    assert!(RestorePlan::make(&changes(plan()), &found("v1", 1), ForeignPolicy::Report).is_done());
}

#[test]
fn fields_the_run_never_touched_are_not_looked_at() {
    let only_scale = Plan { rollouts: vec![], ..plan() };
    let restore = RestorePlan::make(&changes(only_scale), &found("v9", 3), ForeignPolicy::Force);
    assert!(restore.foreign.is_empty() && restore.rollouts.is_empty());
}

#[test]
fn an_application_that_is_gone_is_named_once() {
    let restore = RestorePlan::make(&changes(plan()), &BTreeMap::new(), ForeignPolicy::Report);
    assert_eq!(restore.missing, [app()]);
}

#[test]
fn what_was_made_anew_is_not_touched_not_even_by_force() {
    let mut found = found("v2", 3);
    found.get_mut(&app()).unwrap().identity = Some("uid-2".to_owned());
    let restore = RestorePlan::make(&changes(plan()), &found, ForeignPolicy::Force);
    assert!(restore.is_done() && restore.missing.is_empty());
    assert_eq!(
        restore.foreign[0].to_string(),
        "shop: it was deleted and made anew during the run; the new one is left alone"
    );
}

fn scaled(from: &Allocation, to: &Allocation) -> Changes {
    let step = ScaleStep { application: app(), from: from.clone(), to: to.clone() };
    changes(Plan { rollouts: vec![], scale_steps: vec![step] })
}

/// The restore of a scaled application that is found so.
fn restore(from: &Allocation, to: &Allocation, found: &Allocation) -> RestorePlan {
    let found = BTreeMap::from([(app(), observed(Release::single("v1"), found.clone()))]);
    RestorePlan::make(&scaled(from, to), &found, ForeignPolicy::Report)
}

fn autoscaled(replicas: u32, min: u32, max: u32) -> Allocation {
    Allocation { autoscaling: Some(Bounds { min, max }), ..Allocation::of_replicas(replicas) }
}

#[test]
fn an_autoscaled_application_is_back_when_its_bounds_are_and_its_replicas_are_within_them() {
    let (before, pinned) = (autoscaled(2, 1, 4), autoscaled(20, 20, 20));
    for (found, step) in [
        (pinned.clone(), Some((pinned.clone(), before.clone()))),
        // Somebody's replicas do not matter while the autoscaler is pinned: it puts them right.
        (autoscaled(7, 20, 20), Some((autoscaled(7, 20, 20), before.clone()))),
        // The bounds are back and the replicas not yet.
        (autoscaled(20, 1, 4), Some((autoscaled(20, 1, 4), before.clone()))),
        (before.clone(), None),
        (autoscaled(4, 1, 4), None),
    ] {
        let restore = restore(&before, &pinned, &found);
        let expected = step.map(|(from, to)| ScaleStep { application: app(), from, to });
        assert_eq!(restore.scale_steps, Vec::from_iter(expected), "{found}");
        assert!(restore.foreign.is_empty(), "{found}");
    }
}

#[test]
fn somebody_elses_bounds_stay_and_are_reported() {
    let found = autoscaled(20, 5, 9);
    let restore = restore(&autoscaled(2, 1, 4), &autoscaled(20, 20, 20), &found);
    assert_eq!(restore.scale_steps[0].to, autoscaled(5, 5, 9), "within what they allow");
    assert_eq!(
        restore.foreign[0].to_string(),
        "shop: autoscaling is autoscaled from 5 to 9, which is neither autoscaled from 1 to 4 (before the run) nor \
         pinned at 20 (during it); left alone"
    );
}

#[test]
fn where_somebody_has_moved_one_end_the_other_goes_back_as_far_as_theirs_allows() {
    let pinned = autoscaled(20, 20, 20);
    for (before, found, back, told) in [
        ((1, 4), (20, 40), (1, 40), "autoscaling maximum is 40, which is neither 4 (before the run) nor 20"),
        ((1, 4), (5, 20), (5, 5), "autoscaling minimum is 5, which is neither 1 (before the run) nor 20"),
        ((30, 50), (20, 22), (22, 22), "autoscaling maximum is 22, which is neither 50 (before the run) nor 20"),
        ((1, 9), (2, 9), (2, 9), "autoscaling minimum is 2, which is neither 1 (before the run) nor 20"),
    ] {
        let (before, found) = (autoscaled(2, before.0, before.1), autoscaled(20, found.0, found.1));
        let restore = restore(&before, &pinned, &found);
        let bounds = restore.scale_steps.first().map_or(found.autoscaling, |step| step.to.autoscaling);
        assert_eq!(bounds, Some(Bounds { min: back.0, max: back.1 }), "{found}");
        assert_eq!(restore.foreign.len(), 1);
        let text = restore.foreign[0].to_string();
        assert!(text.starts_with(&format!("shop: {told}")), "{text}");
    }
    // Half of the way back was gone by the run itself.
    let restore = restore(&autoscaled(2, 1, 4), &pinned, &autoscaled(20, 1, 20));
    assert_eq!((restore.scale_steps[0].to.autoscaling, restore.foreign.len()), (Some(Bounds { min: 1, max: 4 }), 0));
}

#[test]
fn an_autoscaler_that_was_off_because_there_were_no_replicas_is_off_again() {
    let (before, pinned) = (autoscaled(0, 1, 4), autoscaled(20, 20, 20));
    for found in [pinned.clone(), autoscaled(20, 1, 4), autoscaled(4, 1, 4)] {
        assert_eq!(restore(&before, &pinned, &found).scale_steps[0].to, before, "{found}");
    }
    assert!(restore(&before, &pinned, &before).is_done());
    // One that may go so low has chosen.
    let found = autoscaled(3, 0, 4);
    assert!(restore(&autoscaled(0, 0, 4), &pinned, &found).is_done());
}

#[test]
fn resources_go_back_one_by_one() {
    let given = |of: &[(&str, &str)]| {
        let of = of.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
        Allocation { resources: BTreeMap::from([("app".to_owned(), of)]), ..Allocation::of_replicas(1) }
    };
    let before = given(&[("requests.cpu", "100m"), ("requests.memory", "1Gi"), ("limits.cpu", "1")]);
    let during = given(&[("requests.cpu", "2"), ("requests.memory", "1Gi"), ("limits.memory", "4Gi")]);
    assert_eq!(restore(&before, &during, &during).scale_steps[0].to, before);
    assert!(restore(&before, &during, &before).is_done());
    // A limit of theirs stays, and so does a request that the run did not change.
    let found = given(&[("requests.cpu", "2000m"), ("requests.memory", "3Gi"), ("limits.memory", "8Gi")]);
    let restore = restore(&before, &during, &found);
    let back =
        given(&[("requests.cpu", "100m"), ("requests.memory", "3Gi"), ("limits.memory", "8Gi"), ("limits.cpu", "1")]);
    assert_eq!(restore.scale_steps[0].to, back);
    let fields: Vec<&str> = restore.foreign.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["limits.memory of app"]);
}
