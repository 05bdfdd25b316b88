//! Sources behind TLS, with a certificate of an authority that only their settings know: a real Prometheus with a listener of its
//! own for it, and a service behind a server of TLS.

use conductor_core::ports::{FailureKind, KpiSource};
use conductor_observe::{HttpKpi, HttpKpiSettings, PrometheusKpi, PrometheusKpiSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::contract::{run, windows_add_up, words};
use crate::counting::Counting;
use crate::prometheus_bed::Prometheus;

/// What a client says of a certificate that nobody whom it knows has signed.
const UNKNOWN: &str = "invalid peer certificate: UnknownIssuer";
/// What it says of an answer that is not TLS.
const PLAIN: &str = "received corrupt message of type InvalidContentType";

fn prometheus(mut written: Value) -> PrometheusKpi {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    written["counter"] = "shop_orders_total".into();
    let settings: PrometheusKpiSettings = serde_json::from_value(written).unwrap();
    assert_eq!(settings.violations(), []);
    PrometheusKpi::new(settings).unwrap()
}

fn page(mut written: Value) -> HttpKpi {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    written["regex"] = "<b>(\\d+)</b> orders".into();
    let settings: HttpKpiSettings = serde_json::from_value(written).unwrap();
    assert_eq!(settings.violations(), []);
    HttpKpi::new(settings).unwrap()
}

async fn refused(source: &dyn KpiSource, kind: FailureKind, act: &str, expected: &str) {
    let error = source.sample(&run(), Timestamp::now()).await.unwrap_err();
    let told = words(&error);
    assert_eq!(error.kind, kind, "{told}");
    assert!(told.starts_with(act) && told.contains(expected), "{told}\nhas no\n{expected}");
}

#[tokio::test]
async fn a_prometheus_with_tls_is_asked_by_its_own_authority_and_by_no_other() {
    let (shop, folder) = (Counting::start().await, tempfile::tempdir().unwrap());
    let (own, other) = (Authority::of("own"), Authority::of("other"));
    let bed = Prometheus::with_tls(&shop.address, folder.path().to_owned(), &own.issue("127.0.0.1"));
    assert!(bed.url.starts_with("https://127.0.0.1:"), "{}", bed.url);
    let known = prometheus(json!({ "url": bed.url, "caFile": own.file() }));
    windows_add_up(&known, async |orders| shop.order(orders)).await;

    let act = format!("could not ask Prometheus at {} for shop_orders_total: ", bed.url);
    for untrusted in [json!({ "url": bed.url, "caFile": other.file() }), json!({ "url": bed.url })] {
        refused(&prometheus(untrusted), FailureKind::Unavailable, &act, UNKNOWN).await;
    }
    let plain = bed.url.replace("https://", "http://");
    let act = format!("could not ask Prometheus at {plain} for shop_orders_total: ");
    let expected = "400 Bad Request: Client sent an HTTP request to an HTTPS server.";
    refused(&prometheus(json!({ "url": plain })), FailureKind::Rejected, &act, expected).await;
}

#[tokio::test]
async fn a_prometheus_without_tls_is_not_asked_by_https() {
    let (shop, folder) = (Counting::start().await, tempfile::tempdir().unwrap());
    let bed = Prometheus::scraping(&shop.address, folder.path().to_owned());
    let (authority, url) = (Authority::of("own"), bed.url.replace("http://", "https://"));
    let secret = prometheus(json!({ "url": url, "caFile": authority.file() }));
    let act = format!("could not ask Prometheus at {url} for shop_orders_total: ");
    refused(&secret, FailureKind::Unavailable, &act, PLAIN).await;
}

#[tokio::test]
async fn a_page_with_tls_is_read_by_its_own_authority_from_the_server_that_its_certificate_names() {
    let shop = Counting::start().await;
    let (own, other) = (Authority::of("own"), Authority::of("other"));
    let address = own.before(&shop.address, "127.0.0.1").await;
    let url = format!("https://{address}/page");
    windows_add_up(&page(json!({ "url": url, "caFile": own.file() })), async |orders| shop.order(orders)).await;

    let act = format!("could not read the KPI from {url}: ");
    for untrusted in [json!({ "url": url, "caFile": other.file() }), json!({ "url": url })] {
        refused(&page(untrusted), FailureKind::Unavailable, &act, UNKNOWN).await;
    }
    let named = format!("https://{}/page", own.before(&shop.address, "shop.example").await);
    let expected = "invalid peer certificate: certificate not valid for name \"127.0.0.1\"";
    let act = format!("could not read the KPI from {named}: ");
    refused(&page(json!({ "url": named, "caFile": own.file() })), FailureKind::Unavailable, &act, expected).await;

    let (secret, plain) = (format!("https://{}/page", shop.address), format!("http://{address}/page"));
    let act = format!("could not read the KPI from {secret}: ");
    refused(&page(json!({ "url": secret, "caFile": own.file() })), FailureKind::Unavailable, &act, PLAIN).await;
    let act = format!("could not read the KPI from {plain}: ");
    refused(&page(json!({ "url": plain })), FailureKind::Unavailable, &act, "error sending request").await;
}

#[tokio::test]
async fn any_of_several_authorities_in_a_file_is_known() {
    let shop = Counting::start().await;
    let (own, other) = (Authority::of("own"), Authority::of("other"));
    let url = format!("https://{}/page", own.before(&shop.address, "127.0.0.1").await);
    let folder = tempfile::tempdir().unwrap();
    let both = folder.path().join("both.pem");
    let pem = |authority: &Authority| std::fs::read_to_string(authority.file()).unwrap();
    std::fs::write(&both, format!("{}{}", pem(&other), pem(&own))).unwrap();
    page(json!({ "url": url, "caFile": both })).sample(&run(), Timestamp::now()).await.unwrap();
}

#[test]
fn a_file_of_authorities_that_is_none_is_refused_at_once() {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let made = || {
        let written = json!({ "url": "https://shop.test/", "regex": "(\\d+)", "caFile": file });
        words(&HttpKpi::new(serde_json::from_value(written).unwrap()).err().unwrap())
    };
    let cannot = format!("caFile: could not read {}; expected certificates in PEM: ", file.display());
    assert_eq!(made(), format!("{cannot}No such file or directory (os error 2)"));
    std::fs::write(&file, "ca").unwrap();
    assert_eq!(made(), format!("caFile: no certificate is in {}; expected certificates in PEM", file.display()));
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    assert!(made().starts_with(&cannot), "{}", made());
}
