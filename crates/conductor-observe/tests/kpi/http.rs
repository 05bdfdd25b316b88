//! A number in the answer of a service.

use conductor_core::load::Mark;
use conductor_core::ports::{FailureKind, KpiSource};
use conductor_observe::{HttpKpi, HttpKpiSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contract::{count_to, first, run, windows_add_up, words};
use crate::counting::Counting;

fn source(written: Value) -> HttpKpi {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings: HttpKpiSettings = serde_json::from_value(written).unwrap();
    assert_eq!(settings.violations(), []);
    HttpKpi::new(settings).unwrap()
}

fn page(shop: &Counting) -> HttpKpi {
    source(json!({ "url": format!("http://{}/page", shop.address), "regex": "<b>(\\d+)</b> orders" }))
}

#[tokio::test]
async fn windows_of_a_page_add_up() {
    let shop = Counting::start().await;
    windows_add_up(&page(&shop), async |orders| shop.order(orders)).await;
}

#[tokio::test]
async fn a_pointer_and_a_secret_from_a_file_read_json() {
    let (shop, folder) = (Counting::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("secret");
    let url = format!("http://{}/stats", shop.address);
    for auth in [json!({ "bearerFile": file }), json!({ "basic": { "user": "shop", "passwordFile": file } })] {
        std::fs::write(&file, "sesame\n").unwrap();
        let source = source(json!({ "url": url, "pointer": "/orders/total", "auth": auth }));
        let start = first(&source, Timestamp::now()).await;
        shop.order(7);
        count_to(&source, start.to, 7).await;
        std::fs::write(&file, "other").unwrap();
        let error = source.sample(&run(), start.to).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rejected);
        assert_eq!(words(&error), format!("could not read the KPI from {url}: 401 Unauthorized: who are you?"));
        std::fs::remove_file(&file).unwrap();
        let error = words(&source.sample(&run(), start.to).await.unwrap_err());
        assert!(error.contains("could not read it: No such file"), "{error}");
    }
}

#[tokio::test]
async fn a_counter_that_begins_anew_is_unknown_once() {
    let shop = Counting::start().await;
    let source = page(&shop);
    shop.order(50);
    let start = first(&source, Timestamp::now()).await;
    shop.forget();
    shop.order(3);
    let reset = source.sample(&run(), start.to).await.unwrap();
    assert_eq!((reset.count, reset.marks.as_slice()), (None, &[Mark::CounterReset][..]));
    shop.order(4);
    count_to(&source, reset.to, 4).await;
}

#[tokio::test]
async fn what_is_no_number_too_long_or_too_late_is_told() {
    let (shop, folder) = (Counting::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("secret");
    std::fs::write(&file, "sesame").unwrap();
    let url = |path: &str| format!("http://{}{path}", shop.address);
    let signed = |pointer: &str| json!({ "url": url("/stats"), "pointer": pointer, "auth": { "bearerFile": file } });
    for (written, kind, expected) in [
        (signed("/orders/none"), FailureKind::KpiUnmeasured, "/orders/none is null, not a number"),
        (signed("/returns"), FailureKind::KpiUnmeasured, "there is no /returns: {\"orders\""),
        (json!({ "url": url("/page"), "pointer": "/x" }), FailureKind::KpiUnmeasured, "it is not JSON"),
        (
            json!({ "url": url("/page"), "regex": "sold (\\d+)" }),
            FailureKind::KpiUnmeasured,
            "nothing in it is like sold",
        ),
        (json!({ "url": url("/long"), "regex": "(\\d+)" }), FailureKind::Rejected, "the answer is longer than 1024 kB"),
        (
            json!({ "url": url("/slow"), "regex": "(\\d+)", "timeout": "300ms" }),
            FailureKind::Unavailable,
            "no answer within 300ms",
        ),
        (
            json!({ "url": "http://127.0.0.1:1/", "regex": "(\\d+)" }),
            FailureKind::Unavailable,
            "could not read the KPI",
        ),
    ] {
        let error = source(written.clone()).sample(&run(), Timestamp::now()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{written}");
        assert!(words(&error).contains(expected), "{}", words(&error));
    }
}
