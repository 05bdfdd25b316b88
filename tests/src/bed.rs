//! A shop in a folder of its own, on ports of its own; dropping it stops everything in it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::conductor::{Ended, Running, ended};
use crate::outside::{answer, locust, program, tool};
use crate::rows;

/// A load test of half a minute that one replica could take: 600 orders a minute.
pub const SHORT: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: LoadTest
metadata: { name: short }
spec:
  environment: shop-local
  kpi: { name: orders, target: 600/min }
  rampUp: 10s
  plateau: 20s
  interval: 5s
  limits: { maxUsers: 400, rehearsal: 40s }
";

/// What a bed is made with.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// What each replica can do, as a factor.
    pub capacity: f64,
    /// Locust's dead man's switch.
    pub dead_man: &'static str,
    /// Whether it pays by way of Skipper, with Hoverfly in the place of its payment provider for load tests.
    pub mock: bool,
}

impl Default for Shop {
    fn default() -> Self {
        Self { capacity: 1.0, dead_man: "3m", mock: false }
    }
}

/// A shop with its environment.
#[derive(Debug)]
pub struct Bed {
    folder: TempDir,
    shop: PathBuf,
    /// Variables of the conductor's environment.
    variables: BTreeMap<&'static str, String>,
}

impl Bed {
    /// Makes a shop in a folder whose path has a space in it. Nothing is started.
    pub fn new(shop: Shop) -> Self {
        let folder = tempfile::Builder::new().prefix("a shop ").tempdir().unwrap();
        let bed = Self { shop: folder.path().join("shop"), folder, variables: BTreeMap::new() };
        let mut init = Command::new(program("shop"));
        init.arg("init").arg("--locust").arg(locust()).arg("--capacity").arg(shop.capacity.to_string()).arg(&bed.shop);
        if shop.mock {
            init.arg("--router").arg(tool("CONDUCTOR_SKIPPER")).arg("--mock").arg(tool("CONDUCTOR_HOVERFLY"));
        }
        assert!(init.stdout(Stdio::null()).status().unwrap().success());
        bed.write("conductor_locust.py", &bed.conductor(&["locust-plugin"]).succeeded());
        bed.edit("environment.yaml", "locust: { url:", &format!("locust: {{ deadMan: {}, url:", shop.dead_man));
        // Customers in a hurry, so that half a minute is long enough to follow a target.
        bed.edit("locustfile.py", "between(2, 4)", "between(0.5, 1)");
        bed.write("loadtest.yaml", SHORT);
        bed
    }

    /// Makes a shop and starts its environment.
    pub fn up(shop: Shop) -> Self {
        let bed = Self::new(shop);
        bed.bring_up();
        bed
    }

    /// Makes a shop whose Locust has one worker, which an application of its own runs. Nothing is started.
    pub fn with_load_workers(shop: Shop) -> Self {
        let bed = Self::new(shop);
        bed.add_load_worker();
        bed
    }

