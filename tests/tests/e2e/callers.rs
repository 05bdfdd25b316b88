//! Callers whom a cluster knows: a real server asks a real API server about tokens of ServiceAccounts, which call it by the command
//! line and by grpcurl.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use conductor_kubernetes_bed::{Answer, Cluster, ClusterSettings, Effect, Fault, FaultProxy, Requests, User};
use conductor_tests::{Bed, Ended, Server, Shop, shell, until};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::server::{PATIENCE, assert_put_back};

/// For whom the tokens are.
const AUDIENCE: &str = "load-tests";
/// How long a server remembers what the cluster has said.
const REMEMBERED: Duration = Duration::from_secs(1);
/// What grpcurl ends with, without the status of the call.
const STATUS: i32 = 64;
const PERMISSION_DENIED: i32 = STATUS + 7;
const UNAVAILABLE: i32 = STATUS + 14;
const UNAUTHENTICATED: i32 = STATUS + 16;

/// A shop with a server, and the cluster that the server asks.
struct Scene {
    // Before what it asks, and before the runtime.
    server: Server,
    proxy: FaultProxy,
    cluster: Cluster,
    bed: Bed,
    _runtime: Runtime,
}

impl Scene {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let settings = ClusterSettings { nodes: 1, ..ClusterSettings::default() };
        let cluster = runtime.block_on(Cluster::start(settings)).unwrap_or_else(|error| panic!("{error}"));
        let conductor = User::service_account("loadtest-conductor", "loadtest-conductor");
        let proxy = runtime.block_on(cluster.fault_proxy(&conductor)).unwrap();
        let bed = Bed::up(Shop::default());
        let access = format!(
            "{{ audiences: [{AUDIENCE}], cluster: {{ kubeconfig: {:?} }}, rememberFor: 1s }}",
            proxy.kubeconfig()
        );
        let head = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Server\nspec:";
        let rest = "  environments: [environment.yaml]\n  audit: { file: audit }";
        bed.write("server.yaml", &format!("{head}\n{rest}\n  access: {{ kubernetes: {access} }}\n"));
        let server = Server::start(&bed, &["--settings", &bed.path("server.yaml")]);
        server.wait_until_ready();
        let scene = Self { server, proxy, cluster, bed, _runtime: runtime };
        for manifest in ["conductor.yaml", "callers.yaml"] {
            let file = format!("{}/../deploy/kubernetes/{manifest}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(file).unwrap();
            scene
                .kubectl(&["create", "-f", "-"], &text.replace("resourceNames: [shop]", "resourceNames: [shop-local]"));
        }
        scene.kubectl(&["create", "namespace", "ci"], "");
        for account in ["nightly", "curious", "stranger"] {
            scene.kubectl(&["-n", "ci", "create", "serviceaccount", account], "");
        }
        let [role, who] = ["--role=load-test-viewer-shop", "--serviceaccount=ci:curious"];
        scene.kubectl(&["-n", "loadtest-conductor", "create", "rolebinding", "curious", role, who], "");
        scene
    }

    /// Calls kubectl as somebody who may do everything. It must succeed.
    fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let mut command = self.cluster.kubectl(&User::Admin).unwrap();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = running.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A token of an account, as a pod of it would have it.
    fn token(&self, account: &str, audience: &str) -> String {
        self.kubectl(&["-n", "ci", "create", "token", account, "--audience", audience], "")
    }

    /// Calls a method with a token.
    fn call(&self, token: &str, method: &str, request: &Value) -> Ended {
        let (header, request) = (format!("authorization: Bearer {token}"), request.to_string());
        // What the service is like is known beforehand, so that it is this call alone that is let in or refused.
        let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
        let before = ["-import-path", contract, "-proto", "conductor/v1/service.proto", "-H", &header, "-d", &request];
        self.server.grpcurl(&before, &[&format!("conductor.v1.LoadTestService/{method}")])
    }

    /// Calls the command line with the token in a file.
    fn conductor(&self, token: &str, arguments: &str) -> Ended {
        self.bed.write("token", token);
        let (file, address) = (self.bed.path("token"), &self.server.address);
        shell(&self.bed, &format!("CONDUCTOR_TOKEN_FILE='{file}' conductor --server http://{address} {arguments}"))
    }
}

