//! The command line interface: arguments, logs, one runtime, and the exit code.
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "they panic when nobody reads; see `out`")]

mod answers;
mod args;
mod commands;
mod exit;
mod out;
mod remote;
mod report;
mod session;
mod show;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("CONDUCTOR_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    // It logs whole answers that it cannot read, with whatever secrets are in them.
    let filter = filter.add_directive("kube_client=off".parse().expect("a directive"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    // It fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match commands::perform(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            out::aside(&format!("error: {error}"));
            ExitCode::from(error.code)
        }
    }
}
