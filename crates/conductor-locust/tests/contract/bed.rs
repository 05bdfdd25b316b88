//! A real Locust on kernel-given ports: started, waited for, killed, and gone when the test ends.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conductor_core::load::{KpiSample, LoadSetting, Tags};
use conductor_core::ports::{KpiSource, LoadGenerator};
use conductor_locust::{KpiEvent, Locust, LocustSettings, PLUGIN, PLUGIN_FILE};
use jiff::Timestamp;
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Users of both kinds that order as fast as 20 times a second; the second request brings a header of its own.
pub(crate) const ORDERS: &str = r#"
from locust import FastHttpUser, HttpUser, constant, task

class Slow(HttpUser):
    wait_time = constant(0.05)

    @task
    def order(self):
        self.client.post("/orders", json={}, headers={"X-Client": "http"})
        self.client.get("/browse", headers={"x-load-test": "own", "X-Client": "http"})

class Fast(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def order(self):
        self.client.post("/orders", json={}, headers={"X-Client": "fast"})
        self.client.get("/browse", headers={"x-load-test": "own", "X-Client": "fast"})
"#;

/// A folder with locustfiles, and the processes started from it.
pub(crate) struct Bed {
    folder: TempDir,
    host: String,
    web_port: u16,
    master_port: u16,
    processes: Vec<Process>,
}

/// A child that dies with the test.
pub(crate) struct Process(Child);

impl Process {
    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Sends it a signal.
    #[allow(unsafe_code)]
    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: `kill` touches no memory, and the child is not waited for, so that its id is still its own.
        let sent = unsafe { libc::kill(self.0.id().try_into().unwrap(), signal) };
        assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
    }

    /// True when it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Bed {
    /// A bed whose users call `host` as the locustfile says; nothing runs yet.
    pub(crate) fn new(host: &str, locustfile: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("team.py"), locustfile).unwrap();
        std::fs::write(folder.path().join(PLUGIN_FILE), PLUGIN).unwrap();
        Self { folder, host: host.to_owned(), web_port: free_port(), master_port: free_port(), processes: Vec::new() }
    }

    /// Adds another file to the folder.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Starts Locust with these files and further arguments; answers its number.
    pub(crate) fn start(&mut self, files: &str, arguments: &[&str]) -> usize {
        let mut command = Command::new(locust());
        command.current_dir(self.folder.path()).args(["-f", files, "--host", &self.host]).args(arguments);
        let log = self.folder.path().join(format!("locust-{}.log", self.processes.len()));
        let log = std::fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        die_with_parent(&mut command);
        self.processes.push(Process(command.spawn().unwrap()));
        self.processes.len() - 1
    }

    /// Starts a Locust of one process.
    pub(crate) fn standalone(&mut self, files: &str) -> usize {
        let port = self.web_port.to_string();
        self.start(files, &["--web-host", "127.0.0.1", "--web-port", &port, "--stop-timeout", "5"])
    }

    /// Starts a master; a second call starts its successor on the same ports.
    pub(crate) fn master(&mut self, files: &str) -> usize {
        let (web, bind) = (self.web_port.to_string(), self.master_port.to_string());
        let arguments = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", &bind];
        let more = ["--web-host", "127.0.0.1", "--web-port", &web, "--stop-timeout", "5"];
        self.start(files, &[arguments.as_slice(), more.as_slice()].concat())
    }

    /// Starts a worker.
    pub(crate) fn worker(&mut self, files: &str) -> usize {
        let port = self.master_port.to_string();
        self.start(files, &["--worker", "--master-host", "127.0.0.1", "--master-port", &port])
    }

    /// One of the started processes.
    pub(crate) fn process(&mut self, number: usize) -> &mut Process {
        &mut self.processes[number]
    }

    /// Settings for this bed's Locust.
    pub(crate) fn settings(&self) -> LocustSettings {
        LocustSettings::at(format!("http://127.0.0.1:{}", self.web_port))
    }

    /// A driver that has found its Locust fit, with so many workers.
    pub(crate) async fn ready(&self, settings: LocustSettings, event: KpiEvent, workers: u32) -> Locust {
        let locust = driver(settings, event);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = locust.check().await;
            if found.as_ref().is_ok_and(|facts| facts.workers.unwrap_or(0) >= workers) {
                return locust;
            }
            assert!(Instant::now() < deadline, "Locust is not fit for a run: {found:?}\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The logs of all processes, for a failed test's message.
    pub(crate) fn logs(&self) -> String {
        let read = |number| std::fs::read_to_string(self.folder.path().join(format!("locust-{number}.log")));
        (0..self.processes.len()).filter_map(|number| read(number).ok()).collect()
    }
}

/// A driver, with the TLS provider that a binary would install.
pub(crate) fn driver(settings: LocustSettings, event: KpiEvent) -> Locust {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Locust::new(settings, event, None).unwrap()
}

/// The order request as the KPI.
pub(crate) fn orders() -> KpiEvent {
    KpiEvent::request("POST", "/orders")
}

/// Tags of a run, with a header more.
pub(crate) fn tags(run: &str) -> Tags {
    Tags { run: run.parse().unwrap(), headers: [("X-Team".to_owned(), "checkout".to_owned())].into() }
}

/// So many users, all at once.
pub(crate) fn users(users: u64) -> LoadSetting {
    LoadSetting { users, spawn_rate: 100.0 }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The one sample of everything from `since` until its window covers `upto`.
pub(crate) async fn sample_past(locust: &Locust, run: &str, since: Timestamp, upto: Timestamp) -> KpiSample {
    let run = run.parse().unwrap();
    let mut last = None;
    until("the sample covers the window", async || {
        let sample = locust.sample(&run, since).await.unwrap();
        let covers = sample.to > upto;
        last = Some(sample);
        covers
    })
    .await;
    last.unwrap()
}

/// A port nobody uses at the moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The Locust that `cargo verify` installs, or the one that the environment names.
fn locust() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/locust/bin/locust");
    let locust = std::env::var_os("CONDUCTOR_LOCUST").map_or(installed, PathBuf::from);
    assert!(locust.exists(), "there is no Locust at {}: `cargo verify` installs it", locust.display());
    locust
}

#[allow(unsafe_code)]
fn die_with_parent(command: &mut Command) {
    // SAFETY: `prctl` is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}
