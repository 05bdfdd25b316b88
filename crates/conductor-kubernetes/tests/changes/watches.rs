//! Waiting for a Deployment while its watch is interrupted, ended, refused, or was never there.

use std::time::Duration;

use conductor_core::ports::{Deployer, Way};
use conductor_kubernetes_bed::{
    Answer, Behaviour, Effect, Fault, FaultProxy, Moment, Requests, Then, Verb, deployment, until,
};
use kube::api::PostParams;

use crate::bed::{Bed, PATIENCE, text};
use crate::plans::like_production;

/// How long each replica takes: several ends of a watch.
const SLOW: Duration = Duration::from_secs(3);

/// Rolls out an application whose replicas take their time, while something happens at the proxy.
async fn rolled_out(namespace: &str, trouble: impl AsyncFn(&FaultProxy)) -> FaultProxy {
    let bed = Bed::new(namespace, &["shop"]).await;
    bed.api().create(&PostParams::default(), &deployment("shop", 1, Behaviour::Slow(SLOW))).await.unwrap();
    let proxy = bed.proxy().await;
    let conductor = bed.behind(&proxy, 1).await;
    let changes = like_production(&bed.observe(&conductor).await, &["shop"], 1);
    tokio::select! {
        done = conductor.roll_out(&bed.run, &changes.plan.rollouts[0], Way::There) => {
            done.unwrap_or_else(|error| panic!("{namespace}: {}", text(&error)));
        }
        () = trouble(&proxy) => panic!("{namespace}: there is always more trouble"),
    }
    proxy
}

/// Ends the watch whenever there is one.
async fn end(proxy: &FaultProxy, end: impl Fn(&FaultProxy)) {
    loop {
        until("a watch", PATIENCE, async || (proxy.open_watches() > 0).then_some(())).await;
        end(proxy);
        until("its end", PATIENCE, async || (proxy.open_watches() == 0).then_some(())).await;
    }
}

fn watches(proxy: &FaultProxy) -> usize {
    proxy.requests().iter().filter(|seen| seen.verb == Verb::Watch).count()
}

#[tokio::test]
async fn a_wait_outlives_its_watches() {
    let (dropped, expired) = tokio::join!(
        rolled_out("dropped", async |proxy| end(proxy, FaultProxy::drop_watches).await),
        rolled_out("expired", async |proxy| end(proxy, FaultProxy::expire_watches).await),
    );
    assert!(watches(&dropped) > 1 && watches(&expired) > 1);
}

#[tokio::test]
async fn a_wait_needs_no_watch() {
    let refused = rolled_out("unwatched", async |proxy| {
        let watch = Requests::all().verb(Verb::Watch);
        proxy.inject(Fault::new(watch, Effect::Answer(Answer::InternalError)));
        std::future::pending().await
    });
    let proxy = refused.await;
    assert!(watches(&proxy) > 1);
}

/// Each event of a watch costs the API server as much as a write does.
#[tokio::test]
async fn nothing_is_watched_until_all_is_written_nor_once_all_has_settled() {
    let bed = Bed::new("unheard", &["cart", "shop"]).await;
    for name in ["cart", "shop"] {
        bed.api().create(&PostParams::default(), &deployment(name, 1, Behaviour::Ready)).await.unwrap();
    }
    let proxy = bed.proxy().await;
    let conductor = bed.behind(&proxy, 1).await;
    let changes = like_production(&bed.observe(&conductor).await, &["cart", "shop"], 1);
    let late = Effect::Silence { at: Moment::Before, time: Duration::from_secs(1), then: Then::GoOn };
    proxy.inject(Fault::new(Requests::all().verb(Verb::Patch).name("shop"), late));
    let roll_out = |rollout| conductor.roll_out(&bed.run, rollout, Way::There);
    for done in futures::future::join_all(changes.plan.rollouts.iter().map(roll_out)).await {
        done.unwrap_or_else(|error| panic!("{}", text(&error)));
    }
    let seen = proxy.requests();
    let written = seen.iter().rposition(|seen| seen.verb == Verb::Patch).unwrap();
    let first_watch = seen.iter().position(|seen| seen.verb == Verb::Watch).unwrap();
    assert!(written < first_watch, "{seen:?}");
    until("no watch", PATIENCE, async || (proxy.open_watches() == 0).then_some(())).await;
}

/// As it was when it was written, it may not be any more.
#[tokio::test]
async fn that_all_is_well_is_not_believed_from_the_answer_to_a_write() {
    let bed = Bed::new("believed", &["cart", "shop"]).await;
    for name in ["cart", "shop"] {
        bed.api().create(&PostParams::default(), &deployment(name, 1, Behaviour::Ready)).await.unwrap();
    }
    let proxy = bed.proxy().await;
    let conductor = bed.behind(&proxy, 1).await;
    let changes = like_production(&bed.observe(&conductor).await, &["cart", "shop"], 1);
    let [cart, shop] = &changes.plan.rollouts[..] else { panic!("{:?}", changes.plan) };
    let roll_out = async |rollout| {
        let done = conductor.roll_out(&bed.run, rollout, Way::There).await;
        done.unwrap_or_else(|error| panic!("{}", text(&error)));
        proxy.requests()
    };
    let before = roll_out(cart).await.len();
    // Nothing is watched while this is on its way.
    let late = Effect::Silence { at: Moment::Before, time: Duration::from_secs(6), then: Then::GoOn };
    proxy.inject(Fault::new(Requests::all().verb(Verb::Patch).name("shop"), late));
    let (seen, _) = tokio::join!(roll_out(cart), roll_out(shop));
    let since = &seen[before..];
    assert!(since.iter().all(|seen| seen.verb != Verb::Watch), "{since:?}");
    let looks = since.iter().filter(|seen| seen.verb == Verb::Get && seen.object.name == "cart").count();
    assert_eq!(looks, 2, "one for the write, and one for what has come of it: {since:?}");
}
