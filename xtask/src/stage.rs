//! Runs a cargo command, passes its output on, and counts the tests it reports.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::program::root;

/// Tests counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Counts {
    /// Adds another count.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs cargo in the workspace's root and counts the tests in what it prints.
///
/// # Errors
/// When cargo cannot be started, or ends with an error other than that tests failed; the text names the command.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, OsString)]) -> Result<Counts, String> {
    let shown = format!("cargo {}", arguments.join(" "));
    let mut child = Command::new(env!("CARGO"))
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(root())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("could not start {shown}: {error}"))?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("could not read what {shown} prints: {error}"))?;
            println!("{line}");
            counts.add(counted(&line));
        }
    }
    let status = child.wait().map_err(|error| format!("could not wait for {shown}: {error}"))?;
    if status.success() || counts.failed > 0 { Ok(counts) } else { Err(format!("{shown} ended with {status}")) }
}

/// The counts in one line of a test runner's output; zero for every other line.
fn counted(line: &str) -> Counts {
    let Some(rest) = line.strip_prefix("test result: ") else { return Counts::default() };
    let number_before = |word: &str| {
        rest.split([';', '.'])
            .filter_map(|part| part.trim().strip_suffix(word))
            .find_map(|number| number.trim().parse().ok())
            .unwrap_or_default()
    };
    Counts { passed: number_before("passed"), failed: number_before("failed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 21 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(counted(line), Counts { passed: 21, failed: 2 });
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["running 3 tests", "test x ... ok", "note: 4 passed; 1 failed", ""] {
            assert_eq!(counted(line), Counts::default(), "{line}");
        }
    }
}
