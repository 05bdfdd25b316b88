//! Every call of every port goes wrong, one at a time and in every way it can.

use conductor_core::failure::FailureKind;
use conductor_core::phase::{Cause, Phase};
use conductor_core::verdict::Outcome;
use conductor_sim::{Call, CallFault, CallOutcome, Fault, FaultKind};

use crate::bed::{Bed, lasting, outcome, verdict};

fn fault(call: Call, times: Option<u32>, outcome: CallOutcome) -> FaultKind {
    FaultKind::Call(CallFault { call, only: None, times, outcome })
}

/// Ways in which a call can go wrong for good.
const FOR_GOOD: [CallOutcome; 5] = [
    CallOutcome::Fails(FailureKind::Rejected),
    CallOutcome::FailsAfterwards(FailureKind::Unsettled),
    CallOutcome::Fails(FailureKind::Unavailable),
    CallOutcome::Hangs,
    CallOutcome::Panics,
];

fn kinds_and_calls() -> impl Iterator<Item = (fn(Vec<Fault>) -> Bed, Call)> {
    Bed::KINDS.into_iter().flat_map(|bed| Call::ALL.map(|call| (bed, call)))
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_a_few_times_is_tried_again_and_nobody_suffers() {
    let lost = CallOutcome::FailsAfterwards(FailureKind::Unavailable);
    for (bed, call) in kinds_and_calls() {
        for outcome_of_call in [CallOutcome::Fails(FailureKind::Unavailable), lost] {
            let bed = bed(vec![lasting(fault(call, Some(2), outcome_of_call), false)]);
            let view = bed.run().await;
            let context = format!("{call}: {outcome_of_call:?}");
            bed.assert_clean(&view, &context);
            assert_eq!(outcome(&view), Outcome::Passed, "{context}: {:?}", verdict(&view));
            assert_eq!(bed.environment.calls().iter().filter(|record| !record.sound).count(), 2, "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_works_ends_the_run_and_leaves_only_what_it_had_to_put_back() {
    for (bed, call) in kinds_and_calls() {
        for outcome_of_call in FOR_GOOD {
            let bed = bed(vec![lasting(fault(call, None, outcome_of_call), false)]);
            let view = bed.run().await;
            let context = format!("{call}: {outcome_of_call:?}, {:?}", verdict(&view));
            assert_eq!(view.phase, Phase::Finished, "{context}");
            match call {
                Call::Stop => {
                    assert!(bed.is_as_before(), "{context}");
                    assert!(!verdict(&view).restored, "{context}");
                }
                Call::Delete => {
                    assert!(bed.is_as_before(), "{context}");
                    assert!(!verdict(&view).restored, "{context}");
                    assert_eq!(outcome(&view), Outcome::Warned, "{context}");
                }
                // That nobody watches is told, and the load goes on.
                Call::Watch => bed.assert_clean(&view, &context),
                Call::Thaw => {
                    assert!(bed.is_as_before(), "{context}");
                    assert!(!verdict(&view).restored, "{context}");
                }
                // What was done before it failed is put back by the same call: that it is back may go unproved, but
                // it is never claimed while it is not so.
                Call::RollOut | Call::Scale => {
                    assert!(!verdict(&view).restored || bed.is_as_before(), "{context}");
                    assert_eq!(outcome(&view), Outcome::Failed, "{context}");
                }
                Call::Production
                | Call::Deployed
                | Call::Allocated
                | Call::Freeze
                | Call::Check
                | Call::Set
                | Call::Status
                | Call::Sample
                | Call::Count => {
                    bed.assert_clean(&view, &context);
                    assert!(outcome(&view) != Outcome::Passed, "{context}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_stops_working_once_there_is_load_leaves_only_what_needs_it() {
    for (bed, call) in kinds_and_calls() {
        for outcome_of_call in FOR_GOOD {
            let bed = bed(vec![lasting(fault(call, None, outcome_of_call), true)]);
            let view = bed.run().await;
            let context = format!("{call}: {outcome_of_call:?}, {:?}", verdict(&view));
            assert_eq!(view.phase, Phase::Finished, "{context}");
            let needed = matches!(
                call,
                Call::Stop
                    | Call::Thaw
                    | Call::Delete
                    | Call::Count
                    | Call::RollOut
                    | Call::Scale
                    | Call::Deployed
                    | Call::Allocated
            );
            assert_eq!(verdict(&view).restored, !needed, "{context}");
            if !needed {
                bed.assert_clean(&view, &context);
            }
            if !matches!(call, Call::RollOut | Call::Scale | Call::Deployed | Call::Allocated) {
                assert!(bed.is_as_before(), "{context}");
            }
            // Users that could not be stopped still write while it waits for the second look.
            if !matches!(call, Call::Delete | Call::Stop) {
                assert_eq!(bed.environment.rows(&view.id), 0, "{context}");
            }
            if call != Call::Stop {
                assert_eq!(bed.environment.users(), 0, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_adapter_is_a_failure_that_names_it() {
    let bed = Bed::with_fault(fault(Call::Set, None, CallOutcome::Panics), false);
    let view = bed.run().await;
    bed.assert_clean(&view, "panic");
    let Cause::Failed(failure) = &view.ending.as_ref().unwrap().cause else { panic!("{:?}", view.ending) };
    assert!(failure.message.contains("it panicked: the plant lets \"set the load\" panic"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn work_that_hangs_fails_at_the_deadline_of_its_phase() {
    let cases = [
        (Call::Check, "not done within 2m"),
        (Call::RollOut, "not done within 20m"),
        (Call::Scale, "not done within 20m"),
    ];
    for (call, message) in cases {
        let bed = Bed::with_fault(fault(call, None, CallOutcome::Hangs), false);
        let view = bed.run().await;
        let Cause::Failed(failure) = &view.ending.as_ref().unwrap().cause else { panic!("{:?}", view.ending) };
        assert_eq!(failure.kind, FailureKind::TimedOut, "{call}");
        assert!(failure.message.contains(message), "{call}: {failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kpi_that_cannot_be_counted_makes_the_run_invalid() {
    let bed = Bed::with_fault(FaultKind::SamplesLost, false);
    let view = bed.run().await;
    bed.assert_clean(&view, "never counted");
    assert_eq!(outcome(&view), Outcome::Invalid);
    assert_eq!(verdict(&view).causes[0].code, "kpi_unmeasured");
}

#[tokio::test(start_paused = true)]
async fn the_runs_own_deadline_ends_the_load_and_everything_is_put_back() {
    let mut bed = Bed::healthy();
    bed.created.spec.limits.deadline = "5m10s".parse().unwrap();
    let view = bed.run().await;
    bed.assert_clean(&view, "deadline");
    assert_eq!(view.ending.as_ref().unwrap().cause, Cause::DeadlineExceeded);
    assert_eq!(outcome(&view), Outcome::Invalid);
}
