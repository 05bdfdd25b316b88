//! What verdicts are worth, as a table.

use std::fmt::Write;
use std::time::Duration;

use crate::commands::Judged;

/// A line for each kind of run, and the two shares that matter.
pub(crate) fn verdicts(kinds: &[Judged], took: Duration) -> String {
    let mut text = format!(
        "{:<6} {:<58}{:>6}{:>8}{:>8}{:>8}{:>9}  {}\n",
        "", "what was staged", "runs", "passed", "warned", "failed", "invalid", "first reasons"
    );
    // Writing to a string does not fail.
    for kind in kinds {
        let word = if kind.is_clean { "clean" } else { "bad" };
        let codes: Vec<String> = kind.first_codes.iter().map(|(code, runs)| format!("{code} {runs}")).collect();
        let _ = writeln!(
            text,
            "{word:<6} {:<58}{:>6}{:>8}{:>8}{:>8}{:>9}  {}",
            kind.name,
            kind.runs,
            kind.passed,
            kind.warned,
            kind.failed,
            kind.invalid,
            codes.join(", ")
        );
    }
    let sum = |is_clean: bool, figure: fn(&Judged) -> u32| -> u32 {
        kinds.iter().filter(|kind| kind.is_clean == is_clean).map(figure).sum()
    };
    let (bad, clean) = (sum(false, |kind| kind.runs), sum(true, |kind| kind.runs));
    let falsely_passed = sum(false, |kind| kind.passed);
    let not_passed = sum(true, |kind| kind.runs - kind.passed);
    let _ = writeln!(
        text,
        "\n{falsely_passed} of {bad} bad runs passed ({:.2} %); {not_passed} of {clean} clean runs did not ({:.2} %); {:.1} s",
        percent(falsely_passed, bad),
        percent(not_passed, clean),
        took.as_secs_f64()
    );
    text
}

fn percent(part: u32, all: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(all.max(1))
}
