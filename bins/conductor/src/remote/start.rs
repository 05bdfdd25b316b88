//! Starting and planning at a server: a load test of this machine, in an environment of the server.

use std::path::Path;

use conductor_core::run::RunId;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, Violation};
use conductor_proto::v1;
use conductor_wiring::{Written, read_load_test};

use super::client::{Client, Stub};
use super::document;
use super::follow::follow;
use super::refusal::Refusal;
use crate::args::{Output, Started};
use crate::exit::{CANCELLED, FAILED, Failed, PASSED};
use crate::signals::{Interrupt, Signals};
use crate::{answers, out, show};

/// Starts a run, and follows it where that is wanted.
pub(super) async fn start(client: &Client, started: Started, output: Output) -> Result<u8, Failed> {
    let load_test = LoadTest::read(&started.load_test)?;
    let request_id = started.request_id.map_or_else(random, |id| id.to_string());
    let request = v1::StartLoadTestRequest { load_test: Some(load_test.message()?), request_id };
    let call = async |mut stub: Stub, request| stub.start_load_test(request).await;
    // The request's name makes it one run, however often it is asked for.
    let starting = client.call(&request, call);
    if !started.wait {
        let run = load_test.started(client, starting.await)?;
        return tell(client, &run, output);
    }
    let mut signals = Signals::listen().map_err(Failed::because)?;
    let answer = tokio::select! {
        answer = starting => answer,
        name = signals.next() => {
            let text = format!(
                "{name} before {} has answered: whether the run was started is not known, which conductor{} list tells",
                client.server, client.arguments
            );
            return Err(Failed::with(CANCELLED, text));
        }
    };
    let run = load_test.started(client, answer)?;
    answers::say(output, &format!("run {run} was started at {}", client.server));
    let view = follow(client, &run, output, signals, Interrupt::EndsRun).await?;
    match output {
        Output::Json => out::json(&view)?,
        Output::Text => {
            let report = format!("conductor{} report {run} writes it", client.arguments);
            out::line(&format!("\n{}report     {report}", show::summary(&view)));
        }
    }
    Ok(view.verdict.as_ref().map_or(FAILED, conductor_core::verdict::Verdict::exit_code))
}

fn tell(client: &Client, run: &RunId, output: Output) -> Result<u8, Failed> {
    match output {
        Output::Json => out::json(&serde_json::json!({ "run": run }))?,
        Output::Text => out::answer(&format!("{run}\n"))?,
    }
    out::aside(&format!("{} shows it", client.watch_command(run)));
    Ok(PASSED)
}

/// Tells what a run would change.
pub(super) async fn plan(client: &Client, file: &Path, output: Output) -> Result<u8, Failed> {
    let load_test = LoadTest::read(file)?;
    let request = v1::PlanLoadTestRequest { load_test: Some(load_test.message()?) };
    let call = async |mut stub: Stub, request| stub.plan_load_test(request).await;
    let answer = client.call(&request, call).await.map_err(|refusal| load_test.refused(client, &refusal))?;
    let report = document::plan(answer).map_err(|problem| client.failed(&Refusal::Answer(problem)))?;
    answers::plan(output, &report, &load_test.kpi)
}

/// A load test that is right by itself. What its environment is, the server knows.
struct LoadTest {
    written: Written<LoadTestDocument>,
    kpi: String,
}

impl LoadTest {
    fn read(file: &Path) -> Result<Self, Failed> {
        let written = read_load_test(file).map_err(Failed::input)?;
        let spec = LoadTestSpec::try_from(written.value.clone());
        let spec = spec.map_err(|error| Failed::input(written.refuse(&error.violations)))?;
        Ok(Self { written, kpi: spec.kpi })
    }

    fn message(&self) -> Result<v1::LoadTest, Failed> {
        document::message(&self.written.value).map_err(Failed::because)
    }

    fn started(&self, client: &Client, answer: Result<v1::StartLoadTestResponse, Refusal>) -> Result<RunId, Failed> {
        let answer = answer.map_err(|refusal| self.refused(client, &refusal))?;
        let run = answer.run.ok_or_else(|| Refusal::Answer("has no run in it".to_owned()));
        let id = run.and_then(|run| {
            run.id.parse().map_err(|error| Refusal::Answer(format!("has a run whose id is none: {error}")))
        });
        id.map_err(|refusal| client.failed(&refusal))
    }

    /// What the server finds wrong with fields of the load test, at their places in the file.
    fn refused(&self, client: &Client, refusal: &Refusal) -> Failed {
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for found in refusal.fields() {
            // What a server says of a field has what would be right at its end.
            match found.description.rsplit_once("; expected ") {
                Some((problem, expected)) => here.push(Violation {
                    field: found.field,
                    problem: problem.to_owned(),
                    expected: expected.to_owned(),
                }),
                None => elsewhere.push(format!("{}: {}", found.field, found.description)),
            }
        }
        if here.is_empty() {
            return client.failed(refusal);
        }
        let told = std::iter::once(self.written.refuse(&here).to_string()).chain(elsewhere);
        Failed::input(told.collect::<Vec<_>>().join("\n"))
    }
}

/// A name that no other request has.
fn random() -> String {
    format!("conductor-{:032x}", rand::random::<u128>())
}
