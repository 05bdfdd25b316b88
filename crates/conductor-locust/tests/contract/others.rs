//! One Locust and several runs: a dead run that is put back leaves a live one its users.

use std::time::{Duration, Instant};

use conductor_core::ports::{FailureKind, LoadGenerator};
use conductor_core::run::RunId;
use conductor_core::units::Span;
use conductor_locust::{Locust, LocustSettings};

use crate::bed::{Bed, ORDERS, driver, orders, tags, until, users};
use crate::target::Target;

const BOTH: &str = "team.py,conductor_locust.py";
/// Far less than a stop waits for users that do not end.
const AT_ONCE: Duration = Duration::from_secs(30);

fn dead() -> RunId {
    "dead".parse().unwrap()
}

fn live() -> RunId {
    "live".parse().unwrap()
}

async fn runs(locust: &Locust) -> u64 {
    locust.status().await.unwrap().users
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stop_of_a_dead_run_leaves_a_live_one_its_users() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.master(BOTH);
    bed.worker(BOTH);
    let settings = LocustSettings { dead_man: Span::seconds(3), ..bed.settings() };
    let dying = bed.ready(settings, orders(), 1).await;
    dying.set(&tags("dead"), &users(2)).await.unwrap();
    drop(dying);
    let locust = driver(bed.settings(), orders());
    until("the dead man's switch has ended the users", async || runs(&locust).await == 0).await;
    bed.ready(bed.settings(), orders(), 1).await;
    locust.set(&tags("live"), &users(3)).await.unwrap();
    until("all users of the live run run", async || runs(&locust).await == 3).await;

    let reaper = driver(bed.settings(), orders());
    let asked = Instant::now();
    reaper.stop(&dead()).await.unwrap();
    assert!(asked.elapsed() < AT_ONCE, "it took {:?}", asked.elapsed());
    assert_eq!(runs(&locust).await, 3);
    let error = reaper.set(&tags("dead"), &users(1)).await.unwrap_err();
    let told = format!("Locust at {} runs 3 users of run live; it takes one run at a time", bed.settings().url);
    assert_eq!((error.kind, error.act), (FailureKind::Rejected, told));
    let before = target.orders("live");
    until("the live run orders on", async || target.orders("live") > before + 20).await;

    locust.set(&tags("live"), &users(2)).await.unwrap();
    locust.stop(&live()).await.unwrap();
    assert_eq!(runs(&locust).await, 0, "a run's own users are stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_begins_during_the_stop_of_another_ends_its_wait() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.master(BOTH);
    bed.worker(BOTH);
    let locust = bed.ready(bed.settings(), orders(), 1).await;
    locust.set(&tags("dead"), &users(2)).await.unwrap();
    until("all users run", async || runs(&locust).await == 2).await;

    let other = driver(bed.settings(), orders());
    let begin = async {
        until("the users have ended", async || runs(&other).await == 0).await;
        until("the other run begins", async || other.set(&tags("live"), &users(2)).await.is_ok()).await;
    };
    let asked = Instant::now();
    let (dead, live) = (dead(), live());
    let (stopped, ()) = tokio::join!(locust.stop(&dead), begin);
    stopped.unwrap();
    assert!(asked.elapsed() < AT_ONCE, "it took {:?}", asked.elapsed());
    until("the live run orders", async || target.orders("live") > 20).await;
    other.stop(&live).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_nobody_is_known_to_have_started_are_stopped() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.standalone(BOTH);
    let locust = bed.ready(bed.settings(), orders(), 0).await;
    let by_hand = reqwest::Client::new().post(format!("{}/swarm", bed.settings().url));
    by_hand.form(&[("user_count", "2"), ("spawn_rate", "100")]).send().await.unwrap().error_for_status().unwrap();
    until("they run", async || runs(&locust).await == 2).await;
    locust.stop(&live()).await.unwrap();
    assert_eq!(runs(&locust).await, 0);
}
