//! All staged runs, in the order of the table.

mod counts;
mod generator;
mod mocks;
mod system;

use crate::staged::case::{Case, Expected, Scenery};

/// A run in which nothing is wrong.
const CLEAN: Case = Case {
    name: "clean",
    disturbed: "nothing",
    expected: Expected::PASSED,
    scenery: Scenery::WHOLE,
    prepare: |_| {},
    disturb: |_, _| {},
};

/// Every case in which something is wrong.
pub fn cases() -> Vec<Case> {
    [generator::CASES, counts::CASES, mocks::CASES, system::CASES].concat()
}

/// So many runs in which nothing is wrong.
pub fn clean(runs: usize) -> Vec<Case> {
    vec![CLEAN; runs]
}
