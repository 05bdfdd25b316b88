//! `cargo staged`: whole runs on real parts in which one thing is wrong, as one table (docs/staged-runs.md).

use std::ffi::OsString;
use std::process::ExitCode;

use crate::stage::{self, Counts};
use crate::verify;

/// The test that plays them, and the one of clean runs that are too many for every change.
const STAGED: &str = "staged::whatever_is_wrong";
const CLEAN: &str = "staged::twenty_clean";
/// The variable with the names of the cases to play, one a line.
const CASES: &str = "CONDUCTOR_STAGED";

/// Plays the cases with these names, or all of them, for people.
pub(crate) fn run(cases: &[&str]) -> ExitCode {
    let played = verify::test_environment().and_then(|mut environment| {
        environment.push((CASES, cases.join("\n").into()));
        play(STAGED, &environment)
    });
    match played {
        Ok(counts) if counts.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all of them, and twenty clean runs, as a check of the project.
pub(crate) fn check(environment: &[(&'static str, OsString)]) -> Result<Counts, String> {
    let mut counts = play(STAGED, environment)?;
    counts.add(play(CLEAN, environment)?);
    Ok(counts)
}

fn play(test: &str, environment: &[(&'static str, OsString)]) -> Result<Counts, String> {
    // Their table is what is printed.
    let arguments = ["test", "--workspace", "--all-features", "--test", "e2e", "--", "--ignored", "--nocapture", test];
    let counts = stage::cargo(&arguments, environment)?;
    if counts == Counts::default() { Err(format!("no test is called {test}")) } else { Ok(counts) }
}
