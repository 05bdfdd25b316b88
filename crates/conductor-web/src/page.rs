//! What the report tells, in the order of the page.

use askama::Template;
use conductor_core::links::Link;
use conductor_core::phase::{Ending, Exactness, Level, Phase};
use conductor_core::view::{ApplicationView, PhaseView, RunView};

use crate::causes::CauseRow;
use crate::charts::{self, Drawing};
use crate::drift::{self, DriftRow};
use crate::holds::{self, HoldRow, TrialRow};
use crate::law;
use crate::links;
use crate::mocks::{self, MockRow};
use crate::parity::{self, DifferenceRow};
use crate::responses::{self, CodeRow};
use crate::slos::{self, SloRow};
use crate::steering::{self, LawRow};
use crate::text::{clock, error_percent, moment, number, signed_percent, time_of_day};

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
pub(crate) struct Page {
    name: String,
    id: String,
    environment: String,
    kpi: String,
    began: String,
    updated: String,
    outcome: String,
    headline: String,
    links: Vec<Link>,
    causes: Vec<CauseRow>,
    figures: Vec<Figure>,
    holds: Vec<HoldRow>,
    trials: Vec<TrialRow>,
    slos: Vec<SloRow>,
    mocks: Vec<MockRow>,
    phases: Vec<PhaseRow>,
    charts: Vec<Drawing>,
    codes: Vec<CodeRow>,
    marks: Vec<(String, String)>,
    applications: Vec<ApplicationRow>,
    parity: Option<String>,
    differences: Vec<DifferenceRow>,
    drifts: Vec<DriftRow>,
    deleted: Vec<(String, String)>,
    generator: Option<String>,
    algorithm: &'static str,
    thought: Option<String>,
    sizing: Option<String>,
    law: Vec<LawRow>,
    events: Vec<EventRow>,
}

/// One figure of the headline.
pub(crate) struct Figure {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) note: String,
}

struct PhaseRow {
    name: String,
    class: &'static str,
    began: String,
    took: String,
    failure: String,
}

pub(crate) struct ApplicationRow {
    pub(crate) name: String,
    class: &'static str,
    pub(crate) before: String,
    pub(crate) during: String,
    pub(crate) after: String,
}

struct EventRow {
    at: String,
    class: &'static str,
    message: String,
}

impl Page {
    pub(crate) fn of(view: &RunView) -> Self {
        let verdict = view.verdict.as_ref();
        Self {
            name: view.name.clone(),
            id: view.id.to_string(),
            environment: view.environment.clone(),
            kpi: view.kpi.clone(),
            began: moment(view.created_at),
            updated: moment(view.updated_at),
            outcome: verdict.map_or_else(|| "running".to_owned(), |verdict| verdict.outcome.to_string()),
            headline: headline(view),
            links: links::of(view),
            causes: verdict.map(|verdict| verdict.causes.iter().map(CauseRow::of).collect()).unwrap_or_default(),
            figures: figures(view),
            holds: holds::rows(view),
            trials: holds::trials(view),
            slos: slos::rows(view),
            mocks: mocks::rows(view),
            phases: view.phases.iter().map(|phase| phase_row(view, phase)).collect(),
            charts: charts::all(view),
            codes: responses::rows(view),
            marks: marks(view),
            applications: view.applications.iter().map(|application| application_row(view, application)).collect(),
            parity: parity::summary(view),
            differences: parity::rows(view),
            drifts: drift::rows(view),
            deleted: view.deleted.iter().map(|table| (table.table.clone(), number(table.rows as f64))).collect(),
            generator: view.generator.as_ref().map(|generator| {
                let plural = |workers| if workers == 1 { "" } else { "s" };
                let workers = generator
                    .workers
                    .map_or_else(String::new, |workers| format!(", {workers} worker{} at first", plural(workers)));
                format!("{}{workers}; {}", generator.version, generator.counting)
            }),
            algorithm: law::algorithm(view.algorithm),
            thought: steering::thought(view),
            sizing: view.sizing.as_ref().map(crate::sizing::words),
            law: steering::rows(view),
            events: view
                .events
                .iter()
                .map(|event| EventRow {
                    at: time_of_day(event.at),
                    class: if event.level == Level::Warning { "warning" } else { "info" },
                    message: event.message.clone(),
                })
                .collect(),
        }
    }
}

