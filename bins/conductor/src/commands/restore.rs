//! `restore`: puts back what runs left behind whose conductor died, from their journals, or from what they have left at
//! the applications.

use std::collections::BTreeSet;
use std::path::Path;

use conductor_core::run::{Created, RunId};
use conductor_core::view::RunView;
use conductor_engine::{Adoption, RecoverError, Recovery, is_gone};
use conductor_wiring::{Environment, adopted};

use super::follow::follow;
use crate::args::{Output, Reaped, Restored};
use crate::exit::{FAILED, Failed, NOT_RESTORED, PASSED};
use crate::out;
use crate::session::Session;
use crate::show;
use crate::signals::Interrupt;

/// A run that is to be put back.
enum Left {
    /// By its journal.
    Journal(RunId),
    /// By what it has left at applications.
    Objects(RunId, Box<Created>, Adoption),
    /// Not without a word of somebody.
    Alone(RecoverError),
}

/// What has come of putting back.
#[derive(Default)]
struct Tally {
    views: Vec<RunView>,
    /// The worst exit code so far.
    code: u8,
}

impl Tally {
    /// Tells at once of what does not keep other runs from being put back.
    fn failed(&mut self, error: &Failed) {
        out::aside(&format!("error: {error}"));
        self.code = self.code.max(error.code);
    }
}

/// Puts back one run, or every one that has not ended.
pub(super) async fn restore(session: Session, restored: Restored) -> Result<u8, Failed> {
    let Restored { run, from_cluster, settings } = restored;
    let nothing = match (&run, from_cluster) {
        (_, false) => "every run has ended".to_owned(),
        (None, true) => "no run whose conductor is gone has left anything in the environment".to_owned(),
        (Some(run), true) => format!("run {run} has left nothing in the environment"),
    };
    let all = run.is_none();
    let (left, is_by_journals) = match settings.filter(|_| from_cluster) {
        Some(settings) => (by_objects(&session, &settings, run).await?, false),
        None => (session.run_or_begun(run).await?.into_iter().map(Left::Journal).collect(), true),
    };
    let mut tally = put_back_all(&session, left, FAILED).await;
    if all && is_by_journals {
        name_unrestored(&session, &mut tally).await?;
    }
    tell(&session, &tally, &nothing)
}

/// Puts back what runs have left whose conductors give no sign of life any more.
pub(super) async fn reap(session: Session, reaped: Reaped) -> Result<u8, Failed> {
    let left = by_objects(&session, &reaped.settings, None).await?;
    // Nobody is there who could name a run: those that nothing tells of are none of its business.
    let tally = put_back_all(&session, left, PASSED).await;
    tell(&session, &tally, "no run whose conductor is gone has left anything in the environment")
}

fn tell(session: &Session, tally: &Tally, nothing: &str) -> Result<u8, Failed> {
    match session.output {
        Output::Json => out::json(&tally.views)?,
        Output::Text if tally.views.is_empty() && tally.code == PASSED => {
            out::line(&format!("nothing to restore: {nothing}"));
        }
        Output::Text => tally.views.iter().for_each(|view| out::line(&format!("\n{}", show::summary(view)))),
    }
    Ok(tally.code)
}

/// Puts back one run after the other: what becomes of one does not keep the others from it. `unsigned` is the exit code
/// where nothing tells whether a run's conductor lives.
async fn put_back_all(session: &Session, all: Vec<Left>, unsigned: u8) -> Tally {
    let mut tally = Tally::default();
    let mut all = all.into_iter();
    while let Some(left) = all.next() {
        match begin(session, left).await {
            Ok(run) => {
                if !put_back(session, &run, &mut tally).await {
                    tally.code = if all.len() == 0 { tally.code } else { NOT_RESTORED };
                    break;
                }
            }
            Err(error @ (RecoverError::Lives { .. } | RecoverError::NothingLeft(_))) => session.say(&error.to_string()),
            Err(error @ RecoverError::NoSign(_)) if unsigned == PASSED => session.say(&error.to_string()),
            Err(RecoverError::Finished(run)) => {
                let error = match session.conductor.get(&run).await {
                    Ok(view) if is_unrestored(&view) => unrestored(&run),
                    Ok(_) => Failed::because(RecoverError::Finished(run)),
                    Err(error) => Failed::because(error),
                };
                tally.failed(&error);
            }
            Err(error) => tally.failed(&Failed::because(error)),
        }
    }
    tally
}

