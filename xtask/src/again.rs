//! Tests that failed are run once more, alone.
//!
//! Many go on at the same time and wait for real servers, of which a busy machine can make one late. One that passes alone is no
//! failure; it is named at the end of `verify`, for it is a defect all the same: of the test, if not of what it tests.
//! The same goes for the demo: a real load on a machine that stands still for some seconds is not held.

use std::ffi::OsString;

use crate::stage::{self, Counts};

/// When more have failed, it is not a busy machine's doing.
const MOST: usize = 5;

/// Runs cargo's tests, and those that failed once more; `options` are those of the runner of tests.
///
/// # Errors
/// As [`stage::cargo`].
pub(crate) fn tests(arguments: &[&str], options: &[&str], environment: &[(&str, OsString)]) -> Result<Counts, String> {
    let counts = stage::cargo(&[arguments, &["--"], options].concat(), environment)?;
    failed_of(counts, arguments, environment)
}

/// Runs those tests once more that failed among what cargo runs with these arguments.
///
/// # Errors
/// As [`stage::cargo`].
pub(crate) fn failed_of(
    counts: Counts,
    arguments: &[&str],
    environment: &[(&str, OsString)],
) -> Result<Counts, String> {
    if !worth_another_try(&counts) {
        return Ok(counts);
    }
    println!("\n{} failed; once more, alone: {}", counts.failed, counts.failures.join(", "));
    let names: Vec<&str> = counts.failures.iter().map(String::as_str).collect();
    let second = stage::cargo(&[arguments, &["--", "--exact", "--test-threads", "1"], &names].concat(), environment)?;
    Ok(after(counts, &second))
}

/// Does one check that takes real time, and once more when it failed; it counts as one test, called `name`.
///
/// # Errors
/// With what was wrong the second time.
pub(crate) fn one(name: &str, check: impl Fn() -> Result<(), String>) -> Result<Counts, String> {
    let mut counts = Counts { passed: 1, ..Counts::default() };
    if let Err(message) = check() {
        println!("\n{name} failed; once more: {message}");
        check()?;
        counts.unsteady.push(format!("{name} ({message})"));
    }
    Ok(counts)
}

/// False when nothing failed, when too much did, and when it is not known what.
fn worth_another_try(counts: &Counts) -> bool {
    let known = usize::try_from(counts.failed).is_ok_and(|failed| failed == counts.failures.len());
    known && (1..=MOST).contains(&counts.failures.len())
}

/// What counts after the second try: each of the failures must have passed, and nothing else have failed.
fn after(first: Counts, second: &Counts) -> Counts {
    if second.failed > 0 || second.passed < first.failed {
        return first;
    }
    Counts { passed: first.passed + first.failed, unsteady: first.failures, ..Counts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failures: &[&str]) -> Counts {
        let failures: Vec<String> = failures.iter().map(|&name| name.to_owned()).collect();
        Counts { passed, failed: failures.len() as u64, failures, ..Counts::default() }
    }

    #[test]
    fn few_failures_whose_names_are_known_get_another_try() {
        assert!(worth_another_try(&counts(7, &["one", "two"])));
        assert!(!worth_another_try(&counts(7, &[])));
        assert!(!worth_another_try(&counts(7, &["1", "2", "3", "4", "5", "6"])));
        assert!(!worth_another_try(&Counts { failed: 2, ..counts(7, &["one"]) }));
    }

    #[test]
    fn a_check_that_passes_the_second_time_counts_and_is_named_with_what_was_wrong() {
        let times = std::cell::Cell::new(0);
        let passes_at = |last: u32| {
            times.set(0);
            let times = &times;
            move || {
                times.set(times.get() + 1);
                if times.get() >= last { Ok(()) } else { Err(format!("wrong {}", times.get())) }
            }
        };
        let passed = Counts { passed: 1, ..Counts::default() };
        assert_eq!(one("demo", passes_at(1)), Ok(passed.clone()));
        assert_eq!(one("demo", passes_at(2)), Ok(Counts { unsteady: vec!["demo (wrong 1)".to_owned()], ..passed }));
        assert_eq!(one("demo", passes_at(3)), Err("wrong 2".to_owned()));
        assert_eq!(times.get(), 2);
    }

    #[test]
    fn one_that_passes_alone_counts_and_is_named() {
        let after = after(counts(7, &["one", "two"]), &counts(2, &[]));
        let unsteady = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(after, Counts { passed: 9, unsteady, ..Counts::default() });
    }

    #[test]
    fn one_that_fails_again_or_is_not_found_stays_a_failure() {
        let first = counts(7, &["one", "two"]);
        assert_eq!(after(first.clone(), &counts(1, &["two"])), first);
        assert_eq!(after(first.clone(), &counts(1, &[])), first);
    }
}
