//! Looking at runs of a server, and asking one to end or to go for another target.

use conductor_core::phase::Retarget;
use conductor_core::run::RunId;
use conductor_proto::v1;

use super::client::{Client, Stub};
use super::follow::follow;
use crate::args::{Global, Output, Reported, Updated};
use crate::exit::{Failed, PASSED};
use crate::session::{report_file, state_dir, write};
use crate::signals::{Interrupt, Signals};
use crate::{answers, report};

/// Lists all runs.
pub(super) async fn list(client: &Client, output: Output) -> Result<u8, Failed> {
    answers::runs(output, &client.runs(None, None).await?)
}

/// Shows a run.
pub(super) async fn get(client: &Client, run: Option<RunId>, output: Output) -> Result<u8, Failed> {
    let run = client.run_or_newest(run).await?;
    answers::run(output, &client.view(&run).await?)
}

/// Judges a run, as its server does from the journal.
pub(super) async fn verdict(client: &Client, run: Option<RunId>, output: Output) -> Result<u8, Failed> {
    let run = client.run_or_newest(run).await?;
    answers::verdict(output, &client.view(&run).await?)
}

/// Shows a run until it has ended.
pub(super) async fn watch(client: &Client, run: Option<RunId>, output: Output) -> Result<u8, Failed> {
    let run = client.run_or_newest(run).await?;
    // One that cannot be shown is told at once; later on the server may be gone for a while.
    client.view(&run).await?;
    let view =
        follow(client, &run, output, Signals::listen().map_err(Failed::because)?, Interrupt::EndsWatching).await?;
    answers::run(output, &view)
}

/// Asks a run to end, or every one that has not ended.
pub(super) async fn stop(client: &Client, run: Option<RunId>, output: Output) -> Result<u8, Failed> {
    let runs = match run {
        Some(run) => vec![run],
        None => client.runs(Some(false), None).await?.into_iter().map(|run| run.id).collect(),
    };
    for run in &runs {
        let request = v1::StopLoadTestRequest { id: run.to_string() };
        let call = async |mut stub: Stub, request| stub.stop_load_test(request).await;
        let answer = client.call(&request, call).await.map_err(|refusal| client.failed(&refusal))?;
        let word = if answer.asked {
            format!("run {run} was asked to end; {} shows it", client.watch_command(run))
        } else {
            format!("run {run} has ended already")
        };
        answers::say(output, &word);
    }
    if runs.is_empty() {
        answers::say(output, "nothing to stop: every run has ended");
    }
    Ok(PASSED)
}

/// Asks a run to go for another target.
pub(super) async fn update(client: &Client, updated: Updated, output: Output) -> Result<u8, Failed> {
    let Updated { run, target, within, plateau } = updated;
    let run = client.run_or_newest(run).await?;
    let change = Retarget { target, within, plateau };
    let request = v1::UpdateLoadTestRequest {
        id: run.to_string(),
        target: target.to_string(),
        within: within.map(|span| span.to_string()),
        plateau: plateau.map(|span| span.to_string()),
    };
    let call = async |mut stub: Stub, request| stub.update_load_test(request).await;
    client.call(&request, call).await.map_err(|refusal| client.failed(&refusal))?;
    let watch = client.watch_command(&run);
    answers::say(output, &format!("run {run} was asked to go for {change}; {watch} shows it"));
    Ok(PASSED)
}

/// Writes a run's report: the page as the server makes it, other formats as this program does.
pub(super) async fn report(client: &Client, reported: Reported, global: &Global) -> Result<u8, Failed> {
    let run = client.run_or_newest(reported.named()).await?;
    let Reported { file, format, .. } = reported;
    if !report::is_page(format) {
        return report::give(global.output, &client.view(&run).await?, format, file);
    }
    let page = client.page(&run).await?;
    let file = match file {
        Some(file) => file,
        None => report_file(&state_dir(global)?, &run),
    };
    write(&file, &page)?;
    answers::written(global.output, &run, &file)
}
