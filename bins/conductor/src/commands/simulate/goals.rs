//! Judging the control law by its goals.

use std::time::Instant;

use conductor_sim::{GoalTrials, judge};

use super::trials::seeds;
use crate::args::{Output, TrialArguments};
use crate::exit::{FAILED, Failed, PASSED};
use crate::{out, show};

/// Held-out plants for each seed of the scenarios; one run of each says less than one of a scenario.
const PLANTS_PER_SEED: f64 = 1.5;

/// Prints the goals, and fails when one that is required is missed.
pub(super) fn judge_goals(arguments: &TrialArguments, output: Output) -> Result<u8, Failed> {
    let begun = Instant::now();
    let seeds = seeds(arguments)?;
    let plants = (f64::from(arguments.seeds) * PLANTS_PER_SEED) as u64;
    let held_out = seeds.start..seeds.start.saturating_add(plants);
    let outcomes = judge(&GoalTrials { seeds, held_out });
    match output {
        Output::Json => out::json(&outcomes)?,
        Output::Text => out::answer(&show::goals(&outcomes, begun.elapsed()))?,
    }
    let missed = outcomes.iter().any(|outcome| outcome.is_required && !outcome.is_met);
    Ok(if missed { FAILED } else { PASSED })
}