/// What has become of a run, one or two sentences.
pub(crate) fn headline(view: &RunView) -> String {
    let Some(verdict) = &view.verdict else {
        return format!("The run is in phase {}.", view.phase);
    };
    let back = match view.ending.as_ref().map(Ending::exactness) {
        Some(Exactness::Exact) if verdict.restored => "Everything is as it was before.",
        Some(Exactness::ButForOthers) if verdict.restored => {
            "Everything of the run is back; what others have changed is not as it was before."
        }
        _ => "Not everything is back as it was before.",
    };
    format!("{} {back}", holds::sentence(view))
}

/// The figures that tell most.
pub(crate) fn figures(view: &RunView) -> Vec<Figure> {
    let mut figures = vec![Figure {
        label: "target",
        value: format!("{}/min", number(view.target_per_min)),
        note: holds::shape(view),
    }];
    if let Some(plateau) = holds::plateau(view).and_then(|plateau| plateau.figures) {
        figures.push(Figure {
            label: "plateau mean",
            value: format!("{}/min", number(plateau.mean_per_min)),
            note: signed_percent(plateau.mean_error),
        });
        figures.push(Figure {
            label: "windows held",
            value: format!("{:.0} %", plateau.windows_within * 100.0),
            note: format!("of {} windows", plateau.windows),
        });
    }
    let (requests, failures) = view.ticks.iter().fold((0, 0), |(r, f), tick| (r + tick.requests, f + tick.failures));
    if requests > 0 {
        figures.push(Figure {
            label: "failed requests",
            value: format!("{:.2} %", error_percent(requests, failures)),
            note: format!("{} of {}", number(failures as f64), number(requests as f64)),
        });
    }
    if let Some(users) = view.ticks.iter().filter_map(|tick| tick.users).max() {
        figures.push(Figure { label: "most users", value: number(users as f64), note: "at one time".to_owned() });
    }
    figures
}

fn phase_row(view: &RunView, phase: &PhaseView) -> PhaseRow {
    let class = match (phase.started, phase.ended, &phase.failure) {
        (_, _, Some(_)) => "failed",
        (None, _, None) => "pending",
        (Some(_), None, None) => "running",
        (Some(_), Some(_), None) => "done",
    };
    let took = match (phase.started, phase.ended) {
        (Some(began), ended) => clock(ended.unwrap_or(view.updated_at).duration_since(began).as_secs_f64()),
        (None, _) if view.phase == Phase::Finished => "skipped".to_owned(),
        (None, _) => "to come".to_owned(),
    };
    PhaseRow {
        name: phase.phase.to_string(),
        class,
        began: phase.started.map_or_else(String::new, time_of_day),
        took,
        failure: phase.failure.clone().unwrap_or_default(),
    }
}

pub(crate) fn application_row(view: &RunView, application: &ApplicationView) -> ApplicationRow {
    let after = match (&application.after, &view.ending) {
        (Some(after), _) => after.to_string(),
        (None, _) if application.before == application.during => "not changed".to_owned(),
        (None, Some(_)) if view.verdict.is_some() => "not known".to_owned(),
        (None, Some(_)) => "being put back".to_owned(),
        (None, None) => "the run goes on".to_owned(),
    };
    let mut remarks = Vec::new();
    if let Some(ending) = &view.ending {
        let foreign = ending.foreign_changes.iter().filter(|change| change.application == application.application);
        remarks.extend(foreign.map(ToString::to_string));
        let late = ending.late_changes.iter().filter(|change| change.drift.application == application.application);
        remarks.extend(late.map(|change| format!("after the way back, {change}")));
    }
    let is_back = match &application.after {
        Some(after) => *after == application.before,
        None => application.before == application.during || view.verdict.is_none(),
    };
    ApplicationRow {
        name: application.application.to_string(),
        before: application.before.to_string(),
        during: application.during(),
        class: if is_back { "" } else { "warning" },
        after: std::iter::once(after).chain(remarks).collect::<Vec<_>>().join("; "),
    }
}

/// What a reader of the charts must know, windows with the same marks together.
fn marks(view: &RunView) -> Vec<(String, String)> {
    let mut found: Vec<(f64, f64, String)> = Vec::new();
    let mut goes_on = false;
    for tick in &view.ticks {
        let text = tick.marks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match found.last_mut() {
            Some((_, to, last)) if goes_on && *last == text => *to = tick.to_s,
            _ if !text.is_empty() => found.push((tick.from_s, tick.to_s, text.clone())),
            _ => {}
        }
        goes_on = !text.is_empty();
    }
    found.into_iter().map(|(from, to, text)| (format!("{} – {}", clock(from), clock(to)), text)).collect()
}