#[test]
fn a_service_account_does_what_its_cluster_lets_it_do_for_as_long_as_it_does() {
    let scene = Scene::new();
    let rows = scene.bed.rows();
    let nightly = scene.token("nightly", AUDIENCE);
    let (curious, stranger) = (scene.token("curious", AUDIENCE), scene.token("stranger", AUDIENCE));
    until("the rights have come into force", PATIENCE, || {
        scene.call(&nightly, "ListLoadTests", &json!({})).code == Some(0)
            && scene.call(&curious, "GetLoadTest", &json!({ "id": "no-run" })).code == Some(STATUS + 5)
    });

    // As docs/access.md says how people look at it.
    let told = |account: &str| {
        let who = format!("system:serviceaccount:ci:{account}");
        let all = scene.kubectl(&["auth", "can-i", "--list", "-n", "loadtest-conductor", "--as", &who], "");
        let ours = all.lines().find(|line| line.starts_with("loadtests.loadtest-conductor.dev "));
        ours.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(told("nightly").as_deref(), Some("[] [shop-local] [get list watch create update stop]"));
    assert_eq!(told("curious").as_deref(), Some("[] [shop-local] [get list watch]"));
    assert_eq!(told("stranger"), None);

    scene.conductor(&nightly, "start loadtest.yaml").succeeded();
    let listed = scene.call(&curious, "ListLoadTests", &json!({})).json();
    let run = listed["runs"][0]["id"].as_str().unwrap_or_else(|| panic!("{listed:#}")).to_owned();
    assert_eq!(scene.call(&stranger, "ListLoadTests", &json!({})).json(), json!({}), "it sees nothing");
    scene.call(&stranger, "GetLoadTest", &json!({ "id": run })).ended_with(STATUS + 5);
    let stop = json!({ "id": run });
    let refused = scene.call(&curious, "StopLoadTest", &stop).ended_with(PERMISSION_DENIED);
    assert!(refused.err.contains("this needs the role operator in environment \"shop-local\""), "{}", refused.err);
    for token in [scene.token("nightly", "payments"), format!("{}AAAA", &nightly[..nightly.len() - 4])] {
        let refused = scene.call(&token, "StopLoadTest", &stop).ended_with(UNAUTHENTICATED);
        assert!(refused.err.contains("no valid credentials: "), "{}", refused.err);
    }

    // While the API server cannot be asked nobody is refused for good, and the run goes on.
    let away = scene.proxy.inject(Fault::new(Requests::all(), Effect::Answer(Answer::Unavailable)));
    std::thread::sleep(REMEMBERED);
    let refused = scene.call(&nightly, "StopLoadTest", &stop).ended_with(UNAVAILABLE);
    assert!(refused.err.contains("credentials cannot be checked now: try again later"), "{}", refused.err);
    away.lift();
    let view = || scene.call(&nightly, "GetLoadTest", &json!({ "id": run })).json()["run"].clone();
    until("the ramp begins", PATIENCE, || view()["ticks"].as_array().is_some_and(|ticks| !ticks.is_empty()));

    scene.conductor(&nightly, &format!("stop {run}")).succeeded();
    until("the run ends", PATIENCE, || view()["verdict"].is_object());
    assert_put_back(&scene.bed, &rows, &view());
    let who = "system:serviceaccount:ci:nightly";
    assert!(view().to_string().contains(who), "{:#}", view());

    // What is taken away is gone after a moment: rights, and then the account.
    scene.kubectl(&["-n", "loadtest-conductor", "delete", "rolebinding", "load-test-operator-shop"], "");
    until("the rights are gone", PATIENCE, || {
        scene.call(&nightly, "GetLoadTest", &json!({ "id": run })).code == Some(STATUS + 5)
    });
    scene.kubectl(&["-n", "ci", "delete", "serviceaccount", "curious"], "");
    until("the token is nobody's", PATIENCE, || {
        scene.call(&curious, "ListLoadTests", &json!({})).code == Some(UNAUTHENTICATED)
    });

    let trail = std::fs::read_to_string(scene.bed.path("audit")).unwrap();
    let records: Vec<Value> = trail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_told = |caller: &str, method: &str, outcome: &str| {
        let is = |record: &&Value| record["method"] == method && record["outcome"] == outcome;
        records.iter().filter(is).any(|record| record["caller"] == caller && record["source"] == "kubernetes")
    };
    assert!(is_told(who, "StartLoadTest", "done") && is_told(who, "StopLoadTest", "done"), "{trail}");
    assert!(is_told("system:serviceaccount:ci:curious", "StopLoadTest", "forbidden"), "{trail}");
    let ended = scene.server.terminate();
    for secret in [&nightly, &curious, &stranger] {
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!trail.contains(signature) && !ended.err.contains(signature) && !ended.out.contains(signature));
    }
    assert!(ended.err.contains("callers are identified by Kubernetes"), "{}", ended.err);
    assert!(ended.err.contains("the cluster does not know the token: "), "{}", ended.err);
}

#[test]
fn a_server_that_has_no_way_to_its_cluster_does_not_begin() {
    let bed = Bed::new(Shop::default());
    let refused = |kubernetes: &str| {
        let head =
            "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Server\nspec:\n  environments: [environment.yaml]\n";
        bed.write("server.yaml", &format!("{head}  access: {{ kubernetes: {kubernetes} }}\n"));
        let ended = Server::refused(&bed, &["--settings", &bed.path("server.yaml")]).ended_with(2);
        assert_eq!(ended.out, "", "it listened");
        ended.err.replace(&bed.path(""), "")
    };
    let absent = refused("{ audiences: [load-tests], cluster: { kubeconfig: absent } }");
    let expected = "error: spec.access.kubernetes.cluster: could not read the kubeconfig absent: ";
    assert!(absent.starts_with(expected), "{absent}");
    let no_pod = refused("{ audiences: [load-tests] }");
    let expected = "error: spec.access.kubernetes.cluster: could not use the ServiceAccount of this pod; expected a kubeconfig, or \
                    to run in the cluster";
    assert!(no_pod.starts_with(expected), "{no_pod}");
}
