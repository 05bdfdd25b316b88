//! What breaks during load: a worker, the master, the conductor itself.

use std::time::{Duration, Instant};

use conductor_core::load::Mark;
use conductor_core::ports::{FailureKind, KpiSource, LoadGenerator};
use conductor_core::units::Span;
use conductor_locust::LocustSettings;
use jiff::{SignedDuration, Timestamp};

use crate::bed::{Bed, ORDERS, orders, sample_past, tags, until, users};
use crate::target::Target;

const BOTH: &str = "team.py,conductor_locust.py";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_marked_and_the_next_post_brings_its_users_back() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.master(BOTH);
    bed.worker(BOTH);
    let second = bed.worker(BOTH);
    let locust = bed.ready(bed.settings(), orders(), 2).await;
    let begun = Timestamp::now();
    locust.set(&tags("r-1"), &users(6)).await.unwrap();
    until("all users run", async || locust.status().await.unwrap().users == 6).await;

    bed.process(second).kill();
    until("the loss shows in the status", async || {
        let status = locust.status().await.unwrap();
        status.marks == [Mark::WorkerLost] && status.users == 3 && status.workers == Some(1)
    })
    .await;
    let run = "r-1".parse().unwrap();
    let mut lost = locust.sample(&run, begun).await.unwrap();
    until("the loss is marked on the sample", async || {
        lost = locust.sample(&run, begun).await.unwrap();
        lost.marks.contains(&Mark::WorkerLost)
    })
    .await;
    assert!(lost.count.unwrap() <= target.orders("r-1"), "never more than there were");

    locust.set(&tags("r-1"), &users(6)).await.unwrap();
    until("all users run again", async || locust.status().await.unwrap().users == 6).await;
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_a_killed_master_are_ended_before_its_successor_gets_users() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    let first = bed.master(BOTH);
    let worker = bed.worker(BOTH);
    let locust = bed.ready(bed.settings(), orders(), 1).await;
    let begun = Timestamp::now();
    locust.set(&tags("r-1"), &users(4)).await.unwrap();
    until("some orders came", async || target.orders("r-1") >= 20).await;

    bed.process(first).kill();
    let error = locust.status().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    let at_kill = target.orders("r-1");
    until("the orphan fires on", async || target.orders("r-1") > at_kill + 10).await;

    bed.master(BOTH);
    bed.worker(BOTH);
    until("posts are refused because of the orphan", async || {
        locust.set(&tags("r-1"), &users(4)).await.is_err_and(|error| error.to_string().contains("may fire unseen"))
    })
    .await;
    until("a post is accepted", async || locust.set(&tags("r-1"), &users(4)).await.is_ok()).await;
    assert!(bed.process(worker).has_ended(), "the orphan was told to quit: {}", bed.logs());
    let resumed = Timestamp::now();

    let across = sample_past(&locust, "r-1", begun, resumed + SignedDuration::from_secs(3)).await;
    assert_eq!(across.count, None, "what the first master knew is gone");
    assert!(across.marks.contains(&Mark::GeneratorRestarted));
    let after = sample_past(&locust, "r-1", resumed, resumed + SignedDuration::from_secs(4)).await;
    assert!(after.count.unwrap() > 20 && !after.marks.contains(&Mark::GeneratorRestarted), "{after:?}");
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
}

/// Lets a process stand still for some seconds under load and answers with the marks of the time.
async fn marks_of_standing_still(bed: &mut Bed, frozen: usize, workers: u32) -> Vec<Mark> {
    let locust = bed.ready(bed.settings(), orders(), workers).await;
    let begun = Timestamp::now();
    locust.set(&tags("r-1"), &users(2)).await.unwrap();
    bed.process(frozen).signal(libc::SIGSTOP);
    let stopped = Instant::now();
    until("it has stood still for some seconds", async || stopped.elapsed() >= Duration::from_secs(4)).await;
    bed.process(frozen).signal(libc::SIGCONT);
    let sample = sample_past(&locust, "r-1", begun, Timestamp::now() + SignedDuration::from_secs(4)).await;
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
    sample.marks
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_stood_still_is_no_finding_about_the_system() {
    let target = Target::start().await;
    let mut alone = Bed::new(&target.url, ORDERS);
    let process = alone.standalone(BOTH);
    let marks = marks_of_standing_still(&mut alone, process, 0).await;
    assert!(marks.contains(&Mark::GeneratorBound), "{marks:?}\n{}", alone.logs());

    let mut bed = Bed::new(&target.url, ORDERS);
    bed.master(BOTH);
    bed.worker(BOTH);
    let worker = bed.worker(BOTH);
    let marks = marks_of_standing_still(&mut bed, worker, 2).await;
    assert!(marks.contains(&Mark::GeneratorBound), "{marks:?}\n{}", bed.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn locust_stops_by_itself_when_the_conductor_is_gone() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.master(BOTH);
    bed.worker(BOTH);
    let settings = LocustSettings { dead_man: Span::seconds(5), ..bed.settings() };
    let locust = bed.ready(settings.clone(), orders(), 1).await;
    locust.set(&tags("r-1"), &users(2)).await.unwrap();
    let armed = Instant::now();
    until("three seconds of load have passed", async || armed.elapsed() >= Duration::from_secs(3)).await;
    locust.set(&tags("r-1"), &users(2)).await.unwrap();
    let rearmed = Instant::now();
    drop(locust);

    let observer = crate::bed::driver(settings, orders());
    until("Locust has stopped", async || observer.status().await.unwrap().users == 0).await;
    let alone = rearmed.elapsed();
    assert!(alone >= Duration::from_secs(4), "the second post re-armed the switch, but it stopped after {alone:?}");
    assert!(alone <= Duration::from_secs(20), "it took {alone:?}");
    observer.stop(&"r-1".parse().unwrap()).await.unwrap();
    let seen = target.seen().len();
    let quiet = Instant::now();
    until("a while has passed", async || quiet.elapsed() >= Duration::from_secs(2)).await;
    assert_eq!(target.seen().len(), seen, "nothing comes any more");
}
