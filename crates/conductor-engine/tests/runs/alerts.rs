//! Alerts of whole runs: each is told once to each receiver, and none of them touches a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::alert::{AlertStatus, Alerts, Notice, Severity, Topic, When};
use conductor_core::ports::{FailureKind, Notifier, PortError};
use conductor_core::verdict::Outcome;
use conductor_core::view::Fold;
use conductor_engine::{AlertReceiver, Announcer, Conductor, Recovery};
use conductor_sim::FaultKind;

use crate::bed::{Bed, died_after, lasting, outcome, over};

/// Longer than any receiver is tried.
const LONG: Duration = Duration::from_secs(3600);

/// What a receiver does with what it is told.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Heard,
    /// So many times it is not there.
    AwayFor(u32),
    Refused,
    /// It never answers.
    Silent,
}

/// A receiver that writes down what it is told.
struct Ear {
    answer: Answer,
    repeats: Option<Duration>,
    calls: Mutex<u32>,
    heard: Mutex<Vec<Notice>>,
}

#[async_trait]
impl Notifier for Ear {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        let call = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls
        };
        match self.answer {
            Answer::AwayFor(times) if call <= times => {
                return Err(PortError::new(FailureKind::Unavailable, "nobody is there"));
            }
            Answer::Refused => return Err(PortError::new(FailureKind::Rejected, "it is not for me")),
            Answer::Silent => std::future::pending().await,
            Answer::Heard | Answer::AwayFor(_) => {}
        }
        self.heard.lock().unwrap().push(notice.clone());
        Ok(())
    }

    fn repeats(&self) -> Option<Duration> {
        self.repeats
    }
}

impl Ear {
    fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self { answer, repeats: None, calls: Mutex::default(), heard: Mutex::default() })
    }

    fn repeating(every: u64) -> Arc<Self> {
        let repeats = Some(Duration::from_secs(every));
        Arc::new(Self { answer: Answer::Heard, repeats, calls: Mutex::default(), heard: Mutex::default() })
    }

    fn told(&self) -> Vec<(AlertStatus, Topic)> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|notice| (notice.status, notice.alert.key.topic)).collect()
    }

    fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }
}

fn announce(conductor: &Conductor, ears: &[&Arc<Ear>]) -> Announcer {
    announce_when(conductor, ears, &When::default())
}

fn announce_when(conductor: &Conductor, ears: &[&Arc<Ear>], when: &When) -> Announcer {
    let receiver = |(position, ear): (usize, &&Arc<Ear>)| {
        let notifier: Arc<dyn Notifier> = Arc::clone(*ear) as _;
        AlertReceiver { name: position.to_string(), when: when.clone(), notifier }
    };
    Announcer::begin(conductor, ears.iter().enumerate().map(receiver).collect())
}

/// A run in which the KPI is gone for a while.
fn stalling() -> Bed {
    let mut fault = lasting(FaultKind::Capacity(0.0), true);
    fault.at = "40s".parse().unwrap();
    fault.lasts = Some("250s".parse().unwrap());
    Bed::new(|plant| plant.environment.faults = vec![fault])
}

