//! `cargo demo`: a whole load test on this machine, with the shop and its Locust as real processes, checked at each step.

mod checks;
mod payments;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::SIGINT;

use crate::again;
use crate::chain::Chain;
use crate::program;
use crate::shop::Shop;
use crate::stage::Counts;
use crate::tools::locust;

/// How the programs are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly.
    Dev,
    /// As they are installed.
    Release,
}

/// Runs the demo for people.
pub(crate) fn run(profile: Profile) -> ExitCode {
    match play(profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nthe demo failed: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo as a check of the project; it counts as one test.
pub(crate) fn check() -> Result<Counts, String> {
    again::one("cargo demo", || play(Profile::Dev))
}

/// Builds the programs that the demo shows and answers with their folder.
pub(crate) fn build(profile: Profile) -> Result<PathBuf, String> {
    let (name, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("release", "release"),
    };
    program::run(program::cargo().args(["build", "--quiet", "--profile", name, "-p", "conductor", "-p", "shop"]))?;
    Ok(program::target()?.join(folder))
}

fn play(profile: Profile) -> Result<(), String> {
    // Ctrl-C is for the conductor, which gets it too and ends the run in order; what follows must still be done.
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, interrupted)
        .map_err(|error| format!("could not listen for Ctrl-C: {error}"))?;
    say(
        "1 of 6  tools: Locust, Skipper, Hoverfly, the conductor and the shop (a fresh clone takes some minutes, and a\n        machine without Skipper some ten more, once)",
    );
    Chain::possible()?;
    let locust = locust::install()?;
    let (programs, chain) = programs_and_chain(profile)?;
    let demo = Shop::new(program::target()?.join("demo"), programs, locust).paying_by(chain);

    say(
        "2 of 6  a shop: database with 550 orders, environment, load test, locustfile, and the routes to its payment\n        provider and to the mock of it",
    );
    demo.clear()?;
    demo.make()?;
    let rows_before = demo.rows()?;

    say("3 of 6  the test environment comes up: one replica of v1, which takes 19 orders a second at most");
    demo.up()?;
    let result = load(&demo, &rows_before, profile);

    say("6 of 6  the test environment goes down");
    let down = demo.down();
    result.and(down)?;
    println!("\nthe demo went as it should. Report: {}", demo.report()?.display());
    Ok(())
}

/// The programs of this workspace and those that a shop pays by, built at the same time: no build keeps all processors busy throughout.
fn programs_and_chain(profile: Profile) -> Result<(PathBuf, Chain), String> {
    thread::scope(|scope| {
        let chain = scope.spawn(Chain::install);
        let programs = build(profile);
        let chain = chain.join().map_err(|_| "the build of Skipper and Hoverfly panicked".to_owned())?;
        Ok((programs?, chain?))
    })
}

/// The load test with its checks; the environment is up.
fn load(demo: &Shop, rows_before: &str, profile: Profile) -> Result<(), String> {
    demo.expect_replicas("v1", 1)?;
    say(
        "4 of 6  the load test: deploys production's v2, scales to production's 3 replicas, proves that the mock takes\n        its payments and no others, pushes to 2,000 orders a minute (33 a second) for three minutes, puts\n        everything back; it takes about six minutes",
    );
    let before = demo.payments_taken()?;
    let memory = demo.run_load_test()?;
    say("5 of 6  is it true?");
    demo.expect_replicas("v1", 1)?;
    checks::memory(memory, profile)?;
    checks::versions_and_allocation(&demo.view()?)?;
    checks::plateau(&demo.view()?)?;
    payments::check(&demo.view()?, before, demo.payments_taken()?)?;
    checks::rows(rows_before, &demo.rows()?)
}

fn say(words: &str) {
    println!("\n── {words}");
}
