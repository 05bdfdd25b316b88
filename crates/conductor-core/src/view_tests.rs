//! A journal as people look at it: phases, ticks, words and the verdict.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::*;
use crate::app::Allocation;
use crate::failure::{Failure, FailureKind};
use crate::fixtures::{created, load_test};
use crate::guard::Guarded;
use crate::load::GeneratorStatus;
use crate::phase::{Changes, Retarget};
use crate::ports::Production;
use crate::release::Release;
use crate::run::Created;
use crate::units::Span;
use crate::verdict::Outcome;

/// What the last look finds of one replica.
fn found(version: &str) -> crate::scale::Baseline {
    let observed = Observed::new(Release::single(version), Allocation::of_replicas(1));
    BTreeMap::from([("shop".parse().unwrap(), observed)])
}

/// A journal that is written second by second.
struct Story {
    journal: Vec<Record>,
    now: Timestamp,
}

impl Story {
    fn begin() -> Self {
        let spec = load_test("600/min", serde_json::json!({ "interval": "30s" }));
        let scope = spec.scope(&["shop".parse().unwrap()]).unwrap();
        let created = Created { scope, ..created(spec) };
        let mut story = Self { journal: Vec::new(), now: Timestamp::UNIX_EPOCH };
        story.tell(0, Event::Created(Box::new(created)));
        story
    }

    fn tell(&mut self, seconds: i64, event: Event) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self.journal.push(Record { revision: self.journal.len() as u64 + 1, at: self.now, event });
        self
    }

    fn until_the_load(&mut self) -> &mut Self {
        let shop = || "shop".parse().unwrap();
        let production = Production::new(Release::single("v2"), Allocation::of_replicas(3));
        let production = Production { deploy_id: Some("d-7".to_owned()), ..production };
        let present = Observed::new(Release::single("v1"), Allocation::of_replicas(1));
        let generator = GeneratorFacts {
            version: "1".to_owned(),
            workers: None,
            counting: "counted exactly".to_owned(),
            by_name: false,
        };
        self.tell(1, Event::Started)
            .tell(
                1,
                Event::PreflightPassed { production: BTreeMap::from([(shop(), production)]), generator, parity: None },
            )
            .tell(1, Event::BaselineRecorded { baseline: BTreeMap::from([(shop(), present)]) })
            .tell(0, Event::Frozen { guarded: Guarded::Frozen })
            .tell(20, Event::Deployed)
            .tell(10, Event::ScaledUp);
        let sample = sample(self.now, self.now, 1, vec![]);
        self.tell(7, Event::Rehearsed { sample })
    }

    /// One interval that ends now, its window a little earlier.
    fn measured(&mut self, seconds: i64, count: u64, marks: Vec<Mark>) -> &mut Self {
        let until = self.now + SignedDuration::from_secs(seconds);
        let sample = sample(self.now, until, count, marks.clone());
        // As many as were asked for, and 50 before that was seen.
        let users = self.view().last_tick().map_or(50, |tick| tick.users_wanted.max(50));
        let generator = GeneratorStatus { users, workers: None, cpu_percent: Some(20.0), marks };
        self.tell(seconds, Event::Measured(Box::new(Measurement::new(Some(sample), Some(generator)))))
    }

    fn view(&self) -> RunView {
        RunView::of(&"told-1".parse().unwrap(), &self.journal).unwrap()
    }
}

fn sample(from: Timestamp, to: Timestamp, count: u64, marks: Vec<Mark>) -> KpiSample {
    let responses = Some([(200, (5 * count).saturating_sub(2)), (503, 2)].into_iter().collect());
    KpiSample { from, to, count: Some(count), requests: 5 * count, failures: 2, latency: None, responses, marks }
}

#[test]
fn each_phase_begins_where_the_one_before_it_ends() {
    let view = Story::begin().until_the_load().view();
    let times: Vec<(Option<i64>, Option<i64>)> = view
        .phases
        .iter()
        .map(|phase| (phase.started.map(Timestamp::as_second), phase.ended.map(Timestamp::as_second)))
        .collect();
    assert_eq!(times, [(Some(3), Some(23)), (Some(23), Some(33)), (Some(33), None), (None, None), (None, None)]);
    assert_eq!((view.phase, view.state.as_str(), view.revision), (Phase::GenerateLoad, "GeneratingLoad", 8));
    assert_eq!(view.load_started.map(Timestamp::as_second), Some(40));
}

#[test]
fn an_application_is_shown_before_and_during_the_run() {
    let view = Story::begin().until_the_load().view();
    let shop = &view.applications[0];
    assert_eq!((shop.before.release.version(), shop.before.allocation.replicas), (Some("v1"), 1));
    assert_eq!((shop.during.release.version(), shop.during.allocation.replicas), (Some("v2"), 3));
    assert_eq!(shop.during(), "v2 with 3 replicas (deploy id d-7)");
}

