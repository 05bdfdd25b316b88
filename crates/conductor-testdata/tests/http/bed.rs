//! What the tests of services share: declarations, the run, and the error as people read it.

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, TableCount};
use conductor_core::run::RunId;
use conductor_testdata::{HttpTestData, HttpTestDataSettings};
use serde_json::{Value, json};

use crate::service::{Paging, Service};

pub(crate) fn run() -> RunId {
    "run-1".parse().unwrap()
}

/// How the next page is declared.
pub(crate) fn next(paging: Paging) -> Value {
    match paging {
        Paging::Whole => Value::Null,
        Paging::Token => json!({ "token": { "at": "/nextPageToken", "parameter": "pageToken" } }),
        Paging::Link => json!("link"),
        Paging::Page => json!({ "page": { "parameter": "page" } }),
        Paging::Offset => json!({ "offset": { "parameter": "offset" } }),
    }
}

/// Orders that are listed and deleted one by one, told by their tag.
pub(crate) fn tagged(paging: Paging) -> Value {
    json!({
        "name": "orders",
        "list": { "path": "/orders?runId={run}", "items": "/orders", "id": "/id", "tag": "/meta/runId", "next": next(paging) },
        "deleteItem": { "path": "/orders/{id}" }
    })
}

/// The same without a tag in the items: the filter alone tells them.
pub(crate) fn filtered(paging: Paging) -> Value {
    let mut resource = tagged(paging);
    resource["list"].as_object_mut().unwrap().remove("tag");
    resource
}

/// Orders that one request for the run deletes.
pub(crate) fn whole() -> Value {
    json!({
        "name": "orders",
        "count": { "path": "/orders/count?runId={run}", "number": "/page/total" },
        "deleteRun": { "path": "/runs/{run}/orders" }
    })
}

/// A declaration with what is said besides.
pub(crate) fn declared(service: &Service, resource: &Value, besides: &Value) -> HttpTestDataSettings {
    let mut settings = json!({
        "name": "shop", "url": service.url(), "resources": [resource], "requestsPerSecond": 1000, "patience": "20s"
    });
    settings.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

pub(crate) fn store(service: &Service, resource: &Value) -> HttpTestData {
    store_with(service, resource, &json!({}))
}

pub(crate) fn store_with(service: &Service, resource: &Value, besides: &Value) -> HttpTestData {
    install_tls();
    HttpTestData::new(declared(service, resource, besides), Some("secret".to_owned())).unwrap()
}

pub(crate) fn install_tls() {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(crate) fn counts(rows: u64) -> Vec<TableCount> {
    vec![TableCount { table: "orders".to_owned(), rows }]
}

/// The error as the journal keeps it, without the service's port.
pub(crate) fn told(service: &Service, error: &PortError) -> (FailureKind, String) {
    let message = Failure::of("", error).message.replace(&service.address.to_string(), "shop");
    (error.kind, message)
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 20, "it never came to this: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
