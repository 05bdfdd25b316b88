//! A release that is installed in the cluster, and Jobs of its schedules, run on this machine with what their pods say.

use std::time::Duration;

use conductor_tests::{Bed as ShopBed, Ended, Server, Shop, shell, until};
use rcgen::CertifiedKey;
use serde_json::{Value, json};

use super::bed::{Bed, at_night, least, succeeded};
use crate::server::load_test;

/// How long a cluster may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// For whom the tokens of ServiceAccounts are.
const AUDIENCE: &str = "load-tests";

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

/// What an administrator makes before: a certificate, a token with the line by which the server knows it, the authority of the
/// cluster's issuer, and the right of everybody to read the keys of that.
fn prepare(bed: &Bed, shop: &ShopBed) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let secret = |name: &str, files: &[(&str, String)]| {
        let files: Vec<String> = files
            .iter()
            .map(|(key, text)| format!("--from-file={key}={}", bed.file(&format!("made/{name}/{key}"), text)))
            .collect();
        let files = files.iter().map(String::as_str);
        bed.kubectl(&["create", "secret", "generic", name].into_iter().chain(files).collect::<Vec<_>>(), "");
    };
    let key = signing_key.serialize_pem();
    secret("loadtest-conductor-tls", &[("tls.crt", cert.pem()), ("tls.key", key), ("ca.crt", cert.pem())]);
    let made = shop.conductor(&["token", "weekly", "viewer@shop-local", "--output", "json"]).json();
    let word = |name: &str| made[name].as_str().unwrap().to_owned();
    secret("loadtest-conductor-tokens", &[("tokens", word("line"))]);
    secret("weekly-token", &[("token", word("token"))]);
    let authority = bed.get(&["configmap", "kube-root-ca.crt"])["data"]["ca.crt"].as_str().unwrap().to_owned();
    secret("issuer", &[("ca.crt", authority)]);
    let role = "--clusterrole=system:service-account-issuer-discovery";
    bed.kubectl(&["create", "clusterrolebinding", "keys-of-tokens", role, "--group=system:unauthenticated"], "");
    bed.kubectl(&["create", "-f", "-"], VOLUME);
}

/// A release with a schedule by either kind of token.
fn values(bed: &Bed) -> Value {
    let mut values = least();
    values["schedules"] = json!({
        "nightly": at_night(&load_test(), &json!({ "audience": AUDIENCE })),
        "weekly": at_night(&load_test(), &json!({ "secret": "weekly-token", "key": "token" }))
    });
    values["secretFiles"] = json!(["issuer"]);
    values["state"] = json!({ "storageClass": "by-hand" });
    values["server"] = json!({ "access": { "oidc": {
        "issuer": bed.issuer(),
        "audience": AUDIENCE,
        "groupsClaim": "sub",
        "groups": { "system:serviceaccount:scheduled:loadtest-conductor-nightly": ["operator@shop-local"] },
        "caFile": "/etc/conductor-secrets/issuer/ca.crt"
    } } });
    values
}

#[test]
fn a_job_of_a_schedule_starts_a_load_test_and_waits_for_its_end() {
    let bed = Bed::new("scheduled");
    let shop = ShopBed::up(Shop::default());
    prepare(&bed, &shop);
    succeeded(&bed.helm(&["install", "loadtest-conductor", "--wait", "--timeout", "90s"], &values(&bed)));
    let server = serve(&bed, &shop);
    let rows = shop.rows();

    let nightly = Job::made(&bed, "nightly");
    let ended = nightly.run(&shop, &server);
    // How a load test of half a minute is judged is not the matter: the Job ends as its verdict says.
    let verdict = ended.out.lines().find_map(|line| line.strip_prefix("verdict")).unwrap_or_default().trim();
    let codes = [("passed", 0), ("warned", 0), ("failed", 1), ("invalid", 3)];
    let code = codes.iter().find(|(word, _)| *word == verdict).map(|(_, code)| *code);
    assert_eq!(ended.code, Some(code.unwrap_or_else(|| panic!("no verdict\n{}\n{}", ended.out, ended.err))));
    let caller = "as system:serviceaccount:scheduled:loadtest-conductor-nightly has asked";
    assert!(ended.out.contains(caller), "{}", ended.out);
    shop.assert_restored(&rows);
    // The pod that comes after one that was evicted finds the run that there is.
    let again = nightly.run(&shop, &server);
    assert_eq!(again.code, ended.code, "{}\n{}", again.out, again.err);

    // The other one may only look, and sees a single run.
    let weekly = Job::made(&bed, "weekly");
    let refused = weekly.run(&shop, &server).ended_with(7);
    assert!(refused.err.contains("needs the role operator in environment \"shop-local\""), "{}", refused.err);
    let list = [&weekly.arguments()[..2], &["list", "--output", "json"].map(str::to_owned)].concat();
    let listed = weekly.call(&shop, &server, &list).json();
    assert_eq!(listed.as_array().or(listed["runs"].as_array()).unwrap().len(), 1, "{listed:#}");
    assert_eq!(server.terminate().code, Some(0));
}

