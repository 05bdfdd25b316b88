//! A release that is installed in the cluster, and a Job of its schedule, run on this machine with what its pod says.

use std::time::Duration;

use conductor_tests::{Bed as ShopBed, Server, Shop, shell, until};
use rcgen::CertifiedKey;
use serde_json::{Value, json};

use super::bed::{Bed, scheduled, succeeded};
use crate::server::load_test;

/// How long a cluster may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the pod has where; pods of the bed run nothing, so that the test puts it there.
struct Mounted {
    folder: String,
}

impl Mounted {
    /// What a text names by its place in the pod, named by its place here.
    fn here(&self, text: &str) -> String {
        let places = ["/etc/conductor-secrets", "/etc/conductor-ca", "/run/conductor", "/load-test/"];
        places.iter().fold(text.to_owned(), |text, place| text.replace(place, &format!("{}{place}", self.folder)))
    }
}

/// The Secrets that an administrator makes before: a certificate, and a token with the line by which the server knows it.
fn make_secrets(bed: &Bed, shop: &ShopBed) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = [("tls.crt", cert.pem()), ("tls.key", signing_key.serialize_pem()), ("ca.crt", cert.pem())];
    let files: Vec<String> = files.iter().map(|(name, text)| format!("--from-file={}", bed.file(name, text))).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let secret = |name, what: &[&str]| bed.kubectl(&[&["create", "secret", "generic", name], what].concat(), "");
    secret("loadtest-conductor-tls", &files);
    let made = shop.conductor(&["token", "nightly", "operator@shop-local", "--output", "json"]).json();
    let word = |name: &str| made[name].as_str().unwrap().to_owned();
    secret("loadtest-conductor-tokens", &[&format!("--from-literal=tokens={}\n", word("line"))]);
    secret("nightly-token", &[&format!("--from-literal=token={}", word("token"))]);
}

/// A key of a Secret of the cluster.
fn key(bed: &Bed, secret: &str, key: &str) -> String {
    let template = format!("go-template={{{{index .data {key:?} | base64decode}}}}");
    bed.kubectl(&["get", "secret", secret, "-o", &template], "")
}

/// The volume where the chart's server keeps its journal: the bed has nothing that makes volumes.
const VOLUME: &str = "
apiVersion: v1
kind: PersistentVolume
metadata: { name: journal }
spec:
  storageClassName: by-hand
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteOnce]
  hostPath: { path: /nowhere }
";

#[test]
#[ignore = "needs Helm: cargo verify --full"]
fn a_job_of_a_schedule_starts_a_load_test_and_waits_for_its_end() {
    let bed = Bed::new("scheduled");
    let shop = ShopBed::up(Shop::default());
    make_secrets(&bed, &shop);
    bed.kubectl(&["create", "-f", "-"], VOLUME);
    let mut values = scheduled(&load_test(), &json!({ "secret": "nightly-token", "key": "token" }));
    values["state"] = json!({ "storageClass": "by-hand" });
    succeeded(&bed.helm(&["install", "loadtest-conductor", "--wait", "--timeout", "90s"], &values));
    let cron_job = "--from=cronjob/loadtest-conductor-nightly";
    bed.kubectl(&["create", "job", "now", cron_job], "");
    let pods = ["pods", "-l", "batch.kubernetes.io/job-name=now"];
    let mut pod = Value::Null;
    until("the Job's pod", PATIENCE, || {
        pod = bed.get(&pods)["items"][0].clone();
        pod.is_object()
    });

    let mounted = mount(&bed, &pod);
    let server = serve(&bed, &shop, &mounted);
    let rows = shop.rows();
    let line = command(&pod, &mounted, &server);
    // How a load test of half a minute is judged is not the matter: the Job ends as its verdict says.
    let ended = shell(&shop, &line);
    let verdict = ended.out.lines().find_map(|line| line.strip_prefix("verdict")).unwrap_or_default().trim();
    let codes = [("passed", 0), ("warned", 0), ("failed", 1), ("invalid", 3)];
    let code = codes.iter().find(|(word, _)| *word == verdict).map(|(_, code)| *code);
    assert_eq!(ended.code, Some(code.unwrap_or_else(|| panic!("no verdict\n{}\n{}", ended.out, ended.err))));
    assert!(ended.out.contains("as nightly has asked"), "{}", ended.out);
    shop.assert_restored(&rows);
    // The pod that comes after one that was evicted finds the run that there is.
    let again = shell(&shop, &line);
    assert_eq!(again.code, ended.code, "{}\n{}", again.out, again.err);
    let listed: Value =
        serde_json::from_str(&shell(&shop, &line_of(&pod, &mounted, &server, "list")).succeeded()).unwrap();
    assert_eq!(listed.as_array().or(listed["runs"].as_array()).unwrap().len(), 1, "{listed:#}");
    assert_eq!(server.terminate().code, Some(0));
}

