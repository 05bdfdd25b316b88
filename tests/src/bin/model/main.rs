//! A server whose environment is a table of a database, and whose clock is fast: for tests that kill servers again and again.
//!
//! Everything but the environment is as in `conductord`: the journal with its leases, the engine, the steward, the service. The
//! environment outlives its servers, refuses conductors that are older than the last one, and writes down who has changed what.

mod clock;
mod ports;
mod world;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use conductor_access::Access;
use conductor_core::failure::PortError;
use conductor_core::ports::{Clock, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError};
use conductor_engine::{Conductor, EngineOptions, PortsFactory, Steward, StewardOptions};
use conductor_grpc::{CallObserver, Declarations, Door, Limits, Service, serve};
use conductor_journal::{PostgresStore, PostgresStoreSettings};
use tokio::net::TcpListener;

use crate::clock::FastClock;
use crate::world::World;

/// What a server is told.
#[derive(Parser)]
struct Arguments {
    /// Where the journal is, as JSON of its settings.
    #[arg(long)]
    journal: String,
    /// Where the environment is, as a URL of PostgreSQL.
    #[arg(long)]
    world: String,
    /// When the clock of all servers began, in milliseconds since 1970.
    #[arg(long)]
    since: i64,
}

struct Environment {
    world: World,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl PortsFactory for Environment {
    async fn connect(&self, _: &Created, epoch: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Ok(ports::of(&self.world, epoch, &self.clock))
    }
}

#[async_trait]
impl Declarations for Environment {
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let spec = LoadTestSpec::try_from(document)?;
        let scope = spec.scope(&[world::APPLICATION.parse().expect("a name")])?;
        Ok(Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null))
    }

    async fn ports(&self, _: &Created) -> Result<Ports, PortError> {
        Ok(ports::of(&self.world, 0, &self.clock))
    }
}

struct Nobody;

impl CallObserver for Nobody {
    fn answered(&self, _: &'static str, _: &'static str, _: Duration) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Arguments { journal, world, since } = Arguments::parse();
    let settings: PostgresStoreSettings = serde_json::from_str(&journal)?;
    let store = Arc::new(PostgresStore::open(&settings, None).await?);
    let clock: Arc<dyn Clock> = Arc::new(FastClock::since(since));
    let environment = Arc::new(Environment { world: World::open(&world).await?, clock: Arc::clone(&clock) });
    let conductor = Conductor::new(store.clone(), store, environment.clone(), clock, EngineOptions::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let access = Access::off_for(listener.local_addr()?)?;
    writeln!(std::io::stdout(), "listens on {}", listener.local_addr()?)?;
    let steward = Steward::begin(&conductor, StewardOptions::default());
    steward.ready().await;
    writeln!(std::io::stdout(), "ready")?;
    let door = Door { access, tls: None, audit: None, observer: Arc::new(Nobody) };
    let service = Service::new(conductor, environment);
    serve(listener, service, door, Limits::default(), std::future::pending()).await
}
