//! The shop's command line: `init` (a folder to test it in), `serve` (one replica) and `payments` (the provider).
//!
//! Only arguments are read here; each command lives in a module of its own.

mod capacity;
mod catalogue;
mod conditions;
mod database;
mod init;
mod listener;
mod payments;
mod serve;

use clap::Parser;

/// A little shop to load: browse, basket, order, payment.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Runs one replica of the shop; replicas of one machine share the port.
    Serve(serve::Settings),
    /// Runs the payment provider that the shop calls.
    Payments(payments::Settings),
    /// Makes a folder with a database, an environment, a load test and a locustfile, on ports that are free now.
    Init(init::Settings),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Serve(settings) => serve::run(settings).await,
        Command::Payments(settings) => payments::run(settings).await,
        Command::Init(settings) => init::run(settings).await,
    }
}
