//! The controllers of Flux and Argo CD: who they are, and how the real ones are called. In their place the bed has a small keeper
//! for each object.

use serde_json::{Value, json};

use super::{Tool, crds};
use crate::controller::{Controller, RealCommand};

pub(super) static KUSTOMIZE_CONTROLLER: Controller = Controller {
    name: "Flux's kustomize-controller",
    program: "kustomize-controller",
    variable: "CONDUCTOR_KUSTOMIZE_CONTROLLER",
    word: "kustomize-controller",
    account: ("flux-system", "kustomize-controller"),
    rules: everything,
    resource: || Tool::Kustomization.resource(),
    definitions: || vec![crds::of_keepers(Tool::Kustomization)],
    own: None,
    real: RealCommand {
        arguments: &[
            "--watch-all-namespaces=true",
            "--enable-leader-election=false",
            "--metrics-addr=0",
            "--health-addr=0",
            // A repository that is gone with its test shall not keep a worker.
            "--http-retry=0",
            "--interval-jitter-percentage=0",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        ],
        environment: &[("RUNTIME_NAMESPACE", "flux-system")],
        prepare: |_| Ok(()),
        at_work: &["Starting workers", "\"controllerKind\":\"Kustomization\""],
    },
};

pub(super) static HELM_CONTROLLER: Controller = Controller {
    name: "Flux's helm-controller",
    program: "helm-controller",
    variable: "CONDUCTOR_HELM_CONTROLLER",
    word: "helm-controller",
    account: ("flux-system", "helm-controller"),
    rules: everything,
    resource: || Tool::HelmRelease.resource(),
    definitions: || vec![crds::of_keepers(Tool::HelmRelease)],
    own: None,
    real: RealCommand {
        arguments: &[
            "--watch-all-namespaces=true",
            "--enable-leader-election=false",
            "--metrics-addr=0",
            "--health-addr=0",
            "--http-retry=0",
            "--graceful-shutdown-timeout=1s",
            "--interval-jitter-percentage=0",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        ],
        environment: &[("RUNTIME_NAMESPACE", "flux-system")],
        prepare: |_| Ok(()),
        at_work: &["Starting workers", "\"controllerKind\":\"HelmRelease\""],
    },
};

pub(super) static ARGO_CD: Controller = Controller {
    name: "Argo CD",
    program: "argo-cd",
    variable: "CONDUCTOR_ARGO_CD",
    word: "argo-cd",
    account: ("argocd", "argocd-application-controller"),
    rules: everything,
    resource: || Tool::Application.resource(),
    definitions: || vec![crds::of_keepers(Tool::Application)],
    own: None,
    real: RealCommand {
        arguments: &[],
        // Its own cluster is that of the kubeconfig.
        environment: &[("ARGOCD_FAKE_IN_CLUSTER", "true"), ("ARGOCD_GPG_ENABLED", "false")],
        prepare: |_| Ok(()),
        at_work: &["the application controller is at work"],
    },
};

/// They may do everything, as is usual with them.
fn everything() -> Vec<Value> {
    vec![
        json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }),
        json!({ "nonResourceURLs": ["*"], "verbs": ["*"] }),
    ]
}
