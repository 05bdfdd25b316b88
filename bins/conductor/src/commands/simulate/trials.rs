//! Comparing algorithms on models: which algorithms, how often.

use std::time::{Duration, Instant};

use conductor_core::units::Span;
use conductor_sim::{Algorithm, Trials, table};

use super::models::{ALL, models};
use crate::args::{Output, Simulated, TrialArguments};
use crate::commands::print_json;
use crate::exit::{Failed, PASSED};
use crate::{out, show};

const LONGEST_TICK: Span = Span::minutes(10);

/// Prints the scores of algorithms on models.
pub(super) fn score(simulated: &Simulated, output: Output) -> Result<u8, Failed> {
    let begun = Instant::now();
    let plants = models(&simulated.plant)?;
    let rows = table(&plants, &algorithms(&simulated.trials.algorithm)?, &trials(&simulated.trials)?);
    match output {
        Output::Json => print_json(&rows)?,
        Output::Text => out::answer(&show::scores(&rows, begun.elapsed()))?,
    }
    Ok(PASSED)
}

/// The algorithms that are named, each once.
fn algorithms(named: &[String]) -> Result<Vec<Algorithm>, Failed> {
    let mut algorithms = Vec::new();
    for name in named {
        let meant = if name == ALL { Algorithm::ALL.to_vec() } else { vec![name.parse().map_err(Failed::input)?] };
        algorithms.extend(meant.into_iter().filter(|algorithm| !algorithms.contains(algorithm)).collect::<Vec<_>>());
    }
    Ok(algorithms)
}

fn trials(arguments: &TrialArguments) -> Result<Trials, Failed> {
    let TrialArguments { seeds, first_seed, tick, .. } = arguments;
    const STEP: Duration = Duration::from_millis(500);
    let is_whole = tick.as_duration().as_nanos().is_multiple_of(STEP.as_nanos());
    if !is_whole || tick.is_zero() || *tick > LONGEST_TICK {
        let expected = "half seconds from 500ms to 10m, such as 60s";
        return Err(Failed::input(format!("--tick: {tick} is out of range; expected {expected}")));
    }
    let end = first_seed
        .checked_add(u64::from(*seeds))
        .ok_or_else(|| Failed::input(format!("--first-seed: {first_seed} leaves no room for {seeds} seeds")))?;
    Ok(Trials { seeds: *first_seed..end, tick: *tick })
}
