//! Printing that nobody who stops reading can turn into an end: a closed pipe must not leave an environment scaled up.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;

use crate::exit::Failed;

/// Says something on the way. That nobody reads it is no reason to stop.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// The same beside the answer, on standard error.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints what was asked for.
///
/// # Errors
/// When it could not be written for another reason than that its reader has enough.
pub(crate) fn answer(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("could not write to standard output").map_err(Failed::because)
        }
        _ => Ok(()),
    }
}

/// Prints what was asked for, as JSON.
///
/// # Errors
/// As [`answer`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(value).map_err(Failed::because)?;
    answer(&(text + "\n"))
}
