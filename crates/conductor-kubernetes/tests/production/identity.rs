//! Whether production is the cluster that load goes to.

use conductor_core::ports::FailureKind;
use conductor_kubernetes::same_cluster;
use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};

use crate::bed::{cluster, reader, text};

#[tokio::test]
async fn a_cluster_is_the_same_for_whoever_asks_and_another_one_is_not() {
    let production = cluster().await;
    let eyes = reader(production).await;
    assert!(same_cluster(&eyes, &production.client(&User::Admin).await.unwrap()).await.unwrap());
    let test = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(!same_cluster(&eyes, &test.client(&User::Admin).await.unwrap()).await.unwrap());
    let stranger = test.client(&User::person("nobody")).await.unwrap();
    let error = same_cluster(&eyes, &stranger).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(text(&error).starts_with("could not read Namespace kube-system in the test cluster: "), "{error:?}");
    test.stop().await.unwrap();
}
