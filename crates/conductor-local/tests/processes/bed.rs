//! An environment in a folder of its own; dropping it stops it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::Failure;
use conductor_core::ports::{Deployer, PortError, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::ScaleStep;
use conductor_local::{LocalEnvironment, LocalError, LocalSettings, ReplicaState, Status};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An environment with one application, `app`.
pub(crate) struct Bed {
    _folder: tempfile::TempDir,
    pub(crate) state_dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) settings: LocalSettings,
}

impl Bed {
    /// An application with this port mode (`none` is without a port), version and number of replicas; nothing runs yet.
    pub(crate) fn new(mode: &str, version: &str, replicas: u32) -> Self {
        Self::in_folder("state", mode, version, replicas)
    }

    /// The same with another name for the supervisor's folder.
    pub(crate) fn in_folder(name: &str, mode: &str, version: &str, replicas: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("an environment ").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Where answers are waited for, a busy machine must have the time to give them.
        let grace_period = if mode == "behindFront" { "10s" } else { "500ms" };
        let (ports, port_field) = match mode {
            "none" => (r#", "{readyPort}""#.to_owned(), String::new()),
            _ => {
                let ready_port = if mode == "shared" { r#", "{readyPort}""# } else { "" };
                let field = format!(r#""port": {{ "number": {port}, "mode": "{mode}" }},"#);
                (format!(r#", "{{port}}"{ready_port}"#), field)
            }
        };
        let ready = if mode == "none" { "" } else { r#""httpGet": "/", "# };
        let settings = format!(
            r#"{{ "applications": [{{
                "name": "app", "version": "{version}", "replicas": {replicas},
                "command": [{:?}, "{{version}}"{ports}],
                {port_field}
                "ready": {{ {ready}"within": "2s" }}, "gracePeriod": "{grace_period}"
            }}] }}"#,
            example("tiny")
        );
        let settings: LocalSettings = serde_json::from_str(&settings).unwrap();
        assert_eq!(settings.violations(), []);
        let settings = settings.resolve(folder.path());
        Self { state_dir: folder.path().join(name), _folder: folder, port, settings }
    }

    /// Brings it up.
    pub(crate) async fn up(&self) -> Result<Status, LocalError> {
        conductor_local::up(&self.settings, &self.state_dir, &example("supervisor"), &[]).await
    }

    pub(crate) fn environment(&self) -> LocalEnvironment {
        LocalEnvironment::new(self.settings.clone(), self.state_dir.clone())
    }

    /// The present status.
    pub(crate) async fn status(&self) -> Status {
        conductor_local::status(&self.state_dir).await.unwrap().unwrap()
    }

    /// Versions of the replicas that are ready, and nothing else may be there.
    pub(crate) async fn versions(&self) -> Vec<String> {
        let status = self.status().await;
        let replicas = &status.applications[0].replicas;
        assert!(replicas.iter().all(|replica| replica.state == ReplicaState::Ready), "{replicas:?}");
        replicas.iter().map(|replica| replica.version.clone()).collect()
    }

    /// Rolls a version out.
    pub(crate) async fn roll_out(&self, version: &str) -> Result<(), String> {
        let from = Release::single("");
        let rollout = Rollout::new(app(), from, Release::single(version));
        self.environment().roll_out(&"run-1".parse().unwrap(), &rollout, Way::There).await.map_err(told)
    }

    /// Scales to so many replicas.
    pub(crate) async fn scale(&self, replicas: u32) -> Result<(), String> {
        let (from, to) = (Allocation::of_replicas(0), Allocation::of_replicas(replicas));
        let step = ScaleStep { application: app(), from, to };
        self.environment().scale(&"run-1".parse().unwrap(), &step, Way::There).await.map_err(told)
    }

    /// What the application answers, or why there is no answer.
    pub(crate) fn get(&self) -> Result<String, String> {
        let mut answer = String::new();
        let mut ask = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        };
        let asked: io::Result<usize> = ask();
        match (asked, answer.split_once("\r\n\r\n")) {
            (Ok(_), Some((_, body))) if !body.is_empty() => Ok(body.to_owned()),
            (Ok(_), _) => Err(format!("the answer is {answer:?}")),
            (Err(error), _) => Err(format!("{error}, after {answer:?}")),
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        down(&self.state_dir);
    }
}

/// Stops an environment at the end of its test.
pub(crate) fn down(state_dir: &Path) {
    let state_dir = state_dir.to_owned();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A test's own runtime may not be blocked on from inside.
    let down = std::thread::spawn(move || runtime().block_on(conductor_local::down(&state_dir)));
    let result = down.join().unwrap();
    if !std::thread::panicking() {
        result.unwrap();
    }
}

pub(crate) fn app() -> ApplicationId {
    "app".parse().unwrap()
}

fn told(error: PortError) -> String {
    format!("{:?}: {}", error.kind, Failure::of("", &error).message)
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// True while a process lives.
pub(crate) fn lives(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

/// One of this crate's examples, built beside the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap_or(Path::new("")).join("examples").join(name);
    assert!(file.exists(), "{} is missing: cargo build --examples -p conductor-local", file.display());
    file
}
