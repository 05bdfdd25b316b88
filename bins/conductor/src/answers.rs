//! The answers of verbs, as text or as JSON: the same for runs of this machine and for those of a server.

use std::path::Path;

use conductor_core::ports::RunSummary;
use conductor_core::run::RunId;
use conductor_core::view::RunView;
use conductor_engine::PlanReport;

use crate::args::Output;
use crate::exit::{Failed, PASSED};
use crate::{out, show};

/// A list of runs.
pub(crate) fn runs(output: Output, runs: &[RunSummary]) -> Result<u8, Failed> {
    match output {
        Output::Json => out::json(&runs)?,
        Output::Text => out::answer(&show::runs(runs))?,
    }
    Ok(PASSED)
}

/// A run.
pub(crate) fn run(output: Output, view: &RunView) -> Result<u8, Failed> {
    match output {
        Output::Json => out::json(view)?,
        Output::Text => out::answer(&show::summary(view))?,
    }
    Ok(PASSED)
}

/// A run's verdict; its exit code is the answer's.
pub(crate) fn verdict(output: Output, view: &RunView) -> Result<u8, Failed> {
    let Some(verdict) = &view.verdict else {
        return Err(Failed::input(format!("run {} has not ended: it is judged at its end", view.id)));
    };
    match output {
        Output::Json => out::json(verdict)?,
        Output::Text => out::answer(&show::verdict(verdict))?,
    }
    Ok(verdict.exit_code())
}

/// What a run would change.
pub(crate) fn plan(output: Output, report: &PlanReport, kpi: &str) -> Result<u8, Failed> {
    match output {
        Output::Json => out::json(report)?,
        Output::Text => out::answer(&show::plan(report, kpi))?,
    }
    Ok(PASSED)
}

/// Where a run's report is.
pub(crate) fn written(output: Output, run: &RunId, file: &Path) -> Result<u8, Failed> {
    match output {
        Output::Json => out::json(&serde_json::json!({ "run": run, "file": file }))?,
        Output::Text => out::answer(&format!("{}\n", file.display()))?,
    }
    Ok(PASSED)
}

/// Something that is not the answer.
pub(crate) fn say(output: Output, line: &str) {
    match output {
        Output::Text => out::line(line),
        Output::Json => out::aside(line),
    }
}