#[test]
fn a_tick_is_told_in_seconds_of_load_and_against_the_line_at_its_middle() {
    let view = Story::begin().until_the_load().measured(30, 75, vec![Mark::ClockSkew]).view();
    let tick = view.last_tick().unwrap();
    assert_eq!((tick.at_s, tick.from_s, tick.to_s), (30.0, 0.0, 30.0));
    assert_eq!((tick.count, tick.kpi_per_min), (Some(75), Some(150.0)));
    assert_eq!(tick.set_point_per_min, 150.0);
    assert_eq!((tick.users, tick.requests, tick.failures, tick.cpu_percent), (Some(50), 375, 2, Some(20.0)));
    let codes = tick.responses.as_ref().map(|codes| codes.iter().collect::<Vec<_>>());
    assert_eq!(codes, Some(vec![(200, 373), (503, 2)]));
    assert_eq!(tick.marks, [Mark::ClockSkew], "a mark that both report is shown once");
    assert_eq!(tick.users_wanted, tick.advice.as_ref().unwrap().users);
}

#[test]
fn an_interval_without_an_answer_is_a_tick_without_figures() {
    let mut story = Story::begin();
    story.until_the_load().tell(30, Event::Measured(Box::new(Measurement::new(None, None))));
    let view = story.view();
    let tick = view.last_tick().unwrap();
    assert_eq!((tick.count, tick.kpi_per_min, tick.users, tick.requests), (None, None, None, 0));
    assert_eq!((tick.from_s, tick.to_s, tick.responses.as_ref()), (30.0, 30.0, None));
}

#[test]
fn the_load_that_is_left_is_known_while_there_is_load() {
    let mut story = Story::begin();
    let before = story.tell(1, Event::Started).view();
    assert_eq!(before.load_left_s(story.now), None);
    let mut story = Story::begin();
    let during = story.until_the_load().measured(30, 75, vec![]).view();
    assert_eq!(during.load_left_s(story.now), Some(90.0));
    assert_eq!(during.load_left_s(story.now + SignedDuration::from_secs(500)), Some(0.0));
}

#[test]
fn a_changed_target_changes_the_line_from_then_on_and_is_judged_by_it() {
    let mut story = Story::begin();
    story.until_the_load().measured(30, 75, vec![]).measured(30, 225, vec![]).measured(30, 300, vec![]);
    let change = Retarget { target: "1200/min".parse().unwrap(), within: Some(Span::seconds(30)), plateau: None };
    let view = story.tell(0, Event::Retargeted { request: 1, change, by: "ops".to_owned() }).view();
    assert_eq!((view.target_per_min, view.profile.end_s()), (1200.0, 150.0));
    assert_eq!(view.load_left_s(story.now), Some(60.0));
    assert_eq!(view.events.last().unwrap().message, "ops asks for 1200/min within 30s");
    story.measured(30, 450, vec![]).measured(30, 600, vec![]);
    story
        .tell(1, Event::LoadStopped)
        .tell(9, Event::Restored { foreign: vec![], failures: vec![], found: BTreeMap::new() })
        .tell(0, Event::Thawed);
    let view = story.tell(1, Event::CleanedUp { deleted: vec![], failures: vec![] }).view();
    let set_points: Vec<f64> = view.ticks.iter().map(|tick| tick.set_point_per_min).collect();
    assert_eq!(set_points, [150.0, 450.0, 600.0, 900.0, 1200.0]);
    let verdict = view.verdict.unwrap();
    let holds: Vec<_> = verdict.holds.iter().map(|hold| (hold.from_s, hold.to_s, hold.level_per_min)).collect();
    assert_eq!(holds, [(60.0, 90.0, 600.0), (120.0, 150.0, 1200.0)]);
    assert_eq!(verdict.outcome, Outcome::Passed, "{:?}", verdict.causes);
}

