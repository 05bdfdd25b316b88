//! The verbs. Each makes what it needs, does one thing and answers with an exit code.

mod alerts;
mod bundle;
mod compare;
mod contexts;
mod follow;
mod local;
mod restore;
mod run;
mod runs;
mod simulate;
mod token;
mod tools;
mod turn;
mod unfreeze;

use std::path::PathBuf;
use std::time::Duration;

use conductor_core::run::Created;
use conductor_engine::{Annotating, Announcer};
use conductor_wiring::{Environment, declare_file};
use tokio::runtime::{Builder, Runtime};

use crate::args::{Anywhere, Arguments, Declared, Global, Ran, Reported, Told, Verb};
use crate::exit::Failed;
use crate::remote;
use crate::session::{Session, state_dir};

pub(crate) use simulate::Judged;

/// How long annotations of runs that are over may take to be written.
const LAST_ANNOTATIONS: Duration = Duration::from_secs(3);

/// How long receivers of alerts may take at the end to be told of what they were not told yet.
const LAST_ALERTS: Duration = Duration::from_secs(3);

/// Performs a verb.
pub(crate) fn perform(arguments: Arguments) -> Result<u8, Failed> {
    let Arguments { global, verb } = arguments;
    if let Some(instead) = only_here(&verb) {
        global.reach.refuse_servers(instead)?;
    }
    match verb {
        Verb::Run(Ran { declared, alerts: None }) => opened(&global, async |session| run::run(session, declared).await),
        Verb::Run(Ran { declared, alerts: Some(file) }) => opened(&global, async |session| {
            let announcer = Announcer::begin(&session.conductor, alerts::receivers(&file)?);
            let done = run::run(session, declared).await;
            announcer.finish(LAST_ALERTS).await;
            done
        }),
        Verb::Start(started) => {
            let target = remote::needed(&global.reach)?;
            threads()?.block_on(remote::start(target, started, global.output))
        }
        Verb::Anywhere(Anywhere::Report(Reported { run: Some(Told::Bundle(bundle)), file, format })) => {
            bundle::report(&global, &bundle, format, file)
        }
        Verb::Anywhere(verb) => match remote::chosen(&global.reach)? {
            Some(target) => threads()?.block_on(remote::perform(target, verb, &global)),
            None => perform_here(&global, verb),
        },
        Verb::Simulate(simulated) => simulate::simulate(&simulated, global.output),
        Verb::Compare(compared) => threads()?.block_on(compare::compare(&global, &compared)),
        Verb::Bundle(bundled) => opened(&global, async |session| bundle::bundle(session, bundled).await),
        Verb::Restore(restored) => opened(&global, async |session| restore::restore(session, restored).await),
        Verb::Reap(reaped) => opened(&global, async |session| restore::reap(session, reaped).await),
        Verb::Unfreeze(unfrozen) => threads()?.block_on(unfreeze::unfreeze(&state_dir(&global)?, &unfrozen)),
        Verb::Local(verb) => local::local(verb, &state_dir(&global)?, global.output),
        Verb::Context(verb) => contexts::contexts(verb, global.output),
        Verb::Alerts(verb) => threads()?.block_on(alerts::alerts(verb, global.output)),
        Verb::Token(owned) => token::token(&owned, global.output),
        Verb::LocustPlugin => tools::locust_plugin(),
        Verb::Schema { kind } => tools::schema(kind),
        Verb::Completions { shell } => tools::completions(shell),
    }
}

/// What to do instead, where a verb is asked of a server that works on this machine alone.
fn only_here(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Start(_) | Verb::Anywhere(_) => None,
        Verb::Run(_) => Some("`conductor start LOADTEST --wait` runs a load test at a server"),
        Verb::Simulate(_)
        | Verb::Restore(_)
        | Verb::Bundle(_)
        | Verb::Compare(_)
        | Verb::Reap(_)
        | Verb::Unfreeze(_)
        | Verb::Local(_)
        | Verb::Context(_)
        | Verb::Alerts(_)
        | Verb::Token(_)
        | Verb::LocustPlugin
        | Verb::Schema { .. }
        | Verb::Completions { .. } => Some("expected it without a server"),
    }
}

/// Performs what could be done at a server, too, on this machine.
fn perform_here(global: &Global, verb: Anywhere) -> Result<u8, Failed> {
    match verb {
        Anywhere::Plan(declared) => threads()?.block_on(run::plan(global, declared)),
        Anywhere::List => opened(global, runs::list),
        Anywhere::Get(one) => opened(global, async |session| runs::get(session, one.run).await),
        Anywhere::Verdict(one) => opened(global, async |session| runs::verdict(session, one.run).await),
        Anywhere::Watch(one) => opened(global, async |session| runs::watch(session, one.run).await),
        Anywhere::Stop(one) => opened(global, async |session| runs::stop(session, one.run).await),
        Anywhere::Update(updated) => opened(global, async |session| runs::update(session, updated).await),
        Anywhere::Report(reported) => opened(global, async |session| runs::report(session, reported).await),
    }
}

/// Performs a verb with a session of its own, which ends in order.
fn opened(global: &Global, verb: impl AsyncFnOnce(Session) -> Result<u8, Failed>) -> Result<u8, Failed> {
    threads()?.block_on(async {
        let session = Session::open(global).await?;
        let journal = session.journal.clone();
        let annotating = Annotating::begin(&session.conductor);
        let done = verb(session).await;
        annotating.end(LAST_ANNOTATIONS).await;
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
