//! Waiting for a Deployment while its watch is interrupted, ended, refused, or was never there.

use std::time::Duration;

use conductor_core::ports::{Deployer, Way};
use conductor_kubernetes_bed::{Answer, Behaviour, Effect, Fault, FaultProxy, Requests, Verb, deployment, until};
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
