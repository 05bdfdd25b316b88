//! A policy by which nobody may change Deployments.

use conductor_kubernetes_bed::{User, until};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy as Policy, ValidatingAdmissionPolicyBinding as Binding,
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Error};
use serde_json::json;

use crate::Shop;
use crate::support::{PATIENCE, cluster};

/// What the policy says.
pub(crate) const DENIED: &str = "nobody changes anything here";

/// The policy, in the namespace of a shop.
pub(crate) struct Denial<'s> {
    shop: &'s Shop,
    client: Client,
}

impl<'s> Denial<'s> {
    /// Comes back when it is in force.
    pub(crate) async fn of(shop: &'s Shop) -> Self {
        let client = cluster().await.client(&User::Admin).await.unwrap();
        let name = &shop.namespace;
        let policy = json!({
            "metadata": { "name": name },
            "spec": {
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["UPDATE"],
                }] },
                "validations": [{ "expression": "false", "message": DENIED }],
            },
        });
        let binding = json!({
            "metadata": { "name": name },
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } },
            },
        });
        let policy: Policy = serde_json::from_value(policy).unwrap();
        let binding: Binding = serde_json::from_value(binding).unwrap();
        Api::all(client.clone()).create(&Default::default(), &policy).await.unwrap();
        Api::all(client.clone()).create(&Default::default(), &binding).await.unwrap();
        until("the policy is in force", PATIENCE, async || is_denied(&shop.deployments).await.then_some(())).await;
        Self { shop, client }
    }

    /// Comes back when it is out of force.
    pub(crate) async fn lift(self) {
        let name = &self.shop.namespace;
        Api::<Binding>::all(self.client.clone()).delete(name, &Default::default()).await.unwrap();
        Api::<Policy>::all(self.client).delete(name, &Default::default()).await.unwrap();
        let deployments = &self.shop.deployments;
        until("the policy is gone", PATIENCE, async || (!is_denied(deployments).await).then_some(())).await;
    }
}

async fn is_denied(deployments: &Api<Deployment>) -> bool {
    let without_effect = PatchParams { dry_run: true, ..PatchParams::default() };
    let change = Patch::Merge(json!({ "metadata": { "annotations": { "tried": "it" } } }));
    match deployments.patch("shop", &without_effect, &change).await {
        Ok(_) => false,
        Err(Error::Api(status)) if status.message.contains(DENIED) => true,
        Err(error) => panic!("{error}"),
    }
}
