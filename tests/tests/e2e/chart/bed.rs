//! A cluster with namespaces that take only restricted pods, and Helm.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A namespace of the cluster that all tests share, for a release of the chart.
pub(super) struct Bed {
    namespace: String,
    folder: TempDir,
}

/// What awaits the cluster's answers.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// The cluster. Its processes end with this one: it is never dropped.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let settings = ClusterSettings { nodes: 1, ..ClusterSettings::default() };
    RUNTIME.block_on(Cluster::start(settings)).unwrap_or_else(|error| panic!("{error}"))
});

/// A folder of the repository.
pub(super) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

impl Bed {
    pub(super) fn new(namespace: &str) -> Self {
        RUNTIME.block_on(CLUSTER.namespace(namespace)).unwrap();
        let bed = Self { namespace: namespace.to_owned(), folder: TempDir::new().unwrap() };
        let restricted = ["enforce", "warn"].map(|how| format!("pod-security.kubernetes.io/{how}=restricted"));
        bed.kubectl(&["label", "namespace", namespace, &restricted[0], &restricted[1]], "");
        bed
    }

    /// The address of the API server, which is the issuer of tokens of ServiceAccounts, too.
    pub(super) fn issuer(&self) -> &str {
        CLUSTER.url()
    }

    /// Where a file is, in a folder of its own.
    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes such a file, and answers with where it is.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        self.path(name)
    }

    /// Calls Helm with the chart and these values.
    pub(super) fn helm(&self, act: &[&str], values: &Value) -> Output {
        let values = self.file("values.json", &values.to_string());
        let chart = repository("deploy/helm/loadtest-conductor");
        self.helm_alone(&[act, &[chart.to_str().unwrap(), "-f", &values]].concat())
    }

    /// Calls Helm in the namespace, with neither.
    pub(super) fn helm_alone(&self, arguments: &[&str]) -> Output {
        let helm = PathBuf::from(std::env::var_os("CONDUCTOR_HELM").unwrap_or_default());
        assert!(helm.is_file(), "CONDUCTOR_HELM names no file: cargo verify builds it, and so does cargo xtask helm");
        let mut command = Command::new(helm);
        command.args(arguments).args(["-n", &self.namespace]).stdin(Stdio::null());
        // It caches and remembers under HOME.
        command.env("HOME", self.folder.path()).env("KUBECONFIG", CLUSTER.kubeconfig(&User::Admin).unwrap());
        command.output().unwrap()
    }

    /// The manifests that Helm makes of these values, for a release of the namespace's name: some names are the whole cluster's.
    pub(super) fn rendered(&self, values: &Value) -> String {
        succeeded(&self.helm(&["template", &self.namespace], values))
    }

    /// What the API server makes of manifests, which name their namespaces, strictly and without a warning. They are not made.
    pub(super) fn taken(&self, manifests: &str) -> Vec<Value> {
        let output = self.call(&["create", "--dry-run=server", "-o", "json", "-f", "-"], manifests);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{manifests}");
        // One document after the other.
        let documents = succeeded(&output);
        let objects = serde_json::Deserializer::from_str(&documents).into_iter::<Value>();
        let objects = objects.map(Result::unwrap).flat_map(|object| match object["items"].as_array() {
            Some(items) if object["kind"] == "List" => items.clone(),
            _ => vec![object],
        });
        objects.collect()
    }

    /// Calls kubectl in the namespace, as somebody who may do everything. It must succeed.
    pub(super) fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        succeeded(&self.call(&[&["-n", &self.namespace], arguments].concat(), input))
    }

    /// What kubectl gets.
    pub(super) fn get(&self, arguments: &[&str]) -> Value {
        let said = self.kubectl(&[&["get", "-o", "json"], arguments].concat(), "");
        serde_json::from_str(&said).unwrap()
    }

    fn call(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = CLUSTER.kubectl(&User::Admin).unwrap();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        running.wait_with_output().unwrap()
    }
}

/// What a program has printed, after asserting that it went well.
pub(super) fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Values of a server with one environment, and nothing else that need not be said.
pub(super) fn least() -> Value {
    json!({ "environments": { "shop-local": {
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "Environment",
        "metadata": { "name": "shop-local" },
        "spec": {}
    } } })
}

/// A schedule that starts a load test at night, by this token.
pub(super) fn at_night(load_test: &Value, token: &Value) -> Value {
    json!({ "schedule": "0 2 * * *", "timeZone": "Europe/Berlin", "loadTest": load_test, "token": token })
}
