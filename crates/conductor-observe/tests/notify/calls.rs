//! Services that take a POST: what they get, and what comes of their answers.

use std::time::{Duration, Instant};

use conductor_core::failure::{Failure, FailureKind};
use serde_json::{Value, json};

use crate::service::{Service, notice, notifier};

const AT_ONCE: Duration = Duration::ZERO;

async fn told(kind: &str, settings: &Value) -> Result<(), (FailureKind, String)> {
    let told = notifier(kind, settings).notify(&notice("firing")).await;
    told.map_err(|error| (error.kind, Failure::of("", &error).message))
}

#[tokio::test]
async fn a_webhook_gets_the_notice_signed_with_its_time() {
    let service = Service::answering(204, AT_ONCE).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "a-secret\n").unwrap();
    told("webhook", &json!({ "url": service.url, "secretFile": file })).await.unwrap();
    let [(headers, body)]: [_; 1] = service.calls().try_into().unwrap();
    assert_eq!(headers["content-type"], "application/json");
    let signature = headers["conductor-signature"].to_str().unwrap();
    let (time, tag) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert!((jiff::Timestamp::now().as_second() - time.parse::<i64>().unwrap()).abs() < 60, "{signature}");
    // A receiver does the same to find out who has sent it.
    let tag: Vec<u8> = (0..tag.len()).step_by(2).map(|at| u8::from_str_radix(&tag[at..at + 2], 16).unwrap()).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a-secret");
    ring::hmac::verify(&key, format!("{time}.{body}").as_bytes(), &tag).unwrap();
    ring::hmac::verify(&key, format!("{time}.{body} ").as_bytes(), &tag).unwrap_err();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["run"], &body["alert"]["key"]["topic"]), (&json!("cyber-week-1"), &json!("drifted")));
    assert!(headers["conductor-delivery"].to_str().unwrap().starts_with("cyber-week-1/LoadTestDrifted/"));
}

#[tokio::test]
async fn a_template_makes_the_body() {
    let service = Service::answering(200, AT_ONCE).await;
    let template = "{{ name }}: {{ alert.message }}";
    let settings = json!({ "url": service.url, "template": template, "contentType": "text/plain" });
    told("webhook", &settings).await.unwrap();
    let (headers, body) = service.calls().remove(0);
    assert_eq!(body, "LoadTestDrifted: replicas of shop: 1, and not 3");
    assert_eq!((&headers["content-type"], headers.get("conductor-signature")), (&"text/plain".parse().unwrap(), None));
}

#[tokio::test]
async fn chats_are_told_at_the_address_in_their_file() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, word) in [("slack", "blocks"), ("teams", "AdaptiveCard")] {
        let service = Service::answering(200, AT_ONCE).await;
        let file = folder.path().join(kind);
        std::fs::write(&file, format!("{}\n", service.url)).unwrap();
        told(kind, &json!({ "urlFile": file })).await.unwrap();
        assert!(service.calls()[0].1.contains(word), "{kind}");
    }
}

#[tokio::test]
async fn what_may_be_better_later_is_told_apart_from_what_will_not() {
    let unavailable = FailureKind::Unavailable;
    let cases = [(500, unavailable), (503, unavailable), (429, unavailable), (404, FailureKind::Rejected)];
    for (status, kind) in cases {
        let service = Service::answering(status, AT_ONCE).await;
        let (found, text) = told("webhook", &json!({ "url": service.url })).await.unwrap_err();
        assert_eq!(found, kind, "{text}");
        let expected = format!("could not tell the webhook: {status}");
        assert!(text.starts_with(&expected) && text.ends_with(": as it was told to"), "{text}");
    }
    let (kind, text) = told("webhook", &json!({ "url": "http://127.0.0.1:1/" })).await.unwrap_err();
    assert!(kind == unavailable && text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_receiver_that_is_slow_is_not_waited_for_longer_than_its_time() {
    let service = Service::answering(200, Duration::from_secs(60)).await;
    let begun = Instant::now();
    let (kind, text) = told("webhook", &json!({ "url": service.url, "timeout": "500ms" })).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!((kind, text.as_str()), (FailureKind::Unavailable, "could not tell the webhook: no answer within 500ms"));
}
