//! The shop of `examples/kubernetes` in two real clusters, with a process of the shop for each of its ready pods.
//!
//! The files are those of the example, with addresses filled in.

mod beside;
mod clusters;
mod held;
mod load_workers;
mod mixed;
mod objects;
mod processes;

use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use conductor_kubernetes_bed::{Bridge, Cluster, Delivery, Entry, FaultProxy, GitOps, Moment, Replica, Requests};
use serde_json::Value;

use crate::bed::{Bed, Shop, until};
pub(crate) use crate::kubernetes::clusters::runtime;
use crate::kubernetes::clusters::{CONDUCTOR, Clusters, READER, clusters};
pub use crate::kubernetes::held::Held;
pub(crate) use crate::kubernetes::objects::differences;
use crate::kubernetes::processes::{Start, serve_payments, serve_shop, up};
use crate::outside::{answer, locust, program};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long autoscalers of others and keepers may take until they have acted.
const ACTS_WITHIN: Duration = Duration::from_secs(20);
/// How long what is back is watched for something that takes it away again.
const STAYS_FOR: Duration = Duration::from_secs(3);

/// A shop in a namespace of its own, in production and in the test cluster.
pub struct ClusterBed {
    // Before the folder, which the processes work in.
    shop: Bridge,
    _payments: Bridge,
    _load_workers: Option<Bridge>,
    bed: Bed,
    clusters: &'static Clusters,
    namespace: String,
    /// What keeps applications as a repository says, where there are any such.
    keepers: Vec<GitOps>,
}

impl Deref for ClusterBed {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        &self.bed
    }
}

impl ClusterBed {
    /// Makes the shop in both clusters. Locust is not started.
    pub fn new(name: &str, dead_man: &str) -> Self {
        let clusters = clusters();
        let bed = Bed::new(Shop::default());
        let namespace = format!("shop-{name}");
        for (cluster, manifest) in [(&clusters.production, "production.yaml"), (&clusters.test, "test.yaml")] {
            runtime().block_on(cluster.namespace(&namespace)).unwrap();
            clusters::apply(cluster, &example(manifest).replace("namespace: shop", &format!("namespace: {namespace}")));
        }
        for (cluster, workload) in [
            (&clusters.production, "deployment/shop"),
            (&clusters.test, "deployment/shop"),
            (&clusters.test, "deployment/payments"),
        ] {
            clusters::await_replicas(cluster, &namespace, workload);
        }
        let bridge = |deployment: &str, start: Start| {
            runtime().block_on(Bridge::start(&clusters.test, &namespace, deployment, start)).unwrap()
        };
        let payments = bridge("payments", Box::new(serve_payments));
        let provider = up(&payments, 1).remove(0).own_port;
        let versions = objects::versions([&clusters.production, &clusters.test], &namespace);
        let database = bed.path("shop.db");
        let shop = bridge(
            "shop",
            Box::new(move |replica| {
                let image = &replica.images["shop"];
                let version = versions.get(image).unwrap_or_else(|| panic!("{image} is in no registry"));
                serve_shop(replica, version, &database, provider)
            }),
        );
        let bed =
            Self { shop, _payments: payments, _load_workers: None, bed, clusters, namespace, keepers: Vec::new() };
        up(&bed.shop, 1);
        bed.fill_in(dead_man);
        bed
    }

    /// Makes the shop in both clusters, and starts Locust.
    pub fn up(name: &str, dead_man: &str) -> Self {
        let bed = Self::new(name, dead_man);
        bed.bring_up();
        bed
    }

    /// The same with applications of every kind beside the shop.
    pub fn mixed(name: &str, dead_man: &str) -> Self {
        let mut bed = Self::new(name, dead_man);
        bed.keepers = mixed::make(bed.clusters, &bed.namespace);
        bed.edit("environment.yaml", "      - name: shop\n", &format!("      - name: shop\n{}", mixed::entries()));
        bed.bring_up();
        bed
    }

