//! The payment provider: a foreign service that takes its time and accepts every payment. Its answers bear a header of its own, by
//! which they are told from those of a mock, and it counts what it has taken: payments of a load test are none of its business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use serde_json::{Value, json};

use crate::listener;

/// How the payment provider runs.
#[derive(Args)]
pub(crate) struct Settings {
    /// Port on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Milliseconds that one payment takes.
    #[arg(long, default_value_t = 30)]
    service_time_ms: u64,
}

/// Serves payments until told to stop.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let listener = listener::shared(settings.port)?;
    let router = router(Duration::from_millis(settings.service_time_ms));
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            if let Err(error) = listener::told_to_stop().await {
                eprintln!("{error:#}");
            }
        })
        .await?;
    Ok(())
}

/// The response header that only the provider sets.
const MARK: (&str, &str) = ("x-provider", "payments");

/// What the provider has taken since it was started.
struct Provider {
    service_time: Duration,
    payments: AtomicU64,
    /// Those with the tag of a load test.
    tagged: AtomicU64,
}

/// `POST /payments`, `GET /health`, and `GET /metrics`, which tells the tagged payments from the others.
pub(crate) fn router(service_time: Duration) -> Router {
    let provider = Provider { service_time, payments: AtomicU64::new(0), tagged: AtomicU64::new(0) };
    Router::new()
        .route("/payments", post(pay))
        .route("/metrics", get(metrics))
        .route("/health", get(async || "ok"))
        .with_state(Arc::new(provider))
}

async fn pay(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Json(_payment): Json<Value>,
) -> impl IntoResponse {
    let reference = provider.payments.fetch_add(1, Ordering::Relaxed) + 1;
    if headers.contains_key("x-load-test") {
        provider.tagged.fetch_add(1, Ordering::Relaxed);
    }
    tokio::time::sleep(provider.service_time).await;
    ([MARK], Json(json!({ "status": "accepted", "reference": reference })))
}

async fn metrics(State(provider): State<Arc<Provider>>) -> String {
    let tagged = provider.tagged.load(Ordering::Relaxed);
    let untagged = provider.payments.load(Ordering::Relaxed).saturating_sub(tagged);
    format!(
        "# HELP payments_taken_total Payments taken, by whether they bore the tag of a load test.\n\
         # TYPE payments_taken_total counter\n\
         payments_taken_total{{tagged=\"true\"}} {tagged}\npayments_taken_total{{tagged=\"false\"}} {untagged}\n"
    )
}
