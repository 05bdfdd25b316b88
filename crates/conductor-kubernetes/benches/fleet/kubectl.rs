//! What people do today: `kubectl scale --all`, one process for each namespace. It sets replicas only.

use conductor_kubernetes_bed::{Cluster, User};
use futures::{StreamExt, stream};

use crate::Way;
use crate::fleet::{Fleet, wanted};
use crate::wave::{Wave, wave};

/// Scales all, with so many processes at the same time.
pub(crate) async fn all(cluster: &Cluster, fleet: &Fleet, way: Way, processes: usize) -> Wave {
    let calls = fleet.namespaces.iter().map(|namespace| {
        let mut command = cluster.kubectl(&User::Admin).unwrap();
        command.args(["scale", "deployment", "--all", "--namespace", namespace]);
        command.arg(format!("--replicas={}", wanted(way).0));
        async {
            let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    let calls: Vec<_> = calls.collect();
    let work = stream::iter(calls).buffer_unordered(processes).collect::<()>();
    wave(cluster, &User::Admin, fleet.places.len(), work).await
}
