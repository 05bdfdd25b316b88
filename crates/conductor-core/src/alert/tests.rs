//! Journals, and what is told of them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::app::Allocation;
use crate::failure::{Failure, FailureKind};
use crate::fixtures::{created, load_test};
use crate::guard::{Drift, Guarded};
use crate::load::{GeneratorFacts, GeneratorStatus, KpiSample};
use crate::phase::{Event, Measurement};
use crate::ports::{PortError, Production};
use crate::release::Release;
use crate::run::Created;
use crate::scale::Observed;

/// A run that is written second by second, and what was told of it.
struct Story {
    fold: Fold,
    alerts: Alerts,
    now: Timestamp,
    told: Vec<Notice>,
}

impl Story {
    fn begin() -> Self {
        let spec = load_test("600/min", json!({ "interval": "5s", "rampUp": "5s", "plateau": "30m" }));
        let scope = spec.scope(&["shop".parse().unwrap()]).unwrap();
        let event = Event::Created(Box::new(Created { scope, ..created(spec) }));
        let first = Record { revision: 1, at: Timestamp::UNIX_EPOCH, event };
        let fold = Fold::begin(&"told-1".parse().unwrap(), &first).unwrap();
        Self { fold, alerts: Alerts::default(), now: Timestamp::UNIX_EPOCH, told: Vec::new() }
    }

    fn tell(&mut self, seconds: i64, event: Event) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        let record = Record { revision: self.fold.run.revision + 1, at: self.now, event };
        self.fold.take(&record).unwrap();
        self.told.extend(self.alerts.see(&self.fold, &record));
        self
    }

    fn loaded() -> Self {
        let mut story = Self::begin();
        let shop = || "shop".parse().unwrap();
        let production = Production::new(Release::single("v2"), Allocation::of_replicas(3));
        let present = Observed::new(Release::single("v1"), Allocation::of_replicas(1));
        let generator = json!({ "version": "1", "workers": null, "counting": "counted exactly" });
        let generator: GeneratorFacts = serde_json::from_value(generator).unwrap();
        let production = BTreeMap::from([(shop(), production)]);
        story
            .tell(1, Event::Started)
            .tell(1, Event::PreflightPassed { production, generator, parity: None })
            .tell(1, Event::BaselineRecorded { baseline: BTreeMap::from([(shop(), present)]) })
            .tell(0, Event::Frozen { guarded: Guarded::Frozen })
            .tell(20, Event::Deployed)
            .tell(10, Event::ScaledUp);
        let sample = sample(story.now, story.now, 1);
        story.tell(7, Event::Rehearsed { sample });
        story
    }

    /// Intervals of five seconds with so many orders each, and with so many users or as many as were asked for.
    fn measured(&mut self, counts: &[u64], users: Option<u64>) -> &mut Self {
        for count in counts {
            let until = self.now + SignedDuration::from_secs(5);
            let wanted = self.fold.view.last_tick().map_or(1, |tick| tick.users_wanted);
            let generator = GeneratorStatus {
                users: users.unwrap_or(wanted),
                workers: None,
                cpu_percent: Some(20.0),
                marks: Vec::new(),
            };
            let sample = sample(self.now, until, *count);
            self.tell(5, Event::Measured(Box::new(Measurement::new(Some(sample), Some(generator)))));
        }
        self
    }

    /// What was told since it was asked last: status, topic, of what.
    fn told(&mut self) -> Vec<(AlertStatus, Topic, String)> {
        self.told.drain(..).map(|notice| (notice.status, notice.alert.key.topic, notice.alert.key.of)).collect()
    }
}

fn sample(from: Timestamp, to: Timestamp, count: u64) -> KpiSample {
    KpiSample {
        from,
        to,
        count: Some(count),
        requests: 250,
        failures: 0,
        latency: None,
        responses: None,
        marks: Vec::new(),
    }
}

fn drift(application: &str) -> Drift {
    let drift = json!({ "application": application, "field": "replicas", "expected": "3", "found": "1", "by": "ops" });
    serde_json::from_value(drift).unwrap()
}

const FIRING: AlertStatus = AlertStatus::Firing;
const RESOLVED: AlertStatus = AlertStatus::Resolved;

#[test]
fn a_level_that_is_held_is_worth_no_alert() {
    let mut story = Story::loaded();
    story.measured(&[25, 50, 50, 52, 47, 50], None);
    assert_eq!(story.told(), []);
}

#[test]
fn a_target_is_missed_by_three_windows_in_a_row_told_once_and_resolved_by_one_that_is_high_enough() {
    let mut story = Story::loaded();
    story.measured(&[25, 50, 20, 20], None);
    assert_eq!(story.told(), [], "two of them may be anything");
    story.measured(&[20, 21, 20], None);
    assert_eq!(story.told[0].alert.message, "orders is 240/min, and shall be 600/min");
    assert_eq!(story.told[0].alert.severity, Severity::Critical);
    assert_eq!(story.told(), [(FIRING, Topic::TargetMissed, String::new())]);
    let since = story.alerts.firing(&story.fold)[0].alert.since;
    story.measured(&[50], None);
    assert_eq!(story.told[0].alert.since, since, "it is the same alert");
    assert_eq!(story.told(), [(RESOLVED, Topic::TargetMissed, String::new())]);
    assert_eq!(story.alerts.firing(&story.fold), []);
}

