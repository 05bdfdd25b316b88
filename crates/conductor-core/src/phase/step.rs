//! The transition function: the only place where a run's state changes.
//!
//! Pure: `(state, time, event) -> state and commands`. A refused event gives the state back unharmed.

use jiff::Timestamp;

use super::{Cause, Changes, Command, Ending, Event, Load, Measurement, State};
use crate::failure::{Failure, FailureKind};
use crate::run::Created;
use crate::scale::Plan;
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
    if let Event::Noted(_) | Event::Resumed = event {
        return Ok(stay(state));
    }
    match state {
        State::Accepted => match event {
            Event::Started => Ok(enter(State::Preflight)),
            other => before_changes(State::Accepted, other),
        },
        State::Preflight => match event {
            Event::PreflightPassed { production, .. } => {
                Ok(enter(State::RecordingBaseline { production: production.clone() }))
            }
            other => before_changes(State::Preflight, other),
        },
        State::RecordingBaseline { production } => match event {
            Event::BaselineRecorded { baseline } => Ok(match Plan::make(&created.scope, &production, baseline) {
                Ok(plan) => enter(State::Deploying { changes: Changes { baseline: baseline.clone(), plan } }),
                Err(error) => finish(Cause::Failed(Failure {
                    activity: "plan the run".to_owned(),
                    kind: FailureKind::Rejected,
                    message: error.to_string(),
                })),
            }),
            other => before_changes(State::RecordingBaseline { production }, other),
        },
        State::Deploying { changes } => match event {
            Event::Deployed => Ok(enter(State::ScalingUp { changes })),
            other => under_way(other, changes, |changes| State::Deploying { changes }),
        },
        State::ScalingUp { changes } => match event {
            Event::ScaledUp => Ok(enter(State::Rehearsing { changes })),
            other => under_way(other, changes, |changes| State::ScalingUp { changes }),
        },
        State::Rehearsing { changes } => match event {
            Event::Rehearsed { .. } => {
                let load = Box::new(Load::begin(&created.spec, at));
                Ok(enter(State::GeneratingLoad { changes, load }))
            }
            other => under_way(other, changes, |changes| State::Rehearsing { changes }),
        },
        State::GeneratingLoad { changes, load } => match event {
            Event::Measured(measurement) => Ok(measured(&created.spec, changes, load, at, measurement)),
            other => under_way(other, changes, |changes| State::GeneratingLoad { changes, load }),
        },
        State::StoppingLoad { changes, ending } => match event {
            Event::LoadStopped => Ok(enter(State::ScalingDown { changes, ending })),
            Event::Failed(failure) => {
                Ok(enter(State::ScalingDown { changes, ending: noting(ending, std::slice::from_ref(failure)) }))
            }
            other => tearing_down(State::StoppingLoad { changes, ending }, other),
        },
        State::ScalingDown { changes, ending } => match event {
            Event::Restored { foreign, failures } => {
                let mut ending = noting(ending, failures);
                ending.foreign_changes.extend_from_slice(foreign);
                Ok(enter(State::CleaningUp { ending }))
            }
            Event::Failed(failure) => {
                Ok(enter(State::CleaningUp { ending: noting(ending, std::slice::from_ref(failure)) }))
            }
            other => tearing_down(State::ScalingDown { changes, ending }, other),
        },
        State::CleaningUp { ending } => match event {
            Event::CleanedUp { failures, .. } => Ok(enter(State::Finished { ending: noting(ending, failures) })),
            Event::Failed(failure) => {
                Ok(enter(State::Finished { ending: noting(ending, std::slice::from_ref(failure)) }))
            }
            other => tearing_down(State::CleaningUp { ending }, other),
        },
        State::Finished { ending } => Err(refuse(State::Finished { ending }, event)),
    }
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
        | Event::Started
        | Event::PreflightPassed { .. }
        | Event::BaselineRecorded { .. }
        | Event::Deployed
        | Event::ScaledUp
        | Event::Rehearsed { .. }
        | Event::Measured(_)
        | Event::LoadStopped
        | Event::Restored { .. }
        | Event::CleanedUp { .. }
        | Event::Resumed
        | Event::Noted(_) => None,
    }
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
        | Event::Started
        | Event::PreflightPassed { .. }
        | Event::BaselineRecorded { .. }
        | Event::Deployed
        | Event::ScaledUp
        | Event::Rehearsed { .. }
        | Event::Measured(_)
        | Event::LoadStopped
        | Event::Restored { .. }
        | Event::CleanedUp { .. }
        | Event::Failed(_)
        | Event::Resumed
        | Event::Noted(_) => Err(refuse(state, event)),
    }
}

fn measured(
    spec: &LoadTestSpec,
    changes: Changes,
    mut load: Box<Load>,
    at: Timestamp,
    measurement: &Measurement,
) -> Transition {
    if load.is_over(spec, at) {
        return enter(State::StoppingLoad { changes, ending: Ending::because(Cause::Completed) });
    }
    load.observe(spec, at, measurement);
    let commands = vec![Command::SetLoad(load.setting())];
    Transition { state: State::GeneratingLoad { changes, load }, commands }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
