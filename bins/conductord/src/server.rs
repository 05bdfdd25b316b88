//! A server from its beginning to its end: what it opens, in which order, and what it lets go of.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use conductor_access::{Access, AccessSettings, AuditLog, ReviewCluster, ReviewSettings, TlsAcceptor};
use conductor_core::ports::{CallerReview, Clock};
use conductor_core::units::Span;
use conductor_engine::{
    AlertReceiver, Annotating, Announcer, Conductor, EngineOptions, HandOver, ObservedFactory, PortObserver, Steward,
    StewardOptions, SystemClock, observed_notifier,
};
use conductor_grpc::{Door, Limits, Service, serve};
use conductor_telemetry::{Metrics, Probes, Readiness};
use conductor_wiring::{ClusterSettings, Journal, JournalProblem, Signals, Wiring, alert_receivers, caller_review};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::args::variable;
use crate::environments::Environments;
use crate::exit::Failed;
use crate::listen::Addresses;
use crate::observe::{Answers, observe};
use crate::settings::ServerSettings;

/// How long the last spans may take at the end.
pub(crate) const LAST_SPANS: Duration = Duration::from_secs(2);
/// How long calls that are under way are waited for at the end. Watches are ended at once.
const LAST_CALLS: Duration = Duration::from_secs(5);
/// How long receivers of alerts and of annotations may take at the end to be told of what they were not told yet.
const LAST_ALERTS: Duration = Duration::from_secs(3);
/// What a server waits for before it is ready: that unfinished runs of its journal are taken over or somebody else's.
const TAKE_OVER: &str = "unfinished runs";

/// A server that listens.
pub(crate) struct Server {
    listener: TcpListener,
    probes: Probes,
    door: Door,
    limits: Limits,
    environments: Environments,
    journal: Journal,
    conductor: Conductor,
    metrics: Metrics,
    hand_over: Span,
    alerts: Vec<AlertReceiver>,
}

impl Server {
    /// Opens everything that a server needs. Nothing of it is begun before all of it is there.
    pub(crate) async fn begin(settings: ServerSettings) -> Result<Self, Failed> {
        let ServerSettings { listen, state_dir, limits, telemetry, hand_over, .. } = &settings;
        let state_dir = state_dir.as_deref().context("there is no state folder")?;
        let environments = Environments::read(&settings.environments, state_dir).map_err(Failed::input)?;
        let alerts = settings.alerts.as_deref().map_or_else(|| Ok(Vec::new()), alert_receivers);
        let alerts = alerts.map_err(Failed::input)?;
        let addresses = listen.resolve().await?;
        let (access, tls, audit) = guarded(&settings, &addresses).await.map_err(Failed::input)?;
        let listener = TcpListener::bind(addresses.all()).await;
        let listener = listener.with_context(|| format!("could not listen on {listen}"))?;
        let probes = Probes::bind(telemetry.metrics.address).await.map_err(Failed::because)?;
        let journal = Journal::open(settings.journal.as_deref(), state_dir, variable).await;
        let journal = journal.map_err(|problem| match problem {
            JournalProblem::Input(_) | JournalProblem::Password { .. } => Failed::input(problem),
            JournalProblem::Store(error) => Failed::because(error),
        })?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics = Metrics::new(&telemetry.metrics, env!("CARGO_PKG_VERSION"), Arc::clone(&clock));
        let observer: Arc<dyn PortObserver> = metrics.ports();
        let alerts = observed(alerts, &observer);
        let factory = Arc::new(ObservedFactory::new(Arc::new(Wiring::new(variable)), &observer));
        let (store, requests) = journal.sides();
        let conductor = Conductor::new(store, requests, factory, clock, EngineOptions::default());
        let door = Door { access, tls, audit, observer: Arc::new(Answers::of(&metrics)) };
        let (limits, hand_over) = (*limits, *hand_over);
        Ok(Self { listener, probes, door, limits, environments, journal, conductor, metrics, hand_over, alerts })
    }

    /// Serves until a signal ends it, and hands over what it drives.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { listener, probes, door, limits, environments, journal, conductor, metrics, hand_over, alerts } =
            self;
        let mut signals = Signals::listen().context("could not listen to signals")?;
        let readiness = Readiness::waiting_for([TAKE_OVER]);
        let (ending, ended) = watch::channel(false);
        let scheme = if door.tls.is_some() { "https" } else { "http" };
        say(scheme, &listener, &probes, &environments)?;

        let announcer = Announcer::begin(&conductor, alerts);
        let annotating = Annotating::begin(&conductor);
        let steward = Steward::begin(&conductor, StewardOptions::default());
        let observing = tokio::spawn(observe(conductor.clone(), metrics.runs()));
        let probing = tokio::spawn(probes.serve(metrics, readiness.clone(), until(ended.clone())));
        let service = Service::new(conductor.clone(), Arc::new(environments));
        let mut serving = tokio::spawn(serve(listener, service, door, limits, until(ended)));

