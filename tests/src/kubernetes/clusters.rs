//! Two clusters for all tests of a process, "production" and "test", with the rights that the conductor has there.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::repository;

/// The namespace of the conductor's accounts, as the manifests of rights say.
pub(super) const ACCOUNTS: &str = "loadtest-conductor";
/// The account that reads production.
pub(super) const READER: &str = "loadtest-conductor-reader";
/// The account that works in the test cluster.
pub(super) const CONDUCTOR: &str = "loadtest-conductor";

/// The node of the test cluster that is kept for load and mocks.
const LOAD_NODE: &str = "node-0";
/// The label of such nodes, and its value.
pub(super) const POOL: [&str; 2] = ["loadtest-conductor.dev/pool", "load"];

/// The clusters. Their processes end with this one: they are never dropped.
pub(super) struct Clusters {
    pub(super) production: Cluster,
    pub(super) test: Cluster,
}

/// What awaits the clusters' answers.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());
    &RUNTIME
}

/// The clusters, started by whoever asks first.
pub(super) fn clusters() -> &'static Clusters {
    static CLUSTERS: OnceLock<Clusters> = OnceLock::new();
    CLUSTERS.get_or_init(|| {
        let start = || Cluster::start(ClusterSettings { nodes: 2, ..ClusterSettings::default() });
        let started = runtime().block_on(async { tokio::try_join!(start(), start()) });
        let (production, test) = started.unwrap_or_else(|error| panic!("{error}"));
        let load = format!("{}={}", POOL[0], POOL[1]);
        said(&test, &["label", "node", LOAD_NODE, &load]);
        said(&test, &["taint", "node", LOAD_NODE, &format!("{load}:NoSchedule")]);
        runtime().block_on(production.namespace(ACCOUNTS)).unwrap();
        apply(&production, &manifest("production-reader.yaml"));
        apply(&test, &manifest("conductor.yaml"));
        apply(&test, &manifest("freeze/crd.yaml"));
        let established =
            ["wait", "--for=condition=Established", "crd/freezes.loadtest-conductor.dev", "--timeout", "90s"];
        assert!(kubectl(&test, &established).stdout(Stdio::null()).status().unwrap().success());
        apply(&test, &manifest("freeze/policy.yaml"));
        apply(&test, &manifest("freeze/binding.yaml"));
        Clusters { production, test }
    })
}

/// A manifest that users apply, too.
pub(super) fn manifest(name: &str) -> String {
    std::fs::read_to_string(repository().join("deploy/kubernetes").join(name)).unwrap()
}

/// An account of the conductor.
pub(super) fn user(account: &str) -> User {
    User::service_account(ACCOUNTS, account)
}

/// A kubeconfig of an account of the conductor.
pub(super) fn kubeconfig(cluster: &Cluster, account: &str) -> PathBuf {
    cluster.kubeconfig(&user(account)).unwrap()
}

/// Applies manifests, as somebody who may do everything. One after the other: of two tests that apply what belongs to the whole
/// cluster each would find nothing and make it.
pub(super) fn apply(cluster: &Cluster, manifests: &str) {
    static APPLYING: Mutex<()> = Mutex::new(());
    let _alone = APPLYING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = kubectl(cluster, &["apply", "-f", "-"]);
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(manifests.as_bytes()).unwrap();
    assert!(running.wait().unwrap().success(), "could not apply\n{manifests}");
}

/// A shipped manifest of one object, as the API server takes it. It is not made.
pub(super) fn taken(cluster: &Cluster, name: &str) -> Value {
    let file = repository().join("deploy/kubernetes").join(name);
    let mut command = kubectl(cluster, &["create", "--dry-run=server", "-o", "json", "-f"]);
    let output = command.arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until a workload, such as `deployment/shop`, has all of its replicas.
pub(super) fn await_replicas(cluster: &Cluster, namespace: &str, target: &str) {
    let mut command = kubectl(cluster, &["-n", namespace, "rollout", "status", target, "--timeout", "90s"]);
    assert!(command.stdout(Stdio::null()).status().unwrap().success(), "{target} of {namespace} has no replicas");
}

/// What kubectl answers as JSON.
pub(super) fn read(cluster: &Cluster, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(cluster, &[arguments, &["-o", "json"]].concat())).unwrap()
}

/// What kubectl answers.
pub(super) fn said(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = kubectl(cluster, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// kubectl, as somebody who may do everything.
pub(super) fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut command = cluster.kubectl(&User::Admin).unwrap();
    command.args(arguments);
    command
}
