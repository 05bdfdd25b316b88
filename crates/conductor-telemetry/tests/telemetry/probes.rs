//! Metrics and probes, as they are asked for over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use conductor_engine::SystemClock;
use conductor_telemetry::{CONTENT_TYPE, Metrics, MetricsSettings, Probes, Readiness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::exposition::Scrape;

/// An answer, status line and headers before the body.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: conductor\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[tokio::test]
async fn a_program_lives_before_it_is_ready_and_says_what_it_waits_for() {
    let probes = Probes::bind(anywhere()).await.unwrap();
    let address = probes.address();
    let metrics = Metrics::new(&MetricsSettings::default(), "1.2.3", Arc::new(SystemClock));
    let readiness = Readiness::waiting_for(["recovery", "store"]);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(probes.serve(metrics, readiness.clone(), async move { stopped.await.unwrap_or(()) }));

    let (head, body) = get(address, "/healthz").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, "alive\n");

    readiness.missing("store", "connection refused");
    let (head, body) = get(address, "/readyz").await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert_eq!(body, "recovery: not done yet\nstore: connection refused\n");

    readiness.met("store");
    readiness.met("recovery");
    let (head, body) = get(address, "/readyz").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, "ready\n");

    let (head, body) = get(address, "/metrics").await;
    assert!(head.contains(&format!("content-type: {CONTENT_TYPE}")), "{head}");
    assert_eq!(Scrape::read(&body).value("conductor_build_info{version=\"1.2.3\"}"), Some(1.0));
    assert!(get(address, "/").await.0.starts_with("http/1.1 404"));

    // Somebody who asks for nothing keeps it from its end for a moment only.
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /met").await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), serving).await.expect("it ends").unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = Probes::bind(anywhere()).await.unwrap();
    let error = Probes::bind(first.address()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not listen on {} for metrics and probes", first.address()));
}
