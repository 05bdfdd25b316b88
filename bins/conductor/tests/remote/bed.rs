//! A server in this process over a model environment whose clock runs a hundred times as fast, and the program that asks it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use conductor_access::{Access, AccessSettings, TlsAcceptor, TlsSettings};
use conductor_core::failure::PortError;
use conductor_core::ports::{Clock, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError, Violation};
use conductor_engine::{Conductor, EngineOptions, PortsFactory, Steward, StewardOptions};
use conductor_grpc::{CallObserver, Declarations, Door, Limits, Service, serve};
use conductor_sim::{MemoryStore, SimEnvironment};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How much faster time goes here.
const SPEED: u32 = 100;
/// Nothing takes longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

struct Fast(Instant, Timestamp);

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> Timestamp {
        self.1 + SignedDuration::try_from(self.0.elapsed() * SPEED).unwrap()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time / SPEED).await;
    }
}

struct Model(SimEnvironment);

impl Model {
    fn made(&self) -> Ports {
        Ports { guard: None, ..self.0.ports() }
    }
}

#[async_trait]
impl PortsFactory for Model {
    async fn connect(&self, _: &Created, _: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Ok(self.made())
    }
}

#[async_trait]
impl Declarations for Model {
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let spec = LoadTestSpec::try_from(document)?;
        if spec.environment != "model" {
            let problem = format!("\"{}\" is not an environment of the server", spec.environment);
            let (field, expected) = ("spec.environment".to_owned(), "model".to_owned());
            return Err(SpecError { violations: vec![Violation { field, problem, expected }] });
        }
        let scope = spec.scope(&self.0.catalogue())?;
        Ok(Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null))
    }

    async fn ports(&self, _: &Created) -> Result<Ports, PortError> {
        Ok(self.made())
    }
}

struct Nobody;

impl CallObserver for Nobody {
    fn answered(&self, _: &'static str, _: &'static str, _: Duration) {}
}

/// A server, a folder of the program's own, and what the program is told by default.
pub(crate) struct Bed {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    conductor: Conductor,
    model: Arc<Model>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Bed {
    /// A server on plain HTTP that lets everybody in.
    pub(crate) async fn start() -> Self {
        let mut bed = Self::stopped();
        bed.serve(AccessSettings { off: true, ..AccessSettings::default() }, None).await;
        bed
    }

    /// The same before it serves.
    pub(crate) fn stopped() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Fast(Instant::now(), "2026-11-24T14:00:00Z".parse().unwrap()));
        let plant = serde_json::from_value(json!({
            "run": { "target": "1500/min", "rampUp": "2m", "plateau": "3m" },
            "journey": { "thinkTime": "9800ms", "checkoutRatio": 1.0 },
            "checkout": { "serviceTime": "200ms", "capacity": "3000/min" },
            "kpi": { "reportDelay": "3s" },
            "environment": { "noise": "none" }
        }))
        .unwrap();
        let world = SimEnvironment::new(plant, Arc::clone(&clock)).unwrap();
        let store = Arc::new(MemoryStore::default());
        let factory = Arc::new(Model(world.clone()));
        let conductor = Conductor::new(store.clone(), store, factory, clock, EngineOptions::default());
        let address = "127.0.0.1:0".parse().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), address, conductor, model: Arc::new(Model(world)), running: None }
    }

    /// Serves, at the address it had before where it had one.
    pub(crate) async fn serve(&mut self, access: AccessSettings, tls: Option<TlsSettings>) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let door = Door {
            access: Access::new(&access, self.address).unwrap(),
            tls: tls.map(|settings| TlsAcceptor::new(settings).unwrap()),
            audit: None,
            observer: Arc::new(Nobody),
        };
        let (end, ended) = oneshot::channel::<()>();
        let until = async move { ended.await.unwrap_or_default() };
        let service = Service::new(self.conductor.clone(), self.model.clone());
        let server =
            tokio::spawn(async move { serve(listener, service, door, Limits::default(), until).await.unwrap() });
        self.running = Some((end, server));
    }

    /// Ends the server in order. Its runs go on, as they do where another one takes them over.
    pub(crate) async fn stop(&mut self) {
        let (end, server) = self.running.take().unwrap();
        end.send(()).unwrap();
        tokio::time::timeout(LONGEST, server).await.unwrap().unwrap();
    }

    /// Looks after the server's runs, as a server does beside its calls.
    pub(crate) fn looked_after(&self, options: StewardOptions) -> Steward {
        Steward::begin(&self.conductor, options)
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// A load test whose plateau is so long.
    pub(crate) fn load_test(&self, plateau: &str) -> String {
        let text = format!(
            "apiVersion: loadtest-conductor.dev/v1alpha1
kind: LoadTest
metadata: {{ name: model }}
spec:
  environment: model
  kpi: {{ name: orders, target: 1500/min }}
  rampUp: 2m
  plateau: {plateau}
  interval: 10s
"
        );
        self.file("test.yaml", &text).display().to_string()
    }

    /// The program with nothing set but what is said here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.bare(env!("CARGO_BIN_EXE_conductor"), arguments)
    }

    /// A shell that runs this line, in which `$CONDUCTOR` is the program.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = self.bare("sh", &["-c", line]);
        command.env("CONDUCTOR", env!("CARGO_BIN_EXE_conductor"));
        command
    }

    fn bare(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONDUCTOR_")) {
            command.env_remove(name);
        }
        command.env("CONDUCTOR_STATE_DIR", self.folder.path().join("state")).env("CONDUCTOR_CONTEXTS", "");
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The program with the server as its target.
    pub(crate) fn at_server(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("CONDUCTOR_SERVER", format!("http://{}", self.address));
        command
    }

    /// What the program answers of the server.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Answer {
        answer(self.at_server(arguments)).await
    }
}

/// What a program has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    /// The answer of a program that has done what it should.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// The error of a program that ends with that code.
    pub(crate) fn bad(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }
}

/// Runs a program to its end.
pub(crate) async fn answer(mut command: Command) -> Answer {
    let output = tokio::time::timeout(LONGEST, command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A program that is watched while it runs.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, told: String::new() }
    }

    /// Reads until a line has that in it, and gives the line.
    pub(crate) async fn until(&mut self, part: &str) -> String {
        loop {
            match tokio::time::timeout(LONGEST, self.lines.next_line()).await {
                Ok(Ok(Some(line))) if line.contains(part) => return line,
                Ok(Ok(Some(line))) => self.told += &(line + "\n"),
                ended => panic!("\"{part}\" was never told ({ended:?}) but\n{}", self.told),
            }
        }
    }

    /// Interrupts it as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGINT).unwrap();
    }

    /// The exit code, and the rest of what was told.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        while let Some(line) = tokio::time::timeout(LONGEST, self.lines.next_line()).await.unwrap().unwrap() {
            rest += &(line + "\n");
        }
        let ended = tokio::time::timeout(LONGEST, self.child.wait_with_output()).await.unwrap().unwrap();
        (ended.status.code(), rest + &String::from_utf8(ended.stderr).unwrap())
    }
}

/// A file's path as an argument.
pub(crate) fn path(file: &Path) -> String {
    file.display().to_string()
}