#[test]
fn a_window_that_chance_explains_is_not_low() {
    let mut story = Story::loaded();
    // 50 are expected, of which three standard deviations are 21.
    story.measured(&[25, 30, 30, 30, 30], None);
    assert_eq!(story.told(), []);
}

#[test]
fn a_kpi_of_zero_is_a_stall_until_it_comes_again() {
    let mut story = Story::loaded();
    story.measured(&[25, 50, 50, 50, 50, 50, 50, 50], None).measured(&[0; 60], None);
    let told = story.told();
    assert!(told.contains(&(FIRING, Topic::Stalled, String::new())), "{told:?}");
    assert_eq!(told.iter().filter(|(_, topic, _)| *topic == Topic::Stalled).count(), 1, "{told:?}");
    story.measured(&[20; 10], None);
    assert!(story.told().contains(&(RESOLVED, Topic::Stalled, String::new())));
}

#[test]
fn a_generator_that_runs_too_few_users_is_told_of() {
    let mut story = Story::loaded();
    story.measured(&[25, 50, 50, 50, 50, 50, 50], Some(1));
    let told = story.told();
    assert_eq!(told[0], (FIRING, Topic::GeneratorShort, String::new()), "{told:?}");
}

#[test]
fn drift_is_told_for_each_application_and_resolved_when_it_is_reverted() {
    let mut story = Story::loaded();
    story.tell(1, Event::Drifted { drifts: vec![drift("shop")] });
    let application = story.told[0].alert.application.clone();
    assert_eq!(application, Some("shop".parse().unwrap()));
    assert_eq!(story.told(), [(FIRING, Topic::Drifted, "shop".to_owned())]);
    story.tell(1, Event::Drifted { drifts: vec![drift("shop")] });
    assert_eq!(story.told(), [], "it fires already");
    story.measured(&[50], None);
    assert_eq!(story.told(), [], "and goes on");
    story.tell(1, Event::Reverted { drifts: vec![drift("shop")] });
    assert_eq!(story.told(), [(RESOLVED, Topic::Drifted, "shop".to_owned())]);
}

#[test]
fn what_was_wrong_under_load_is_over_with_it_and_what_is_left_is_told_until_it_is_back() {
    let mut story = Story::loaded();
    story.tell(1, Event::Drifted { drifts: vec![drift("shop")] });
    story.told();
    story.tell(1, Event::StopRequested { by: "ops".to_owned() });
    assert_eq!(story.told(), [(RESOLVED, Topic::Drifted, "shop".to_owned())]);
    let error = PortError::new(FailureKind::Unavailable, "no answer");
    let failures = vec![Failure::of("scale shop", &error)];
    story
        .tell(1, Event::LoadStopped)
        .tell(1, Event::Restored { found: BTreeMap::new(), foreign: Vec::new(), failures });
    assert_eq!(story.told[0].alert.message, "scale shop: no answer");
    assert_eq!(story.told(), [(FIRING, Topic::RestoreIncomplete, String::new())]);
    story.tell(1, Event::Thawed).tell(1, Event::CleanedUp { deleted: Vec::new(), failures: Vec::new() });
    while story.fold.view.verdict.is_none() {
        story.tell(1, Event::Rechecked { found: BTreeMap::new(), late: Vec::new(), failures: Vec::new() });
    }
    let end = story.told.last().unwrap().clone();
    let outcome = story.fold.view.verdict.as_ref().map(|verdict| verdict.outcome);
    assert_eq!((end.alert.key.topic, end.outcome), (Topic::RunOver, outcome));
    let expected = format!("load test rehearsal {}: ", outcome.unwrap());
    assert!(end.alert.message.starts_with(&expected), "{}", end.alert.message);
    assert_eq!(story.told(), [(FIRING, Topic::RunOver, String::new())], "nothing resolves what is left");
}

#[test]
fn a_receiver_gets_what_matters_enough_and_ends_by_their_outcome() {
    let mut story = Story::loaded();
    story.tell(1, Event::Drifted { drifts: vec![drift("shop")] });
    let warning = story.told.pop().unwrap();
    let when = |severity, outcomes: Option<&[Outcome]>| When { severity, outcomes: outcomes.map(<[_]>::to_vec) };
    assert!(When::default().takes(&warning));
    assert!(when(Some(Severity::Warning), None).takes(&warning));
    assert!(!when(Some(Severity::Critical), None).takes(&warning));
    let mut end = warning;
    end.alert.key.topic = Topic::RunOver;
    end.alert.severity = Severity::Info;
    end.outcome = Some(Outcome::Passed);
    assert!(When::default().takes(&end));
    assert!(!when(Some(Severity::Critical), None).takes(&end));
    assert!(when(Some(Severity::Critical), Some(&[Outcome::Passed])).takes(&end));
    assert!(!when(None, Some(&[Outcome::Failed])).takes(&end));
}
