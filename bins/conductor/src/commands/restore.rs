//! `restore`: puts back what runs left behind whose conductor died, from their journals alone.

use conductor_core::run::RunId;

use super::print_json;
use super::run::put_back;
use crate::args::Output;
use crate::exit::{Failed, NOT_RESTORED, PASSED};
use crate::out;
use crate::session::Session;
use crate::show;

/// Puts back one run, or every one that has not ended.
pub(super) async fn restore(session: Session, run: Option<RunId>) -> Result<u8, Failed> {
    let left = session.run_or_unfinished(run).await?;
    let mut views = Vec::new();
    for run in &left {
        let followed = put_back(&session, run).await?;
        views.push(followed.view);
        if followed.interrupted {
            break;
        }
    }
    match session.output {
        Output::Json => print_json(&views)?,
        Output::Text if left.is_empty() => out::line("nothing to restore: every run has ended"),
        Output::Text => views.iter().for_each(|view| out::line(&format!("\n{}", show::summary(view)))),
    }
    let restored = views.len() == left.len()
        && views.iter().all(|view| view.verdict.as_ref().is_some_and(|verdict| verdict.restored));
    Ok(if restored { PASSED } else { NOT_RESTORED })
}
