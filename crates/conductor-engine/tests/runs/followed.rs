//! Runs are followed from any revision, whoever drives them: each update once, in order and without a gap.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::phase::Phase;
use conductor_core::run::{Revision, RunId};
use conductor_core::view::{Fold, Update};
use conductor_engine::{Conductor, Recovery};
use futures::StreamExt;
use tokio::task::JoinHandle;

use crate::bed::{Bed, died_after, over};

/// What the journal of a run tells, folded in one go.
async fn told(bed: &Bed, run: &RunId) -> Vec<Update> {
    Fold::of(run, &bed.journal(run).await).unwrap().1
}

/// Follows a run to its end.
async fn followed(conductor: &Conductor, run: &RunId, after: Revision) -> Vec<Update> {
    let updates = conductor.follow(run, after).await.unwrap();
    updates.map(|update| (*update).clone()).collect().await
}

/// The same in a task of its own, beside the run.
fn following(conductor: &Conductor, run: &RunId, after: Revision) -> JoinHandle<Vec<Update>> {
    let (conductor, run) = (conductor.clone(), run.clone());
    tokio::spawn(async move { followed(&conductor, &run, after).await })
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_followed_again_from_any_revision_tells_the_rest_here_and_elsewhere() {
    let bed = Bed::healthy();
    let (conductor, other) = (bed.conductor(), bed.conductor());
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let mut updates = pin!(conductor.follow(&run, 0).await.unwrap());
    let mut resumed = vec![(0, following(&other, &run, 0))];
    while let Some(update) = updates.next().await {
        let after = update.revision;
        resumed.extend([&conductor, &other].map(|conductor| (after, following(conductor, &run, after))));
    }
    let expected = told(&bed, &run).await;
    assert!(resumed.len() > 80, "only {} were resumed", resumed.len());
    for (after, rest) in resumed {
        let rest = rest.await.unwrap();
        assert!(rest == expected[after as usize..], "after {after}: {rest:?}");
        assert!(followed(&other, &run, after).await == rest, "after {after}, once the run is over");
    }
    let entered: Vec<Phase> = expected.iter().filter_map(|update| update.entered).collect();
    let [deploy, scale_up, load, scale_down, clean_up] = Phase::PUBLIC;
    assert_eq!(entered, [Phase::Prepare, deploy, scale_up, load, scale_down, clean_up, Phase::Finished]);
    let view = conductor.get(&run).await.unwrap();
    assert_eq!(expected.iter().filter_map(|update| update.tick.clone()).collect::<Vec<_>>(), view.ticks);
    assert_eq!(expected.iter().flat_map(|update| update.events.clone()).collect::<Vec<_>>(), view.events);
    assert!(expected.last().unwrap().verdict == view.verdict && view.verdict.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_reads_nothing_for_the_whole_run_misses_nothing_and_keeps_nobody_waiting() {
    let mut bed = Bed::healthy();
    bed.created.spec.interval = "1s".parse().unwrap();
    let (conductor, other) = (bed.conductor(), bed.conductor());
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let mut slow = pin!(conductor.follow(&run, 0).await.unwrap());
    let mut slow_elsewhere = pin!(other.follow(&run, 0).await.unwrap());
    let first = [slow.next().await.unwrap(), slow_elsewhere.next().await.unwrap()];
    let view = over(&conductor, &run).await;
    assert!(view.revision > 300, "{} records are not many", view.revision);
    let expected: Vec<Arc<Update>> = told(&bed, &run).await.into_iter().map(Arc::new).collect();
    assert_eq!(first.map(|update| update.revision), [1, 1]);
    assert!(slow.collect::<Vec<_>>().await == expected[1..]);
    assert!(slow_elsewhere.collect::<Vec<_>>().await == expected[1..]);
}

#[tokio::test(start_paused = true)]
async fn who_follows_a_run_sees_it_taken_over_wherever_its_conductor_died_and_whoever_goes_on_with_it() {
    let mut revision = 1;
    loop {
        let bed = Bed::healthy();
        let Some(run) = died_after(&bed, revision, None).await else { break };
        let [first, second, third] = [(); 3].map(|()| bed.conductor());
        let followers = [&first, &second, &third].map(|conductor| following(conductor, &run, revision / 2));
        tokio::time::sleep(Duration::from_secs(5)).await;
        first.recover(&run, Recovery::Continue).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        first.let_go(&run).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        second.recover(&run, Recovery::Continue).await.ok();
        over(&third, &run).await;
        let expected = told(&bed, &run).await;
        for (position, follower) in followers.into_iter().enumerate() {
            let updates = follower.await.unwrap();
            assert!(updates == expected[revision as usize / 2..], "record {revision}, follower {position}");
        }
        revision += 3;
    }
    assert!(revision > 40, "only {revision} records");
}

#[tokio::test(start_paused = true)]
async fn who_follows_waits_for_a_store_that_is_away() {
    let bed = Bed::healthy();
    let (conductor, other) = (bed.conductor(), bed.conductor());
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let followers = [&conductor, &other].map(|conductor| following(conductor, &run, 0));
    tokio::time::sleep(Duration::from_secs(60)).await;
    bed.store.set_unavailable(true);
    let refused = other.follow(&"nobody".parse().unwrap(), 0).await.err().unwrap();
    assert_eq!(refused.to_string(), "could not read the run");
    tokio::time::sleep(Duration::from_secs(60)).await;
    bed.store.set_unavailable(false);
    let expected = followers.map(|follower| async { follower.await.unwrap() });
    let expected = futures::future::join_all(expected).await;
    assert!(expected.iter().all(|updates| updates.last().unwrap().is_end()));
    assert!(expected[0] == told(&bed, &run).await && expected[0] == expected[1]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_or_unknown_has_nothing_more_to_follow() {
    let bed = Bed::healthy();
    let run = bed.run().await.id;
    let conductor = bed.conductor();
    assert!(followed(&conductor, &run, bed.journal(&run).await.len() as u64).await.is_empty());
    assert!(followed(&conductor, &run, Revision::MAX).await.is_empty());
    let unknown = conductor.follow(&"nobody".parse().unwrap(), 7).await.err().unwrap();
    assert_eq!(std::error::Error::source(&unknown).unwrap().to_string(), "there is no run nobody");
}
