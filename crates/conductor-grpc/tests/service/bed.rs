//! A server over a model environment whose clock runs a hundred times as fast, with whatever door it has, and its clients.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use conductor_access::{Access, AuditLog, Secret, make_token};
use conductor_core::failure::PortError;
use conductor_core::ports::{Clock, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError};
use conductor_engine::{Conductor, EngineOptions, PortsFactory};
use conductor_grpc::{CallObserver, Declarations, Door, Limits, Service, serve};
use conductor_proto::v1;
use conductor_proto::v1::load_test_service_client::LoadTestServiceClient;
use conductor_sim::{MemoryStore, SimEnvironment};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Request, Streaming};

use crate::cluster::{self, Cluster, token_of};

/// How much faster time goes here.
const SPEED: u32 = 100;
/// No call takes longer.
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

/// Holds connecting to an environment, so that a start goes on for as long as a test wants.
#[derive(Default)]
pub(crate) struct Gate {
    /// Somebody waits.
    pub(crate) reached: Notify,
    /// Lets one who waits go on.
    pub(crate) open: Notify,
}

/// The environment behind the gate.
pub(crate) const GATED: &str = "gated";

struct Model(SimEnvironment, Arc<Gate>);

impl Model {
    fn made(&self) -> Ports {
        Ports { guard: None, ..self.0.ports() }
    }
}

#[async_trait]
impl PortsFactory for Model {
    async fn connect(&self, created: &Created, _: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        if created.spec.environment == GATED {
            self.1.reached.notify_one();
            self.1.open.notified().await;
        }
        Ok(self.made())
    }
}

#[async_trait]
impl Declarations for Model {
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let spec = LoadTestSpec::try_from(document)?;
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

/// A client of the service.
pub(crate) type Client = LoadTestServiceClient<Channel>;

/// A server with a client. It ends when the test does.
pub(crate) struct Bed {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) end: Option<oneshot::Sender<()>>,
    pub(crate) server: JoinHandle<()>,
}

impl Bed {
    /// A server for everybody.
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::behind(off(), limits).await
    }

    /// A server behind a door. Its client connects with the first call.
    pub(crate) async fn behind(door: Door, limits: Limits) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Fast(Instant::now(), "2026-11-24T14:00:00Z".parse().unwrap()));
        let plant = serde_json::from_value(json!({
            "run": { "target": "1500/min", "rampUp": "2m", "plateau": "3m" },
            "journey": { "thinkTime": "9800ms", "checkoutRatio": 1.0 },
            "checkout": { "serviceTime": "200ms", "capacity": "3000/min" },
            "kpi": { "reportDelay": "3s" },
            "environment": { "noise": "none" }
        }))
        .unwrap();
        let gate = Arc::new(Gate::default());
        let model = Arc::new(Model(SimEnvironment::new(plant, Arc::clone(&clock)).unwrap(), Arc::clone(&gate)));
        let store = Arc::new(MemoryStore::default());
        let conductor = Conductor::new(store.clone(), store.clone(), model.clone(), clock, EngineOptions::default());
        let service = Service::new(conductor, model);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let until = async move { ended.await.unwrap_or_default() };
        let server = tokio::spawn(async move { serve(listener, service, door, limits, until).await.unwrap() });
        let client = Client::new(Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy());
        Self { client, address, store, gate, end: Some(end), server }
    }

    /// A run of somebody who needs no token.
    pub(crate) async fn started(&mut self) -> v1::Run {
        self.started_by(None, load_test()).await
    }

    pub(crate) async fn started_by(&mut self, token: Option<&Secret>, load_test: v1::LoadTest) -> v1::Run {
        let request = v1::StartLoadTestRequest { load_test: Some(load_test), request_id: String::new() };
        self.client.start_load_test(by(token, request)).await.unwrap().into_inner().run.unwrap()
    }

    /// Everything that a watch tells until the run is over.
    pub(crate) async fn watched(&mut self, id: &str, after_revision: u64) -> Vec<v1::WatchLoadTestResponse> {
        self.watched_by(None, id, after_revision).await
    }

    pub(crate) async fn watched_by(
        &mut self,
        token: Option<&Secret>,
        id: &str,
        after_revision: u64,
    ) -> Vec<v1::WatchLoadTestResponse> {
        let request = v1::WatchLoadTestRequest { id: id.to_owned(), after_revision };
        all(self.client.watch_load_test(by(token, request)).await.unwrap().into_inner()).await
    }
}