    /// Gives Locust one worker, which an application of its own runs.
    pub(crate) fn add_load_worker(&self) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let master = format!(r#", --master, --master-bind-host, 127.0.0.1, --master-bind-port, "{port}"]"#);
        self.edit("environment.yaml", r#", --stop-timeout, "5"]"#, &format!(r#", --stop-timeout, "5"{master}"#));
        let worker = format!(
            r#"      - name: load-workers
        support: true
        command: [{:?}, -f, "locustfile.py,conductor_locust.py", --stop-timeout, "5", --worker, --master-host, 127.0.0.1,
                  --master-port, "{port}"]
        ready: {{}}
  locust: {{"#,
            locust()
        );
        self.edit("environment.yaml", "  locust: {", &worker);
    }

    /// Starts the environment.
    pub fn bring_up(&self) {
        self.conductor(&["local", "up", &self.path("environment.yaml")]).succeeded();
    }

    /// Runs a command of the conductor to its end.
    pub fn conductor(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments))
    }

    /// Starts the load test of the bed.
    pub fn start(&self) -> Running {
        self.start_command(&["run", &self.path("loadtest.yaml")])
    }

    /// Starts a command of the conductor.
    pub fn start_command(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Runs the load test of the bed to its end.
    pub fn run(&self) -> Ended {
        self.conductor(&["run", &self.path("loadtest.yaml")])
    }

    /// A file of the shop's folder.
    pub fn path(&self, name: &str) -> String {
        self.shop.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file of the shop's folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.shop.join(name), text).unwrap();
    }

    /// Does something while environment, load test and manifest are gone, which a run's journal makes up for.
    pub fn without_files<T>(&self, work: impl FnOnce() -> T) -> T {
        let files = ["environment.yaml", "loadtest.yaml", "release-manifest.yaml"];
        let away = |name: &str| self.shop.join(format!("{name}.away"));
        files.iter().for_each(|name| std::fs::rename(self.shop.join(name), away(name)).unwrap());
        let result = work();
        files.iter().for_each(|name| std::fs::rename(away(name), self.shop.join(name)).unwrap());
        result
    }

    /// Replaces a text that must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.shop.join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// The shop's ready replicas, as versions.
    pub fn replicas(&self) -> Vec<String> {
        let version = |replica: &Value| replica["version"].as_str().unwrap().to_owned();
        self.replicas_of("shop").iter().filter(|replica| replica["state"] == "ready").map(version).collect()
    }

    /// The replicas of an application, those that start or stop included.
    pub fn replicas_of(&self, application: &str) -> Vec<Value> {
        let environment = self.path("environment.yaml");
        let status = self.conductor(&["local", "status", &environment, "--output", "json"]).json();
        let applications = status["applications"].as_array().unwrap();
        let found = applications.iter().find(|found| found["name"] == application).unwrap();
        found["replicas"].as_array().unwrap().clone()
    }

    /// The process of the only replica of an application, once it is ready.
    pub fn process(&self, application: &str) -> Option<u64> {
        let replicas = self.replicas_of(application);
        let replica = replicas.first().filter(|replica| replica["state"] == "ready");
        replica.map(|replica| replica["pid"].as_u64().unwrap())
    }

    /// Kills the only replica of an application.
    pub fn kill(&self, application: &str) {
        let process = self.process(application).unwrap();
        kill(Pid::from_raw(process.try_into().unwrap()), Signal::SIGKILL).unwrap();
    }

    /// All rows of the shop's database, by table and in order.
    pub fn rows(&self) -> Vec<String> {
        rows::all(&self.shop.join("shop.db"))
    }

    /// Places orders that belong to no run, in the database.
    pub fn order_as_customer(&self, orders: u32) {
        rows::order(&self.shop.join("shop.db"), orders);
    }

    /// Adds to the journal the newest of all runs, which nobody can make sense of.
    pub fn add_unreadable_run(&self, run: &str) {
        rows::add_unreadable_run(&self.state().join("journal.db"), run);
    }

    /// Puts something where the report of a run belongs, so that it cannot be written.
    pub fn bar_report(&self, run: &str) {
        std::fs::create_dir_all(self.state().join("reports").join(format!("{run}.html"))).unwrap();
    }

    /// The users that Locust runs now, as Locust says.
    pub fn users(&self) -> u64 {
        self.locust()["user_count"].as_u64().unwrap()
    }

    /// The users of each of Locust's workers, as Locust says; none where it is one process.
    pub fn users_by_worker(&self) -> Vec<u64> {
        let users = |worker: &Value| worker["user_count"].as_u64().unwrap();
        self.locust()["workers"].as_array().into_iter().flatten().map(users).collect()
    }

    /// What Locust says of itself.
    fn locust(&self) -> Value {
        let text = std::fs::read_to_string(self.shop.join("environment.yaml")).unwrap();
        let (_, rest) = text.split_once("url: \"http://").unwrap();
        let (address, _) = rest.split_once('"').unwrap();
        let page = answer(address, "/stats/requests");
        serde_json::from_str(&page).unwrap()
    }

    /// The newest run.
    pub fn view(&self) -> Value {
        self.conductor(&["get", "--output", "json"]).json()
    }

    /// Asserts that the environment is as it was made, and that the database has exactly these rows.
    pub fn assert_restored(&self, rows: &[String]) {
        assert_eq!(self.replicas(), ["v1"]);
        assert_eq!(self.users(), 0, "users still run");
        let now = self.rows();
        assert_eq!(now.len(), rows.len(), "rows were left or lost");
        assert_eq!(now, rows);
    }

    /// The conductor's state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Sets a variable of the conductors that start from now on, or takes it away.
    pub(crate) fn set_variable(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.variables.insert(name, value.to_owned()),
            None => self.variables.remove(name),
        };
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("conductor"));
        command.args(arguments).env("CONDUCTOR_STATE_DIR", self.state()).envs(&self.variables).stdin(Stdio::null());
        // Whoever runs the tests may work with servers.
        command.env("CONDUCTOR_CONTEXTS", "").env_remove("CONDUCTOR_SERVER");
        command
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let down = self.conductor(&["local", "down", &self.path("environment.yaml")]);
        if !std::thread::panicking() {
            down.succeeded();
        }
    }
}

/// Waits until a condition holds.
pub fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < within, "{what} did not happen within {within:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
