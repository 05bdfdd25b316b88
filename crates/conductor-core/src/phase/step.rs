//! The transition function: the only place where a run's state changes.
//!
//! Pure: `(state, time, event) -> state and commands`. A refused event gives the state back unharmed.
//! Each state takes the event it waits for; what any event means otherwise is said once for each third of the way, by
//! matches without a wildcard, so that a new event does not compile until it has a place in all of them.

use jiff::Timestamp;

use super::{Cause, Changes, Command, Ending, Event, Load, Measurement, Retarget, State};
use crate::failure::{Failure, FailureKind};
use crate::guard::{Drift, DriftPolicy};
use crate::mocks::{self, MockProof};
use crate::recheck::WayBack;
use crate::run::Created;
use crate::scale::{Baseline, Plan, PlanError};
use crate::spec::LoadTestSpec;

/// What an event leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The state from now on.
    pub state: State,
    /// What to do now. Empty when nothing new has to be done.
    pub commands: Vec<Command>,
}

/// An event that does not belong to the state.
#[derive(Debug, thiserror::Error)]
#[error("{event} is not accepted while {}", state.name())]
pub struct Refused {
    /// The state, unharmed.
    pub state: Box<State>,
    /// The event's name.
    pub event: &'static str,
}

/// Applies an event that happened at `at`.
///
/// # Errors
/// When the event does not belong to the state; the state comes back in the error.
pub fn step(created: &Created, state: State, at: Timestamp, event: &Event) -> Result<Transition, Refused> {
    if let Event::Noted(_) | Event::Resumed | Event::LayoutSeen(_) = event {
        return Ok(stay(state));
    }
    match state {
        State::Waiting => waiting(event),
        State::Accepted => {
            if let Event::Started = event {
                return Ok(enter(State::Preflight));
            }
            if let Event::Adopted { changes } = event {
                let ending = Ending::because(Cause::Abandoned);
                return Ok(enter(State::StoppingLoad { changes: changes.clone(), ending }));
            }
            before_changes(State::Accepted, event)
        }
        State::Preflight => {
            if let Event::PreflightPassed { production, .. } = event {
                return Ok(enter(State::RecordingBaseline { production: production.clone() }));
            }
            before_changes(State::Preflight, event)
        }
        State::RecordingBaseline { production } => {
            if let Event::BaselineRecorded { baseline } = event {
                return Ok(planned(created.plan(&production, baseline), baseline));
            }
            before_changes(State::RecordingBaseline { production }, event)
        }
        State::Freezing { changes } => {
            if let Event::Frozen { .. } = event {
                return Ok(enter(State::Deploying { changes }));
            }
            match cause(event) {
                // The run has changed none of the applications: what they are by now is nothing that it could put back.
                Some(cause) => {
                    let changes = Changes { plan: Plan::default(), ..changes };
                    Ok(enter(State::StoppingLoad { changes, ending: Ending::because(cause) }))
                }
                None => Err(refuse(State::Freezing { changes }, event)),
            }
        }
        State::Deploying { changes } => {
            if let Event::Deployed = event {
                return Ok(enter(State::ScalingUp { changes }));
            }
            under_way(event, changes, |changes| State::Deploying { changes })
        }
        State::ScalingUp { changes } => {
            if let Event::ScaledUp = event {
                return Ok(enter(if created.mocks.is_empty() {
                    State::Rehearsing { changes, mocks: Vec::new() }
                } else {
                    State::ProvingMocks { changes }
                }));
            }
            under_way(event, changes, |changes| State::ScalingUp { changes })
        }
        State::ProvingMocks { changes } => {
            if let Event::MocksProbed { proofs } = event {
                return Ok(enter(probed(created, changes, proofs)));
            }
            under_way(event, changes, |changes| State::ProvingMocks { changes })
        }
        State::Rehearsing { changes, mocks } => {
            if let Event::Rehearsed { sample } = event {
                let load = Box::new(Load::begin(created, &changes, at, sample, &mocks));
                return Ok(enter(State::GeneratingLoad { changes: with_workers(changes, &load), load }));
            }
            under_way(event, changes, |changes| State::Rehearsing { changes, mocks })
        }
        State::GeneratingLoad { changes, load } => {
            if let Event::Measured(measurement) = event {
                return Ok(measured(created, changes, load, at, measurement));
            }
            if let Event::Retargeted { request, change, .. } = event
                && *request > load.retargeted
                && !load.is_over(at)
                && load.search.is_none()
            {
                return Ok(retargeted(&created.spec, changes, load, at, *request, change));
            }
            if let Event::WorkersScaled(_) | Event::WorkersNotScaled(_) = event {
                let done = matches!(event, Event::WorkersScaled(_));
                return Ok(stay(State::GeneratingLoad { changes, load: Box::new(load.workers_answered(done)) }));
            }
            if let Event::Drifted { drifts } = event {
                return Ok(drifted(created.drift_policy, changes, load, drifts));
            }
            if let Event::Reverted { drifts } = event {
                return Ok(stay(State::GeneratingLoad { changes, load: Box::new(load.reverted(drifts)) }));
            }
            if let Event::NotReverted { drifts, .. } = event {
                return Ok(stay(State::GeneratingLoad { changes, load: Box::new(load.not_reverted(drifts)) }));
            }
            match cause(event) {
                Some(cause) => Ok(enter(State::StoppingLoad { changes, ending: load.ending(cause) })),
                None => Err(refuse(State::GeneratingLoad { changes, load }, event)),
            }
        }
        State::StoppingLoad { changes, ending } => {
            if let Event::LoadStopped = event {
                return Ok(enter(State::ScalingDown { changes, ending }));
            }
            if let Event::Failed(failure) = event {
                let ending = noting(ending, std::slice::from_ref(failure));
                return Ok(enter(State::ScalingDown { changes, ending }));
            }
            tearing_down(State::StoppingLoad { changes, ending }, event)
        }
        State::ScalingDown { changes, ending } => {
            if let Event::Restored { found, foreign, failures } = event {
                let mut ending = noting(ending, failures);
                ending.foreign_changes.retain(|known| !foreign.contains(known));
                ending.foreign_changes.extend_from_slice(foreign);
                return Ok(enter(State::Thawing { back: WayBack { changes, found: found.clone(), at }, ending }));
            }
            if let Event::Failed(failure) = event {
                let back = WayBack { changes, found: Baseline::new(), at };
                return Ok(enter(State::Thawing { back, ending: noting(ending, std::slice::from_ref(failure)) }));
            }
            tearing_down(State::ScalingDown { changes, ending }, event)
        }
        State::Thawing { back, ending } => {
            if let Event::Thawed = event {
                return Ok(enter(State::CleaningUp { back, ending }));
            }
            if let Event::Failed(failure) = event {
                return Ok(enter(State::CleaningUp { back, ending: noting(ending, std::slice::from_ref(failure)) }));
            }
            tearing_down(State::Thawing { back, ending }, event)
        }
        State::CleaningUp { back, ending } => {
            if let Event::CleanedUp { failures, .. } = event {
                return Ok(cleaned_up(created, back, noting(ending, failures)));
            }
            if let Event::Failed(failure) = event {
                return Ok(cleaned_up(created, back, noting(ending, std::slice::from_ref(failure))));
            }
            tearing_down(State::CleaningUp { back, ending }, event)
        }
        State::Rechecking { back, ending } => {
            if let Event::Rechecked { found, late, failures } = event {
                let mut ending = noting(ending, failures);
                ending.late_changes.extend_from_slice(late);
                return Ok(match back.again(late, found, at) {
                    Some(back) => enter(State::PuttingBackAgain { back, ending }),
                    None => enter(State::Finished { ending }),
                });
            }
            if let Event::Failed(failure) = event {
                return Ok(enter(State::Finished { ending: noting(ending, std::slice::from_ref(failure)) }));
            }
            tearing_down(State::Rechecking { back, ending }, event)
        }
        State::PuttingBackAgain { back, mut ending } => {
            if let Event::PutBackAgain { late, failures, .. } = event {
                ending.late_changes.extend_from_slice(late);
                return Ok(enter(State::Finished { ending: noting(ending, failures) }));
            }
            if let Event::Failed(failure) = event {
                return Ok(enter(State::Finished { ending: noting(ending, std::slice::from_ref(failure)) }));
            }
            tearing_down(State::PuttingBackAgain { back, ending }, event)
        }
        State::Finished { mut ending } => {
            if let Event::Adopted { changes } = event {
                // It goes the whole way back once more, which tells anew what cannot be put back, or comes back.
                ending.teardown_failures.clear();
                ending.late_changes.retain(|change| !change.put_back);
                return Ok(enter(State::StoppingLoad { changes: changes.clone(), ending }));
            }
            Err(refuse(State::Finished { ending }, event))
        }
    }
}

