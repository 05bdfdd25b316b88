//! A release that is upgraded and taken away again: its run goes on with the new server, and nothing is left of it but the journal.

use std::collections::BTreeSet;
use std::time::Duration;

use conductor_tests::{Bed as ShopBed, Server, Shop, until};
use serde_json::{Value, json};

use super::bed::{Bed, least, succeeded};
use crate::server::load_test;

/// How long a cluster may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// The namespace and the release.
const RELEASE: &str = "upgraded";
/// What the chart calls the objects of that release.
const NAME: &str = "upgraded-loadtest-conductor";

/// The volume where the chart's server keeps its journal: the bed has nothing that makes volumes.
const VOLUME: &str = "
apiVersion: v1
kind: PersistentVolume
metadata: { name: journal-of-the-upgraded }
spec:
  storageClassName: upgraded
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteOnce]
  hostPath: { path: /nowhere }
";

/// What an administrator makes before. The answer is a token of somebody who may start load tests.
fn prepare(bed: &Bed, shop: &ShopBed) -> String {
    let made = shop.conductor(&["token", "ci", "operator@shop-local", "--output", "json"]).json();
    let tokens = bed.file("tokens", made["line"].as_str().unwrap());
    let from_file = format!("--from-file=tokens={tokens}");
    bed.kubectl(&["create", "secret", "generic", "loadtest-conductor-tokens", &from_file], "");
    bed.kubectl(&["create", "-f", "-"], VOLUME);
    made["token"].as_str().unwrap().to_owned()
}

/// Everything of the namespace, and of the whole cluster what is called as the release is; events come and go.
fn everything(bed: &Bed) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for namespaced in [true, false] {
        let asked = ["api-resources", "--verbs=list", "-o", "name", &format!("--namespaced={namespaced}")];
        let kinds = bed.kubectl(&asked, "");
        let kinds: Vec<&str> =
            kinds.lines().filter(|kind| !kind.starts_with("events") && *kind != "componentstatuses").collect();
        let names = bed.kubectl(&["get", &kinds.join(","), "-o", "name"], "");
        found.extend(names.lines().filter(|name| namespaced || name.contains(RELEASE)).map(str::to_owned));
    }
    found
}

/// A server with the settings that the chart has made, of an environment on this machine.
fn serve(bed: &Bed, shop: &ShopBed) -> Server {
    let map = bed.get(&["configmap", NAME]);
    let environment = format!("'{}'", shop.path("environment.yaml"));
    let settings = map["data"]["server.yaml"].as_str().unwrap().replace("environments/shop-local.yaml", &environment);
    let settings = settings.replace("/etc/conductor-secrets/loadtest-conductor-tokens/tokens", &bed.path("tokens"));
    let server = Server::start(shop, &["--settings", &bed.file("server/server.yaml", &settings)]);
    server.wait_until_ready();
    server
}

#[test]
fn an_upgrade_goes_on_with_the_run_of_before_and_an_uninstall_leaves_nothing_but_the_journal() {
    let bed = Bed::new(RELEASE);
    let shop = ShopBed::up(Shop::default());
    let token = prepare(&bed, &shop);
    let before = everything(&bed);
    let mut values = least();
    values["state"] = json!({ "storageClass": "upgraded" });
    values["tls"] = json!({ "secret": "" });
    let wait = ["--wait", "--timeout", "90s"];
    succeeded(&bed.helm(&[&["install", RELEASE], &wait[..]].concat(), &values));
    let [deployment, claim] = ["deployment", "persistentvolumeclaim"].map(|kind| bed.get(&[kind, NAME]));
    let rows = shop.rows();
    let first = serve(&bed, &shop);
    let header = format!("authorization: Bearer {token}");
    let request = json!({ "loadTest": load_test() }).to_string();
    let start = ["-H", &header, "-d", &request];
    first.grpcurl(&start, &["conductor.v1.LoadTestService/StartLoadTest"]).succeeded();
    let in_phase = |phase: &str| until(phase, PATIENCE, || shop.view()["phase"] == phase);
    in_phase("GENERATE_LOAD");

    values["server"] = json!({ "handOver": "15s" });
    succeeded(&bed.helm(&[&["upgrade", RELEASE], &wait[..]].concat(), &values));
    let upgraded = bed.get(&["deployment", NAME]);
    assert_eq!(upgraded["metadata"]["uid"], deployment["metadata"]["uid"]);
    let annotation = |deployment: &Value| {
        deployment["spec"]["template"]["metadata"]["annotations"]["loadtest-conductor.dev/settings"].clone()
    };
    assert_ne!(annotation(&upgraded), annotation(&deployment), "the new settings make no new pod");
    let mut template = upgraded["spec"]["template"].clone();
    template["metadata"] = deployment["spec"]["template"]["metadata"].clone();
    assert_eq!(template, deployment["spec"]["template"], "nothing else of it is another");
    assert_eq!(bed.get(&["persistentvolumeclaim", NAME])["metadata"]["uid"], claim["metadata"]["uid"]);
    // What the kubelet does: the old one ends, and then the new one begins.
    let handed = first.terminate();
    assert_eq!(handed.code, Some(0), "{}", handed.err);
    assert!(handed.err.contains("the run is handed over"), "{}", handed.err);
    let second = serve(&bed, &shop);
    in_phase("FINISHED");
    let ended = shop.view();
    assert_eq!((&ended["verdict"]["restored"], &ended["ending"]["cause"]), (&json!(true), &json!("completed")));
    shop.assert_restored(&rows);
    second.terminate();

    succeeded(&bed.helm_alone(&[&["uninstall", RELEASE], &wait[..]].concat()));
    let kept = BTreeSet::from([format!("persistentvolumeclaim/{NAME}")]);
    let mut left = BTreeSet::new();
    until("all else is gone", PATIENCE, || {
        left = everything(&bed).difference(&before).cloned().collect();
        left.len() <= kept.len()
    });
    assert_eq!(left, kept);
}
