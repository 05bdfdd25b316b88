//! `alerts test`: whether receivers of alerts can be told, without a run.

use std::path::Path;

use conductor_core::alert::{Alert, AlertKey, AlertStatus, Notice, Severity, Topic};
use conductor_core::failure::Failure;
use conductor_core::run::RunId;
use conductor_engine::AlertReceiver;
use conductor_wiring::{AlertsProblem, alert_receivers};
use serde_json::json;

use crate::args::{AlertsVerb, Output, Tried};
use crate::exit::{FAILED, Failed, PASSED};
use crate::out;

/// Performs it.
pub(super) async fn alerts(verb: AlertsVerb, output: Output) -> Result<u8, Failed> {
    let AlertsVerb::Test(Tried { file, severity }) = verb;
    let receivers = receivers(&file)?;
    let run: RunId = "alerts-test".parse().map_err(Failed::because)?;
    let mut told = Vec::new();
    for receiver in &receivers {
        told.push((receiver.name.as_str(), try_out(receiver, &run, severity.into()).await));
    }
    let answer = match output {
        Output::Json => {
            let one = |(name, error): &(&str, Option<String>)| json!({ "receiver": name, "error": error });
            format!("{:#}\n", json!({ "receivers": told.iter().map(one).collect::<Vec<_>>() }))
        }
        Output::Text => {
            let one = |(name, error): &(&str, Option<String>)| match error {
                None => format!("{name}: was told of an alert that fires, and that it is resolved\n"),
                Some(error) => format!("{name}: {error}\n"),
            };
            told.iter().map(one).collect()
        }
    };
    out::answer(&answer)?;
    Ok(if told.iter().all(|(_, error)| error.is_none()) { PASSED } else { FAILED })
}

/// Those that a file names.
pub(super) fn receivers(file: &Path) -> Result<Vec<AlertReceiver>, Failed> {
    alert_receivers(file).map_err(|problem| match problem {
        AlertsProblem::Input(error) => Failed::input(error),
        AlertsProblem::Receivers { .. } => Failed::input(format!("{:#}", anyhow::Error::new(problem))),
    })
}

/// Tells one receiver, whatever it wants to be told of; and why that has failed, if it has.
async fn try_out(receiver: &AlertReceiver, run: &RunId, severity: Severity) -> Option<String> {
    for status in [AlertStatus::Firing, AlertStatus::Resolved] {
        if let Err(error) = receiver.notifier.notify(&notice(run, severity, status)).await {
            return Some(Failure::of("", &error).message);
        }
    }
    None
}

fn notice(run: &RunId, severity: Severity, status: AlertStatus) -> Notice {
    let now = jiff::Timestamp::now();
    Notice {
        run: run.clone(),
        load_test: "alerts-test".to_owned(),
        environment: "none".to_owned(),
        alert: Alert {
            key: AlertKey { topic: Topic::Stalled, of: String::new() },
            severity,
            application: None,
            message: "somebody tries out whether alerts arrive: there is no run, and nothing is wrong".to_owned(),
            since: now,
        },
        status,
        at: now,
        outcome: None,
    }
}