/// Puts what the pod and the server mount into a folder.
fn mount(bed: &Bed, pod: &Value) -> Mounted {
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let at = |path: &str| volumes.iter().find_map(|volume| volume.pointer(path)).unwrap().as_str().unwrap();
    let token = key(bed, at("/projected/sources/0/secret/name"), "token");
    let file = bed.file("run/conductor/token", &token);
    let folder = file.strip_suffix("/run/conductor/token").unwrap().to_owned();
    bed.file("etc/conductor-ca/ca.crt", &key(bed, at("/secret/secretName"), "ca.crt"));
    let map = bed.get(&["configmap", at("/configMap/name")]);
    bed.file("load-test/load-test.yaml", map["data"]["load-test.yaml"].as_str().unwrap());
    for (secret, names) in
        [("loadtest-conductor-tls", &["tls.crt", "tls.key"][..]), ("loadtest-conductor-tokens", &["tokens"])]
    {
        for name in names {
            bed.file(&format!("etc/conductor-secrets/{secret}/{name}"), &key(bed, secret, name));
        }
    }
    Mounted { folder }
}

/// A server with the settings that the chart has made, of an environment on this machine.
fn serve(bed: &Bed, shop: &ShopBed, mounted: &Mounted) -> Server {
    let settings = bed.get(&["configmap", "loadtest-conductor"]);
    let settings = settings["data"]["server.yaml"].as_str().unwrap();
    let environment = format!("'{}'", shop.path("environment.yaml"));
    let settings = mounted.here(settings).replace("environments/shop-local.yaml", &environment);
    let server = Server::start(shop, &["--settings", &bed.file("etc/conductor/server.yaml", &settings)]);
    server.wait_until_ready();
    server
}

/// The line of a shell that does here what the pod's container would do there.
fn command(pod: &Value, mounted: &Mounted, server: &Server) -> String {
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["command"], json!(["/usr/local/bin/conductor"]));
    let arguments = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    line(pod, mounted, server, arguments)
}

/// The same caller, who asks for something else.
fn line_of(pod: &Value, mounted: &Mounted, server: &Server, verb: &str) -> String {
    let arguments = pod["spec"]["containers"][0]["args"].as_array().unwrap()[..2].iter();
    let arguments = arguments.map(|word| word.as_str().unwrap()).chain([verb, "--output", "json"]);
    line(pod, mounted, server, arguments)
}

fn line<'a>(pod: &Value, mounted: &Mounted, server: &Server, words: impl Iterator<Item = &'a str>) -> String {
    let job = &pod["metadata"]["labels"]["batch.kubernetes.io/job-name"];
    let port = server.address.rsplit_once(':').unwrap().1;
    let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap().iter().filter_map(|variable| {
        let value = mounted.here(variable["value"].as_str()?);
        Some(format!("{}='{value}'", variable["name"].as_str().unwrap()))
    });
    let words = words.map(|word| {
        let word = word.replace("loadtest-conductor.scheduled.svc:7400", &format!("localhost:{port}"));
        format!("'{}'", mounted.here(&word.replace("$(JOB_NAME)", job.as_str().unwrap())))
    });
    variables.chain(["conductor".to_owned()]).chain(words).collect::<Vec<_>>().join(" ")
}
