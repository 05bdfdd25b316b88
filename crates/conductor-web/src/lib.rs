//! What a run has come to, for all who read it: [`report`] is one HTML file that needs nothing else, for a browser, a phone or
//! paper; [`junit`] is for a build server, [`markdown`] for a pull request, [`Results`] for programs.
//!
//! [`text`] writes figures for all who show runs, [`law`] what the control law thinks
//! and [`sizing`] how many workers a target needs; `page` says what is told, `causes` of the verdict's reasons,
//! `holds` of the levels of the load, `steering` of the control law, `workers` of the load workers, `responses` of status codes, `drift` of what others
//! have changed, `slos` of objectives, `mocks` of mocks; `charts` says what is drawn and `chart` draws; colours and layout are in the templates. No file is
//! written here.

mod causes;
mod chart;
mod charts;
mod drift;
mod holds;
mod junit;
pub mod law;
mod links;
mod markdown;
mod mocks;
mod page;
mod parity;
mod responses;
mod results;
pub mod sizing;
mod slos;
mod steering;
pub mod text;
mod workers;

use askama::Template;
use conductor_core::view::RunView;

pub use junit::junit;
pub use markdown::markdown;
pub use results::{Results, schema};

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the report")]
pub struct ReportError(#[from] askama::Error);

/// The report of a run, as far as it has come.
///
/// # Errors
/// When the template fails, which no view makes it do.
pub fn report(view: &RunView) -> Result<String, ReportError> {
    Ok(page::Page::of(view).render()?)
}

#[cfg(test)]
mod formats_tests;
#[cfg(test)]
mod tests;
