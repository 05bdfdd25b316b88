//! The server that is measured: all that a server has, over environments that are models, and runs in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_access::Access;
use conductor_core::failure::PortError;
use conductor_core::ports::{Clock, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError};
use conductor_engine::{Conductor, EngineOptions, PortsFactory, Steward, StewardOptions, SystemClock};
use conductor_grpc::{CallObserver, Declarations, Door, Limits, Service, serve as serve_service};
use conductor_sim::{MemoryStore, Plant, SimEnvironment};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Environments as many as anybody names, each a model that takes no time but that of its load.
struct Models {
    plant: Plant,
    clock: Arc<dyn Clock>,
}

impl Models {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let plant = json!({
            "run": { "target": "600/min", "rampUp": "10s", "plateau": "1h" },
            "journey": { "thinkTime": "900ms", "checkoutRatio": 1.0 },
            "checkout": { "serviceTime": "100ms", "capacity": "1200/min" },
            "kpi": { "reportDelay": "1s" },
            "environment": {
                "noise": "none",
                "delays": { "call": "0s", "rollOut": "0s", "scale": "0s", "stop": "0s" }
            }
        });
        Self { plant: serde_json::from_value(plant).unwrap(), clock }
    }

    fn made(&self) -> SimEnvironment {
        SimEnvironment::new(self.plant.clone(), Arc::clone(&self.clock)).unwrap()
    }

    fn ports_of(&self) -> Ports {
        Ports { guard: None, ..self.made().ports() }
    }
}

#[async_trait]
impl PortsFactory for Models {
    async fn connect(&self, _: &Created, _: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Ok(self.ports_of())
    }
}

#[async_trait]
impl Declarations for Models {
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let spec = LoadTestSpec::try_from(document)?;
        let scope = spec.scope(&self.made().catalogue())?;
        Ok(Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null))
    }

    async fn ports(&self, _: &Created) -> Result<Ports, PortError> {
        Ok(self.ports_of())
    }
}

struct Nobody;

impl CallObserver for Nobody {
    fn answered(&self, _: &'static str, _: &'static str, _: Duration) {}
}

/// Serves until the input ends, which it does with whoever measures.
pub(crate) async fn serve() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (models, store) = (Arc::new(Models::new(Arc::clone(&clock))), Arc::new(MemoryStore::new()));
    let conductor = Conductor::new(store.clone(), store, models.clone(), clock, EngineOptions::default());
    let steward = Steward::begin(&conductor, StewardOptions::default());
    steward.ready().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    println!("listens on {address}");
    let door = Door { access: Access::off_for(address).unwrap(), tls: None, audit: None, observer: Arc::new(Nobody) };
    // All clients have one address here, which stands for a thousand callers.
    let many = 1_000_000.try_into().unwrap();
    let limits = Limits { calls_per_second: many, burst: many, ..Limits::default() };
    let until = async {
        tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap();
    };
    serve_service(listener, Service::new(conductor, models), door, limits, until).await.unwrap();
}
