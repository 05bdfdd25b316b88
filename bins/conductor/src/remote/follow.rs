//! Following a run of a server, and what Ctrl-C means meanwhile.

use std::pin::pin;
use std::time::Duration;

use conductor_core::run::RunId;
use conductor_core::view::RunView;
use conductor_engine::Progress;
use conductor_proto::v1;
use futures::StreamExt;
use futures::future::{Fuse, FutureExt};

use super::client::{Client, Pauses, Stub};
use super::watch::{News, watch};
use crate::args::Output;
use crate::exit::{Failed, NOT_RESTORED, UNREACHABLE};
use crate::show::display::Display;
use crate::signals::{Interrupt, Signals};

/// Shows a run until it has ended, or until watching was ended; answers with the last view.
pub(super) async fn follow(
    client: &Client,
    run: &RunId,
    output: Output,
    mut signals: Signals,
    interrupt: Interrupt,
) -> Result<RunView, Failed> {
    let mut news = pin!(watch(client, run));
    let mut display = Display::choose(output);
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut asking = pin!(Fuse::terminated());
    let mut end = End::Unasked;
    let mut view: Option<RunView> = None;
    let unseen = || Failed::with(UNREACHABLE, format!("run {run} was not seen at {}", client.server));
    loop {
        tokio::select! {
            new = news.next() => match new {
                Some(News::View(next)) => {
                    display.show(&next);
                    view = Some(*next);
                }
                Some(News::Lost(why)) => display.say(&format!("{why}; it is tried again, and the run goes on there")),
                Some(News::Back) => display.say(&format!("{} answers again", client.server)),
                Some(News::Failed(error)) => return Err(given_up(client, run, interrupt, error)),
                None => return view.ok_or_else(unseen),
            },
            heard = &mut asking => {
                let orderly = match &view {
                    Some(RunView { waits: Some(_), .. }) => "the run is taken out of the queue",
                    Some(_) | None => "the run ends in order: load stops, everything is put back, data is deleted",
                };
                let (now, word) = match heard {
                    Ok(()) => (End::Heard, orderly.to_owned()),
                    Err(error) => (End::Refused, format!("the run could not be asked to end: {error}")),
                };
                end = now;
                display.say(&word);
            }
            _ = seconds.tick() => {
                if let Some(view) = &view {
                    display.refresh(view, &Progress::default());
                }
            }
            name = signals.next() => match (interrupt, end) {
                (Interrupt::EndsWatching, _) => return view.ok_or_else(unseen),
                (Interrupt::EndsRun, End::Unasked) => {
                    end = End::Asked;
                    asking.set(ask_to_end(client, run).fuse());
                    display.say(&format!("{name}: the run is asked to end in order; once more leaves it to the server"));
                }
                (Interrupt::EndsRun, End::Asked | End::Heard | End::Refused) => {
                    drop(display);
                    return Err(left(client, run, end));
                }
            },
        }
    }
}

/// How far the wish is that a run ends.
#[derive(Clone, Copy)]
enum End {
    Unasked,
    /// The server does not know of it yet.
    Asked,
    Heard,
    Refused,
}

/// Asks a run to end until the server has heard of it.
async fn ask_to_end(client: &Client, run: &RunId) -> Result<(), Failed> {
    let request = v1::StopLoadTestRequest { id: run.to_string() };
    let mut pauses = Pauses::default();
    loop {
        let call = async |mut stub: Stub, request| stub.stop_load_test(request).await;
        match client.once(&request, call).await {
            Ok(_) => return Ok(()),
            Err(refusal) if refusal.may_pass() => pauses.wait(&refusal).await,
            Err(refusal) => return Err(client.failed(&refusal)),
        }
    }
}

/// What to say where a run cannot be watched any more.
fn given_up(client: &Client, run: &RunId, interrupt: Interrupt, error: Failed) -> Failed {
    match interrupt {
        Interrupt::EndsWatching => error,
        Interrupt::EndsRun => {
            let text = format!("{error}; run {run} is not waited for any more, and goes on at {}", client.server);
            Failed::with(error.code, text)
        }
    }
}

/// What to say of a run that nobody waits for any more.
fn left(client: &Client, run: &RunId, end: End) -> Failed {
    let server = &client.server;
    let what = match end {
        End::Heard => format!("run {run} ends in order at {server}, which nobody waits for any more"),
        End::Unasked | End::Asked | End::Refused => {
            format!("run {run} goes on at {server}; conductor{} stop {run} asks it to end", client.arguments)
        }
    };
    Failed::with(NOT_RESTORED, format!("{what}; {} shows it", client.watch_command(run)))
}
