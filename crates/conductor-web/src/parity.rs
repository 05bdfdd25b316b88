//! In what the environment differed from production, row by row.

use conductor_core::parity::{Difference, Severity, Waiver};
use conductor_core::view::RunView;

/// A difference.
pub(crate) struct DifferenceRow {
    pub(crate) subject: String,
    pub(crate) what: String,
    pub(crate) production: String,
    pub(crate) test: String,
    pub(crate) severity: String,
    pub(crate) waived: String,
    pub(crate) class: &'static str,
}

/// All of them in one sentence; `None` where there is nothing to compare with.
pub(crate) fn summary(view: &RunView) -> Option<String> {
    let report = view.parity.as_ref().filter(|report| report.incomparable.is_none())?;
    Some(report.summary())
}

/// The differences; none where nothing was compared.
pub(crate) fn rows(view: &RunView) -> Vec<DifferenceRow> {
    view.parity.iter().flat_map(|report| &report.differences).map(row).collect()
}

fn row(difference: &Difference) -> DifferenceRow {
    let Difference { application, container, aspect, production, test, severity, waived } = difference;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
    let told = |Waiver { reason, until, .. }: &Waiver| format!("waived until {until}: {reason}");
    DifferenceRow {
        subject: application.as_ref().map_or_else(|| "the cluster".to_owned(), ToString::to_string),
        what: container.as_ref().map_or_else(|| aspect.clone(), |container| format!("{aspect} of {container}")),
        production: shown(production),
        test: shown(test),
        severity: severity.to_string(),
        waived: waived.as_ref().map_or_else(String::new, told),
        class: if *severity >= Severity::Warn && waived.is_none() { "warning" } else { "" },
    }
}