/// Nothing is sent where the mocks are not proved.
fn probed(created: &Created, changes: Changes, proofs: &[MockProof]) -> State {
    let mock_faults = mocks::faults(&created.mocks, proofs);
    if mock_faults.is_empty() {
        return State::Rehearsing { changes, mocks: proofs.iter().map(|proof| proof.after.clone()).collect() };
    }
    State::StoppingLoad { changes, ending: Ending { mock_faults, ..Ending::because(Cause::Mocks) } }
}

fn planned(plan: Result<Plan, PlanError>, baseline: &Baseline) -> Transition {
    match plan {
        Ok(plan) => enter(State::Freezing { changes: Changes { baseline: baseline.clone(), plan } }),
        Err(error) => finish(Cause::Failed(Failure {
            activity: "plan the run".to_owned(),
            kind: FailureKind::Rejected,
            message: error.to_string(),
        })),
    }
}

/// What was changed is looked at again, unless the run does not want that.
fn cleaned_up(created: &Created, back: WayBack, ending: Ending) -> Transition {
    let is_over = created.recheck_after.is_zero() || back.changes.plan.is_empty();
    enter(if is_over { State::Finished { ending } } else { State::Rechecking { back, ending } })
}

fn enter(state: State) -> Transition {
    Transition { commands: state.on_entry(), state }
}