/// Everything that a stream tells until its end.
pub(crate) async fn all(mut stream: Streaming<v1::WatchLoadTestResponse>) -> Vec<v1::WatchLoadTestResponse> {
    let mut all = Vec::new();
    while let Some(update) = tokio::time::timeout(LONGEST, stream.message()).await.unwrap().unwrap() {
        all.push(update);
    }
    all
}

/// A door that is open.
pub(crate) fn off() -> Door {
    door(Access::off_for("127.0.0.1:0".parse().unwrap()).unwrap())
}

/// A door on plain connections and without a trail.
pub(crate) fn door(access: Access) -> Door {
    Door { access, tls: None, audit: None, observer: Arc::new(Nobody) }
}

/// The same with a trail.
pub(crate) fn trailed(access: Access, trail: &Path) -> Door {
    Door { audit: Some(AuditLog::to_file(trail).unwrap()), ..door(access) }
}

/// Who may call by a token, and their tokens. The file of the hashes of static ones goes with the folder.
pub(crate) struct Callers {
    pub(crate) folder: tempfile::TempDir,
    tokens: Vec<(String, Secret)>,
    /// The cluster that knows them, where they have none that is static.
    cluster: Option<Arc<Cluster>>,
}

impl Callers {
    /// Callers by their roles, which are their names as well.
    pub(crate) fn with(roles: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut tokens, mut lines) = (Vec::new(), String::new());
        for role in roles {
            let (token, hash) = make_token().unwrap();
            lines.push_str(&format!("{role} {hash} {role}\n"));
            tokens.push(((*role).to_owned(), token));
        }
        std::fs::write(folder.path().join("tokens"), lines).unwrap();
        Self { folder, tokens, cluster: None }
    }

    /// The same, but a cluster knows them.
    pub(crate) fn of_cluster(roles: &[&str]) -> Self {
        let tokens = roles.iter().map(|role| ((*role).to_owned(), token_of(role))).collect();
        let cluster = Some(Arc::new(Cluster::with(roles)));
        Self { folder: tempfile::tempdir().unwrap(), tokens, cluster }
    }

    pub(crate) fn access(&self) -> Access {
        if let Some(cluster) = &self.cluster {
            return cluster::access(cluster);
        }
        let settings = json!({ "tokens": { "file": self.folder.path().join("tokens") } });
        Access::new(&serde_json::from_value(settings).unwrap(), "0.0.0.0:1".parse().unwrap()).unwrap()
    }

    pub(crate) fn token(&self, role: &str) -> &Secret {
        &self.tokens.iter().find(|(name, _)| name == role).unwrap().1
    }
}

/// A request with a bearer token.
pub(crate) fn by<T>(token: Option<&Secret>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {}", token.reveal()).parse().unwrap());
    }
    request
}

/// A load test of some seconds.
pub(crate) fn load_test() -> v1::LoadTest {
    v1::LoadTest {
        api_version: "loadtest-conductor.dev/v1alpha1".to_owned(),
        kind: "LoadTest".to_owned(),
        metadata: Some(v1::Metadata { name: "model".to_owned() }),
        spec: Some(v1::LoadTestSpec {
            environment: "model".to_owned(),
            kpi: Some(v1::Kpi { name: "orders".to_owned(), target: Some("1500/min".to_owned()) }),
            ramp_up: Some("2m".to_owned()),
            plateau: Some("3m".to_owned()),
            interval: Some("10s".to_owned()),
            ..v1::LoadTestSpec::default()
        }),
    }
}

/// A load test that somebody has to stop.
pub(crate) fn long_load_test() -> v1::LoadTest {
    let mut load_test = load_test();
    load_test.spec.as_mut().unwrap().plateau = Some("3h".to_owned());
    load_test
}
