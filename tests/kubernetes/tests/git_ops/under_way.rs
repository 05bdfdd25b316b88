//! What a keeper is at when it is paused: it goes on with it, and says when it is over.

use std::time::Duration;

use conductor_kubernetes_bed::{Tool, two_waves, until};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::{Shop, manifest};

/// How long a replica takes to become ready, one after the other.
const SLOW: Duration = Duration::from_secs(2);

async fn outlives_a_pause(tool: Tool) {
    let shop = Shop::new(&format!("under-way-{tool:?}").to_lowercase(), tool).await;
    if tool == Tool::Kustomization {
        shop.change(json!({ "spec": { "wait": true } })).await;
    }
    shop.push(two_waves(manifest(&shop.namespace, "v2"), SLOW).unwrap());
    shop.has(2, "v2").await;
    until("at work", PATIENCE, async || tool.is_at_work(&shop.keeper().await).then_some(())).await;
    let pause = match tool {
        Tool::Kustomization | Tool::HelmRelease => json!({ "suspend": true }),
        Tool::Application => json!({ "syncPolicy": { "automated": { "enabled": false } } }),
    };
    shop.change(json!({ "spec": pause })).await;
    let keeper = shop.keeper().await;
    assert!(tool.is_at_work(&keeper), "{tool:?}: {}", keeper["status"]);
    until("it is done", PATIENCE, async || (!tool.is_at_work(&shop.keeper().await)).then_some(())).await;
    shop.is_content().await;
    assert!(shop.deployments.get_opt("late").await.unwrap().is_some(), "{tool:?}");
    // Flux says which generation it has dealt with, that of the pause at last.
    if tool != Tool::Application {
        until("the pause is noted", PATIENCE, async || {
            let keeper = shop.keeper().await;
            (keeper["status"]["observedGeneration"] == keeper["metadata"]["generation"]).then_some(())
        })
        .await;
    }
    // And there is nothing that would go on.
    assert_eq!(shop.keeper().await["operation"], Value::Null, "{tool:?}");
    shop.edit(5, "v2").await;
    shop.keeps(5, "v2").await;
}

#[tokio::test]
async fn a_pause_does_not_interrupt_what_is_under_way() {
    join_all([Tool::Kustomization, Tool::HelmRelease, Tool::Application].map(outlives_a_pause)).await;
}
