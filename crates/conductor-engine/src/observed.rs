//! Calls of ports, counted, timed and put into spans, without changing what they do.
//!
//! What becomes of the figures is for whoever observes. What each port does is in the adapters; the calls themselves are
//! handed on one by one in `observed/calls.rs`.

mod calls;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::{
    Annotator, CheckingSource, FailureKind, KpiSource, Notifier, PortError, Ports, ProgressSink,
};
use conductor_core::run::Created;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::ports::PortsFactory;

/// Hears of every call of a port, once it is over.
pub trait PortObserver: Send + Sync {
    /// A call is over. It is told within the run's own task, and must not block.
    fn called(&self, call: PortCall);
}

/// One call of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortCall {
    /// The port's name, such as `deployer`.
    pub port: &'static str,
    /// The method's name, such as `roll_out`.
    pub method: &'static str,
    /// What became of it.
    pub outcome: CallOutcome,
    /// How long it took.
    pub took: Duration,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was done.
    Done,
    /// It failed.
    Failed(FailureKind),
    /// It was not waited for to its end, since the run went on or the conductor let go of it; or it panicked.
    Abandoned,
}

impl CallOutcome {
    /// Its name, as the metrics give it: one of `ok`, the kinds of failure, and `abandoned`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Failed(FailureKind::Unavailable) => "unavailable",
            Self::Failed(FailureKind::NotFound) => "not_found",
            Self::Failed(FailureKind::Rejected) => "rejected",
            Self::Failed(FailureKind::Unsettled) => "unsettled",
            Self::Failed(FailureKind::TimedOut) => "timed_out",
            Self::Failed(FailureKind::KpiUnmeasured) => "kpi_unmeasured",
            Self::Failed(FailureKind::SloBreached) => "slo_breached",
            Self::Failed(FailureKind::GeneratorLost) => "generator_lost",
            Self::Failed(FailureKind::ForeignTraffic) => "foreign_traffic",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The source that counts a second time, observed under a name of its own.
struct Checking(Observed<dyn KpiSource>);

/// The same ports, whose every call is told to an observer and has a span of its own.
#[must_use]
pub fn observed(ports: Ports, by: &Arc<dyn PortObserver>) -> Ports {
    Ports {
        releases: Arc::new(Observed::new(ports.releases, by)),
        deployer: Arc::new(Observed::new(ports.deployer, by)),
        scaler: Arc::new(Observed::new(ports.scaler, by)),
        capacity: ports.capacity.map(|port| Arc::new(Observed::new(port, by)) as _),
        parity: ports.parity.map(|port| Arc::new(Observed::new(port, by)) as _),
        layout: ports.layout.map(|port| Arc::new(Observed::new(port, by)) as _),
        guard: ports.guard.map(|port| Arc::new(Observed::new(port, by)) as _),
        generator: Arc::new(Observed::new(ports.generator, by)),
        kpi: Arc::new(Observed::new(ports.kpi, by)),
        cross_check: ports.cross_check.map(|checking| CheckingSource {
            source: Arc::new(Checking(Observed::new(checking.source, by))),
            check: checking.check,
        }),
        mocks: ports.mocks.into_iter().map(|port| Arc::new(Observed::new(port, by)) as _).collect(),
        figures: ports.figures.map(|port| Arc::new(Observed::new(port, by)) as _),
        saturation: ports.saturation.map(|port| Arc::new(Observed::new(port, by)) as _),
        test_data: ports.test_data.into_iter().map(|port| Arc::new(Observed::new(port, by)) as _).collect(),
        settle: ports.settle,
    }
}

/// The same for who tells of alerts, which no run works with.
pub fn observed_notifier(notifier: Arc<dyn Notifier>, by: &Arc<dyn PortObserver>) -> Arc<dyn Notifier> {
    Arc::new(Observed::new(notifier, by))
}

/// Makes ports that are observed, and tells of their making too, as `connect` of the port `factory`.
pub struct ObservedFactory {
    factory: Observed<dyn PortsFactory>,
}

impl ObservedFactory {
    /// The ports of `factory`, observed.
    pub fn new(factory: Arc<dyn PortsFactory>, by: &Arc<dyn PortObserver>) -> Self {
        Self { factory: Observed::new(factory, by) }
    }
}

#[async_trait]
impl PortsFactory for ObservedFactory {
    async fn connect(
        &self,
        created: &Created,
        epoch: u64,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Ports, PortError> {
        let making = self.factory.inner.connect(created, epoch, progress);
        let ports = self.factory.call("factory", "connect", making).await?;
        Ok(observed(ports, &self.factory.by))
    }

    async fn usable(&self, created: &Created) -> Result<(), PortError> {
        self.factory.call("factory", "usable", self.factory.inner.usable(created)).await
    }

    fn annotator(&self, created: &Created) -> Result<Option<Arc<dyn Annotator>>, PortError> {
        let annotator = self.factory.inner.annotator(created)?;
        Ok(annotator.map(|annotator| Arc::new(Observed::new(annotator, &self.factory.by)) as _))
    }
}

/// A port and who observes it.
struct Observed<P: ?Sized> {
    inner: Arc<P>,
    by: Arc<dyn PortObserver>,
}

impl<P: ?Sized> Observed<P> {
    fn new(inner: Arc<P>, by: &Arc<dyn PortObserver>) -> Self {
        Self { inner, by: Arc::clone(by) }
    }

    async fn call<T>(
        &self,
        port: &'static str,
        method: &'static str,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let span = tracing::info_span!(
            "port_call",
            otel.name = %format_args!("{port}.{method}"),
            otel.status_code = tracing::field::Empty,
            port,
            method,
            outcome = tracing::field::Empty,
        );
        // Told when it is dropped, so that a call that nobody waits for any more is told too.
        let outcome = CallOutcome::Abandoned;
        let mut going = Going { by: &*self.by, port, method, outcome, since: Instant::now(), span: span.clone() };
        let done = work.instrument(span).await;
        going.outcome = match &done {
            Ok(_) => CallOutcome::Done,
            Err(error) => CallOutcome::Failed(error.kind),
        };
        done
    }
}

/// A call that is not over yet.
struct Going<'a> {
    by: &'a dyn PortObserver,
    port: &'static str,
    method: &'static str,
    outcome: CallOutcome,
    since: Instant,
    span: Span,
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let Self { by, port, method, outcome, since, ref span } = *self;
        span.record("outcome", outcome.name());
        if let CallOutcome::Failed(_) = outcome {
            span.record("otel.status_code", "ERROR");
        }
        by.called(PortCall { port, method, outcome, took: since.elapsed() });
    }
}
