//! Events in words, for people.

use std::collections::BTreeSet;

use crate::guard::Guarded;
use crate::phase::{Event, Level};

/// What an event says to people; `None` where ticks or phases say it already.
pub(super) fn of(event: &Event) -> Option<(Level, String)> {
    let info = |message: String| Some((Level::Info, message));
    let warning = |message: String| Some((Level::Warning, message));
    match event {
        Event::Created(_) | Event::Begun { .. } | Event::Started | Event::Measured(_) => None,
        Event::PreflightPassed { generator, .. } => info(format!("checks passed; {}", generator.counting)),
        Event::BaselineRecorded { baseline } => {
            let plural = if baseline.len() == 1 { "" } else { "s" };
            info(format!("baseline of {} application{plural} recorded", baseline.len()))
        }
        Event::Frozen { guarded: Guarded::Frozen } => {
            info("others are kept from changing the applications, which was proved".to_owned())
        }
        Event::Frozen { guarded: Guarded::Open { because } } => {
            warning(format!("others can change the applications during the run: {because}"))
        }
        Event::Frozen { guarded: Guarded::Partly { because } } => {
            warning(format!("others can change some of the applications during the run: {because}"))
        }
        Event::Frozen { guarded: Guarded::Alone } | Event::Thawed => None,
        Event::Drifted { drifts } => warning(drifts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        Event::Reverted { drifts } => {
            let names: BTreeSet<&str> = drifts.iter().map(|drift| drift.application.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            (!names.is_empty()).then(|| (Level::Info, format!("as the run needs it again: {}", names.join(", "))))
        }
        Event::NotReverted { failure, .. } => warning(failure.to_string()),
        Event::Deployed => info("every wanted version runs".to_owned()),
        Event::ScaledUp => info("every application has its allocation".to_owned()),
        Event::MocksProbed { proofs } => {
            let names: Vec<&str> = proofs.iter().map(|proof| proof.before.name.as_str()).collect();
            info(format!("mocks were tried with a tagged and an untagged probe: {}", names.join(", ")))
        }
        Event::Rehearsed { .. } => info("one tagged user has produced the KPI; the ramp begins".to_owned()),
        Event::Retargeted { change, by, .. } => info(format!("{by} asks for {change}")),
        Event::WorkersScaled(step) => info(format!("load workers are ready, {step}")),
        Event::WorkersNotScaled(failure) => {
            warning(format!("load workers could not be scaled, and the load goes on without: {failure}"))
        }
        Event::LoadStopped => info("all users are stopped".to_owned()),
        Event::Restored { foreign, failures, .. } if foreign.is_empty() && failures.is_empty() => {
            info("the environment is as it was before".to_owned())
        }
        Event::Restored { foreign, failures, .. } => {
            let all = foreign.iter().map(ToString::to_string).chain(failures.iter().map(ToString::to_string));
            warning(all.collect::<Vec<_>>().join("; "))
        }
        Event::CleanedUp { deleted, failures } if failures.is_empty() => {
            info(format!("{} rows of the run deleted", deleted.iter().map(|table| table.rows).sum::<u64>()))
        }
        Event::CleanedUp { failures, .. } => {
            warning(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        }
        Event::Rechecked { late, failures, .. } if late.is_empty() && failures.is_empty() => {
            info("the environment was looked at again, and stays as it was put back".to_owned())
        }
        Event::Rechecked { late, failures, .. } => {
            let all = late.iter().map(ToString::to_string).chain(failures.iter().map(ToString::to_string));
            warning(format!("after the way back, {}", all.collect::<Vec<_>>().join("; ")))
        }
        Event::PutBackAgain { late, failures, .. } if late.is_empty() && failures.is_empty() => {
            info("what had come back is put back once more".to_owned())
        }
        Event::PutBackAgain { late, failures, .. } => {
            let all = late.iter().map(ToString::to_string).chain(failures.iter().map(ToString::to_string));
            warning(all.collect::<Vec<_>>().join("; "))
        }
        Event::Failed(failure) => warning(failure.to_string()),
        Event::StopRequested { by } => warning(format!("stop requested by {by}")),
        Event::DeadlineExceeded => warning("the run's deadline passed".to_owned()),
        Event::Abandoned => warning("the run was found without a conductor and is being ended".to_owned()),
        Event::Adopted { changes } => {
            let count = changes.plan.applications().len();
            warning(format!("{count} applications still tell what the run has changed, and are put back by that"))
        }
        Event::Resumed => warning("the run was found without a conductor and goes on".to_owned()),
        Event::LayoutSeen(seen) => {
            let troubles = seen.sight.troubles();
            (!troubles.is_empty()).then(|| (Level::Warning, format!("{}, {}", seen.when, troubles.join("; "))))
        }
        Event::Noted(note) => Some((note.level, note.message.clone())),
    }
}

/// What went wrong, where the event says that something did.
pub(super) fn failures(event: &Event) -> Vec<String> {
    match event {
        Event::Failed(failure) => vec![failure.to_string()],
        Event::Restored { failures, .. }
        | Event::CleanedUp { failures, .. }
        | Event::Rechecked { failures, .. }
        | Event::PutBackAgain { failures, .. } => failures.iter().map(ToString::to_string).collect(),
        Event::DeadlineExceeded => vec!["the run's deadline passed".to_owned()],
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
        | Event::StopRequested { .. }
        | Event::Abandoned
        | Event::Resumed
        | Event::LayoutSeen(_)
        | Event::Noted(_) => Vec::new(),
    }
}
