//! A controller that does with StackSets what theirs does with them, as far as others can tell: it looks at everything again and
//! again, and makes of each Stack a Deployment, and a HorizontalPodAutoscaler where the Stack has one.
//!
//! What it does when was taken from the real one's behaviour; the tests of the bed check it against that. It makes no Services
//! and no ingresses, scales nothing in advance, keeps every Stack, and knows the metrics `CPU` and `Memory`.

mod made;
mod one;
mod traffic;

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::stack_sets::minimal::one::One;
use crate::stack_sets::{Stack, StackSet};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(250);

/// Does its work for as long as it is let.
pub(super) async fn follow(client: Client, mut log: File) {
    loop {
        if let Err(error) = look(&client, &mut log).await {
            // A log that cannot be written is gone with the cluster.
            let _ = writeln!(log, "could not look: {error}");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Looks at everything, and puts right what is not.
async fn look(client: &Client, log: &mut File) -> Result<(), kube::Error> {
    let sets = Api::<StackSet>::all(client.clone()).list(&Default::default()).await?;
    if sets.items.is_empty() {
        return Ok(());
    }
    // Whatever is made of a Stack has its labels: others have many more objects.
    let made = ListParams::default().labels(made::OF_PODS[0]);
    let stacks = Api::<Stack>::all(client.clone()).list(&made).await?.items;
    let deployments = Api::<Deployment>::all(client.clone()).list(&made).await?.items;
    let autoscalers = Api::<HorizontalPodAutoscaler>::all(client.clone()).list(&made).await?.items;
    for set in sets {
        let (namespace, name) = (set.namespace().unwrap_or_default(), set.name_any());
        let one = One::new(client, set, &stacks, &deployments, &autoscalers);
        for error in one.reconcile().await {
            let _ = writeln!(log, "StackSet {namespace}/{name}: {error}");
        }
    }
    Ok(())
}
