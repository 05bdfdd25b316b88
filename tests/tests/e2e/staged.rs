//! Staged runs on real parts: whatever is wrong, the conductor says that it is, and what (docs/staged-runs.md).
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_tests::staged::{Case, Table, cases, clean, play};

/// Runs that go on at the same time, where nobody says otherwise: each takes some tenths of a processor.
const AT_ONCE: usize = 3;

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// The cases that somebody asks for by their names, one a line; all where nobody does.
fn asked_for() -> Vec<Case> {
    let Some(names) = std::env::var("CONDUCTOR_STAGED").ok().filter(|names| !names.is_empty()) else { return cases() };
    let all = [cases(), clean(1)].concat();
    let of = |name: &str| {
        let names = || all.iter().map(|case| case.name).collect::<Vec<_>>().join(", ");
        *all.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name:?}; expected {}", names()))
    };
    names.lines().map(of).collect()
}

/// Plays them, prints the table, and asserts that every verdict was right.
fn are_right(cases: &[Case]) {
    let played = play(cases, number("CONDUCTOR_STAGED_AT_ONCE").unwrap_or(AT_ONCE));
    println!("\n{}", Table(&played));
    let wrong: Vec<String> = played
        .iter()
        .filter_map(|one| one.trouble.as_ref().map(|trouble| format!("\n{}: {trouble}", one.name)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn three_clean_runs_pass() {
    are_right(&clean(3));
}

#[test]
#[ignore = "takes a quarter of an hour: cargo verify --full"]
fn twenty_clean_runs_pass() {
    are_right(&clean(20));
}

#[test]
#[ignore = "takes a quarter of an hour: cargo staged, cargo verify --full"]
fn whatever_is_wrong_gets_its_verdict_and_its_first_reason() {
    are_right(&asked_for());
}
