//! Runs a cargo command, passes its output on, and counts the tests it reports.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::program;

/// Tests counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// The names of those that failed.
    pub(crate) failures: Vec<String>,
    /// The names of those that had failed and passed when they were run again, alone; they count as passed.
    pub(crate) unsteady: Vec<String>,
}

impl Counts {
    /// Adds another count.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.unsteady.extend(other.unsteady);
    }
}

/// Runs cargo in the workspace's root and counts the tests in what it prints.
///
/// # Errors
/// When cargo cannot be started, when a program of tests crashes, or when cargo ends with an error other than that tests failed; the
/// text names the command.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, OsString)]) -> Result<Counts, String> {
    cargo_to(arguments, environment, &mut |line| println!("{line}"))
}

/// The same, with what becomes of each line that is printed.
///
/// # Errors
/// As [`cargo`].
pub(crate) fn cargo_to(
    arguments: &[&str],
    environment: &[(&str, OsString)],
    to: &mut dyn FnMut(&str),
) -> Result<Counts, String> {
    let shown = format!("cargo {}", arguments.join(" "));
    let mut child = program::cargo()
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("could not start {shown}: {error}"))?;
    let mut read = Read::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("could not read what {shown} prints: {error}"))?;
            to(&line);
            read.line(&line);
        }
    }
    let status = child.wait().map_err(|error| format!("could not wait for {shown}: {error}"))?;
    if read.crashed() > 0 {
        return Err(format!("{shown}: {} programs of tests ended without a result", read.crashed()));
    }
    let counts = read.counts;
    if status.success() || counts.failed > 0 { Ok(counts) } else { Err(format!("{shown} ended with {status}")) }
}

/// What the runners of tests have printed so far.
#[derive(Default)]
struct Read {
    counts: Counts,
    began: u64,
    ended: u64,
}

impl Read {
    fn line(&mut self, line: &str) {
        if line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")) {
            self.began += 1;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.ended += 1;
            self.counts.add(counted(result));
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.counts.failures.push(name.to_owned());
        }
    }

    /// Programs of tests that began and did not tell a result.
    const fn crashed(&self) -> u64 {
        self.began.saturating_sub(self.ended)
    }
}

/// The counts in a test runner's result.
fn counted(result: &str) -> Counts {
    let number_before = |word: &str| {
        result
            .split([';', '.'])
            .filter_map(|part| part.trim().strip_suffix(word))
            .find_map(|number| number.trim().parse().ok())
            .unwrap_or_default()
    };
    Counts { passed: number_before("passed"), failed: number_before("failed"), ..Counts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> (Counts, u64) {
        let mut read = Read::default();
        lines.lines().for_each(|line| read.line(line));
        let crashed = read.crashed();
        (read.counts, crashed)
    }

    #[test]
    fn results_are_counted_and_failures_named() {
        let told = read(
            "running 3 tests\ntest one ... ok\ntest deep::two ... FAILED\ntest three has been running for over 60 seconds\n\
             test three ... FAILED\n\nfailures:\n    deep::two\n\n\
             test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
             running 1 test\ntest four ... ok\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n",
        );
        let failures = vec!["deep::two".to_owned(), "three".to_owned()];
        assert_eq!(told, (Counts { passed: 2, failed: 2, failures, ..Counts::default() }, 0));
    }

    #[test]
    fn a_program_that_crashes_is_counted() {
        let told =
            read("running 3 tests\ntest one ... ok\nrunning 1 test\ntest result: ok. 1 passed; 0 failed; 0 ignored\n");
        assert_eq!(told, (Counts { passed: 1, ..Counts::default() }, 1));
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["test x ... ok", "note: 4 passed; 1 failed", "running the shop", ""] {
            assert_eq!(read(line), (Counts::default(), 0), "{line}");
        }
    }
}
