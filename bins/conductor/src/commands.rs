//! The verbs. Each makes what it needs, does one thing and answers with an exit code.

mod follow;
mod local;
mod restore;
mod run;
mod runs;
mod simulate;
mod tools;
mod unfreeze;

use std::path::PathBuf;

use conductor_core::run::Created;
use conductor_wiring::{Environment, declare_file};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::args::{Arguments, Declared, Global, Verb};
use crate::exit::Failed;
use crate::out;
use crate::session::{Session, state_dir};

/// Performs a verb.
pub(crate) fn perform(arguments: Arguments) -> Result<u8, Failed> {
    let Arguments { global, verb } = arguments;
    match verb {
        Verb::Run(declared) => opened(&global, async |session| run::run(session, declared).await),
        Verb::Plan(declared) => threads()?.block_on(run::plan(&global, declared)),
        Verb::Simulate(simulated) => simulate::simulate(&simulated, global.output),
        Verb::List => opened(&global, runs::list),
        Verb::Get(one) => opened(&global, async |session| runs::get(session, one.run).await),
        Verb::Watch(one) => opened(&global, async |session| runs::watch(session, one.run).await),
        Verb::Stop(one) => opened(&global, async |session| runs::stop(session, one.run).await),
        Verb::Update(updated) => opened(&global, async |session| runs::update(session, updated).await),
        Verb::Restore(restored) => opened(&global, async |session| restore::restore(session, restored).await),
        Verb::Reap(reaped) => opened(&global, async |session| restore::reap(session, reaped).await),
        Verb::Unfreeze(unfrozen) => threads()?.block_on(unfreeze::unfreeze(&state_dir(&global)?, &unfrozen)),
        Verb::Report(reported) => opened(&global, async |session| runs::report(session, reported).await),
        Verb::Local(verb) => local::local(verb, &state_dir(&global)?, global.output),
        Verb::LocustPlugin => tools::locust_plugin(),
        Verb::Schema => tools::schema(),
        Verb::Completions { shell } => tools::completions(shell),
    }
}

/// Performs a verb with a session of its own, which ends in order.
fn opened(global: &Global, verb: impl AsyncFnOnce(Session) -> Result<u8, Failed>) -> Result<u8, Failed> {
    threads()?.block_on(async {
        let session = Session::open(global).await?;
        let journal = session.journal.clone();
        let done = verb(session).await;
        journal.close().await;
        done
    })
}

fn threads() -> Result<Runtime, Failed> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failed::because)
}

/// Reads a load test and its environment.
fn read(declared: &Declared, state_dir: &std::path::Path) -> Result<Created, Failed> {
    let settings = settings_file(declared);
    // A load test that is not there is told as such, and not by the environment that is not beside it either.
    if let Err(error) = std::fs::metadata(&declared.load_test) {
        return Err(Failed::input(format!("{}: could not be read: {error}", declared.load_test.display())));
    }
    let environment = Environment::read(&settings, state_dir).map_err(Failed::input)?;
    declare_file(&declared.load_test, &environment).map_err(Failed::input)
}

fn settings_file(declared: &Declared) -> PathBuf {
    declared.settings.clone().unwrap_or_else(|| declared.load_test.with_file_name("environment.yaml"))
}

/// Prints JSON on standard output.
fn print_json(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(value).map_err(Failed::because)?;
    out::answer(&(text + "\n"))
}
