//! `restore`: puts back what runs left behind whose conductor died, from their journals, or from what they have left at
//! the applications.

use std::path::Path;

use conductor_core::ports::LeftBehind;
use conductor_core::run::{Created, RunId};
use conductor_wiring::{Environment, adopted};

use super::print_json;
use super::run::{followed_back, put_back};
use crate::args::{Output, Reaped, Restored};
use crate::exit::{Failed, NOT_RESTORED, PASSED};
use crate::out;
use crate::session::Session;
use crate::show;

/// A run that is to be put back.
enum Left {
    /// By its journal.
    Journal(RunId),
    /// By what it has left at applications.
    Objects(RunId, Box<Created>, Box<LeftBehind>),
}

/// Puts back one run, or every one that has not ended.
pub(super) async fn restore(session: Session, restored: Restored) -> Result<u8, Failed> {
    let Restored { run, from_cluster, settings } = restored;
    let nothing = match (&run, from_cluster) {
        (_, false) => "every run has ended".to_owned(),
        (None, true) => "no run whose conductor is gone has left anything in the environment".to_owned(),
        (Some(run), true) => format!("run {run} has left nothing in the environment"),
    };
    let left = match settings.filter(|_| from_cluster) {
        Some(settings) => by_objects(&session, &settings, run).await?,
        None => session.run_or_unfinished(run).await?.into_iter().map(Left::Journal).collect(),
    };
    let all = left.len();
    let mut views = Vec::new();
    for left in left {
        let followed = match left {
            Left::Journal(run) => put_back(&session, &run).await?,
            Left::Objects(run, created, left) => {
                session.conductor.adopt(&run, *created, *left).await.map_err(Failed::because)?;
                followed_back(&session, &run).await?
            }
        };
        views.push(followed.view);
        if followed.interrupted {
            break;
        }
    }
    match session.output {
        Output::Json => print_json(&views)?,
        Output::Text if all == 0 => out::line(&format!("nothing to restore: {nothing}")),
        Output::Text => views.iter().for_each(|view| out::line(&format!("\n{}", show::summary(view)))),
    }
    let restored =
        views.len() == all && views.iter().all(|view| view.verdict.as_ref().is_some_and(|verdict| verdict.restored));
    Ok(if restored { PASSED } else { NOT_RESTORED })
}

/// Puts back what runs have left whose conductors give no sign of life any more.
pub(super) async fn reap(session: Session, reaped: Reaped) -> Result<u8, Failed> {
    restore(session, Restored { run: None, from_cluster: true, settings: Some(reaped.settings) }).await
}

/// What has been left at the applications of an environment, by the one run that is asked for or by any.
async fn by_objects(session: &Session, settings: &Path, wanted: Option<RunId>) -> Result<Vec<Left>, Failed> {
    let environment = Environment::read(settings, &session.state_dir).map_err(Failed::input)?;
    let created = adopted(&environment).map_err(Failed::because)?;
    let found = session.conductor.left_behind(&created).await.map_err(Failed::because)?;
    let unfinished = session.run_or_unfinished(None).await?;
    let now = jiff::Timestamp::now();
    let mut left = found;
    left.retain(|run, left| match (&wanted, left.alive_until.filter(|until| *until > now)) {
        (Some(wanted), _) => wanted == run,
        (None, None) => true,
        (None, Some(until)) => {
            session.say(&format!("run {run} is left alone: its conductor lives, or has until {until:.0} to say so"));
            false
        }
    });
    let left = left.into_iter().map(|(run, left)| {
        if unfinished.contains(&run) {
            Left::Journal(run)
        } else {
            Left::Objects(run, Box::new(created.clone()), Box::new(left))
        }
    });
    Ok(left.collect())
}
