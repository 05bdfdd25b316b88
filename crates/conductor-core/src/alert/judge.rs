//! What is wrong with a run after each of its records.

use std::collections::BTreeMap;

use super::{Alert, AlertKey, Severity, Topic};
use crate::app::ApplicationId;
use crate::guard::Drift;
use crate::phase::{Event, Phase};
use crate::ramp::{Alarm, Mode};
use crate::run::Record;
use crate::slo::{Slo, Then};
use crate::spec::LoadShape;
use crate::verdict::Outcome;
use crate::view::{Fold, Tick};

/// How many windows in a row must be too low until a target counts as missed: one is seen by the control law, too, which may
/// mend it.
const MISSED_WINDOWS: usize = 3;
/// How many standard deviations of a counted window are explained by chance.
const CHANCE: f64 = 3.0;
/// How far a window may reach over the edge of a level, in seconds: times are rounded on the way.
const ROUNDING_S: f64 = 0.5;

type Wrong = BTreeMap<AlertKey, Alert>;

/// All that is wrong after a record, by what was wrong before it. An alert that goes on stays as it was when it fired.
pub(super) fn wrong(fold: &Fold, record: &Record, before: &Wrong) -> Wrong {
    let mut found = Found { before, at: record.at, wrong: Wrong::new() };
    load(fold, &mut found);
    drifts(fold, record, &mut found);
    restore(fold, &mut found);
    found.wrong
}

struct Found<'a> {
    before: &'a Wrong,
    at: jiff::Timestamp,
    wrong: Wrong,
}

impl Found<'_> {
    /// True when an alert of the whole run fires since before.
    fn fires(&self, topic: Topic) -> bool {
        self.before.contains_key(&AlertKey { topic, of: String::new() })
    }

    fn add(&mut self, topic: Topic, of: &str, severity: Severity, message: String) -> &mut Alert {
        let key = AlertKey { topic, of: of.to_owned() };
        let since = self.at;
        let new = || Alert { key: key.clone(), severity, application: None, message, since };
        let alert = self.before.get(&key).cloned().unwrap_or_else(new);
        self.wrong.entry(key).or_insert(alert)
    }
}

/// What is wrong with the load, while there is one.
fn load(fold: &Fold, found: &mut Found<'_>) {
    let Some(load) = fold.run.state.load() else { return };
    for fault in load.mocks.faults() {
        found.add(Topic::MockLeak, &fault.mock, Severity::Critical, fault.to_string());
    }
    let Some(tick) = fold.view.ticks.last() else { return };
    let advice = tick.advice.as_ref();
    let alarm = advice.and_then(|advice| advice.alarm);
    // The law says it once. It goes on until something is counted.
    let goes_on = found.fires(Topic::Stalled) && tick.count.is_none_or(|count| count == 0);
    if goes_on || alarm == Some(Alarm::Stalled) || advice.is_some_and(|advice| advice.mode == Mode::Stalled) {
        found.add(Topic::Stalled, "", Severity::Critical, format!("{}: {}", fold.view.kpi, Alarm::Stalled));
    }
    if alarm == Some(Alarm::GeneratorShort) {
        found.add(Topic::GeneratorShort, "", Severity::Warning, Alarm::GeneratorShort.to_string());
    }
    for slo in &tick.broken_slos {
        let is_it = |one: &Slo| one.then == Then::Alert && one.to_string() == *slo;
        let only_alerts = fold.run.created.spec.slos.iter().any(is_it);
        let severity = if only_alerts { Severity::Warning } else { Severity::Critical };
        found.add(Topic::SloBreached, slo, severity, format!("{slo} is not kept at the moment"));
    }
    if let Some(message) = missed(fold) {
        found.add(Topic::TargetMissed, "", Severity::Critical, message);
    }
}