fn stay(state: State) -> Transition {
    Transition { state, commands: Vec::new() }
}

fn finish(cause: Cause) -> Transition {
    enter(State::Finished { ending: Ending::because(cause) })
}

fn refuse(state: State, event: &Event) -> Refused {
    Refused { state: Box::new(state), event: event.name() }
}

fn noting(mut ending: Ending, failures: &[Failure]) -> Ending {
    ending.teardown_failures.extend_from_slice(failures);
    ending
}

/// The cause an event gives a run to end, `None` for events that do not end runs.
fn cause(event: &Event) -> Option<Cause> {
    match event {
        Event::Failed(failure) => Some(Cause::Failed(failure.clone())),
        Event::StopRequested { by } => Some(Cause::Cancelled { by: by.clone() }),
        Event::DeadlineExceeded => Some(Cause::DeadlineExceeded),
        Event::Abandoned => Some(Cause::Abandoned),
        Event::Created(_)
        | Event::Adopted { .. }
        | Event::Frozen { .. }
        | Event::Drifted { .. }
        | Event::Reverted { .. }
        | Event::NotReverted { .. }
        | Event::Thawed
        | Event::Begun { .. }
        | Event::Started
        | Event::PreflightPassed { .. }
        | Event::BaselineRecorded { .. }
        | Event::Deployed
        | Event::ScaledUp
        | Event::MocksProbed { .. }
        | Event::Rehearsed { .. }
        | Event::Measured(_)
        | Event::Retargeted { .. }
        | Event::WorkersScaled(_)
        | Event::WorkersNotScaled(_)
        | Event::LoadStopped
        | Event::Restored { .. }
        | Event::CleanedUp { .. }
        | Event::Rechecked { .. }
        | Event::PutBackAgain { .. }
        | Event::Resumed
        | Event::LayoutSeen(_)
        | Event::Noted(_) => None,
    }
}

/// It can be taken out of the queue, or fail when its turn comes. Its time does not run, and there is nothing to put back.
fn waiting(event: &Event) -> Result<Transition, Refused> {
    if let Event::Begun { .. } = event {
        return Ok(enter(State::Accepted));
    }
    if matches!(event, Event::StopRequested { .. } | Event::Failed(_)) {
        return before_changes(State::Waiting, event);
    }
    Err(refuse(State::Waiting, event))
}

/// Nothing was changed yet: a run that ends here is over at once.
fn before_changes(state: State, event: &Event) -> Result<Transition, Refused> {
    match cause(event) {
        Some(cause) => Ok(finish(cause)),
        None => Err(refuse(state, event)),
    }
}

