//! A proxy does what it is told to, to the requests that were meant, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod answers;
mod lost;
mod proxies;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod watches;

use std::process::Command;

use conductor_kubernetes_bed::{Cluster, FaultProxy, Seen, User};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use support::{api, namespace};

/// A proxy for an admin with a fresh namespace, and a client that asks once only.
pub(crate) async fn proxied(name: &str) -> (FaultProxy, Client) {
    let (cluster, _) = namespace(name).await;
    let proxy = cluster.fault_proxy(&User::Admin).await.unwrap();
    let client = Client::try_from(config(&proxy).await).unwrap();
    (proxy, client)
}

/// What a program makes of the kubeconfig, without asking again after a failure.
pub(crate) async fn config(proxy: &FaultProxy) -> Config {
    let kubeconfig = Kubeconfig::read_from(proxy.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.proxy_url = None;
    config.default_retry = false;
    config
}

pub(crate) async fn maps(proxy: &FaultProxy, namespace: &str) -> Api<ConfigMap> {
    api(&proxy.client().await.unwrap(), namespace)
}

pub(crate) fn kubectl(cluster: &Cluster, proxy: &FaultProxy) -> Command {
    let mut kubectl = cluster.kubectl(&User::Admin).unwrap();
    kubectl.arg("--kubeconfig").arg(proxy.kubeconfig());
    kubectl
}

pub(crate) fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap()
}

/// What the API server answered and what the client was answered.
pub(crate) fn outcome(seen: &Seen) -> (Option<u16>, Option<u16>) {
    (seen.server, seen.client)
}

pub(crate) fn code(error: &kube::Error) -> u16 {
    let kube::Error::Api(status) = error else { panic!("{error}") };
    status.code
}
