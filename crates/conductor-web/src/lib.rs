//! The HTML report of a run: one file that needs nothing else.

use askama::Template;
use conductor_core::view::RunView;

/// The report could not be written.
#[derive(Debug)]
pub struct ReportError(askama::Error);

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("could not write the report")
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    view: &'a RunView,
}

/// The report of a run, as far as it has come.
///
/// # Errors
/// When the template fails, which it does not with any view.
pub fn report(view: &RunView) -> Result<String, ReportError> {
    Report { view }.render().map_err(ReportError)
}
