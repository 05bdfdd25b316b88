//! The system under load: it keeps a log of its own of every request, which is the truth the driver is measured by.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

/// One request, as the target saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When.
    pub(crate) at: Timestamp,
    /// Its path.
    pub(crate) path: &'static str,
    /// Whether its answer said that the order was accepted.
    pub(crate) accepted: bool,
    headers: HeaderMap,
}

impl Seen {
    /// The value of a header; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A running target; it ends with its test's runtime.
pub(crate) struct Target {
    /// Its address.
    pub(crate) url: String,
    log: Log,
}

impl Target {
    /// Starts on a kernel-given port.
    pub(crate) async fn start() -> Self {
        let log = Log::default();
        let router = Router::new().route("/orders", post(order)).route("/browse", get(browse)).with_state(log.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, log }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests meet a condition.
    pub(crate) fn count(&self, condition: impl Fn(&Seen) -> bool) -> u64 {
        self.log.lock().unwrap().iter().filter(|seen| condition(seen)).count() as u64
    }

    /// Orders of a run.
    pub(crate) fn orders(&self, run: &str) -> u64 {
        self.count(|seen| seen.path == "/orders" && seen.header("X-Load-Test-Run") == run)
    }
}

/// Every fourth order is answered, with success, by a refusal.
async fn order(State(log): State<Log>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let mut log = log.lock().unwrap();
    let accepted = log.len() % 4 != 0;
    log.push(Seen { at: Timestamp::now(), path: "/orders", accepted, headers });
    (StatusCode::CREATED, Json(json!({ "order": { "state": if accepted { "accepted" } else { "refused" } } })))
}

async fn browse(State(log): State<Log>, headers: HeaderMap) -> &'static str {
    log.lock().unwrap().push(Seen { at: Timestamp::now(), path: "/browse", accepted: false, headers });
    "ok"
}
