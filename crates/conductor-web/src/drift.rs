//! What others have changed while a run had the environment, row by row: during the load, on the way back, and after it.

use conductor_core::guard::Drift;
use conductor_core::recheck::LateChange;
use conductor_core::restore::ForeignChange;
use conductor_core::view::RunView;

/// A change of somebody else.
pub(crate) struct DriftRow {
    pub(crate) when: &'static str,
    pub(crate) application: String,
    pub(crate) field: String,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) by: String,
    pub(crate) then: &'static str,
    pub(crate) class: &'static str,
}

/// The changes, in the order of the run.
pub(crate) fn rows(view: &RunView) -> Vec<DriftRow> {
    let Some(ending) = &view.ending else { return Vec::new() };
    let during = ending.drifts.iter().map(|drift| {
        let (then, class) = if drift.reverted { ("put in place again", "") } else { ("left alone", "warning") };
        row("during the load", drift, then, class)
    });
    let late = ending.late_changes.iter().map(|LateChange { drift, put_back }| {
        let (then, class) = if *put_back { ("put back once more", "") } else { ("left alone", "warning") };
        row("after the way back", drift, then, class)
    });
    during.chain(ending.foreign_changes.iter().map(on_the_way_back)).chain(late).collect()
}

fn row(when: &'static str, drift: &Drift, then: &'static str, class: &'static str) -> DriftRow {
    DriftRow {
        when,
        application: drift.application.to_string(),
        field: drift.field.clone(),
        expected: drift.expected.clone(),
        found: drift.found.clone(),
        by: drift.by.clone().unwrap_or_default(),
        then,
        class,
    }
}

fn on_the_way_back(change: &ForeignChange) -> DriftRow {
    let ForeignChange { application, field, applied, found, forced, .. } = change;
    let (then, class) = if *forced { ("put back by force", "") } else { ("left alone", "warning") };
    DriftRow {
        when: "on the way back",
        application: application.to_string(),
        field: field.clone(),
        expected: applied.clone(),
        found: found.clone(),
        by: String::new(),
        then,
        class,
    }
}
