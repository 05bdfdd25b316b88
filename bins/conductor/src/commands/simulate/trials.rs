//! Comparing algorithms on models: which algorithms, how often.

use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use conductor_core::units::Span;
use conductor_sim::{Algorithm, Course, Trials, table};

use super::models::{ALL, models};
use crate::args::{Output, Simulated, TrialArguments};
use crate::exit::{Failed, PASSED};
use crate::session::write;
use crate::show::plot;
use crate::{out, show};

const SHORTEST_TICK: Span = Span::seconds(5);
const LONGEST_TICK: Span = Span::minutes(10);

/// Prints the scores of algorithms on models, draws their runs, or both.
pub(super) fn compare(simulated: &Simulated, output: Output) -> Result<u8, Failed> {
    let begun = Instant::now();
    let plants = models(&simulated.plant)?;
    let (algorithms, trials) = (algorithms(&simulated.trials.algorithm)?, trials(&simulated.trials)?);
    if let Some(file) = &simulated.plot {
        let draw = drawing(file)?;
        let course = |plant| {
            let tick_s = trials.tick.as_secs_f64();
            algorithms.iter().map(move |algorithm| Course::run(plant, *algorithm, trials.seeds.start, tick_s))
        };
        let courses: Vec<Course> = plants.iter().flat_map(course).collect();
        write(file, draw(&courses))?;
        out::aside(&format!("{} runs are drawn in {}", courses.len(), file.display()));
    }
    if simulated.score {
        let rows = table(&plants, &algorithms, &trials);
        match output {
            Output::Json => out::json(&rows)?,
            Output::Text => out::answer(&show::scores(&rows, begun.elapsed()))?,
        }
    }
    Ok(PASSED)
}

/// How a file of this name is drawn.
fn drawing(file: &Path) -> Result<fn(&[Course]) -> String, Failed> {
    match file.extension().and_then(OsStr::to_str) {
        Some("svg") => Ok(plot::svg),
        Some("html") => Ok(plot::html),
        Some(_) | None => {
            let expected = "expected a name that ends in .svg or .html";
            Err(Failed::input(format!("--plot: {} is no kind of picture; {expected}", file.display())))
        }
    }
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
    let TrialArguments { tick, .. } = arguments;
    const STEP: Duration = Duration::from_millis(500);
    let is_whole = tick.as_duration().as_nanos().is_multiple_of(STEP.as_nanos());
    if !is_whole || !(SHORTEST_TICK..=LONGEST_TICK).contains(tick) {
        let expected = "half seconds from 5s to 10m, such as 60s";
        return Err(Failed::input(format!("--tick: {tick} is out of range; expected {expected}")));
    }
    Ok(Trials { seeds: seeds(arguments)?, tick: *tick })
}

/// The seeds that are asked for.
pub(super) fn seeds(arguments: &TrialArguments) -> Result<Range<u64>, Failed> {
    let TrialArguments { seeds, first_seed, .. } = arguments;
    let end = first_seed
        .checked_add(u64::from(*seeds))
        .ok_or_else(|| Failed::input(format!("--first-seed: {first_seed} leaves no room for {seeds} seeds")))?;
    Ok(*first_seed..end)
}
