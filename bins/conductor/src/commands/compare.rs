//! `compare`: two runs side by side, and whether they differ by more than chance explains.

use std::fmt::Write;

use conductor_bundle::Opened;
use conductor_compare::{Comparison, Interval, Side};
use conductor_core::run::{Record, RunId};
use conductor_core::view::RunView;

use super::bundle;
use crate::args::{Compared, Global, Output, Told};
use crate::exit::{Failed, PASSED};
use crate::out;
use crate::session::Session;

/// Compares two runs.
pub(super) async fn compare(global: &Global, compared: &Compared) -> Result<u8, Failed> {
    let (first, second) = (side(global, &compared.first).await?, side(global, &compared.second).await?);
    let told = conductor_compare::compare(&first, &second);
    match global.output {
        Output::Json => out::json(&told)?,
        Output::Text => out::answer(&text(&told))?,
    }
    Ok(PASSED)
}

async fn side(global: &Global, told: &Told) -> Result<Side, Failed> {
    let (view, journal) = match told {
        Told::Bundle(file) => {
            let Opened { view, journal, .. } = bundle::read(global.output, file)?;
            (view, journal)
        }
        Told::Run(run) => {
            let session = Session::open(global).await?;
            let read = read(&session, run).await;
            session.journal.close().await;
            read?
        }
    };
    let id = view.id.clone();
    let lacking = || Failed::input(format!("run {id}: its journal does not begin with what it was created with"));
    Side::of(view, journal).ok_or_else(lacking)
}

async fn read(session: &Session, run: &RunId) -> Result<(RunView, Vec<Record>), Failed> {
    let view = session.conductor.get(run).await.map_err(Failed::because)?;
    let (store, _) = session.journal.sides();
    Ok((view, store.journal(run, 0).await.map_err(Failed::because)?))
}

fn text(told: &Comparison) -> String {
    let mut text = format!("first      {}\nsecond     {}\n\n", told.first, told.second);
    // Writing to a string does not fail.
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{words}");
    };
    if told.changes.is_empty() {
        line(format_args!("nothing was changed between them"));
    }
    for change in &told.changes {
        line(format_args!("{}: {} → {}", change.what, change.first, change.second));
    }
    line(format_args!(""));
    let figure = |value: Option<f64>| value.map_or_else(|| "too few windows".to_owned(), |value| format!("{value:.3}"));
    for metric in &told.metrics {
        let difference = metric.difference.map_or_else(String::new, |Interval { estimate, low, high }| {
            format!("   {estimate:+.3} ({low:+.3} to {high:+.3})")
        });
        let (name, first, second, unit) = (&metric.name, figure(metric.first), figure(metric.second), metric.unit);
        line(format_args!("{name}: {first} → {second} {unit}{difference}"));
    }
    line(format_args!("\n{}", told.sentence));
    text
}