#[test]
fn a_failure_is_shown_in_the_phase_it_happened_in_and_the_way_back_is_told() {
    let mut story = Story::begin();
    let failure = Failure {
        activity: "generate load".to_owned(),
        kind: FailureKind::Unavailable,
        message: "no answer".to_owned(),
    };
    let left =
        Failure { activity: "restore".to_owned(), kind: FailureKind::Unsettled, message: "v2 is left".to_owned() };
    let deleted = vec![TableCount { table: "shop/orders".to_owned(), rows: 7 }];
    story
        .until_the_load()
        .tell(5, Event::Failed(failure))
        .tell(1, Event::LoadStopped)
        .tell(9, Event::Restored { found: found("v2"), foreign: vec![], failures: vec![left] })
        .tell(0, Event::Thawed);
    assert_eq!(story.view().verdict, None, "a run that is not over has no verdict");
    let view = story.tell(1, Event::CleanedUp { deleted, failures: vec![] }).view();
    let failures: Vec<Option<&str>> = view.phases.iter().map(|phase| phase.failure.as_deref()).collect();
    assert_eq!(failures, [None, None, Some("generate load: no answer"), Some("restore: v2 is left"), None]);
    assert!(view.phases.iter().all(|phase| phase.ended.is_some()));
    let verdict = view.verdict.unwrap();
    assert_eq!((verdict.outcome, verdict.restored, verdict.exit_code()), (Outcome::Failed, false, 5));
    let words: Vec<&str> = view.events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(words.first(), Some(&"load test rehearsal accepted"));
    assert_eq!(words.last(), Some(&"7 rows of the run deleted"));
    assert_eq!(view.applications[0].after, found("v2").remove(&view.applications[0].application));
    assert!(words.contains(&"checks passed; counted exactly"), "{words:?}");
}

#[test]
fn a_run_that_is_adopted_after_its_end_goes_the_way_back_once_more_and_keeps_its_cause() {
    let mut story = Story::begin();
    let left =
        Failure { activity: "restore".to_owned(), kind: FailureKind::Unsettled, message: "v2 is left".to_owned() };
    let cleaned = Event::CleanedUp { deleted: vec![], failures: vec![] };
    story
        .until_the_load()
        .tell(5, Event::StopRequested { by: "ops".to_owned() })
        .tell(1, Event::LoadStopped)
        .tell(9, Event::Restored { found: found("v2"), foreign: vec![], failures: vec![left] })
        .tell(0, Event::Thawed)
        .tell(1, cleaned.clone());
    let ended = story.view();
    assert!(!ended.verdict.as_ref().unwrap().restored);
    let again = story.tell(7200, Event::Adopted { changes: Changes::default() }).view();
    assert_eq!((again.verdict, again.state.as_str()), (None, "StoppingLoad"));
    story
        .tell(1, Event::LoadStopped)
        .tell(9, Event::Restored { found: found("v1"), foreign: vec![], failures: vec![] })
        .tell(0, Event::Thawed);
    let view = story.tell(1, cleaned).view();
    let verdict = view.verdict.unwrap();
    assert_eq!((verdict.outcome, verdict.restored, verdict.exit_code()), (Outcome::Cancelled, true, 4));
    assert!(view.phases.iter().all(|phase| phase.failure.is_none() && phase.ended.is_some()), "{:?}", view.phases);
    assert_eq!(view.phases[2], ended.phases[2], "the load took no longer");
    assert!(view.phases[3].started > ended.phases[4].ended);
}

#[test]
fn a_view_taken_in_record_by_record_is_the_view_of_the_whole_journal() {
    let mut story = Story::begin();
    story.until_the_load().measured(30, 75, vec![]).measured(30, 220, vec![]).measured(30, 300, vec![]);
    story.measured(30, 300, vec![]).tell(1, Event::LoadStopped);
    story.tell(9, Event::Restored { found: found("v1"), foreign: vec![], failures: vec![] }).tell(0, Event::Thawed);
    story.tell(1, Event::CleanedUp { deleted: vec![], failures: vec![] });
    let id = "told-1".parse().unwrap();
    let mut run = Run::begin(&story.journal[0]).unwrap();
    let mut view = RunView::begin(&id, &run);
    for record in &story.journal[1..] {
        run.apply(record).unwrap();
        view.record(&run, record);
    }
    assert_eq!(view, story.view());
    assert_eq!(view.verdict.as_ref().map(|verdict| verdict.outcome), Some(Outcome::Passed), "{:?}", view.verdict);
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(serde_json::from_str::<RunView>(&text).unwrap(), view);
}

