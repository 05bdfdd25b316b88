//! The end of a run in a few lines, what an interrupted one leaves behind, and the list of runs.

use std::fmt::Write;

use conductor_core::phase::{Ending, Exactness};
use conductor_core::ports::RunSummary;
use conductor_core::run::queue;
use conductor_core::view::{ApplicationView, RunView};
use conductor_web::law;

use super::figures::{clock, signed_percent, thousands, time_of_day};
use super::verdict::reasons;

/// A run in a few lines.
pub(crate) fn summary(view: &RunView) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!("run        {}", view.id));
    line(match &view.verdict {
        Some(verdict) => format!("verdict    {}", verdict.outcome),
        None => format!("state      {} since {}", view.state, time_of_day(view.updated_at)),
    });
    view.verdict.iter().flat_map(reasons).for_each(&mut line);
    let holds = view.verdict.as_ref().map_or(&[][..], |verdict| &verdict.holds);
    for hold in holds {
        let place = if holds.len() == 1 {
            "on the plateau".to_owned()
        } else {
            format!("from {} to {}", clock(hold.from_s), clock(hold.to_s))
        };
        if let Some(figures) = &hold.figures {
            line(format!(
                "{:<10} mean {}/min of {} {place} ({}); {:.0} % of {} windows close enough",
                view.kpi,
                thousands(figures.mean_per_min),
                thousands(hold.level_per_min),
                signed_percent(figures.mean_error),
                figures.windows_within * 100.0,
                figures.windows
            ));
        }
    }
    if let Some(advice) = view.last_advice().filter(|_| law::explains(view.algorithm)) {
        line(format!("law        {}; {}", law::mode(advice), law::learnt(advice, &view.kpi)));
    }
    if let Some(sizing) = &view.sizing {
        line(format!("workers    {}", conductor_web::sizing::words(sizing)));
    }
    if let Some(parity) = view.parity.as_ref().filter(|parity| parity.incomparable.is_none()) {
        line(format!("parity     {}", parity.summary()));
    }
    for phase in &view.phases {
        let took = match (phase.started, phase.ended) {
            (Some(began), Some(ended)) => clock(ended.duration_since(began).as_secs_f64()),
            (Some(_), None) => "going on".to_owned(),
            (None, _) => "not begun".to_owned(),
        };
        let failure = phase.failure.as_ref().map_or_else(String::new, |failure| format!("  failed: {failure}"));
        line(format!("  {:<13} {took:>9}{failure}", phase.phase));
    }
    for application in view.applications.iter().filter(|application| application.before != application.during) {
        line(format!("{:<10} {}", application.application, changed(application)));
    }
    if let Some(verdict) = &view.verdict {
        let rows: u64 = view.deleted.iter().map(|table| table.rows).sum();
        let back = match view.ending.as_ref().map(Ending::exactness) {
            Some(Exactness::Exact) if verdict.restored => "everything is as it was before",
            Some(Exactness::ButForOthers) if verdict.restored => {
                "everything of the run is back; what others have changed is NOT as it was before, see above"
            }
            _ => "NOT everything is back, see above",
        };
        line(format!("restored   {back}; {rows} rows of the run deleted"));
    }
    for link in &view.links {
        line(format!("look at    {}: {}", link.title, link.url));
    }
    text
}

fn changed(application: &ApplicationView) -> String {
    format!("was {}, during the load {}", application.before, application.during())
}

/// What a run leaves behind when its conductor goes before it is over, and how to finish it.
pub(crate) fn left_behind(view: &RunView, restore: &str) -> String {
    let mut text = format!("run {} was left in {} before it was over.", view.id, view.phase);
    let changed: Vec<String> = view
        .applications
        .iter()
        .filter(|application| application.before != application.during)
        .map(|application| format!("{} to {}", application.application, application.before))
        .collect();
    // Writing to a string does not fail.
    if !changed.is_empty() {
        let _ = write!(text, "\nMay have to be put back: {}.", changed.join("; "));
    }
    if view.load_started.is_some() {
        let _ = write!(
            text,
            "\nLocust stops by itself within its dead man's time (from 2.47.0 on); rows tagged {} are left.",
            view.id
        );
    }
    let _ = write!(text, "\nTo finish it: {restore}");
    text
}

/// The list of runs. Of those that wait, the one whose turn is next is the first.
pub(crate) fn runs(all: &[RunSummary]) -> String {
    if all.is_empty() {
        return "no runs\n".to_owned();
    }
    let width = all.iter().map(|run| run.id.as_str().len()).max().unwrap_or_default();
    let mut text = String::new();
    for run in all {
        let place = queue(all, &run.environment).iter().position(|waiting| waiting.id == run.id);
        let state = match place {
            Some(place) => format!("waits, {}", place + 1),
            None if run.finished => "ended".to_owned(),
            None => "not ended".to_owned(),
        };
        let created = run.created.strftime("%Y-%m-%d %H:%M:%SZ");
        let _ = writeln!(text, "{:<width$}  {created}  {:<9}  {}", run.id, state, run.environment);
    }
    text
}
