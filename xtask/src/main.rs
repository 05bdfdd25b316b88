//! `cargo verify`: runs every check of the project, stage by stage, and counts the tests.

mod stage;
mod tidy;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stage::Counts;

/// A stage's name and how it is run.
type Stage = (&'static str, fn() -> Result<Counts, String>);

const STAGES: [Stage; 6] = [
    ("tidy: files begin with their subject and stay short", tidy::check),
    ("cargo fmt", || stage::cargo(&["fmt", "--all", "--check"], &[])),
    ("cargo clippy", || {
        stage::cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"], &[])
    }),
    ("cargo test", || stage::cargo(&["test", "--workspace", "--all-features"], &[("INSTA_UPDATE", "no")])),
    ("cargo doc", || {
        stage::cargo(&["doc", "--workspace", "--no-deps", "--all-features"], &[("RUSTDOCFLAGS", "-D warnings")])
    }),
    ("cargo bench (compiles)", || stage::cargo(&["bench", "--workspace", "--no-run"], &[])),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments != ["verify"] {
        eprintln!("usage: cargo verify\n\nRuns every check of the project and counts the tests.");
        return ExitCode::from(2);
    }
    verify()
}

fn verify() -> ExitCode {
    let mut total = Counts::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for (name, run) in STAGES {
        println!("\n== {name}");
        let begun = Instant::now();
        let result = run();
        times.push((name, begun.elapsed()));
        match result {
            Ok(counts) => total.add(counts),
            Err(message) => {
                failure = Some(format!("{name}: {message}"));
                break;
            }
        }
    }
    println!("\nstage times");
    for (name, time) in times {
        println!("{:>7.1} s  {name}", time.as_secs_f64());
    }
    if let Some(message) = &failure {
        println!("\nverify failed in {message}");
        total.failed = total.failed.max(1);
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if failure.is_none() && total.failed == 0 && total.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