/// Something may have been changed: a run that ends here goes the whole way back.
fn under_way(event: &Event, changes: Changes, state: impl FnOnce(Changes) -> State) -> Result<Transition, Refused> {
    match cause(event) {
        Some(cause) => Ok(enter(State::StoppingLoad { changes, ending: Ending::because(cause) })),
        None => Err(refuse(state(changes), event)),
    }
}

/// On the way back a request to stop changes nothing, and neither does the death of the conductor.
fn tearing_down(state: State, event: &Event) -> Result<Transition, Refused> {
    match event {
        Event::StopRequested { .. } | Event::DeadlineExceeded => Ok(stay(state)),
        Event::Abandoned => Ok(enter(state)),
        Event::Created(_)
        | Event::Adopted { .. }
        | Event::Frozen { .. }
        | Event::Drifted { .. }
        | Event::Reverted { .. }
        | Event::NotReverted { .. }
        | Event::Thawed
        | Event::Begun { .. }
        | Event::Started
        | Event::PreflightPassed { .. }
        | Event::BaselineRecorded { .. }
        | Event::Deployed
        | Event::ScaledUp
        | Event::MocksProbed { .. }
        | Event::Rehearsed { .. }
        | Event::Measured(_)
        | Event::Retargeted { .. }
        | Event::WorkersScaled(_)
        | Event::WorkersNotScaled(_)
        | Event::LoadStopped
        | Event::Restored { .. }
        | Event::CleanedUp { .. }
        | Event::Rechecked { .. }
        | Event::PutBackAgain { .. }
        | Event::Failed(_)
        | Event::Resumed
        | Event::LayoutSeen(_)
        | Event::Noted(_) => Err(refuse(state, event)),
    }
}

fn measured(
    created: &Created,
    changes: Changes,
    mut load: Box<Load>,
    at: Timestamp,
    measurement: &Measurement,
) -> Transition {
    let is_over = load.is_over(at);
    load.watch_mocks(at, measurement);
    let breach = load.watch_slos(&created.spec, measurement);
    let asked_before = load.workers_asked().cloned();
    if !is_over {
        *load = (*load).observe(created, at, measurement);
    }
    if is_over || load.is_found() {
        let ending = Ending { search: load.search.clone().map(Box::new), ..load.ending(Cause::Completed) };
        return enter(State::StoppingLoad { changes, ending });
    }
    if load.mocks.ends() {
        return enter(State::StoppingLoad { changes, ending: load.ending(Cause::Mocks) });
    }
    if let Some(failure) = breach {
        return enter(State::StoppingLoad { changes, ending: load.ending(Cause::Failed(failure)) });
    }
    let asked = load.workers_asked().filter(|step| asked_before.as_ref() != Some(step)).cloned();
    let commands = [Command::SetLoad(load.setting())].into_iter().chain(asked.map(Command::ScaleWorkers)).collect();
    Transition { state: State::GeneratingLoad { changes: with_workers(changes, &load), load }, commands }
}

/// Somebody else has changed applications under test.
fn drifted(policy: DriftPolicy, changes: Changes, mut load: Box<Load>, drifts: &[Drift]) -> Transition {
    load.drifted(policy, drifts);
    match policy {
        DriftPolicy::Mark => stay(State::GeneratingLoad { changes, load }),
        DriftPolicy::Revert => {
            let commands = vec![Command::Revert(drifts.to_vec())];
            Transition { state: State::GeneratingLoad { changes, load }, commands }
        }
        DriftPolicy::Abort => enter(State::StoppingLoad { changes, ending: load.ending(Cause::Drifted) }),
    }
}

/// What is asked for of load workers is part of what is put back from the moment on that it is asked for.
fn with_workers(mut changes: Changes, load: &Load) -> Changes {
    let steps = &mut changes.plan.scale_steps;
    steps.extend(load.workers_asked().filter(|step| !steps.contains(step)).cloned());
    changes
}

/// The load is measured anew from where it is, because it ends at another time now.
fn retargeted(
    spec: &LoadTestSpec,
    changes: Changes,
    mut load: Box<Load>,
    at: Timestamp,
    request: u64,
    change: &Retarget,
) -> Transition {
    load.retarget(spec, at, request, change);
    enter(State::GeneratingLoad { changes, load })
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
