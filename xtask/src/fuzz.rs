//! Fuzzing with coverage as guide on the stable compiler: the target is built with LLVM's coverage counters and linked
//! with libFuzzer. Sanitizers would need a nightly one, and find nothing in code without `unsafe`.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::program::{self, root};

/// What cargo-fuzz builds with, less the sanitizer.
const FLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longest input of a target, in bytes: of the control law a configuration and some dozen turns, otherwise what a document or a
/// request becomes wrong by.
fn longest_input(target: &str) -> u32 {
    if target == "ramp" { 64 } else { 512 }
}

/// Fuzzes a target for some seconds, from its seeds and what earlier runs have found.
pub(crate) fn run(target: &str, seconds: &str) -> ExitCode {
    let done = seconds
        .parse()
        .map_err(|_| format!("not a number of seconds: {seconds}"))
        .and_then(|seconds| fuzz(target, seconds));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn fuzz(target: &str, seconds: u32) -> Result<(), String> {
    let seeds = root().join("fuzz/seeds").join(target);
    if !seeds.is_dir() {
        return Err(format!("there is no fuzz target {target}: it would have seeds in {}", seeds.display()));
    }
    let host = program::host()?;
    let built = program::target()?.join("fuzz");
    let found = built.join("corpus").join(target);
    std::fs::create_dir_all(&found).map_err(|error| format!("could not make {}: {error}", found.display()))?;
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--manifest-path"]).arg(root().join("fuzz/Cargo.toml"));
    build
        .args(["--bin", target, "--features", target, "--target", &host, "--target-dir"])
        .arg(&built)
        .env("RUSTFLAGS", FLAGS);
    program::run(&mut build)?;
    let binary = built.join(&host).join("release").join(target);
    let folder = |path: &Path| format!("-artifact_prefix={}/", path.display());
    let limits = [format!("-max_total_time={seconds}"), format!("-max_len={}", longest_input(target))];
    let mut fuzzer = Command::new(binary);
    fuzzer.args(limits).arg("-print_final_stats=1").arg(folder(&built)).arg(found).arg(seeds);
    program::run(&mut fuzzer)
}
