//! Counters that a real Prometheus has scraped.

use std::time::Duration;

use conductor_core::load::Mark;
use conductor_core::ports::{FailureKind, KpiSource};
use conductor_observe::{PrometheusKpi, PrometheusKpiSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contract::{count_to, first, run, windows_add_up, words};
use crate::counting::Counting;
use crate::prometheus_bed::Prometheus;

fn source(mut written: Value, prometheus: &Prometheus) -> PrometheusKpi {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    written["url"] = prometheus.url.clone().into();
    let settings: PrometheusKpiSettings = serde_json::from_value(written).unwrap();
    assert_eq!(settings.violations(), []);
    PrometheusKpi::new(settings).unwrap()
}

struct Bed {
    shop: Counting,
    prometheus: Prometheus,
    source: PrometheusKpi,
    _folder: tempfile::TempDir,
}

async fn bed() -> Bed {
    let (shop, folder) = (Counting::start().await, tempfile::tempdir().unwrap());
    let prometheus = Prometheus::scraping(&shop.address, folder.path().to_owned());
    let source = source(json!({ "counter": "shop_orders_total" }), &prometheus);
    Bed { shop, prometheus, source, _folder: folder }
}

#[tokio::test]
async fn windows_of_a_counter_with_two_series_add_up() {
    let bed = bed().await;
    windows_add_up(&bed.source, async |orders| bed.shop.order(orders)).await;
}

#[tokio::test]
async fn a_restarted_service_counts_from_zero_and_is_marked() {
    let bed = bed().await;
    bed.shop.order(40);
    let start = first(&bed.source, Timestamp::now()).await;
    let steady = count_to(&bed.source, start.to, 0).await.pop().map_or(start.to, |sample| sample.to);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = first(&bed.source, steady).await;
    bed.shop.forget();
    bed.shop.order(6);
    let windows = count_to(&bed.source, before.to, 6).await;
    assert!(windows.iter().any(|sample| sample.marks.contains(&Mark::CounterReset)), "{windows:#?}");
}

#[tokio::test]
async fn a_gap_of_scrapes_is_no_loss_and_meanwhile_it_is_told() {
    let bed = bed().await;
    let start = first(&bed.source, Timestamp::now()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = first(&bed.source, start.to).await;
    bed.shop.set_down(true);
    bed.shop.order(9);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let error = bed.source.sample(&run(), before.to).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(words(&error).contains("it is not scraped any more: the newest sample is "), "{}", words(&error));
    bed.shop.set_down(false);
    let back = first(&bed.source, before.to).await;
    let rest = count_to(&bed.source, back.to, 9 - back.count.unwrap()).await;
    assert!(rest.iter().chain([&back]).any(|sample| sample.marks.contains(&Mark::Approximate)));
}

#[tokio::test]
async fn a_restart_of_prometheus_loses_nothing() {
    let mut bed = bed().await;
    let start = first(&bed.source, Timestamp::now()).await;
    bed.shop.order(10);
    let before = count_to(&bed.source, start.to, 10).await.pop().unwrap();
    bed.prometheus.stop();
    bed.shop.order(20);
    let error = bed.source.sample(&run(), before.to).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable, "{}", words(&error));
    bed.prometheus.start();
    let back = first(&bed.source, before.to).await;
    bed.shop.order(5);
    count_to(&bed.source, back.to, 25 - back.count.unwrap()).await;
}

#[tokio::test]
async fn a_rate_is_integrated() {
    let bed = bed().await;
    first(&bed.source, Timestamp::now()).await;
    let source =
        source(json!({ "rate": "sum(shop_orders_total) * 0 + 120", "per": "minute", "delay": "1s" }), &bed.prometheus);
    let since = Timestamp::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let sample = first(&source, since).await;
    let seconds = sample.to.duration_since(sample.from).as_secs_f64();
    assert!((3.0..6.0).contains(&seconds), "{sample:?}");
    assert_eq!(sample.count, Some((2.0 * seconds).round() as u64));
}

#[tokio::test]
async fn what_prometheus_does_not_have_or_understand_is_told() {
    let bed = bed().await;
    let source = |counter: &str| source(json!({ "counter": counter }), &bed.prometheus);
    let error = source("returns_total").sample(&run(), Timestamp::now()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable, "it may come with its first event");
    let asked = format!("could not ask Prometheus at {} for", bed.prometheus.url);
    assert_eq!(words(&error), format!("{asked} returns_total: there is no such series"));
    let error = source("shop orders").sample(&run(), Timestamp::now()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(words(&error).contains("parse error"), "{}", words(&error));
}
