//! The server with callers who know nothing of it, or mean harm, over connections in memory: each is answered, or its connection is
//! closed, and others are served as before.

#[path = "bytes.rs"]
mod bytes;
#[path = "edits.rs"]
mod edits;
#[path = "protobuf.rs"]
mod protobuf;
#[path = "requests.rs"]
mod requests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_access::{Access, Peer};
use conductor_core::failure::PortError;
use conductor_core::ports::{Clock, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError, Violation};
use conductor_engine::{Conductor, EngineOptions, PortsFactory};
use conductor_grpc::{CallObserver, Declarations, Door, Limits, Service, serve_streams};
use conductor_sim::{MemoryStore, SimEnvironment};
use futures::channel::mpsc;
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};

use bytes::Bytes;
use requests::{Input, list, run_of};

const CALLER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4711);
/// How long a caller waits for an answer before it hangs up, in the server's time.
const PATIENCE: Duration = Duration::from_secs(40);
/// After so long the server must have closed the connection of a caller who is gone.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest request, in bytes: short, so that one that is longer costs the fuzzer little.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// A clock that stands still, so that nothing comes of a run but what callers make of it.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// A model in which one run has begun, and which knows no other environment.
struct Model(SimEnvironment);

impl Model {
    fn made(&self) -> Ports {
        Ports { guard: None, ..self.0.ports() }
    }

    fn created(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let spec = LoadTestSpec::try_from(document)?;
        let scope = spec.scope(&self.0.catalogue())?;
        Ok(Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null))
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
    /// Nothing of what callers ask for is begun, so that the memory of a server is that of its callers alone.
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let created = self.created(document)?;
        let field = "spec.environment".to_owned();
        let problem = format!("there is no environment {}", created.spec.environment);
        Err(SpecError { violations: vec![Violation { field, problem, expected: "another one".to_owned() }] })
    }

    async fn ports(&self, _: &Created) -> Result<Ports, PortError> {
        Ok(self.made())
    }
}

struct Nobody;

impl CallObserver for Nobody {
    fn answered(&self, _: &'static str, _: &'static str, _: Duration) {}
}

/// A server in memory, whose time goes on where it has nothing to do.
pub(crate) struct Edge {
    runtime: Runtime,
    streams: mpsc::UnboundedSender<(DuplexStream, Peer)>,
    run: String,
}

impl Edge {
    /// A server with one run that does not end.
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let (streams, incoming) = mpsc::unbounded();
        let run = runtime.block_on(async move {
            let clock: Arc<dyn Clock> = Arc::new(Still);
            let plant = json!({
                "run": { "target": "600/min", "rampUp": "10s", "plateau": "1h" },
                "journey": { "thinkTime": "9900ms", "checkoutRatio": 1.0 },
                "checkout": { "serviceTime": "100ms", "capacity": "1200/min" },
                "kpi": { "reportDelay": "1s" },
                "environment": { "noise": "none" }
            });
            let plant = serde_json::from_value(plant).expect("a plant");
            let model = Arc::new(Model(SimEnvironment::new(plant, Arc::clone(&clock)).expect("a model")));
            let store = Arc::new(MemoryStore::new());
            let conductor = Conductor::new(store.clone(), store, model.clone(), clock, EngineOptions::default());
            let document = serde_json::from_value(requests::load_test()).expect("a load test");
            let run = conductor.start(model.created(document).expect("one that is right")).await.expect("a run");
            let service = Service::new(conductor, model);
            let door = Door {
                access: Access::off_for(CALLER).expect("an address of this machine"),
                tls: None,
                audit: None,
                observer: Arc::new(Nobody),
            };
            let many = 1_000_000.try_into().expect("a number");
            let limits = Limits {
                message_bytes: LONGEST_MESSAGE.try_into().expect("a number"),
                calls_per_second: many,
                burst: many,
                ..Limits::default()
            };
            tokio::spawn(async move {
                if let Err(error) = serve_streams(incoming, service, door, limits, std::future::pending()).await {
                    panic!("the server has ended: {error}");
                }
            });
            run.to_string()
        });
        Self { runtime, streams, run }
    }

    /// Makes a caller of bytes, and lets it say what it has to say.
    ///
    /// # Errors
    /// With what should not be.
    pub(crate) fn take(&self, bytes: &[u8]) -> Result<(), String> {
        let Input { text, language } = Input::of(&mut Bytes::new(bytes), &run_of(&self.run));
        let answer = self.said(&text)?;
        match language {
            requests::Language::Http1 if !answer.starts_with(b"HTTP/1.1 ") => {
                Err(format!("a request in order was answered by {:?}", String::from_utf8_lossy(&answer)))
            }
            requests::Language::Http1 | requests::Language::Http2 | requests::Language::None => Ok(()),
        }
    }

    /// Whether somebody else is served.
    ///
    /// # Errors
    /// With the answer, where they are not.
    pub(crate) fn is_well(&self) -> Result<(), String> {
        let answer = self.said(&list())?;
        let text = String::from_utf8_lossy(&answer);
        let is_right = text.starts_with("HTTP/1.1 200 ") && text.contains(&self.run);
        if is_right { Ok(()) } else { Err(format!("somebody else was answered: {text}")) }
    }

    /// What is answered until the connection ends.
    fn said(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        self.runtime.block_on(async {
            let (client, server) = tokio::io::duplex(LONGEST_MESSAGE);
            let peer = Peer { address: CALLER, certificate_names: Vec::new() };
            self.streams.unbounded_send((server, peer)).map_err(|_| "nobody takes connections any more")?;
            let (mut reading, mut writing) = tokio::io::split(client);
            let write = async {
                // A server may refuse to hear the rest.
                let _ = writing.write_all(text).await;
                tokio::time::sleep(PATIENCE).await;
                let _ = writing.shutdown().await;
            };
            let mut answer = Vec::new();
            let read = reading.read_to_end(&mut answer);
            let both = async { tokio::join!(write, read) };
            match tokio::time::timeout(LONGEST, both).await {
                Ok(_) => Ok(answer),
                Err(_) => Err(format!("the connection stays open after {:?}", String::from_utf8_lossy(&answer))),
            }
        })
    }
}
