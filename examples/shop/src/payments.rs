//! The payment provider: a foreign service that takes its time and accepts every payment. It keeps nothing. Its answers bear a
//! header of its own, by which they are told from those of a mock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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

/// `POST /payments` and `GET /health`.
pub(crate) fn router(service_time: Duration) -> Router {
    static PAYMENTS: AtomicU64 = AtomicU64::new(1);
    let pay = async move |Json(_payment): Json<Value>| {
        tokio::time::sleep(service_time).await;
        let accepted = json!({ "status": "accepted", "reference": PAYMENTS.fetch_add(1, Ordering::Relaxed) });
        ([MARK], Json(accepted))
    };
    Router::new().route("/payments", post(pay)).route("/health", get(async || "ok"))
}
