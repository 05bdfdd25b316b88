//! Following a run to its end, and what Ctrl-C means meanwhile.

mod hold;

use std::pin::pin;
use std::time::Duration;

use conductor_core::run::RunId;
use conductor_core::view::RunView;
use conductor_wiring::Journal;
use futures::StreamExt;

use crate::exit::{Failed, NOT_RESTORED};
use crate::session::Session;
use crate::show::display::Display;
use crate::show::left_behind;
use crate::signals::{Interrupt, Signals};
use hold::hold;

/// A run that was followed.
pub(super) struct Followed {
    /// The last view.
    pub(super) view: RunView,
    /// True when somebody asked for an end meanwhile.
    pub(super) interrupted: bool,
}

/// Shows a run until it has ended, or until watching was ended.
pub(super) async fn follow(session: &Session, run: &RunId, interrupt: Interrupt) -> Result<Followed, Failed> {
    let mut signals = Signals::listen().map_err(Failed::because)?;
    let mut views = pin!(session.conductor.watch(run).await.map_err(Failed::because)?);
    let mut display = Display::choose(session.output);
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut held = pin!(hold(session, run));
    let mut interrupted = false;
    // Who has asked for an end that the run has not heard of yet.
    let mut unheard = None;
    let mut view = session.conductor.get(run).await.map_err(Failed::because)?;
    loop {
        tokio::select! {
            next = views.next() => match next {
                Some(next) => {
                    display.show(&next);
                    view = next;
                }
                None => return Ok(Followed { view, interrupted }),
            },
            Some(word) = held.next(), if interrupt == Interrupt::EndsRun => {
                display.say(&word);
                unheard = ask_to_end(session, run, unheard).await.err();
            }
            _ = seconds.tick() => {
                let progress = session.conductor.progress(run).map(|seen| seen.borrow().clone());
                display.refresh(&view, &progress.unwrap_or_default());
            }
            name = signals.next() => match interrupt {
                Interrupt::EndsWatching => return Ok(Followed { view, interrupted: true }),
                Interrupt::EndsRun if interrupted => {
                    drop(display);
                    return Err(Failed::with(NOT_RESTORED, left_behind(&view, &restore_command(session, run))));
                }
                Interrupt::EndsRun => {
                    interrupted = true;
                    unheard = ask_to_end(session, run, Some(name)).await.err();
                    display.say(match unheard {
                        None => "stopping in order: load stops, everything is put back, data is deleted; once more leaves it as it is",
                        Some(_) => "the journal cannot be reached: the run stops in order when it can be again; once more leaves it as it is",
                    });
                }
            },
        }
    }
}

/// Asks a run to end, where somebody wants that; answers with who, where the run cannot hear of it now.
async fn ask_to_end(session: &Session, run: &RunId, by: Option<&'static str>) -> Result<(), &'static str> {
    let Some(by) = by else { return Ok(()) };
    session.conductor.stop(run, by).await.map_err(|_| by)
}

/// The command that finishes what is left.
fn restore_command(session: &Session, run: &RunId) -> String {
    let journal = match &session.journal {
        Journal::OfThisMachine(_) => String::new(),
        Journal::Shared { file, .. } => format!(" --journal {file:?}"),
    };
    format!("conductor restore {run} --state-dir {:?}{journal}", session.state_dir)
}
