//! There and back: every field that was changed is as before, and nothing is left of the run.

use conductor_core::app::{Allocation, Bounds};
use conductor_core::release::Release;
use kube::api::PostParams;

use crate::bed::{Bed, text};
use crate::plans::{autoscaler, image, like_production, production, with_resources};

#[tokio::test]
async fn versions_and_replicas_and_resources_and_autoscalers_are_back_exactly() {
    let bed = Bed::new("there-and-back", &["checkout", "ledger"]).await;
    let create = PostParams::default();
    bed.api().create(&create, &with_resources("checkout", 2)).await.unwrap();
    bed.api().create(&create, &with_resources("ledger", 1)).await.unwrap();
    bed.api().create(&create, &autoscaler("checkout", 1, 4)).await.unwrap();
    let before = bed.everything().await;

    let conductor = bed.conductor(1).await;
    let baseline = bed.observe(&conductor).await;
    assert_eq!(
        baseline["checkout"].to_string(),
        "registry.example/checkout:1 with 2 replicas, autoscaled from 1 to 4, limits.memory 128Mi, requests.cpu 500m, requests.memory 64Mi"
    );
    let changes = like_production(&baseline, &["checkout", "ledger"], 6);
    bed.perform(&conductor, &changes.plan).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let during = bed.observe(&conductor).await;
    assert_eq!(during["checkout"].allocation, Allocation { autoscaling: Some(Bounds::pinned(6)), ..production(6) });
    let release = Release::new([("main".to_owned(), image("ledger"))].into());
    assert_eq!((&during["ledger"].release, &during["ledger"].allocation), (&release, &production(6)));

    let foreign = bed.restore(&conductor, &changes).await;
    assert_eq!(foreign, [""; 0]);
    assert_eq!(bed.everything().await, before);
    assert_eq!(bed.older_replicas().await, 0);
}