#[tokio::test(start_paused = true)]
async fn a_stall_fires_once_and_is_resolved_and_the_end_is_told() {
    let bed = stalling();
    let (conductor, ear) = (bed.conductor(), Ear::new(Answer::Heard));
    let announcer = announce(&conductor, &[&ear]);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let view = over(&conductor, &run).await;
    announcer.end(LONG).await;
    let told = ear.told();
    let firing = |topic| told.iter().filter(|one| **one == (AlertStatus::Firing, topic)).count();
    assert_eq!((firing(Topic::Stalled), firing(Topic::RunOver)), (1, 1), "{told:?}");
    assert!(told.contains(&(AlertStatus::Resolved, Topic::Stalled)), "{told:?}");
    let mut open = BTreeMap::new();
    for notice in ear.heard.lock().unwrap().iter() {
        assert_eq!((&notice.run, notice.environment.as_str()), (&run, "model"));
        let change = if notice.status == AlertStatus::Firing { 1 } else { -1 };
        let count = open.entry(notice.alert.key.clone()).or_insert(0);
        *count += change;
        assert!((0..=1).contains(count), "{notice:?}");
    }
    assert_eq!(ear.heard.lock().unwrap().last().unwrap().outcome, Some(outcome(&view)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_passes_tells_of_its_end_alone() {
    let bed = Bed::healthy();
    let (conductor, ear, grave) = (bed.conductor(), Ear::new(Answer::Heard), Ear::new(Answer::Heard));
    let everything = announce(&conductor, &[&ear]);
    let when = When { severity: Some(Severity::Warning), outcomes: Some(vec![Outcome::Failed]) };
    let gravely = announce_when(&conductor, &[&grave], &when);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    assert_eq!(outcome(&over(&conductor, &run).await), Outcome::Passed);
    everything.end(LONG).await;
    gravely.end(LONG).await;
    assert_eq!((ear.told(), grave.told()), (vec![(AlertStatus::Firing, Topic::RunOver)], Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn receivers_that_are_away_deaf_or_refuse_touch_neither_the_run_nor_each_other() {
    let expected = {
        let bed = stalling();
        bed.run().await
    };
    let bed = stalling();
    let conductor = bed.conductor();
    let ears = [Answer::Heard, Answer::AwayFor(5), Answer::Refused, Answer::Silent].map(Ear::new);
    let [heard, away, refused, silent] = &ears;
    let announcer = announce(&conductor, &[heard, away, refused, silent]);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let view = over(&conductor, &run).await;
    assert_eq!((view.ticks, view.verdict), (expected.ticks, expected.verdict), "the run is the same");
    announcer.end(LONG).await;
    assert_eq!(away.told(), heard.told(), "all of it in its order, once it is back");
    assert_eq!(away.calls(), heard.calls() + 5);
    assert_eq!((refused.calls(), refused.told()), (heard.calls(), Vec::new()), "what is refused is not tried again");
    assert!(silent.calls() > 1, "it is tried again");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_process_does_not_wait_for_a_receiver_for_long() {
    let bed = stalling();
    let (conductor, ear) = (bed.conductor(), Ear::new(Answer::Silent));
    let announcer = announce(&conductor, &[&ear]);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    over(&conductor, &run).await;
    let begun = tokio::time::Instant::now();
    announcer.end(Duration::from_secs(3)).await;
    assert!(begun.elapsed() <= Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_run_over_fires_nothing_again_but_to_those_who_would_think_it_over() {
    let whole = stalling();
    let journal = whole.journal(&whole.run().await.id).await;
    let mut fold = Fold::begin(&"model-1".parse().unwrap(), &journal[0]).unwrap();
    let mut alerts = Alerts::default();
    let stalls = journal[1..].iter().find(|record| {
        fold.take(record).unwrap();
        alerts.see(&fold, record).iter().any(|notice| notice.alert.key.topic == Topic::Stalled)
    });
    let bed = stalling();
    let begun = stalls.expect("it stalls").revision;
    let run = died_after(&bed, begun, None).await.expect("it goes on by then");
    let (conductor, once, again) = (bed.conductor(), Ear::new(Answer::Heard), Ear::repeating(60));
    let announcer = announce(&conductor, &[&once, &again]);
    conductor.recover(&run, Recovery::Continue).await.unwrap();
    over(&conductor, &run).await;
    announcer.end(LONG).await;
    let fired = |ear: &Ear| ear.told().iter().filter(|one| **one == (AlertStatus::Firing, Topic::Stalled)).count();
    assert_eq!(fired(&once), 0, "{:?}", once.told());
    assert!(once.told().contains(&(AlertStatus::Resolved, Topic::Stalled)), "{:?}", once.told());
    assert!(fired(&again) >= 1, "{:?}", again.told());
}

#[tokio::test(start_paused = true)]
async fn what_fires_is_told_again_to_those_who_want_it_until_it_is_resolved() {
    let bed = stalling();
    let (conductor, ear) = (bed.conductor(), Ear::repeating(5));
    let announcer = announce(&conductor, &[&ear]);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    over(&conductor, &run).await;
    announcer.end(LONG).await;
    let told = ear.told();
    let firing = told.iter().filter(|one| **one == (AlertStatus::Firing, Topic::Stalled)).count();
    assert!((3..20).contains(&firing), "{told:?}");
    let resolved = told.iter().position(|one| *one == (AlertStatus::Resolved, Topic::Stalled)).expect("it is resolved");
    assert!(!told[resolved..].contains(&(AlertStatus::Firing, Topic::Stalled)), "{told:?}");
}
