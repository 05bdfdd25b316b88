//! The shop's command line: `serve` (one replica), `payments` (the payment provider) and `seed` (the database).
//!
//! Only arguments are read here; each command lives in a module of its own.

mod capacity;
mod catalogue;
mod database;
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
    /// Makes the database, with orders of customers and of an earlier load test in it.
    Seed(database::seed::Settings),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Serve(settings) => serve::run(settings).await,
        Command::Payments(settings) => payments::run(settings).await,
        Command::Seed(settings) => database::seed::run(settings).await,
    }
}