/// A key of a Secret of the cluster.
fn key(bed: &Bed, secret: &str, key: &str) -> String {
    let template = format!("go-template={{{{index .data {key:?} | base64decode}}}}");
    bed.kubectl(&["get", "secret", secret, "-o", &template], "")
}

/// A server with the settings that the chart has made, of an environment on this machine.
fn serve(bed: &Bed, shop: &ShopBed) -> Server {
    let tls = ("loadtest-conductor-tls", &["tls.crt", "tls.key"][..]);
    for (secret, names) in [tls, ("loadtest-conductor-tokens", &["tokens"]), ("issuer", &["ca.crt"])] {
        for name in names {
            bed.file(&format!("server/etc/conductor-secrets/{secret}/{name}"), &key(bed, secret, name));
        }
    }
    let map = bed.get(&["configmap", "loadtest-conductor"]);
    let environment = format!("'{}'", shop.path("environment.yaml"));
    let settings = map["data"]["server.yaml"].as_str().unwrap().replace("environments/shop-local.yaml", &environment);
    let settings = settings.replace("/etc/conductor-secrets", &bed.path("server/etc/conductor-secrets"));
    let server = Server::start(shop, &["--settings", &bed.file("server/etc/conductor/server.yaml", &settings)]);
    server.wait_until_ready();
    server
}

/// A Job of a schedule. Pods of the bed run nothing: what its pod mounts and does is here.
struct Job {
    name: String,
    container: Value,
    /// What stands for the root of its file system.
    root: String,
}

impl Job {
    /// Makes one now, as people do, and mounts what its pod mounts.
    fn made(bed: &Bed, schedule: &str) -> Self {
        let name = format!("{schedule}-now");
        let from = format!("--from=cronjob/loadtest-conductor-{schedule}");
        bed.kubectl(&["create", "job", &name, &from], "");
        let pods = ["pods", "-l", &format!("batch.kubernetes.io/job-name={name}")];
        let mut pod = Value::Null;
        until("the Job's pod", PATIENCE, || {
            pod = bed.get(&pods)["items"][0].clone();
            pod.is_object()
        });
        let job = Self { root: bed.path(&name), container: pod["spec"]["containers"][0].clone(), name };
        job.mount(bed, &pod["spec"]);
        job
    }

    fn mount(&self, bed: &Bed, pod: &Value) {
        let volumes = pod["volumes"].as_array().unwrap();
        let said = |path: &str| volumes.iter().find_map(|volume| volume.pointer(path)?.as_str());
        let token = match said("/projected/sources/0/serviceAccountToken/audience") {
            Some(audience) => {
                let account = pod["serviceAccountName"].as_str().unwrap();
                bed.kubectl(&["create", "token", account, "--audience", audience], "")
            }
            None => key(bed, said("/projected/sources/0/secret/name").unwrap(), "token"),
        };
        bed.file(&format!("{}/run/conductor/token", self.name), &token);
        let authority = key(bed, said("/secret/secretName").unwrap(), "ca.crt");
        bed.file(&format!("{}/etc/conductor-ca/ca.crt", self.name), &authority);
        let map = bed.get(&["configmap", said("/configMap/name").unwrap()]);
        let load_test = map["data"]["load-test.yaml"].as_str().unwrap();
        bed.file(&format!("{}/load-test/load-test.yaml", self.name), load_test);
    }

    fn arguments(&self) -> Vec<String> {
        let arguments = self.container["args"].as_array().unwrap().iter();
        arguments.map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    /// Does what the container would do.
    fn run(&self, shop: &ShopBed, server: &Server) -> Ended {
        assert_eq!(self.container["command"], json!(["/usr/local/bin/conductor"]));
        self.call(shop, server, &self.arguments())
    }

    /// Calls the conductor with the container's variables.
    fn call(&self, shop: &ShopBed, server: &Server, arguments: &[String]) -> Ended {
        let port = server.address.rsplit_once(':').unwrap().1;
        let here = |text: &str| {
            let places = ["/etc/conductor-ca", "/run/conductor", "/load-test/"];
            let text = text.replace("loadtest-conductor.scheduled.svc:7400", &format!("localhost:{port}"));
            let text = text.replace("$(JOB_NAME)", &self.name);
            places.iter().fold(text, |text, place| text.replace(place, &format!("{}{place}", self.root)))
        };
        let variables = self.container["env"].as_array().unwrap().iter().filter_map(|variable| {
            Some(format!("{}='{}'", variable["name"].as_str()?, here(variable["value"].as_str()?)))
        });
        let words = arguments.iter().map(|word| format!("'{}'", here(word)));
        let line: Vec<String> = variables.chain(["conductor".to_owned()]).chain(words).collect();
        shell(shop, &line.join(" "))
    }
}
