//! `/metrics`, `/healthz` and `/readyz` over HTTP, at an address of their own.

mod brief;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

use crate::error::TelemetryError;
use crate::metrics::{self, Metrics};
use crate::readiness::Readiness;
use brief::BriefListener;

/// How long answers that are under way are waited for at the end: a client that reads slowly keeps nothing up.
const GRACE: Duration = Duration::from_secs(1);

/// The server of metrics and probes.
#[derive(Debug)]
pub struct Probes {
    listener: TcpListener,
    address: SocketAddr,
}

impl Probes {
    /// Takes the address; where its port is 0, the kernel chooses one.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, TelemetryError> {
        let taken = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        taken.await.map_err(|source| TelemetryError::Listen { address, source })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done.
    ///
    /// # Errors
    /// When connections cannot be taken any more.
    pub async fn serve(
        self,
        metrics: Metrics,
        readiness: Readiness,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), std::io::Error> {
        let router = Router::new()
            .route("/metrics", get(tell_metrics))
            .with_state(metrics)
            .route("/healthz", get(async || "alive\n"))
            .merge(Router::new().route("/readyz", get(tell_readiness)).with_state(readiness));
        let (stopping, mut stopped) = tokio::sync::watch::channel(false);
        let stop = async move {
            stop.await;
            stopping.send_replace(true);
        };
        let serving = axum::serve(BriefListener::new(self.listener), router).with_graceful_shutdown(stop).into_future();
        let overdue = async {
            // It fails where the server has ended by itself, which is told below.
            if stopped.wait_for(|stopped| *stopped).await.is_ok() {
                tokio::time::sleep(GRACE).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            served = serving => served,
            () = overdue => Ok(()),
        }
    }
}

async fn tell_metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
    // Text of a thousand runs takes some milliseconds, in which the task of a run would wait.
    match tokio::task::spawn_blocking(move || metrics.text()).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Ok(Err(_)) | Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response(),
    }
}

async fn tell_readiness(State(readiness): State<Readiness>) -> impl IntoResponse {
    let reasons = readiness.reasons();
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let lines: String = reasons.iter().map(|reason| format!("{reason}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}
