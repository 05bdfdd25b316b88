//! `cargo steer`: a real Locust against a real shop whose customers and capacity change, steered by the adaptive law and by
//! the published rule in the same conditions; what each made of it stands side by side at the end.

mod conditions;
mod drive;
mod figures;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use signal_hook::consts::SIGINT;

use crate::demo::{Profile, build};
use crate::program;
use crate::shop::Shop;
use crate::tools::locust;
use conditions::{CONDITIONS, Condition};
use figures::Figures;

/// KPI to reach and hold, orders per minute.
const TARGET_PER_MIN: f64 = 1_500.0;
/// Seconds from the first user to the target.
const RAMP_UP_S: f64 = 60.0;
/// Seconds to hold it.
const PLATEAU_S: f64 = 240.0;
/// Seconds between two measurements.
const INTERVAL_S: f64 = 10.0;
/// The most users that either law may ask for: more than twice what is needed, and what one Locust process can run.
const MOST_USERS: u64 = 600;
/// The laws that are compared.
const LAWS: [&str; 2] = ["adaptive", "published"];

/// Runs the conditions that are named, or all.
pub(crate) fn run(names: &[&str]) -> ExitCode {
    let done = chosen(names).and_then(|conditions| compare(&conditions));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\n{message}");
            ExitCode::FAILURE
        }
    }
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Condition>, String> {
    if names.is_empty() {
        return Ok(CONDITIONS.iter().collect());
    }
    let known = || CONDITIONS.iter().map(|condition| condition.name).collect::<Vec<_>>().join(", ");
    let find = |name: &&str| {
        let found = CONDITIONS.iter().find(|condition| condition.name == *name);
        found.ok_or_else(|| format!("\"{name}\" is not a condition; expected some of {}", known()))
    };
    names.iter().map(find).collect()
}

fn compare(conditions: &[&Condition]) -> Result<(), String> {
    // Ctrl-C is for the conductor, which gets it too and ends the run in order; what follows must still be done.
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&interrupted))
        .map_err(|error| format!("could not listen for Ctrl-C: {error}"))?;
    let locust = locust::install()?;
    let programs = build(Profile::Dev)?;
    let shop = Shop::new(program::target()?.join("steer"), programs, locust);
    let began = Instant::now();
    shop.clear()?;
    shop.make()?;
    let minutes = conditions.len() as f64 * LAWS.len() as f64 * (RAMP_UP_S + PLATEAU_S + 45.0) / 60.0;
    println!(
        "{TARGET_PER_MIN:.0} orders a minute, ramp-up {RAMP_UP_S:.0} s, plateau {PLATEAU_S:.0} s, a tick every {INTERVAL_S:.0} s; about {minutes:.0} minutes"
    );
    let mut rows = Vec::new();
    let result = shop.up().and_then(|()| all(&shop, conditions, &interrupted, &mut rows));
    // What is there already is shown, whatever became of the rest.
    let down = shop.down();
    if !rows.is_empty() {
        println!("\n{}", figures::table(&rows));
        println!(
            "in {:.0} minutes; reports and lines are in {}",
            began.elapsed().as_secs_f64() / 60.0,
            shop.folder.display()
        );
    }
    result.and(down)
}

fn all(
    shop: &Shop,
    conditions: &[&Condition],
    interrupted: &AtomicBool,
    rows: &mut Vec<Figures>,
) -> Result<(), String> {
    for condition in conditions {
        println!("\n── {}: {}", condition.name, condition.what);
        for law in LAWS {
            if interrupted.load(Ordering::Relaxed) {
                return Err("interrupted; no further run was begun".to_owned());
            }
            let view = drive::run(shop, condition, law)?;
            let figures = Figures::of(condition, law, &view)?;
            println!("{figures}");
            rows.push(figures);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_found_by_name_and_others_are_told() {
        assert_eq!(chosen(&[]).unwrap().len(), CONDITIONS.len());
        let found = chosen(&["capacity-below-target", "nominal"]).unwrap();
        assert_eq!(
            found.iter().map(|condition| condition.name).collect::<Vec<_>>(),
            ["capacity-below-target", "nominal"]
        );
        let error = chosen(&["nominl"]).unwrap_err();
        assert!(error.starts_with("\"nominl\" is not a condition; expected some of nominal, "), "{error}");
    }
}
