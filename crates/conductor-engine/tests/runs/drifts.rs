//! Somebody else changes an application while load is generated: what becomes of the run, and of their change.

use conductor_core::guard::DriftPolicy;
use conductor_core::phase::{Cause, Event};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;

use crate::bed::{Bed, outcome, over, until, verdict};

/// A run during whose load somebody sets nine replicas of the shop.
async fn disturbed(bed: &Bed) -> (RunId, RunView) {
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    until("there is load", || bed.environment.users() > 50).await;
    assert!(bed.environment.change(&"shop".parse().unwrap(), None, Some(9)));
    let view = over(&conductor, &run).await;
    (run, view)
}

fn codes(view: &RunView) -> Vec<(Outcome, &str)> {
    verdict(view).causes.iter().map(|cause| (cause.outcome, cause.code.as_str())).collect()
}

fn shop(bed: &Bed) -> (String, u32) {
    let found = bed.environment.observed().remove("shop").unwrap();
    (found.release.to_string(), found.allocation.replicas)
}

#[tokio::test(start_paused = true)]
async fn a_marked_run_goes_on_and_is_invalid_and_their_change_is_left_alone_or_forced_back() {
    let policies = [(ForeignPolicy::Report, 9, "changed_by_others"), (ForeignPolicy::Force, 1, "restored_by_force")];
    for (policy, replicas, code) in policies {
        let mut bed = Bed::healthy();
        bed.created.foreign_policy = policy;
        let (run, view) = disturbed(&bed).await;
        let expected = [(Outcome::Invalid, "environment_drifted"), (Outcome::Warned, code)];
        assert_eq!(codes(&view), expected, "{policy:?}");
        assert_eq!(verdict(&view).causes[0].message, "during the load, shop: replicas is 9, not 3");
        assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Completed);
        assert_eq!(shop(&bed), ("v1".to_owned(), replicas), "{policy:?}");
        assert_eq!(bed.environment.rows(&run), 0);
        let told = bed.journal(&run).await.into_iter().filter(|record| matches!(record.event, Event::Drifted { .. }));
        assert_eq!(told.count(), 1, "once is enough");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reverted_change_warns_and_the_run_ends_as_if_it_had_not_been() {
    let mut bed = Bed::healthy();
    bed.created.drift_policy = DriftPolicy::Revert;
    let (_, view) = disturbed(&bed).await;
    bed.assert_clean(&view, "reverted");
    assert_eq!(codes(&view), [(Outcome::Warned, "drift_reverted")], "{:?}", verdict(&view));
    assert_eq!(
        verdict(&view).causes[0].message,
        "during the load, shop: replicas is 9, not 3; put back as the run needs it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_aborted_run_ends_at_once_and_goes_the_whole_way_back() {
    let mut bed = Bed::healthy();
    bed.created.drift_policy = DriftPolicy::Abort;
    let (run, view) = disturbed(&bed).await;
    assert_eq!(codes(&view), [(Outcome::Invalid, "environment_drifted"), (Outcome::Warned, "changed_by_others")]);
    assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Drifted);
    assert_eq!((outcome(&view), verdict(&view).restored), (Outcome::Invalid, true));
    assert_eq!(shop(&bed), ("v1".to_owned(), 9), "their change is left alone");
    assert_eq!((bed.environment.users(), bed.environment.rows(&run)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_before_the_load_began_is_seen_too() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    until("it is scaled", || shop(&bed).1 == 3).await;
    assert!(bed.environment.change(&"shop".parse().unwrap(), Some("v9"), None));
    let view = over(&conductor, &run).await;
    assert_eq!(codes(&view)[0], (Outcome::Invalid, "environment_drifted"), "{:?}", verdict(&view));
    assert_eq!(shop(&bed), ("v9".to_owned(), 1));
}
