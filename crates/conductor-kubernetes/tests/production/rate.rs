//! No more requests in a second than the settings allow.

use std::time::{Duration, Instant};

use conductor_kubernetes::{ClusterSettings, connect};
use futures::future::try_join_all;

use crate::bed::{cluster, conductor};

#[tokio::test]
async fn requests_wait_for_their_turn() {
    let kubeconfig = cluster().await.kubeconfig(&conductor()).unwrap();
    let settings =
        ClusterSettings { kubeconfig: Some(kubeconfig), requests_per_second: Some(10), ..ClusterSettings::default() };
    let client = connect(&settings).await.unwrap();
    let begun = Instant::now();
    try_join_all((0..25).map(|_| client.apiserver_version())).await.unwrap();
    // Ten, ten, and five: the last ones two seconds after the first.
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}
