//! The floor: nothing can change the same fields of the same objects with less than one bare patch each.

use conductor_kubernetes::{ClusterSettings, connect};
use conductor_kubernetes_bed::Cluster;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::json;

use crate::fleet::{Fleet, requests, wanted};
use crate::wave::{Wave, wave};
use crate::{Way, user};

/// As many as the conductor has on their way at the same time.
const CONCURRENCY: usize = 16;

/// Patches all, with a client like the conductor's, and does not look at the answers.
pub(crate) async fn all(cluster: &Cluster, fleet: &Fleet, way: Way) -> Wave {
    let settings = ClusterSettings { kubeconfig: Some(fleet.kubeconfig.clone()), ..ClusterSettings::default() };
    let client = connect(&settings).await.unwrap();
    let patch: json_patch::Patch = serde_json::from_value(json!([
        { "op": "add", "path": "/spec/replicas", "value": wanted(way).0 },
        { "op": "add", "path": "/spec/template/spec/containers/0/resources/requests", "value": requests(way) },
    ]))
    .unwrap();
    let patch = Patch::Json::<()>(patch);
    // A program that has not made them has a name of its own in their managedFields, which costs the server something.
    let params = PatchParams { field_manager: Some("floor".to_owned()), ..PatchParams::default() };
    let patches = fleet.places.iter().map(|(namespace, name)| {
        let request = Request::new(format!("/apis/apps/v1/namespaces/{namespace}/deployments"));
        let request = request.patch(name, &params, &patch).unwrap();
        let client = client.clone();
        async move { client.request_text(request).await.map(drop) }
    });
    let work = stream::iter(patches).buffer_unordered(CONCURRENCY).try_collect::<()>();
    wave(cluster, &user(), fleet.places.len(), async { work.await.unwrap() }).await
}
