//! A service that keeps annotations by Grafana's API, or is unwell.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::get;
use conductor_core::annotation::Annotation;
use conductor_core::ports::Annotator;
use conductor_observe::GrafanaSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it does with what it is asked.
#[derive(Clone, Copy)]
pub(crate) enum Mood {
    /// It keeps what it gets.
    Well,
    /// It keeps what it gets, and says that it has not.
    Forgetful,
    /// It answers with this status and text.
    Says(u16, &'static str),
    /// It does not answer.
    Silent,
}

#[derive(Clone)]
struct Kept {
    mood: Arc<Mutex<Mood>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: String,
    pub(crate) body: Value,
}

/// A service; it ends with the runtime of its test.
pub(crate) struct Service {
    pub(crate) url: String,
    kept: Kept,
}

impl Service {
    pub(crate) async fn new(mood: Mood) -> Self {
        let kept = Kept { mood: Arc::new(Mutex::new(mood)), calls: Arc::default() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = Router::new().route("/ops/api/annotations", get(take).post(take)).with_state(kept.clone());
        tokio::spawn(async move { axum::serve(listener, api).await });
        Self { url: format!("{url}/ops"), kept }
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *self.kept.mood.lock().unwrap() = mood;
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.kept.calls.lock().unwrap().clone()
    }

    /// How often it was written to.
    pub(crate) fn written(&self) -> usize {
        self.calls().iter().filter(|call| call.method == "POST").count()
    }

    /// Who writes there.
    pub(crate) fn annotator(&self, fields: &Value) -> Arc<dyn Annotator> {
        annotator(&self.url, fields)
    }
}

/// Who writes to an address.
pub(crate) fn annotator(url: &str, fields: &Value) -> Arc<dyn Annotator> {
    // It fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut settings = json!({ "url": url, "tokenEnv": "GRAFANA_TOKEN" });
    settings.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let settings: GrafanaSettings = serde_json::from_value(settings).unwrap();
    assert_eq!(settings.violations(), []);
    settings.annotator(Some("a-token".to_owned())).unwrap().unwrap()
}

async fn take(State(kept): State<Kept>, request: Request) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let call = Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: parts.headers.get("authorization").map_or("", |it| it.to_str().unwrap()).to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mood = *kept.mood.lock().unwrap();
    let known: Vec<Value> = {
        let mut calls = kept.calls.lock().unwrap();
        let known = calls.iter().filter(|call| call.method == "POST").map(|call| call.body.clone()).collect();
        calls.push(call.clone());
        known
    };
    match (mood, call.method.as_str()) {
        (Mood::Says(status, text), _) => (StatusCode::from_u16(status).unwrap(), text.to_owned()),
        (Mood::Silent, _) => std::future::pending().await,
        (Mood::Forgetful, "POST") => (StatusCode::INTERNAL_SERVER_ERROR, "Failed to save annotation".to_owned()),
        (Mood::Well | Mood::Forgetful, "GET") => (StatusCode::OK, Value::Array(known).to_string()),
        (Mood::Well | Mood::Forgetful, _) => (StatusCode::OK, json!({ "message": "Annotation added" }).to_string()),
    }
}

/// A phase of two hours.
pub(crate) fn phase() -> Annotation {
    let annotation = json!({
        "run": "cyber-week-1", "loadTest": "cyber week", "environment": "shop-test", "kind": "phase",
        "from": "2026-11-24T14:00:00.5Z", "to": "2026-11-24T16:00:00Z", "text": "GENERATE_LOAD of cyber week",
    });
    serde_json::from_value(annotation).unwrap()
}