        let name = tokio::select! {
            served = &mut serving => {
                served.context("the server has broken down")?.map_err(anyhow::Error::from_boxed)?;
                anyhow::bail!("the listener has ended");
            }
            name = ready(&steward, &readiness, &mut signals) => name,
        };
        tracing::info!("{name}: the server ends; its runs are handed over");
        readiness.missing(TAKE_OVER, "the server ends");
        ending.send_replace(true);
        tell(&steward.hand_over(hand_over.as_duration()).await);
        let calls = tokio::time::timeout(LAST_CALLS, serving);
        tokio::select! {
            calls = calls => match calls {
                Ok(served) => served.context("the server has broken down")?.map_err(anyhow::Error::from_boxed)?,
                Err(_) => tracing::warn!("calls that were under way after {LAST_CALLS:?} are cut off"),
            },
            name = signals.next() => tracing::warn!("{name}: calls that are under way are cut off"),
        }
        observing.abort();
        tokio::join!(announcer.end(LAST_ALERTS), annotating.end(LAST_ALERTS));
        journal.close().await;
        probing.await.context("the server of metrics has broken down")??;
        Ok(())
    }
}

/// The receivers, whose calls are told to the metrics.
fn observed(receivers: Vec<AlertReceiver>, by: &Arc<dyn PortObserver>) -> Vec<AlertReceiver> {
    let observed = |AlertReceiver { name, when, notifier }| AlertReceiver {
        name,
        when,
        notifier: observed_notifier(notifier, by),
    };
    receivers.into_iter().map(observed).collect()
}

/// What stands between the world and a server at those addresses: who may call, TLS, and the audit trail.
async fn guarded(
    settings: &ServerSettings,
    addresses: &Addresses,
) -> anyhow::Result<(Access, Option<TlsAcceptor>, Option<AuditLog>)> {
    let ServerSettings { access, tls, audit, listen, .. } = settings;
    let exposed = addresses.most_exposed();
    let access = match access {
        Some(access) => Access::reviewed(access, exposed, review(access).await?)?,
        None => Access::off_for(exposed).context("spec.access is not set")?,
    };
    tracing::info!("{}", access.sentence());
    let tls = tls.clone().map(TlsAcceptor::new).transpose().context("spec.tls")?;
    if tls.is_none() && !exposed.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "spec.tls is not set: what callers send, tokens included, can be read between them and {listen}"
        );
    }
    let audit = audit.as_ref().map(AuditLog::open).transpose().context("spec.audit")?;
    Ok((access, tls, audit))
}

/// Who asks the cluster who calls, where the settings say that it is asked.
async fn review(access: &AccessSettings) -> anyhow::Result<Option<Arc<dyn CallerReview>>> {
    let Some(ReviewSettings { cluster, namespace, .. }) = &access.kubernetes else { return Ok(None) };
    let ReviewCluster { kubeconfig, context } = cluster.clone();
    let cluster = ClusterSettings { kubeconfig, context, ..ClusterSettings::default() };
    let review = caller_review(&cluster, namespace).await.context("spec.access.kubernetes.cluster")?;
    Ok(Some(review))
}

/// Waits for a signal, and says meanwhile when the server is ready.
async fn ready(steward: &Steward, readiness: &Readiness, signals: &mut Signals) -> &'static str {
    tokio::select! {
        () = steward.ready() => {
            readiness.met(TAKE_OVER);
            tracing::info!("ready: unfinished runs of the journal are looked after");
        }
        name = signals.next() => return name,
    }
    signals.next().await
}

/// Says where the server is, on standard output: whoever has asked for a free port reads it there.
fn say(scheme: &str, listener: &TcpListener, probes: &Probes, environments: &Environments) -> anyhow::Result<()> {
    use std::io::Write;
    let address = listener.local_addr().context("could not tell where the server listens")?;
    let metrics = probes.address();
    let names = environments.names();
    let line = format!(
        "conductord listens on {scheme}://{address}, metrics and probes on http://{metrics}; environments: {names}\n"
    );
    // A server whose output nobody reads serves all the same.
    if let Err(error) = std::io::stdout().write_all(line.as_bytes()) {
        tracing::info!(%error, "{}", line.trim_end());
    }
    Ok(())
}

/// Tells what has become of the runs that were driven here.
fn tell(handed: &HandOver) {
    for run in &handed.given {
        tracing::warn!(%run, "the run is handed over: it goes on where the journal's next server is, or with this one when it starts again");
    }
    for run in &handed.late {
        tracing::warn!(%run, "the run could not be let go of in time: it goes on elsewhere once this server's lease has run out");
    }
}

async fn until(mut ended: watch::Receiver<bool>) {
    // Its sender is dropped only when the server has ended.
    let _ = ended.wait_for(|ended| *ended).await;
}
