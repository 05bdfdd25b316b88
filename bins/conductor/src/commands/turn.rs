//! Waiting for the turn of a run whose environment is in use: this process lets it begin, or takes it out of the queue.

use std::pin::pin;
use std::time::Duration;

use conductor_core::run::RunId;
use conductor_engine::{Turn, TurnError};

use super::run::put_back_left;
use crate::exit::{Failed, NOT_RESTORED};
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
    let mut signals = Signals::listen().map_err(Failed::because)?;
    let view = session.conductor.get(run).await.map_err(Failed::because)?;
    let Some(waits) = view.waits else { return Ok(Waited::Here) };
    session.say(&format!("run {run} {waits}; Ctrl-C takes it out of the queue"));
    let mut told = String::new();
    loop {
        let (turn, mut asked) = look(session, &view.environment, run, &mut signals).await?;
        let because = match turn {
            Ok(Turn::Begun(_)) => {
                if let Some(name) = asked {
                    session.conductor.stop(run, name).await.map_err(Failed::because)?;
                }
                return Ok(Waited::Here);
            }
            Ok(Turn::Nobody) => return become_of(session, run).await,
            Ok(Turn::Waits(because)) => because,
            Ok(Turn::Left(left)) if asked.is_none() => {
                put_back_left(session, &left).await?;
                continue;
            }
            Ok(Turn::Left(left)) => format!("run {left} was left behind by a conductor that died"),
            Err(error) => format!("{}; it is tried again", Failed::because(error)),
        };
        if because != told {
            session.say(&format!("run {run} waits: {because}"));
            told = because;
        }
        if asked.is_none() {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                name = signals.next() => asked = Some(name),
            }
        }
        if let Some(name) = asked {
            session.conductor.stop(run, name).await.map_err(Failed::because)?;
            return become_of(session, run).await;
        }
    }
}

/// Looks whether the turn has come, and who has asked for an end meanwhile: a journal that cannot be reached is waited for.
async fn look(
    session: &Session,
    environment: &str,
    run: &RunId,
    signals: &mut Signals,
) -> Result<(Result<Turn, TurnError>, Option<&'static str>), Failed> {
    let mut turn = pin!(session.conductor.take_turn(environment, Some(run)));
    let mut asked = None;
    loop {
        tokio::select! {
            turn = &mut turn => return Ok((turn, asked)),
            name = signals.next() => {
                if asked.replace(name).is_some() {
                    let text = format!("run {run} was left as it is; conductor stop {run} ends it");
                    return Err(Failed::with(NOT_RESTORED, text));
                }
                session.say(&format!("{name}: the run ends once the journal has answered; once more leaves it as it is"));
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