/// How the KPI misses a level that it has to hold, in its last windows that were measured.
fn missed(fold: &Fold) -> Option<String> {
    if let LoadShape::Search(_) = fold.run.created.spec.shape {
        // It goes beyond what the system can do, to find where that is.
        return None;
    }
    let tolerance = fold.run.created.spec.verdict.window_tolerance;
    let levels = fold.view.profile.levels();
    let is_low = |tick: &Tick, count: u64| {
        let level = |from_s: f64, to_s: f64| tick.from_s >= from_s - ROUNDING_S && tick.to_s <= to_s + ROUNDING_S;
        let level = levels.iter().find(|one| level(one.from_s, one.to_s))?;
        let expected = level.per_min * (tick.to_s - tick.from_s) / 60.0;
        let scatter = tolerance.max(CHANCE / expected.sqrt());
        Some(expected > 0.0 && (count as f64) < expected * (1.0 - scatter))
    };
    let counted = fold.view.ticks.iter().rev().filter_map(|tick| Some((tick, tick.count?)));
    let last: Vec<(&Tick, u64)> = counted.take(MISSED_WINDOWS).collect();
    let all = last.len() == MISSED_WINDOWS && last.iter().all(|(tick, count)| is_low(tick, *count) == Some(true));
    let tick = last.first().filter(|_| all)?.0;
    let (is, shall) = (tick.kpi_per_min?, tick.set_point_per_min);
    Some(format!("{} is {is:.0}/min, and shall be {shall:.0}/min", fold.view.kpi))
}

/// What others have changed and is not as the run needs it again, until the run goes back.
fn drifts(fold: &Fold, record: &Record, found: &mut Found<'_>) {
    if fold.run.state.is_tearing_down() {
        return;
    }
    let (new, mended): (&[Drift], &[Drift]) = match &record.event {
        Event::Drifted { drifts } => (drifts, &[]),
        Event::Reverted { drifts } => (&[], drifts),
        Event::Created(_)
        | Event::Begun { .. }
        | Event::Started
        | Event::PreflightPassed { .. }
        | Event::BaselineRecorded { .. }
        | Event::Frozen { .. }
        | Event::Deployed
        | Event::ScaledUp
        | Event::MocksProbed { .. }
        | Event::Rehearsed { .. }
        | Event::Measured(_)
        | Event::Retargeted { .. }
        | Event::WorkersScaled(_)
        | Event::WorkersNotScaled(_)
        | Event::NotReverted { .. }
        | Event::LoadStopped
        | Event::Restored { .. }
        | Event::Thawed
        | Event::CleanedUp { .. }
        | Event::Rechecked { .. }
        | Event::PutBackAgain { .. }
        | Event::Failed(_)
        | Event::StopRequested { .. }
        | Event::DeadlineExceeded
        | Event::Abandoned
        | Event::Resumed
        | Event::Adopted { .. }
        | Event::LayoutSeen(_)
        | Event::Noted(_) => (&[], &[]),
    };
    let is_mended = |application: &str| mended.iter().any(|drift| drift.application.as_str() == application);
    let before: Vec<&Alert> = found.before.values().filter(|alert| alert.key.topic == Topic::Drifted).collect();
    for alert in before.into_iter().filter(|alert| !is_mended(&alert.key.of)) {
        found.wrong.insert(alert.key.clone(), alert.clone());
    }
    let mut by_application: BTreeMap<&ApplicationId, Vec<String>> = BTreeMap::new();
    for drift in new {
        by_application.entry(&drift.application).or_default().push(drift.to_string());
    }
    for (application, changes) in by_application {
        let alert = found.add(Topic::Drifted, application.as_str(), Severity::Warning, changes.join("; "));
        alert.application = Some(application.clone());
    }
}

/// What is left of a run, once it has gone back. It is so after the run's end, too: only another way back resolves it.
fn restore(fold: &Fold, found: &mut Found<'_>) {
    let Some(ending) = fold.run.state.ending() else { return };
    if !ending.teardown_failures.is_empty() {
        let failures: Vec<String> = ending.teardown_failures.iter().map(ToString::to_string).collect();
        found.add(Topic::RestoreIncomplete, "", Severity::Critical, failures.join("; "));
    }
}

/// The run's end, by the record that ends it.
pub(super) fn over(fold: &Fold, record: &Record) -> Option<Alert> {
    let verdict = fold.view.verdict.as_ref().filter(|_| fold.view.phase == Phase::Finished)?;
    let severity = match verdict.outcome {
        Outcome::Passed | Outcome::Cancelled => Severity::Info,
        Outcome::Warned => Severity::Warning,
        Outcome::Failed | Outcome::Invalid => Severity::Critical,
    };
    let cause = verdict.causes.first().map_or_else(String::new, |cause| format!(": {}", cause.message));
    Some(Alert {
        key: AlertKey { topic: Topic::RunOver, of: String::new() },
        severity,
        application: None,
        message: format!("load test {} {}{cause}", fold.view.name, verdict.outcome),
        since: record.at,
    })
}
