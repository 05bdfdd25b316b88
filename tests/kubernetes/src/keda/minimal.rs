//! A controller that does with ScaledObjects what KEDA does with them, as far as others can tell.
//!
//! What it does when was taken from KEDA's behaviour; the tests of the bed check it against KEDA itself. It knows the
//! trigger `cron` alone, has no metrics, and leaves to the autoscalers that it makes whatever is theirs.

mod autoscaler;
mod one;
mod pause;
mod queue;
mod scaling;
mod target;
mod window;

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::time::Instant;

use crate::keda::minimal::one::{One, Outcome};
use crate::keda::minimal::queue::{Key, Queue, Work};
use crate::keda::scaled_object::ScaledObject;

/// How often triggers are looked at unless the ScaledObject says something else.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long the controller may rest when nothing is due.
const REST: Duration = Duration::from_secs(3600);

/// Does its work for as long as it is let.
pub(super) async fn follow(client: Client, mut log: File) {
    let objects = watcher(Api::<ScaledObject>::all(client.clone()), watcher::Config::default());
    let autoscalers = watcher(Api::<HorizontalPodAutoscaler>::all(client.clone()), watcher::Config::default());
    let mut objects = std::pin::pin!(objects.default_backoff());
    let mut autoscalers = std::pin::pin!(autoscalers.default_backoff());
    let mut queue = Queue::default();
    loop {
        let next = queue.next().unwrap_or_else(|| Instant::now() + REST);
        tokio::select! {
            // A watch that was interrupted begins anew by itself.
            Some(event) = objects.next() => if let Ok(event) = event { queue.see(&event); },
            Some(event) = autoscalers.next() => if let Ok(event) = event { queue.see_autoscaler(event); },
            () = tokio::time::sleep_until(next) => match queue.take() {
                Some(Work::Reconcile(key)) => {
                    let outcome = reconcile(&client, &key).await;
                    note(&mut log, "reconcile", &key, &outcome);
                    queue.reconciled(&key, outcome);
                }
                Some(Work::Scale(key)) => {
                    let again_after = scale(&client, &key).await;
                    note(&mut log, "scale", &key, &again_after);
                    if let Ok(again_after) = again_after {
                        queue.scaled(&key, again_after);
                    }
                }
                None => {}
            }
        }
    }
}

async fn reconcile(client: &Client, (namespace, name): &Key) -> Result<Outcome, String> {
    match One::read(client, namespace, name).await? {
        Some(one) => one.reconcile().await,
        None => Ok(Outcome::Gone),
    }
}

/// Answers with the time until the next look.
async fn scale(client: &Client, (namespace, name): &Key) -> Result<Duration, String> {
    let Some(one) = One::read(client, namespace, name).await? else { return Ok(LOOK_EVERY) };
    let again_after = one.polling_interval().map_or(LOOK_EVERY, |seconds| Duration::from_secs(seconds.into()));
    one.scale().await?;
    Ok(again_after)
}

/// What failed is tried again; here is why it was.
fn note<T>(log: &mut File, act: &str, (namespace, name): &Key, outcome: &Result<T, String>) {
    if let Err(error) = outcome {
        // A log that cannot be written is gone with the cluster.
        let _ = writeln!(log, "could not {act} ScaledObject {namespace}/{name}: {error}");
    }
}
