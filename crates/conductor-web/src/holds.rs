//! What the report tells of the level stretches of a load: the plateau, several holds, or the trials of a search.

use conductor_core::search::Trial;
use conductor_core::verdict::{Hold, MEAN_TOLERANCE, WINDOW_TOLERANCE};
use conductor_core::view::RunView;

use crate::chart::Band;
use crate::text::{clock, number, signed_percent};

/// A hold in the table that there is where a load has several.
pub(crate) struct HoldRow {
    pub(crate) when: String,
    pub(crate) level: String,
    pub(crate) mean: String,
    pub(crate) error: String,
    pub(crate) windows: String,
    pub(crate) result: &'static str,
}

/// The holds of a run that has ended.
fn holds(view: &RunView) -> &[Hold] {
    view.verdict.as_ref().map_or(&[], |verdict| verdict.holds.as_slice())
}

/// The plateau of a run that has one alone.
pub(crate) fn plateau(view: &RunView) -> Option<&Hold> {
    if let [plateau] = holds(view) { Some(plateau) } else { None }
}

/// What became of the levels, in a sentence.
pub(crate) fn sentence(view: &RunView) -> String {
    if let Some(search) = &view.search {
        return match search.found().sustained {
            Some(trial) => format!(
                "{} {} a minute were sustained, with {} users.",
                number(trial.mean_per_min.unwrap_or(trial.level_per_min)),
                view.kpi,
                number(trial.users.unwrap_or_default())
            ),
            None => "No level was sustained.".to_owned(),
        };
    }
    match holds(view) {
        [] => "The load was nowhere level, so that nothing was judged.".to_owned(),
        [plateau] => match plateau.figures {
            Some(figures) => format!(
                "{} {} a minute on the plateau's mean, of a target of {} ({}).",
                number(figures.mean_per_min),
                view.kpi,
                number(plateau.level_per_min),
                signed_percent(figures.mean_error)
            ),
            None => format!("The plateau of {} {} a minute was not measured.", number(plateau.level_per_min), view.kpi),
        },
        several => {
            let held = several.iter().filter(|hold| hold.figures.is_some_and(|figures| figures.is_held())).count();
            format!("{held} of {} levels were held.", several.len())
        }
    }
}

/// The table of several holds; empty where one plateau is told in figures.
pub(crate) fn rows(view: &RunView) -> Vec<HoldRow> {
    let holds = holds(view);
    if holds.len() < 2 { Vec::new() } else { holds.iter().map(row).collect() }
}

fn row(hold: &Hold) -> HoldRow {
    let figures = hold.figures.as_ref();
    let told = |text: &dyn Fn(&conductor_core::verdict::HoldFigures) -> String| figures.map_or_else(String::new, text);
    HoldRow {
        when: format!("{} to {}", clock(hold.from_s), clock(hold.to_s)),
        level: number(hold.level_per_min),
        mean: told(&|figures| number(figures.mean_per_min)),
        error: told(&|figures| signed_percent(figures.mean_error)),
        windows: told(&|figures| format!("{:.0} % of {}", figures.windows_within * 100.0, figures.windows)),
        result: match figures {
            Some(figures) if figures.is_held() => "held",
            Some(_) => "not held",
            None => "not measured",
        },
    }
}

/// The tolerances around every level stretch.
pub(crate) fn tolerances(view: &RunView) -> Vec<Band> {
    let band = |tolerance: f64| {
        view.profile.levels().into_iter().map(move |level| Band {
            class: "tolerance",
            from_s: level.from_s,
            to_s: level.to_s,
            values: Some((level.per_min * (1.0 - tolerance), level.per_min * (1.0 + tolerance))),
        })
    };
    band(WINDOW_TOLERANCE).chain(band(MEAN_TOLERANCE)).collect()
}

/// A trial of a search.
pub(crate) struct TrialRow {
    pub(crate) level: String,
    pub(crate) mean: String,
    pub(crate) users: String,
    pub(crate) result: &'static str,
}

/// The trials of a search, in their order.
pub(crate) fn trials(view: &RunView) -> Vec<TrialRow> {
    let trials = view.search.as_ref().map_or(&[][..], |search| search.trials());
    let row = |trial: &Trial| TrialRow {
        level: number(trial.level_per_min),
        mean: match (trial.mean_per_min, trial.margin_per_min) {
            (Some(mean), Some(margin)) => format!("{} ± {}", number(mean), number(margin)),
            (None, _) | (_, None) => String::new(),
        },
        users: trial.users.map_or_else(String::new, number),
        result: if trial.sustained { "sustained" } else { "not sustained" },
    };
    trials.iter().map(row).collect()
}

/// The line's shape in few words.
pub(crate) fn shape(view: &RunView) -> String {
    if let Some(search) = &view.search {
        return format!("the highest level of a search; {} were tried", search.trials().len());
    }
    let end_s = view.profile.end_s();
    match view.profile.levels().as_slice() {
        [plateau] if plateau.to_s >= end_s && view.profile.points().len() == 3 => {
            format!("ramp-up {}, plateau {}", clock(plateau.from_s), clock(plateau.to_s - plateau.from_s))
        }
        levels => format!("{} level stretches in {} of load", levels.len(), clock(end_s)),
    }
}
