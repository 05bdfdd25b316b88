//! Reports of runs in every format, of this machine and of servers.

use std::path::PathBuf;

use conductor_core::view::RunView;

use crate::args::{Output, ReportFormat};
use crate::exit::{Failed, PASSED};
use crate::session::write;
use crate::{answers, out};

/// True for the page, which goes into a file even where none was named.
pub(crate) fn is_page(format: ReportFormat) -> bool {
    match format {
        ReportFormat::Html => true,
        ReportFormat::Junit | ReportFormat::Markdown | ReportFormat::Json => false,
    }
}

/// Writes a report into a file and answers where it is, or prints it where there is none.
pub(crate) fn give(output: Output, view: &RunView, format: ReportFormat, file: Option<PathBuf>) -> Result<u8, Failed> {
    let text = match format {
        ReportFormat::Html => conductor_web::report(view).map_err(Failed::because)?,
        ReportFormat::Junit => conductor_web::junit(view),
        ReportFormat::Markdown => conductor_web::markdown(view),
        ReportFormat::Json if file.is_none() => {
            out::json(&conductor_web::Results::of(view))?;
            return Ok(PASSED);
        }
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&conductor_web::Results::of(view)).map_err(Failed::because)?;
            format!("{text}\n")
        }
    };
    match file {
        Some(file) => {
            write(&file, &text)?;
            answers::written(output, &view.id, &file)
        }
        None => {
            out::answer(&text)?;
            Ok(PASSED)
        }
    }
}