async fn begin(session: &Session, left: Left) -> Result<RunId, RecoverError> {
    match left {
        Left::Journal(run) => session.conductor.recover(&run, Recovery::TearDown).await.map(|()| run),
        Left::Objects(run, created, how) => session.conductor.adopt(&run, *created, how).await.map(|()| run),
        Left::Alone(error) => Err(error),
    }
}

/// Follows a run back; false where somebody does not want to wait for others any more.
async fn put_back(session: &Session, run: &RunId, tally: &mut Tally) -> bool {
    match follow(session, run, Interrupt::EndsRun).await {
        Ok(followed) => {
            if let Err(error) = session.write_report(&followed.view) {
                tally.failed(&error);
            }
            if followed.view.verdict.as_ref().is_none_or(|verdict| !verdict.restored) {
                tally.code = NOT_RESTORED;
            }
            tally.views.push(followed.view);
            !followed.interrupted
        }
        Err(error) => {
            tally.failed(&error);
            error.code != NOT_RESTORED
        }
    }
}

/// What has been left at the applications of an environment, by the one run that is asked for or by any.
async fn by_objects(session: &Session, settings: &Path, wanted: Option<RunId>) -> Result<Vec<Left>, Failed> {
    let environment = Environment::read(settings, &session.state_dir).map_err(Failed::input)?;
    let created = adopted(&environment).map_err(Failed::because)?;
    let found = session.conductor.left_behind(&created).await.map_err(Failed::because)?;
    let runs = session.runs().await?;
    let now = jiff::Timestamp::now();
    let how = if wanted.is_some() { Adoption::Named } else { Adoption::Gone };
    let meant = found.into_iter().filter(|(run, _)| wanted.as_ref().is_none_or(|wanted| wanted == run));
    let left = meant.map(|(run, left)| {
        let journal = runs.iter().find(|known| known.id == run);
        match (how, is_gone(&run, &left, journal.is_some(), now)) {
            (Adoption::Gone, Err(error)) => Left::Alone(error),
            _ if journal.is_some_and(|known| !known.finished) => Left::Journal(run),
            _ => Left::Objects(run, Box::new(created.clone()), how),
        }
    });
    Ok(left.collect())
}

/// Names runs that have ended although not everything was put back. A run begins only where no other has left its changes:
/// those whose applications a later one has found in order are none.
async fn name_unrestored(session: &Session, tally: &mut Tally) -> Result<(), Failed> {
    let mut found_in_order = BTreeSet::new();
    for run in session.runs().await?.into_iter().filter(|run| run.finished) {
        match session.conductor.get(&run.id).await {
            Ok(view) => {
                let names = view.applications.iter().map(|one| one.application.clone());
                let own: Vec<_> = names.map(|name| (run.environment.clone(), name)).collect();
                if is_unrestored(&view) && (own.is_empty() || own.iter().any(|one| !found_in_order.contains(one))) {
                    tally.failed(&unrestored(&run.id));
                }
                found_in_order.extend(own);
            }
            Err(error) => tally.failed(&Failed::because(error)),
        }
    }
    Ok(())
}

fn is_unrestored(view: &RunView) -> bool {
    view.verdict.as_ref().is_some_and(|verdict| !verdict.restored)
}

fn unrestored(run: &RunId) -> Failed {
    let text = format!(
        "run {run} has ended although not everything was put back, as conductor get {run} tells; conductor restore {run} \
         --from-cluster --settings FILE puts back what it has left at applications on Kubernetes and ECS"
    );
    Failed::with(NOT_RESTORED, text)
}
