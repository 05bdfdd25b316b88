//! `local`: the local applications of an environment come up, are shown and go down; and the supervisor itself.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use conductor_local::{LocalSettings, ReplicaState, Status};
use conductor_wiring::Environment;

use super::threads;
use crate::args::{Local, Output};
use crate::exit::{FAILED, Failed, PASSED};
use crate::out;

/// Performs a verb.
pub(super) fn local(verb: Local, state_dir: &Path, output: Output) -> Result<u8, Failed> {
    match verb {
        Local::Up { environment } => {
            let (environment, settings) = read(&environment, state_dir)?;
            threads()?.block_on(up(&environment, &settings, output))
        }
        Local::Status { environment } => threads()?.block_on(status(&read(&environment, state_dir)?.0, output)),
        Local::Down { environment } => threads()?.block_on(down(&read(&environment, state_dir)?.0)),
        Local::Supervise { folder } => {
            conductor_local::supervise(&folder).map_err(Failed::because)?;
            Ok(PASSED)
        }
    }
}

/// Reads an environment that has local applications.
fn read(file: &Path, state_dir: &Path) -> Result<(Environment, LocalSettings), Failed> {
    let mut environment = Environment::read(file, state_dir).map_err(Failed::input)?;
    let local = environment.spec.local.take();
    let absent = || Failed::input(format!("environment {} has no local applications (spec.local)", environment.name));
    let local = local.ok_or_else(absent)?;
    Ok((environment, local))
}

async fn up(environment: &Environment, settings: &LocalSettings, output: Output) -> Result<u8, Failed> {
    let program = std::env::current_exe().context("could not find this program's file").map_err(Failed::because)?;
    let arguments = ["local", "supervise"];
    let up = conductor_local::up(settings, &environment.local_state, &program, &arguments).await;
    print(environment, &up.map_err(Failed::because)?, output)
}

async fn status(environment: &Environment, output: Output) -> Result<u8, Failed> {
    match conductor_local::status(&environment.local_state).await.map_err(Failed::because)? {
        Some(status) => print(environment, &status, output),
        None => Err(Failed::with(FAILED, format!("environment {} is not up", environment.name))),
    }
}

async fn down(environment: &Environment) -> Result<u8, Failed> {
    conductor_local::down(&environment.local_state).await.map_err(Failed::because)?;
    out::line(&format!("environment {} is down", environment.name));
    Ok(PASSED)
}

fn print(environment: &Environment, status: &Status, output: Output) -> Result<u8, Failed> {
    match output {
        Output::Json => out::json(status)?,
        Output::Text => {
            let logs = environment.local_state.join("logs");
            let mut text = format!("environment {} is up; logs are in {}\n", environment.name, logs.display());
            let names = status.applications.iter().map(|application| application.name.as_str().len());
            let width = names.max().unwrap_or_default();
            for application in &status.applications {
                let ready = application.replicas.iter().filter(|replica| replica.state == ReplicaState::Ready).count();
                let at = application.port.map_or_else(String::new, |port| format!("   http://127.0.0.1:{port}"));
                let (name, version, desired) = (application.name.as_str(), &application.version, application.desired);
                // Writing to a string does not fail.
                let _ = writeln!(text, "  {name:<width$} {version:<8} {ready} of {desired} ready{at}");
            }
            out::answer(&text)?;
        }
    }
    Ok(PASSED)
}
