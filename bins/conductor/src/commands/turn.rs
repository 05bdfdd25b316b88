//! Waiting for the turn of a run whose environment is in use: this process lets it begin, or takes it out of the queue.

use std::time::Duration;

use conductor_core::run::RunId;
use conductor_engine::Turn;

use super::run::put_back_left;
use crate::exit::Failed;
use crate::session::Session;
use crate::signals::Signals;

/// How often it is looked whether the turn has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What has become of a run that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It did not have to, or has begun here, or is over.
    Here,
    /// Another conductor of the journal has let it begin.
    Elsewhere,
}

/// Waits until a run does not wait any more.
pub(super) async fn wait_for_turn(session: &Session, run: &RunId) -> Result<Waited, Failed> {
    let mut signals = Signals::listen()?;
    let view = session.conductor.get(run).await.map_err(Failed::because)?;
    let Some(waits) = view.waits else { return Ok(Waited::Here) };
    session.say(&format!("run {run} {waits}; Ctrl-C takes it out of the queue"));
    let mut told = String::new();
    loop {
        let because = match session.conductor.take_turn(&view.environment, Some(run)).await {
            Ok(Turn::Begun(_)) => return Ok(Waited::Here),
            Ok(Turn::Nobody) => return become_of(session, run).await,
            Ok(Turn::Waits(because)) => because,
            Ok(Turn::Left(left)) => {
                put_back_left(session, &left).await?;
                continue;
            }
            Err(error) => format!("{}; it is tried again", Failed::because(error)),
        };
        if because != told {
            session.say(&format!("run {run} waits: {because}"));
            told = because;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            name = signals.next() => {
                session.conductor.stop(run, name).await.map_err(Failed::because)?;
                return become_of(session, run).await;
            }
        }
    }
}

/// What has become of a run that does not wait any more, though it was not begun here.
async fn become_of(session: &Session, run: &RunId) -> Result<Waited, Failed> {
    let view = session.conductor.get(run).await.map_err(Failed::because)?;
    if view.verdict.is_some() {
        return Ok(Waited::Here);
    }
    session.say(&format!("another conductor has begun run {run}; it is only watched here"));
    Ok(Waited::Elsewhere)
}
