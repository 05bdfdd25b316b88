//! Holding on to a run that this process drives: when it has to let go of it, it goes on with it as soon as it can.

use std::time::Duration;

use conductor_core::run::RunId;
use conductor_engine::{RecoverError, Recovery};
use futures::{Stream, stream};

use crate::exit::Failed;
use crate::session::Session;

/// How often it is looked whether the run is still driven here, and whether it can be had again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who drives the run.
#[derive(PartialEq, Eq)]
enum Driver {
    ThisProcess,
    /// This process has had to let go of it.
    Nobody,
    /// It cannot be had, for this reason.
    Kept(String),
}

/// What is to be said while a run is held on to; it never ends.
pub(super) fn hold(session: &Session, run: &RunId) -> impl Stream<Item = String> {
    stream::unfold(Driver::ThisProcess, async move |before| {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = look(session, run, &before).await;
            if now != before {
                return Some((said(run, &now), now));
            }
        }
    })
}

/// Who drives the run now. Where nobody is known to, this process takes it.
async fn look(session: &Session, run: &RunId, before: &Driver) -> Driver {
    if session.conductor.progress(run).is_some() {
        return Driver::ThisProcess;
    }
    if *before == Driver::ThisProcess {
        // One that has ended is not driven any more, and nothing is lost by that.
        let is_over = session.conductor.get(run).await.is_ok_and(|view| view.verdict.is_some());
        return if is_over { Driver::ThisProcess } else { Driver::Nobody };
    }
    match session.conductor.recover(run, Recovery::Continue).await {
        Ok(()) => Driver::ThisProcess,
        // Until when it is theirs changes all the time, and is no news.
        Err(RecoverError::Claimed { holder, .. }) => Driver::Kept(format!("it is in the hands of {}", holder.name)),
        Err(error) => Driver::Kept(Failed::because(error).to_string()),
    }
}

fn said(run: &RunId, driver: &Driver) -> String {
    match driver {
        Driver::ThisProcess => format!("this conductor goes on with run {run}"),
        Driver::Nobody => format!(
            "this conductor has lost its hold on the environment, and lets go of run {run}; it goes on with it when it can"
        ),
        Driver::Kept(why) => format!("run {run} cannot be gone on with here: {why}; it is tried again"),
    }
}