    /// Asserts that each of the applications beside the shop is as it is in production.
    pub fn assert_like_production(&self) {
        mixed::assert_like_production(&self.clusters.test, &self.namespace);
    }

    /// Puts the example's environment and load test into the folder, with addresses filled in and without its long times.
    fn fill_in(&self, dead_man: &str) {
        for (cluster, user, file) in [
            (&self.clusters.production, READER, "production.kubeconfig"),
            (&self.clusters.test, CONDUCTOR, "test.kubeconfig"),
        ] {
            std::fs::copy(clusters::kubeconfig(cluster, user), self.path(file)).unwrap();
        }
        self.write("environment.yaml", &example("environment.yaml"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        for (from, to) in [
            ("namespace: shop", format!("namespace: {}", self.namespace)),
            ("steadyFor: 10s", "steadyFor: 1s".to_owned()),
            ("command: [locust,", format!("command: [{:?},", locust())),
            ("http://shop.test.example", format!("http://127.0.0.1:{}", self.shop.port())),
            ("8089", port),
            ("deadMan: 3m", format!("deadMan: {dead_man}")),
            ("recheckAfter: 60s", "recheckAfter: 5s".to_owned()),
        ] {
            self.edit("environment.yaml", from, &to);
        }
        // Some forty customers make the load: with a dozen, one more or less is most of what a hold may be off.
        self.edit("locustfile.py", "between(0.5, 1)", "between(1.4, 2.8)");
        self.short();
    }

    /// A load test of half a minute that one replica could not take.
    fn short(&self) {
        self.write("loadtest.yaml", &example("loadtest.yaml"));
        for (from, to) in [
            ("target: 2000/min", "target: 360/min"),
            ("rampUp: 10m", "rampUp: 10s"),
            ("plateau: 30m", "plateau: 20s"),
            ("interval: 30s", "interval: 5s"),
        ] {
            self.edit("loadtest.yaml", from, to);
        }
    }

    /// Gives the load test the time that it takes to hold the target.
    pub fn held_load(&self) {
        // Users grow four and a half fold in a minute at most.
        self.edit("loadtest.yaml", "rampUp: 10s", "rampUp: 100s");
        self.edit("loadtest.yaml", "plateau: 20s", "plateau: 45s\n  load: { usersPerKpi: 0.11 }");
    }

    /// What somebody types who wants to try it.
    pub fn by_hand(&self) -> String {
        let folder = self.path("");
        let conductor = program("conductor");
        let conductor = conductor.display();
        let verb = |verb: &str, file: &str| format!("{conductor} {verb} {file}");
        let look = |cluster, what: &str| {
            let kubectl = format!("{:?}", clusters::kubectl(cluster, &["-n", &self.namespace, "get", what]));
            // Without the emptied environment that it is called with.
            kubectl.split_once(" \"").map_or(kubectl.clone(), |(_, call)| format!("\"{call}"))
        };
        [
            format!("cd {folder:?}; export CONDUCTOR_STATE_DIR={:?}", self.state()),
            verb("local up", "environment.yaml     # Locust"),
            verb("plan", "loadtest.yaml"),
            verb("run", "loadtest.yaml"),
            verb("local down", "environment.yaml"),
            look(&self.clusters.production, "deployments,pods"),
            look(&self.clusters.test, "deployments,hpa,pods"),
        ]
        .join("\n")
    }

    /// The version that each process of the shop says it is.
    pub fn versions(&self) -> Vec<String> {
        let version = |replica: &Replica| -> Value {
            let page = answer(&format!("127.0.0.1:{}", replica.own_port), "/version");
            serde_json::from_str(&page).unwrap()
        };
        let replicas = self.shop.replicas().unwrap_or_else(|error| panic!("{error}"));
        replicas.iter().map(|replica| version(replica)["version"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the shop's processes are these.
    pub fn await_versions(&self, versions: &[&str]) {
        until(&format!("the shop is {versions:?}"), PATIENCE, || {
            self.shop.replicas().is_ok_and(|up| up.len() == versions.len()) && self.versions() == versions
        });
    }

    /// Everything of users in the test cluster's namespace, by kind and name, without what no restore can bring back.
    pub fn objects(&self) -> Vec<(String, Value)> {
        objects::everything(&self.clusters.test, &self.namespace)
    }

    /// One object of the test cluster as it is.
    pub fn object(&self, kind: &str, name: &str) -> Value {
        objects::one(&self.clusters.test, &self.namespace, kind, name)
    }

    /// What somebody is told who deploys to the test cluster, and may do everything.
    pub fn somebody_deploys(&self) -> String {
        self.somebody_asks(&["set", "image", "deployment/shop", "shop=registry.example/shop:v3"])
    }

    /// What somebody is told who asks `kubectl` for something in the shop's namespace of the test cluster.
    pub fn somebody_asks(&self, arguments: &[&str]) -> String {
        let arguments = [&["-n", &self.namespace], arguments].concat();
        let output = clusters::kubectl(&self.clusters.test, &arguments).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    }

    /// A delivery system of the shop in the test cluster, by which the environment now deploys what production has been
    /// deployed by: `d-7`.
    pub fn delivery(&self) -> Delivery {
        clusters::apply(&self.clusters.test, &clusters::manifest("delivery.yaml"));
        let annotate = ["-n", &self.namespace, "annotate", "deployment/shop", "delivery.example/deployment-id=d-7"];
        let annotated = clusters::kubectl(&self.clusters.production, &annotate).output().unwrap();
        assert!(annotated.status.success(), "{}", String::from_utf8_lossy(&annotated.stderr));
        self.write("deployment-task.yaml", DEPLOYMENT_TASK);
        self.edit(
            "environment.yaml",
            "production: { kubeconfig: production.kubeconfig }",
            "production: { kubeconfig: production.kubeconfig, deployIdAnnotation: delivery.example/deployment-id }\n    \
             freeze: { controllers: [system:serviceaccount:delivery:controller] }\n    \
             deploy: { template: deployment-task.yaml, phase: { succeeded: [Succeeded], failed: [Failed] } }",
        );
        runtime().block_on(self.clusters.test.delivery(&self.namespace)).unwrap()
    }

    /// The objects by which the delivery system deploys, with their phases.
    pub fn deployment_tasks(&self) -> Vec<String> {
        let found = clusters::read(&self.clusters.test, &["-n", &self.namespace, "get", "deploymenttasks"]);
        let told =
            |task: &Value| format!("{} {}", task["spec"]["deployment"], task["status"]["phase"]).replace('"', "");
        found["items"].as_array().unwrap().iter().map(told).collect()
    }

    /// Lets time pass for the Lease of a run whose conductor is gone.
    pub fn lapse(&self, run: &str) {
        let past = r#"{"spec":{"renewTime":"2020-01-01T00:00:00.000000Z"}}"#;
        let patch = ["-n", clusters::ACCOUNTS, "patch", "lease", run, "--type=merge", "-p", past];
        let output = clusters::kubectl(&self.clusters.test, &patch).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Takes away the Lease of a run.
    pub fn forget(&self, run: &str) {
        clusters::said(&self.clusters.test, &["-n", clusters::ACCOUNTS, "delete", "lease", run]);
    }

    /// Does something while the conductor may look at the test cluster and change nothing.
    pub fn only_looking<T>(&self, act: impl FnOnce() -> T) -> T {
        clusters::apply(&self.clusters.test, ONLOOKER);
        let (rights, away) = (self.path("test.kubeconfig"), self.path("test.kubeconfig.away"));
        std::fs::rename(&rights, &away).unwrap();
        std::fs::copy(clusters::kubeconfig(&self.clusters.test, "onlooker"), &rights).unwrap();
        let done = act();
        std::fs::rename(&away, &rights).unwrap();
        done
    }

    /// The arguments with which the shipped CronJob calls the conductor, for this bed's files. The API server takes it.
    pub fn reaper(&self) -> Vec<String> {
        let cron_job = clusters::taken(&self.clusters.test, "reaper.yaml");
        let container = &cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
        let fill = |argument: &Value| match argument.as_str().unwrap() {
            "/etc/loadtest-conductor/environment.yaml" => self.path("environment.yaml"),
            "/var/lib/loadtest-conductor" => self.path("elsewhere"),
            other => other.to_owned(),
        };
        container["args"].as_array().unwrap().iter().map(fill).collect()
    }

    /// What conductors have tried to write: to anything in production, whichever test it was, and to this shop's objects in
    /// the test cluster.
    pub fn writes(&self) -> [Vec<Entry>; 2] {
        let written = |cluster: &Cluster, accounts: &[&str]| -> Vec<Entry> {
            let audit = runtime().block_on(cluster.audit()).unwrap();
            let names = accounts.iter().map(|account| clusters::user(account).name());
            let of_them = names.flat_map(|name| audit.by(&name).cloned().collect::<Vec<_>>());
            of_them.filter(|entry| !is_question(entry)).collect()
        };
        let mut test = written(&self.clusters.test, &[CONDUCTOR]);
        test.retain(|entry| entry.object.namespace == self.namespace || entry.object.namespace.is_empty());
        [written(&self.clusters.production, &[READER, CONDUCTOR]), test]
    }

    /// Holds one of these requests of conductors that start from now on, and all that come after it.
    pub fn hold(&self, requests: Requests, number: u32, at: Moment) -> Held {
        let mut held = self.holdable();
        held.stop_at(requests, number, at);
        held
    }

    /// A way to the test cluster for conductors that start from now on, on which nothing is held yet.
    pub fn holdable(&self) -> Held {
        Held::new(self.fault_proxy())
    }

    /// A way to the test cluster that fails when it is told to, for conductors that start from now on.
    pub fn fault_proxy(&self) -> FaultProxy {
        let proxy = runtime().block_on(self.clusters.test.fault_proxy(&clusters::user(CONDUCTOR))).unwrap();
        std::fs::copy(proxy.kubeconfig(), self.path("test.kubeconfig")).unwrap();
        proxy
    }

    /// Asserts that the test cluster is as it was made, that no user is left and that the database has exactly these rows.
    pub fn assert_back(&self, objects: &[(String, Value)], rows: &[String]) {
        assert_eq!(self.users(), 0, "users still run");
        // What acts by itself takes a moment to put back what is its own.
        let begun = Instant::now();
        while self.objects() != objects && begun.elapsed() < ACTS_WITHIN {
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(objects::differences(objects, &self.objects()), [""; 0]);
        std::thread::sleep(STAYS_FOR);
        assert_eq!(objects::differences(objects, &self.objects()), [""; 0], "it did not stay as it was");
        let run = self.view()["id"].as_str().unwrap().to_owned();
        assert_eq!(objects::signs(&self.clusters.test, clusters::ACCOUNTS, &run), [""; 0], "the run has left signs");
        self.await_versions(&["v1"]);
        let now = self.rows();
        assert_eq!(now.len(), rows.len(), "rows were left or lost");
        assert_eq!(now, rows);
    }
}

/// An account that may look.
const ONLOOKER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: onlooker }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ kind: ServiceAccount, name: onlooker, namespace: loadtest-conductor }]
";

/// The template of such an object.
const DEPLOYMENT_TASK: &str = r#"
apiVersion: delivery.example/v1
kind: DeploymentTask
spec:
  application: "{application}"
  deployment: "{deployId}"
  cause: load test {run}
"#;

/// True for a request that asks something by the verb of writes, as "who am I" does.
fn is_question(entry: &Entry) -> bool {
    ["authentication.k8s.io", "authorization.k8s.io"].contains(&entry.object.api_group.as_str())
}

/// A file of the example.
fn example(name: &str) -> String {
    let file = repository().join("examples/kubernetes").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
