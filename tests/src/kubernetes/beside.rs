//! A Locust in the test cluster that nobody has put on nodes of its own.

use conductor_kubernetes_bed::{Behaviour, deployment};
use serde_json::json;

use super::ClusterBed;
use super::clusters::{apply, await_replicas};

impl ClusterBed {
    /// A Deployment `locust` in the shop's namespace, which the environment names as what makes load. Its pods do nothing: the
    /// load comes from Locust on this machine.
    pub fn with_locust_beside_the_shop(&self) {
        let mut locust = json!(deployment("locust", 1, Behaviour::Ready));
        locust["apiVersion"] = json!("apps/v1");
        locust["kind"] = json!("Deployment");
        locust["metadata"]["namespace"] = json!(self.namespace);
        apply(&self.clusters.test, &locust.to_string());
        await_replicas(&self.clusters.test, &self.namespace, "deployment/locust");
        let pods = format!("layout: {{ pods: [{{ namespace: {}, labels: {{ app: locust }} }}], pool:", self.namespace);
        self.edit("environment.yaml", "layout: { pool:", &pods);
    }
}
