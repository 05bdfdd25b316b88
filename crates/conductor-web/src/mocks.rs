//! The mocks of a run: what was found of each before the load, and what its routes have counted during it.

use conductor_core::mocks::{Answer, MockProof, RouteCounts};
use conductor_core::view::RunView;

use crate::text::number;

/// A mock.
pub(crate) struct MockRow {
    pub(crate) name: String,
    pub(crate) mode: String,
    pub(crate) tagged: String,
    pub(crate) untagged: String,
    pub(crate) answered: String,
    pub(crate) missed: String,
    pub(crate) stopped: String,
    pub(crate) faults: String,
    pub(crate) class: &'static str,
}

/// The mocks, in the order of the environment; none where it names none.
pub(crate) fn rows(view: &RunView) -> Vec<MockRow> {
    view.mocks.iter().map(|proof| row(view, proof)).collect()
}

fn row(view: &RunView, proof: &MockProof) -> MockRow {
    let name = &proof.before.name;
    let faults = view.ending.iter().flat_map(|ending| &ending.mock_faults).filter(|fault| fault.mock == *name);
    let faults: Vec<String> = faults.map(|fault| fault.message.clone()).collect();
    let seen = view.ticks.iter().rev().flat_map(|tick| &tick.mocks).find(|sight| sight.name == *name);
    let counted = seen.map(|sight| sight.routes.since(&proof.after.routes));
    let told = |of: fn(&RouteCounts) -> u64| counted.as_ref().map_or_else(String::new, |c| number(of(c) as f64));
    let modes: Vec<&str> = proof.after.simulators.iter().map(|simulator| simulator.mode.as_str()).collect();
    MockRow {
        name: name.clone(),
        mode: modes.join(", "),
        tagged: answer(proof.tagged.as_ref()),
        untagged: answer(proof.untagged.as_ref()),
        answered: told(|counts| counts.mock),
        missed: told(|counts| counts.missed),
        stopped: told(|counts| counts.leak),
        class: if faults.is_empty() { "" } else { "warning" },
        faults: faults.join("; "),
    }
}

/// What became of a probe.
fn answer(answer: Option<&Answer>) -> String {
    answer.map_or_else(
        || "not sent".to_owned(),
        |answer| match &answer.mocked_by {
            Some(by) => format!("{} by {by}", answer.status),
            None => format!("{}, by no mock", answer.status),
        },
    )
}
