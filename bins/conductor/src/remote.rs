//! Verbs at a server: which one it is, how it is called, and what it answers.

mod client;
mod contexts;
mod credentials;
mod document;
mod exec;
mod follow;
mod refusal;
mod runs;
mod scheme;
mod server_url;
mod start;
mod target;
mod tls;
mod watch;

use client::Client;
pub(crate) use contexts::{Context, Contexts};
pub(crate) use target::Target;

use crate::args::{Anywhere, Global, Output, Reach, Started};
use crate::exit::Failed;

/// The server that a verb is for; `None` where it is this machine.
pub(crate) fn chosen(reach: &Reach) -> Result<Option<Target>, Failed> {
    target::chosen(reach, variable)
}

/// The server that a verb is for which no machine does by itself.
pub(crate) fn needed(reach: &Reach) -> Result<Target, Failed> {
    target::needed(reach, variable)
}

/// The contexts file.
pub(crate) fn contexts() -> Result<Contexts, Failed> {
    Contexts::open(variable)
}

/// Starts a run at a server.
pub(crate) async fn start(target: Target, started: Started, output: Output) -> Result<u8, Failed> {
    start::start(&Client::new(target, variable)?, started, output).await
}

/// Performs a verb at a server.
pub(crate) async fn perform(target: Target, verb: Anywhere, global: &Global) -> Result<u8, Failed> {
    let client = &Client::new(target, variable)?;
    let output = global.output;
    match verb {
        Anywhere::Plan(declared) => start::plan(client, &declared.load_test, output).await,
        Anywhere::List => runs::list(client, output).await,
        Anywhere::Get(one) => runs::get(client, one.run, output).await,
        Anywhere::Verdict(one) => runs::verdict(client, one.run, output).await,
        Anywhere::Watch(one) => runs::watch(client, one.run, output).await,
        Anywhere::Stop(one) => runs::stop(client, one.run, output).await,
        Anywhere::Update(updated) => runs::update(client, updated, output).await,
        Anywhere::Report(reported) => runs::report(client, reported, global).await,
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
