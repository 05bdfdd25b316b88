//! What somebody else changes of an application that the run has not changed is put back, and nothing of the run is left there.

mod changed;

use std::collections::BTreeMap;

use conductor_core::ports::{Deployer, Scaler, Way};
use conductor_core::release::Rollout;
use conductor_core::scale::{Observed, ScaleStep};

use crate::bed::Bed;

/// Puts what was before in place again, as the engine does where the run needs it as it was before.
async fn revert(bed: &Bed, before: &Observed) {
    let (found, application) = (bed.observe().await["checkout"].clone(), bed.applications[0].clone());
    let rollout = Rollout::new(application.clone(), found.release, before.release.clone());
    bed.conductor.roll_out(&bed.run, &rollout, Way::Back).await.unwrap();
    for (from, way) in [(&found.allocation, Way::Back), (&before.allocation, Way::There)] {
        let (from, to) = (from.clone(), before.allocation.clone());
        let step = ScaleStep { application: application.clone(), from, to };
        bed.conductor.scale(&bed.run, &step, way).await.unwrap();
    }
}

#[tokio::test]
async fn a_revert_of_what_the_run_has_not_changed_leaves_nothing_to_be_put_back() {
    let beds = [
        (Bed::new("reverted").await, "deployment/checkout"),
        (Bed::with_stateful_set("reverted-set").await, "statefulset/checkout"),
        (Bed::with_stack_set("reverted-stack", None).await, "stack.zalando.org/checkout-v1"),
    ];
    for (bed, object) in beds {
        let before = bed.observe().await["checkout"].clone();
        let replicas = r#"[{ "op": "replace", "path": "/spec/replicas", "value": 5 }]"#;
        bed.kubectl(&["patch", object, "--type=json", "-p", replicas]).await.unwrap();
        let pod = if object.starts_with("stack") { "podTemplate" } else { "template" };
        let image = format!(
            r#"[{{ "op": "replace", "path": "/spec/{pod}/spec/containers/0/image", "value": "registry.example/checkout:9" }}]"#
        );
        bed.kubectl(&["patch", object, "--type=json", "-p", &image]).await.unwrap();
        let theirs = bed.observe().await["checkout"].clone();
        assert_eq!(theirs.allocation.replicas, 5, "{object}");
        assert_ne!(theirs.release, before.release, "{object}");

        revert(&bed, &before).await;
        assert_eq!(bed.observe().await["checkout"], before, "{object}");
        let left = bed.conductor.left_behind(&bed.applications).await.unwrap();
        assert_eq!(left, BTreeMap::new(), "{object}");
        let annotations = bed.kubectl(&["get", object, "-o", "jsonpath={.metadata.annotations}"]).await.unwrap();
        assert!(!annotations.contains("loadtest-conductor.dev/"), "{object}: {annotations}");
        bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
        assert_eq!(bed.observe().await["checkout"], before, "{object}");
    }
}
