//! A journal, and what is written of it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::app::Allocation;
use crate::fixtures::{created, load_test};
use crate::guard::{Drift, Guarded};
use crate::load::{GeneratorFacts, KpiSample};
use crate::ports::Production;
use crate::release::Release;
use crate::run::{Created, Waits};
use crate::scale::Observed;

/// A run that is written second by second, and what was written of it.
struct Story {
    fold: Fold,
    annotations: Annotations,
    now: Timestamp,
    journal: Vec<Record>,
    written: Vec<Annotation>,
}

impl Story {
    fn begin(waits: Option<Waits>) -> Self {
        let spec = load_test("600/min", json!({ "interval": "5s" }));
        let scope = spec.scope(&["shop".parse().unwrap()]).unwrap();
        let event = Event::Created(Box::new(Created { scope, waits, ..created(spec) }));
        let first = Record { revision: 1, at: Timestamp::UNIX_EPOCH, event };
        let fold = Fold::begin(&"told-1".parse().unwrap(), &first).unwrap();
        let annotations = Annotations::begin(&fold);
        Self { fold, annotations, now: Timestamp::UNIX_EPOCH, journal: vec![first], written: Vec::new() }
    }

    fn tell(&mut self, seconds: i64, event: Event) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        let record = Record { revision: self.fold.run.revision + 1, at: self.now, event };
        let (_, update) = self.fold.take(&record).unwrap();
        self.written.extend(self.annotations.see(&self.fold, &record, &update));
        self.journal.push(record);
        self
    }

    /// Up to the load, in which somebody interferes and somebody asks for an end.
    fn whole() -> Self {
        let mut story = Self::begin(None);
        let shop = || "shop".parse().unwrap();
        let production = Production::new(Release::single("v2"), Allocation::of_replicas(3));
        let present = Observed::new(Release::single("v1"), Allocation::of_replicas(1));
        let generator = json!({ "version": "1", "workers": null, "counting": "counted exactly" });
        let generator: GeneratorFacts = serde_json::from_value(generator).unwrap();
        let drift = json!({ "application": "shop", "field": "replicas", "expected": "3", "found": "1", "by": "ops" });
        let drift: Drift = serde_json::from_value(drift).unwrap();
        story
            .tell(1, Event::Started)
            .tell(
                1,
                Event::PreflightPassed { production: BTreeMap::from([(shop(), production)]), generator, parity: None },
            )
            .tell(1, Event::BaselineRecorded { baseline: BTreeMap::from([(shop(), present)]) })
            .tell(0, Event::Frozen { guarded: Guarded::Frozen })
            .tell(20, Event::Deployed)
            .tell(10, Event::ScaledUp);
        let (from, to) = (story.now, story.now);
        let sample = KpiSample {
            from,
            to,
            count: Some(1),
            requests: 1,
            failures: 0,
            latency: None,
            responses: None,
            marks: Vec::new(),
        };
        story
            .tell(7, Event::Rehearsed { sample })
            .tell(5, Event::Drifted { drifts: vec![drift] })
            .tell(5, Event::StopRequested { by: "ops".to_owned() })
            .tell(2, Event::LoadStopped)
            .tell(3, Event::Restored { found: BTreeMap::new(), foreign: Vec::new(), failures: Vec::new() })
            .tell(0, Event::Thawed)
            .tell(4, Event::CleanedUp { deleted: Vec::new(), failures: Vec::new() });
        story
    }

    /// What was written: kind, beginning and end in seconds, text.
    fn told(&self) -> Vec<String> {
        let told = |one: &Annotation| {
            let to = one.to.map_or_else(String::new, |to| format!("-{}", to.as_second()));
            format!("{} {}{to} {}", one.kind, one.from.as_second(), one.text)
        };
        self.written.iter().map(told).collect()
    }
}

#[test]
fn phases_are_regions_and_what_happened_in_them_is_between_them() {
    let story = Story::whole();
    let told = story.told();
    let (end, told) = told.split_last().unwrap();
    assert_eq!(
        told,
        [
            "phase 0-3 PREPARE of rehearsal",
            "phase 3-23 DEPLOY of rehearsal",
            "phase 23-33 SCALE_UP of rehearsal",
            "alert 45 LoadTestDrifted fires: shop: replicas is 1, not 3; changed by ops",
            "event 50 stop requested by ops",
            "alert 50 LoadTestDrifted is over: shop: replicas is 1, not 3; changed by ops",
            "phase 33-52 GENERATE_LOAD of rehearsal",
            "phase 52-55 SCALE_DOWN of rehearsal",
            "phase 55-59 CLEAN_UP of rehearsal",
        ]
    );
    assert!(end.starts_with("verdict 59 load test rehearsal "), "{end}");
    let one = &story.written[0];
    assert_eq!((one.run.as_str(), one.load_test.as_str(), one.environment.as_str()), ("told-1", "rehearsal", "shop"));
}

#[test]
fn a_journal_that_is_read_again_gives_the_same() {
    let story = Story::whole();
    let mut fold = Fold::begin(&"told-1".parse().unwrap(), &story.journal[0]).unwrap();
    let mut annotations = Annotations::begin(&fold);
    let mut again = Vec::new();
    for record in &story.journal[1..] {
        let (_, update) = fold.take(record).unwrap();
        again.extend(annotations.see(&fold, record, &update));
    }
    assert_eq!(again, story.written);
}

#[test]
fn a_run_that_has_waited_begins_when_its_turn_comes() {
    let waits: Waits = serde_json::from_value(json!({ "run": "other-1", "replaces": false })).unwrap();
    let mut story = Story::begin(Some(waits));
    story.tell(600, Event::Begun { learnt: None }).tell(1, Event::StopRequested { by: "ops".to_owned() });
    assert_eq!(story.told()[0], "phase 600-601 PREPARE of rehearsal");
}
