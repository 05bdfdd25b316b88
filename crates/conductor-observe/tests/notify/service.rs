//! A service that is told of alerts, and answers as it is told to.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use conductor_core::alert::{Notice, Topic};
use conductor_core::ports::Notifier;
use conductor_observe::{AlertsSettings, notifiers};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A service; it ends with the runtime of its test.
pub(crate) struct Service {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

#[derive(Clone)]
struct Told {
    calls: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    status: StatusCode,
    after: Duration,
}

impl Service {
    /// One that answers with this status, after a while.
    pub(crate) async fn answering(status: u16, after: Duration) -> Self {
        let calls: Arc<Mutex<Vec<(HeaderMap, String)>>> = Arc::default();
        let told = Told { calls: Arc::clone(&calls), status: StatusCode::from_u16(status).unwrap(), after };
        let take = async |State(told): State<Told>, headers: HeaderMap, body: String| {
            told.calls.lock().unwrap().push((headers, body));
            tokio::time::sleep(told.after).await;
            (told.status, "as it was told to")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take)).with_state(told)).await });
        Self { url, calls }
    }

    /// What it was told so far.
    pub(crate) fn calls(&self) -> Vec<(HeaderMap, String)> {
        self.calls.lock().unwrap().clone()
    }

    /// The first body that says this.
    pub(crate) async fn body_with(&self, words: &str) -> Value {
        let found = async {
            loop {
                if let Some((_, body)) = self.calls().into_iter().find(|(_, body)| body.contains(words)) {
                    return serde_json::from_str(&body).unwrap();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{words}: {:?}", self.calls()))
    }
}

/// The notifier of a receiver of this kind.
pub(crate) fn notifier(kind: &str, settings: &Value) -> Arc<dyn Notifier> {
    // It fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = json!({ "receivers": [{ "name": "one", kind: settings }] });
    let settings: AlertsSettings = serde_json::from_value(settings).unwrap();
    assert_eq!(settings.violations(), []);
    notifiers(&settings).unwrap().remove(0).notifier
}

/// A notice of drift, since a minute.
pub(crate) fn notice(status: &str) -> Notice {
    let now = jiff::Timestamp::now();
    let since = now - jiff::SignedDuration::from_mins(1);
    let notice = json!({
        "run": "cyber-week-1", "loadTest": "cyber-week", "environment": "shop-test", "status": status, "at": now,
        "alert": {
            "key": { "topic": Topic::Drifted, "of": "shop" }, "severity": "warning", "application": "shop",
            "message": "replicas of shop: 1, and not 3", "since": since,
        },
    });
    serde_json::from_value(notice).unwrap()
}
