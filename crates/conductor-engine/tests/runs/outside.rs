//! A source that counts everybody's events shows before the load whether somebody else makes them: no load is sent where that would
//! make the run invalid, and nothing is made of what is little, over soon, or not known.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::crosscheck::Counts;
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use conductor_core::phase::{Cause, Event, Level, Phase};
use conductor_core::ports::{FailureKind, KpiSource, LoadGenerator, PortError, Ports};
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use jiff::Timestamp;

use crate::bed::{Bed, verdict};

/// Somebody else, whose orders the source counts, too.
#[derive(Clone, Copy, Debug)]
struct Others {
    /// Orders in a minute.
    per_min: f64,
    /// They end by themselves before the load.
    until: Timestamp,
    /// From then on the source does not answer for a minute.
    away_from: Timestamp,
    /// Users that the load generator tells of beside those that it was told to run.
    users: u64,
}

/// Nobody, who is there all the time.
const NOBODY: Others = Others { per_min: 0.0, until: Timestamp::MAX, away_from: Timestamp::MAX, users: 0 };

struct Shared {
    ports: Ports,
    others: Others,
}

#[async_trait]
impl KpiSource for Shared {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let sample = self.ports.kpi.sample(run, since).await?;
        let away_from = self.others.away_from;
        if sample.to >= away_from && sample.to < away_from + Duration::from_secs(60) {
            return Err(PortError::new(FailureKind::Unavailable, "could not reach the database"));
        }
        let seconds = sample.to.min(self.others.until).duration_since(sample.from).as_secs_f64().max(0.0);
        let foreign = (self.others.per_min * seconds / 60.0).round() as u64;
        Ok(KpiSample { count: sample.count.map(|count| count + foreign), ..sample })
    }

    fn counts(&self) -> Counts {
        Counts::Everybody
    }
}

#[async_trait]
impl LoadGenerator for Shared {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        self.ports.generator.check().await
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        self.ports.generator.set(tags, setting).await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        let status = self.ports.generator.status().await?;
        Ok(GeneratorStatus { users: status.users.max(self.others.users), ..status })
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        self.ports.generator.stop(run).await
    }
}

async fn run(others: Others) -> (Bed, RunView) {
    let bed = Bed::healthy().wrapped(move |ports| {
        let shared = Arc::new(Shared { ports: ports.clone(), others });
        Ports { kpi: shared.clone(), generator: shared, ..ports }
    });
    let view = bed.run().await;
    (bed, view)
}

/// When a run began to look who else is there.
fn looked(view: &RunView) -> Timestamp {
    view.phases.iter().find(|phase| phase.phase == Phase::GenerateLoad).unwrap().started.unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_load_is_sent_where_somebody_else_makes_more_than_a_valid_run_could_have_of_it() {
    let (bed, view) = run(Others { per_min: 300.0, ..NOBODY }).await;
    let cause = &verdict(&view).causes[0];
    assert_eq!((cause.outcome, cause.code.as_str()), (Outcome::Invalid, "foreign_traffic"));
    let message = &cause.message;
    assert!(message.starts_with("look for traffic of others: somebody else makes "), "{message}");
    assert!(message.contains(" while the run had no users, and the load would make "), "{message}");
    let Cause::Failed(failure) = &view.ending.as_ref().unwrap().cause else { panic!("{:?}", view.ending) };
    assert_eq!(failure.kind, FailureKind::ForeignTraffic);
    assert!(view.load_started.is_none() && view.ticks.is_empty());
    let journal = bed.journal(&view.id).await;
    assert!(journal.iter().all(|record| !matches!(record.event, Event::Rehearsed { .. })), "no user has run");
    bed.assert_clean(&view, "somebody else");
}

#[tokio::test(start_paused = true)]
async fn what_is_little_or_over_soon_keeps_no_run_from_its_load() {
    let (bed, nobody) = run(NOBODY).await;
    bed.assert_clean(&nobody, "nobody");
    assert_eq!(verdict(&nobody).outcome, Outcome::Passed, "{:#?}", verdict(&nobody));
    let until = looked(&nobody) + Duration::from_secs(10);
    for others in [Others { per_min: 12.0, ..NOBODY }, Others { per_min: 6000.0, until, ..NOBODY }] {
        let (bed, view) = run(others).await;
        assert_eq!(verdict(&view).outcome, Outcome::Passed, "{others:?}: {:#?}", verdict(&view));
        bed.assert_clean(&view, "little, or over");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_told_and_nothing_is_made_of_it() {
    let (_, nobody) = run(NOBODY).await;
    let (away_from, until) = (looked(&nobody), nobody.load_started.unwrap());
    let (bed, view) = run(Others { per_min: 300.0, away_from, until, ..NOBODY }).await;
    assert_eq!(verdict(&view).outcome, Outcome::Passed, "{:#?}", verdict(&view));
    let warnings = view.events.iter().filter(|event| event.level == Level::Warning);
    let told: Vec<&str> = warnings.map(|event| event.message.as_str()).collect();
    let expected = "is not known before the load: could not reach the database";
    assert!(told.iter().any(|text| text.ends_with(expected)), "{told:?}");
    bed.assert_clean(&view, "not known");
}

#[tokio::test(start_paused = true)]
async fn the_user_of_a_rehearsal_that_is_taken_over_is_not_somebody_else() {
    let (_, nobody) = run(NOBODY).await;
    let rehearsed = nobody.load_started.unwrap() + Duration::from_secs(60);
    let (bed, view) = run(Others { per_min: 300.0, until: rehearsed, users: 1, ..NOBODY }).await;
    assert!(view.load_started.is_some(), "{:#?}", verdict(&view));
    bed.assert_clean(&view, "taken over");
}
