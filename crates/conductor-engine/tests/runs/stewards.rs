//! Servers that keep every run driven: at their start, when another one dies or loses its lease, and when it hands over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::phase::Event;
use conductor_core::ports::{Claim, PortError, Ports, ProgressSink, RunStore, RunSummary, StoreError};
use conductor_core::run::{Created, Record, Revision, RunId};
use conductor_core::verdict::Outcome;
use conductor_engine::{Conductor, HandOver, PortsFactory, Recovery, StartError, Steward, StewardOptions};
use conductor_sim::MemoryStore;

use crate::bed::{Bed, died_after, outcome, over, until, verdict};

fn server(bed: &Bed) -> (Conductor, Steward) {
    let conductor = bed.conductor();
    let steward = Steward::begin(&conductor, StewardOptions::default());
    (conductor, steward)
}

/// The records by which conductors have taken a run over.
async fn takeovers(bed: &Bed, run: &RunId) -> Vec<Record> {
    let journal = bed.journal(run).await.into_iter();
    journal.filter(|record| matches!(record.event, Event::Resumed | Event::Abandoned)).collect()
}

#[tokio::test(start_paused = true)]
async fn servers_that_start_at_once_go_on_with_a_run_once_wherever_its_conductor_died() {
    let mut revision = 1;
    loop {
        let bed = Bed::healthy();
        let Some(run) = died_after(&bed, revision, None).await else { break };
        let servers = [server(&bed), server(&bed)];
        futures::future::join(servers[0].1.ready(), servers[1].1.ready()).await;
        let view = over(&servers[0].0, &run).await;
        bed.assert_clean(&view, &format!("died after record {revision}"));
        assert_eq!(outcome(&view), Outcome::Passed, "died after record {revision}: {:?}", verdict(&view));
        let taken = takeovers(&bed, &run).await;
        assert!(matches!(&taken[..], [Record { event: Event::Resumed, .. }]), "record {revision}: {taken:?}");
        assert_eq!(taken[0].revision, revision + 1);
        revision += 1;
    }
    assert!(revision > 40, "only {revision} records");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_owner_has_lost_its_lease_is_gone_on_with_within_seconds_by_one_server() {
    let mut second = 0;
    loop {
        let bed = Bed::healthy();
        let servers = [server(&bed), server(&bed)];
        servers[0].1.ready().await;
        let run = servers[0].0.start(bed.created.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(second)).await;
        if servers[0].0.get(&run).await.unwrap().verdict.is_some() {
            break;
        }
        let before = bed.journal(&run).await;
        bed.store.lose_claims();
        tokio::time::sleep(StewardOptions::default().every + Duration::from_millis(100)).await;
        let taken = takeovers(&bed, &run).await;
        assert_eq!(taken.len(), 1, "lost after {second} s");
        // Nothing was written between the loss and the takeover.
        assert_eq!(taken[0].revision, before.len() as u64 + 1, "lost after {second} s");
        let view = over(&servers[1].0, &run).await;
        bed.assert_clean(&view, &format!("lost after {second} s"));
        assert_eq!(outcome(&view), Outcome::Passed, "lost after {second} s: {:?}", verdict(&view));
        assert_eq!(takeovers(&bed, &run).await.len(), 1, "lost after {second} s");
        second += 17;
    }
    assert!(second > 300, "it was over after {second} s");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hands_over_lets_go_of_everything_and_another_goes_on_at_once() {
    let mut second = 0;
    loop {
        let bed = Bed::healthy();
        let (first, first_steward) = server(&bed);
        first_steward.ready().await;
        let run = first.start(bed.created.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(second)).await;
        if first.get(&run).await.unwrap().verdict.is_some() {
            break;
        }
        let handed = first_steward.hand_over(Duration::from_secs(10)).await;
        assert_eq!(handed, HandOver { given: vec![run.clone()], late: vec![] }, "after {second} s");
        assert_eq!(first_steward.hand_over(Duration::from_secs(10)).await, HandOver::default());
        let left = (bed.journal(&run).await.len(), bed.environment.calls().len());
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!((bed.journal(&run).await.len(), bed.environment.calls().len()), left, "after {second} s");
        let refused =
            "this conductor is shutting down and takes no runs on; ask another one, or try again once it is back";
        assert_eq!(first.start(bed.created.clone()).await.unwrap_err().to_string(), refused);
        assert_eq!(first.recover(&run, Recovery::Continue).await.unwrap_err().to_string(), refused);
        let (second_server, second_steward) = server(&bed);
        second_steward.ready().await;
        assert!(second_server.is_driven(&run).await.unwrap(), "after {second} s");
        let view = over(&first, &run).await;
        bed.assert_clean(&view, &format!("handed over after {second} s"));
        assert_eq!(outcome(&view), Outcome::Passed, "handed over after {second} s: {:?}", verdict(&view));
        second += 17;
    }
    assert!(second > 300, "it was over after {second} s");
}

#[tokio::test(start_paused = true)]
async fn new_runs_wait_until_unfinished_ones_were_looked_at() {
    let bed = Bed::healthy();
    bed.store.set_unavailable(true);
    let (conductor, steward) = server(&bed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!steward.is_ready());
    let refused = conductor.start(bed.created.clone()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "unfinished runs are being taken over, and no new one is started before that; try again in some seconds"
    );
    bed.store.set_unavailable(false);
    steward.ready().await;
    let run = conductor.start(bed.created.clone()).await.unwrap();
    // One that is driven by another server keeps nobody waiting.
    let (other, other_steward) = server(&bed);
    other_steward.ready().await;
    let refused = other.start(bed.created.clone()).await.unwrap_err();
    assert!(matches!(refused, StartError::Claimed { .. }), "{refused}");
    bed.assert_clean(&over(&other, &run).await, "looked at by another");
    assert!(takeovers(&bed, &run).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_whoever_drives_it_is_put_back_after_some_attempts() {
    let bed = Bed::healthy();
    let run = died_after(&bed, 20, None).await.unwrap();
    for attempt in 1..=5 {
        let (conductor, steward) = server(&bed);
        steward.ready().await;
        let attempts = || futures::executor::block_on(takeovers(&bed, &run)).len();
        until("taken over", || attempts() == attempt).await;
        conductor.let_go(&run).await;
    }
    assert_eq!(bed.journal(&run).await.len(), 25, "nothing came of it but takeovers");
    let (conductor, steward) = server(&bed);
    steward.ready().await;
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "put back");
    assert_eq!(verdict(&view).causes[0].code, "conductor_lost", "{:?}", verdict(&view));
    let taken = takeovers(&bed, &run).await;
    assert!(matches!(taken.last(), Some(Record { event: Event::Abandoned, revision: 26, .. })), "{taken:?}");
}

/// Environments that are never connected to.
struct Hangs;

#[async_trait]
impl PortsFactory for Hangs {
    async fn connect(&self, _: &Created, _: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_does_not_answer_does_not_keep_others_waiting_for_long() {
    let bed = Bed::healthy();
    let run = died_after(&bed, 20, None).await.unwrap();
    let cut_off = bed.conductor_of(Arc::new(bed.store.clone()), Arc::new(Hangs));
    let steward = Steward::begin(&cut_off, StewardOptions::default());
    let begun = tokio::time::Instant::now();
    steward.ready().await;
    assert_eq!(begun.elapsed(), StewardOptions::default().patience);
    // Another server that can reach it has it between two attempts.
    let (conductor, _steward) = server(&bed);
    bed.assert_clean(&over(&conductor, &run).await, "taken over");
}

/// A store that never hears of claims that are given back.
struct Deaf(MemoryStore);

/// A claim that is never given back.
struct Kept(Box<dyn Claim>);

#[async_trait]
impl Claim for Kept {
    async fn lost(&self) {
        self.0.lost().await;
    }

    async fn give_back(&self) {
        std::future::pending().await
    }
}

#[async_trait]
impl RunStore for Deaf {
    async fn append(&self, run: &RunId, record: &Record) -> Result<(), StoreError> {
        self.0.append(run, record).await
    }

    async fn journal(&self, run: &RunId, after: Revision) -> Result<Vec<Record>, StoreError> {
        self.0.journal(run, after).await
    }

    async fn runs(&self) -> Result<Vec<RunSummary>, StoreError> {
        self.0.runs().await
    }

    async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, StoreError> {
        Ok(Box::new(Kept(self.0.claim(environment).await?)))
    }
}

#[tokio::test(start_paused = true)]
async fn handing_over_takes_no_longer_than_it_may() {
    let bed = Bed::healthy();
    let conductor = bed.conductor_of(Arc::new(Deaf(bed.store.clone())), bed.factory());
    let run = conductor.start(bed.created.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let begun = tokio::time::Instant::now();
    let handed = conductor.hand_over(Duration::from_secs(10)).await;
    assert_eq!(handed, HandOver { given: vec![], late: vec![run.clone()] });
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    let left = (bed.journal(&run).await.len(), bed.environment.calls().len());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((bed.journal(&run).await.len(), bed.environment.calls().len()), left, "it goes on");
}