#[test]
fn every_record_gives_one_update_and_together_they_tell_what_the_view_tells() {
    let mut story = Story::begin();
    story.until_the_load().measured(30, 75, vec![]).measured(30, 220, vec![]);
    story.tell(1, Event::StopRequested { by: "ops".to_owned() }).tell(1, Event::LoadStopped);
    let gone = Failure { activity: "restore".to_owned(), kind: FailureKind::NotFound, message: "no shop".to_owned() };
    story.tell(9, Event::Restored { found: found("v2"), foreign: vec![], failures: vec![gone] });
    story.tell(0, Event::Thawed).tell(1, Event::CleanedUp { deleted: vec![], failures: vec![] });
    let changes = Changes { baseline: found("v1"), ..Changes::default() };
    story.tell(60, Event::Adopted { changes }).tell(1, Event::LoadStopped);
    let (fold, updates) = Fold::of(&"told-1".parse().unwrap(), &story.journal).unwrap();
    assert_eq!(fold.view, story.view());
    let revisions: Vec<Revision> = updates.iter().map(|update| update.revision).collect();
    assert_eq!(revisions, (1..=story.journal.len() as u64).collect::<Vec<_>>());
    assert_eq!(updates.iter().filter_map(|update| update.tick.clone()).collect::<Vec<_>>(), fold.view.ticks);
    assert_eq!(updates.iter().flat_map(|update| update.events.clone()).collect::<Vec<_>>(), fold.view.events);
    let entered: Vec<String> = updates.iter().filter_map(|update| Some(update.entered?.to_string())).collect();
    let there = ["PREPARE", "DEPLOY", "SCALE_UP", "GENERATE_LOAD"];
    let back = ["SCALE_DOWN", "CLEAN_UP", "FINISHED", "GENERATE_LOAD", "SCALE_DOWN"];
    assert_eq!(entered, [&there[..], &back[..]].concat());
    let ends: Vec<&Update> = updates.iter().filter(|update| update.is_end()).collect();
    assert!(ends.len() == 1 && ends[0].verdict.as_ref().is_some_and(|verdict| !verdict.restored), "{ends:?}");
    let (text, measured) = (serde_json::to_string(&updates).unwrap(), serde_json::to_value(&updates[8]).unwrap());
    assert_eq!(serde_json::from_str::<Vec<Update>>(&text).unwrap(), updates);
    assert_eq!(measured["tick"]["count"], 75, "{measured}");
    let thawed = serde_json::to_value(updates.iter().find(|update| update.state == "CleaningUp")).unwrap();
    let expected = serde_json::json!({
        "revision": 14, "at": thawed["at"], "phase": "CLEAN_UP", "state": "CleaningUp", "entered": "CLEAN_UP"
    });
    assert_eq!(thawed, expected);
}

#[test]
fn a_mode_of_the_law_is_an_event_when_it_begins_and_not_again() {
    let mut story = Story::begin();
    story.until_the_load().measured(30, 75, vec![]).measured(30, 220, vec![]).measured(15, 150, vec![]);
    let view = story.view();
    let modes: Vec<_> = view.ticks.iter().map(|tick| tick.advice.as_ref().unwrap().mode).collect();
    assert_eq!(modes, [ramp::Mode::Track; 3]);
    let told: Vec<&str> = view.events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(told.iter().filter(|words| **words == "track: it is known what users are worth").count(), 1, "{told:?}");
    assert_eq!(view.last_advice(), view.ticks[2].advice.as_ref());
}

#[test]
fn a_journal_that_makes_no_sense_has_no_view() {
    let id = "told-1".parse().unwrap();
    assert_eq!(RunView::of(&id, &[]), Err(ReplayError::Empty));
    let mut story = Story::begin();
    story.tell(1, Event::LoadStopped);
    let refused = RunView::of(&id, &story.journal).unwrap_err();
    assert_eq!(refused.to_string(), "record 2 does not belong there: LoadStopped is not accepted while Accepted");
}

#[test]
fn the_workers_a_target_needs_are_told_once_the_load_is_over() {
    let mut story = Story::begin();
    story.until_the_load();
    for second in 1..=12_u64 {
        let (from, until) = (story.now, story.now + SignedDuration::from_secs(9));
        let sample = Some(sample(from, until, 9 * second, vec![]));
        let cpu_percent = Some(2.0 + 5.0 * second as f64);
        let generator = Some(GeneratorStatus { users: 10 * second, workers: Some(2), cpu_percent, marks: vec![] });
        story.tell(9, Event::Measured(Box::new(Measurement::new(sample, generator))));
    }
    assert_eq!(story.view().sizing, None);
    let view = story.tell(1, Event::StopRequested { by: "ops".to_owned() }).view();
    let sizing = view.sizing.unwrap();
    assert_eq!((sizing.present, sizing.users_per_worker), (2, 73.0), "a user costs one percent, an idle worker two");
    assert!((sizing.users / 100.0 - 1.0).abs() < 0.2, "six of the KPI a user and minute: {sizing:?}");
}

#[test]
fn what_the_law_believes_in_trouble_is_not_what_it_has_learnt() {
    let mut story = Story::begin();
    story.until_the_load().measured(30, 75, vec![]).measured(30, 220, vec![]);
    let mut view = story.view();
    let sound = view.ticks[1].advice.clone().unwrap();
    assert_eq!(sound.mode, ramp::Mode::Track);
    let mut trouble = view.ticks[1].clone();
    trouble.advice = Some(ramp::Advice { mode: ramp::Mode::Climb, gain: sound.gain / 2.0, ..sound.clone() });
    view.ticks.push(trouble);
    assert_eq!(view.last_sound_advice(), Some(&sound));
    assert_ne!(view.last_advice(), Some(&sound));
}
