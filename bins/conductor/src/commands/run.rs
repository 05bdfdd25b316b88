//! `run` and `plan`.

use conductor_core::run::{Created, RunId};
use conductor_core::view::RunView;
use conductor_engine::{Recovery, StartError};
use conductor_journal::SqliteStore;
use conductor_wiring::Wiring;

use super::follow::{Followed, follow};
use super::read;
use super::turn::{Waited, wait_for_turn};
use crate::args::{Declared, Global, Output};
use crate::exit::{BAD_INPUT, CANCELLED, FAILED, Failed, NOT_RESTORED};
use crate::session::{Session, state_dir, write};
use crate::signals::Interrupt;
use crate::{answers, out, show};

/// Runs a load test, after what an earlier run left behind is put back.
pub(super) async fn run(session: Session, declared: Declared) -> Result<u8, Failed> {
    let created = read(&declared, &session.state_dir)?;
    let run = start(&session, created).await?;
    let interrupt = match wait_for_turn(&session, &run).await? {
        Waited::Here => Interrupt::EndsRun,
        Waited::Elsewhere => Interrupt::EndsWatching,
    };
    let Followed { view, .. } = follow(&session, &run, interrupt).await?;
    finish(&session, &view)
}

/// Starts a run; a run that never ended in the same environment is ended first.
async fn start(session: &Session, created: Created) -> Result<RunId, Failed> {
    match session.conductor.start(created.clone()).await {
        Ok(run) => Ok(run),
        Err(StartError::Unfinished { run, .. }) => {
            put_back_left(session, &run).await?;
            session.conductor.start(created).await.map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

/// Ends a run whose conductor died before another one begins in its environment.
pub(super) async fn put_back_left(session: &Session, run: &RunId) -> Result<(), Failed> {
    session.say(&format!("run {run} was left behind by a conductor that died; it is put back first"));
    let Followed { view: left, interrupted } = put_back(session, run).await?;
    if interrupted {
        return Err(Failed::with(CANCELLED, format!("run {run} is put back; no new run was started, as was asked")));
    }
    if left.verdict.as_ref().is_none_or(|verdict| !verdict.restored) {
        let text = format!("run {run} could not be put back, so no new run was started");
        return Err(Failed::with(NOT_RESTORED, text));
    }
    Ok(())
}

/// Ends a run whose conductor died, and writes its report.
async fn put_back(session: &Session, run: &RunId) -> Result<Followed, Failed> {
    session.conductor.recover(run, Recovery::TearDown).await.map_err(Failed::because)?;
    let followed = follow(session, run, Interrupt::EndsRun).await?;
    session.write_report(&followed.view)?;
    Ok(followed)
}

fn refused(error: StartError) -> Failed {
    let code = match &error {
        StartError::Connect { .. } | StartError::RequestReused { .. } | StartError::Baseline { .. } => BAD_INPUT,
        StartError::Claimed { .. }
        | StartError::Unfinished { .. }
        | StartError::Awaited { .. }
        | StartError::Unusable { .. }
        | StartError::TakingOver
        | StartError::HandedOver
        | StartError::Unreadable { .. }
        | StartError::Store(_) => FAILED,
    };
    let text = Failed::because(error).to_string();
    Failed::with(code, text)
}

/// Tells the end of a run and answers with its exit code.
pub(super) fn finish(session: &Session, view: &RunView) -> Result<u8, Failed> {
    let file = session.write_report(view)?;
    match session.output {
        Output::Json => out::json(view)?,
        Output::Text => out::line(&format!("\n{}report     {}", show::summary(view), file.display())),
    }
    Ok(view.verdict.as_ref().map_or(FAILED, conductor_core::verdict::Verdict::exit_code))
}

/// Tells what a run would change.
pub(super) async fn plan(global: &Global, declared: Declared) -> Result<u8, Failed> {
    let state_dir = state_dir(global)?;
    let mut created = read(&declared, &state_dir)?;
    // Where this machine has no journal yet, there is no former run, and planning must not make one.
    if global.journal.is_some() || SqliteStore::exists(&state_dir) {
        let session = Session::open(global).await?;
        let learnt = session.conductor.learnt(&created.spec).await;
        session.journal.close().await;
        created.learnt = learnt.map_err(Failed::because)?;
    }
    let wiring = Wiring::new(|name| std::env::var(name).ok());
    let environment = created.spec.environment.clone();
    let connect = |source| refused(StartError::Connect { environment, source });
    let ports = wiring.ports(&created, 0).await.map_err(connect)?;
    let report = conductor_engine::plan(&ports, &created, jiff::Timestamp::now()).await.map_err(Failed::because)?;
    answers::plan(global.output, &report, &created.spec.kpi)
}

impl Session {
    /// Writes a run's report where it belongs.
    pub(super) fn write_report(&self, view: &RunView) -> Result<std::path::PathBuf, Failed> {
        let file = self.report_file(&view.id);
        write(&file, &conductor_web::report(view).map_err(Failed::because)?)?;
        Ok(file)
    }

    /// Says something that is not the answer.
    pub(super) fn say(&self, line: &str) {
        answers::say(self.output, line);
    }
}
