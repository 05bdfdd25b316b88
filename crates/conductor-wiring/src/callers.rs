//! Who asks a cluster who calls a server.

use std::sync::Arc;

use conductor_core::ports::CallerReview;
use conductor_kubernetes::{ClusterCallers, ClusterSettings, ConnectError, connect};

/// Asks this cluster, where rights count that callers have in `namespace` or in all of it. Nothing is asked yet.
///
/// # Errors
/// When there is no way to the cluster: its kubeconfig cannot be used, or there is none and this is no pod of a cluster.
pub async fn caller_review(cluster: &ClusterSettings, namespace: &str) -> Result<Arc<dyn CallerReview>, ConnectError> {
    let client = connect(cluster).await?;
    Ok(Arc::new(ClusterCallers::new(client, namespace.to_owned())))
}
