//! How many requests the API server has answered, reads too: by its own metrics, since its audit log has writes only.

use conductor_kubernetes_bed::{Cluster, User};

/// All requests so far for Deployments and autoscalers.
pub(crate) async fn so_far(cluster: &Cluster) -> f64 {
    let admin = cluster.client(&User::Admin).await.unwrap();
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    let text = admin.request_text(request).await.unwrap();
    let counted = text.lines().filter(|line| {
        line.starts_with("apiserver_request_total{")
            && ["deployments", "horizontalpodautoscalers"]
                .iter()
                .any(|kind| line.contains(&format!("resource=\"{kind}\"")))
    });
    counted.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}
