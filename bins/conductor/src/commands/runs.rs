//! `list`, `get`, `verdict`, `watch`, `stop`, `update` and `report`: looking at runs, and asking one to end or to go for another
//! target.

use conductor_core::phase::Retarget;
use conductor_core::run::RunId;
use conductor_engine::UpdateError;

use super::follow::follow;
use crate::answers;
use crate::args::{Reported, Updated};
use crate::exit::{FAILED, Failed, PASSED};
use crate::report;
use crate::session::Session;
use crate::signals::Interrupt;

/// Lists all runs.
pub(super) async fn list(session: Session) -> Result<u8, Failed> {
    let runs = session.runs().await?;
    answers::runs(session.output, &runs)
}

/// Shows a run.
pub(super) async fn get(session: Session, run: Option<RunId>) -> Result<u8, Failed> {
    let run = session.run_or_newest(run).await?;
    let view = session.conductor.get(&run).await.map_err(Failed::because)?;
    answers::run(session.output, &view)
}

/// Judges a run anew, from its journal.
pub(super) async fn verdict(session: Session, run: Option<RunId>) -> Result<u8, Failed> {
    let run = session.run_or_newest(run).await?;
    let view = session.conductor.get(&run).await.map_err(Failed::because)?;
    answers::verdict(session.output, &view)
}

/// Shows a run until it has ended.
pub(super) async fn watch(session: Session, run: Option<RunId>) -> Result<u8, Failed> {
    let run = session.run_or_newest(run).await?;
    let view = session.conductor.get(&run).await.map_err(Failed::because)?;
    if view.verdict.is_none() && !session.conductor.is_driven(&run).await.map_err(Failed::because)? {
        answers::run(session.output, &view)?;
        return Err(nobody_drives(&run));
    }
    let followed = follow(&session, &run, Interrupt::EndsWatching).await?;
    answers::run(session.output, &followed.view)
}

/// Asks a run to end.
pub(super) async fn stop(session: Session, run: Option<RunId>) -> Result<u8, Failed> {
    let runs = session.run_or_unfinished(run).await?;
    let mut undriven = None;
    for run in &runs {
        if session.conductor.get(run).await.map_err(Failed::because)?.verdict.is_some() {
            session.say(&format!("run {run} has ended already"));
            continue;
        }
        if !session.conductor.is_driven(run).await.map_err(Failed::because)? {
            undriven = Some(run);
            continue;
        }
        session.conductor.stop(run, &who("conductor stop")).await.map_err(Failed::because)?;
        session.say(&format!("run {run} was asked to end; conductor watch {run} shows it"));
    }
    if runs.is_empty() {
        session.say("nothing to stop: every run has ended");
    }
    undriven.map_or(Ok(PASSED), |run| Err(nobody_drives(run)))
}

/// What to say of a run that nobody would end or go on with.
fn nobody_drives(run: &RunId) -> Failed {
    let text = format!("no conductor drives run {run} any more; conductor restore {run} puts everything back");
    Failed::with(FAILED, text)
}

/// Asks a run to go for another target.
pub(super) async fn update(session: Session, updated: Updated) -> Result<u8, Failed> {
    let Updated { run, target, within, plateau } = updated;
    let run = session.run_or_newest(run).await?;
    let view = session.conductor.get(&run).await.map_err(Failed::because)?;
    if view.verdict.is_none() && !session.conductor.is_driven(&run).await.map_err(Failed::because)? {
        return Err(nobody_drives(&run));
    }
    let change = Retarget { target, within, plateau };
    session.conductor.update(&run, change, &who("conductor update")).await.map_err(|error| match error {
        UpdateError::Change(_) | UpdateError::PastDeadline { .. } => Failed::input(error),
        UpdateError::LoadIsOver { .. }
        | UpdateError::Searches(_)
        | UpdateError::Replay { .. }
        | UpdateError::Store(_) => Failed::because(error),
    })?;
    session.say(&format!("run {run} was asked to go for {change}; conductor watch {run} shows it"));
    Ok(PASSED)
}

/// Who asks: the user, or else the command.
fn who(command: &str) -> String {
    std::env::var("USER").unwrap_or_else(|_| command.to_owned())
}

/// Writes a run's report.
pub(super) async fn report(session: Session, reported: Reported) -> Result<u8, Failed> {
    let run = session.run_or_newest(reported.named()).await?;
    let view = session.conductor.get(&run).await.map_err(Failed::because)?;
    let file = reported.file.or_else(|| report::is_page(reported.format).then(|| session.report_file(&run)));
    report::give(session.output, &view, reported.format, file)
}
