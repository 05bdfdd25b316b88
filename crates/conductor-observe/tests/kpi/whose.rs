//! Whose events a source counts: the run's where it asks for them by the run's id, and everybody's otherwise.

use conductor_core::crosscheck::Counts;
use conductor_core::ports::KpiSource;
use conductor_observe::{HttpKpi, PrometheusKpi, SqlKpi};
use serde_json::json;

#[test]
fn a_source_that_does_not_ask_by_the_run_counts_everybodys() {
    // It may be installed already, by another test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prometheus = |counter: &str| {
        let settings = json!({ "url": "http://prometheus", "counter": counter });
        PrometheusKpi::new(serde_json::from_value(settings).unwrap()).unwrap().counts()
    };
    assert_eq!(prometheus("orders_total"), Counts::Everybody);
    assert_eq!(prometheus("orders_total{run=\"$run\"}"), Counts::Run);
    let page = |url: &str| {
        let settings = json!({ "url": url, "pointer": "/orders" });
        HttpKpi::new(serde_json::from_value(settings).unwrap()).unwrap().counts()
    };
    assert_eq!(page("http://shop/stats"), Counts::Everybody);
    assert_eq!(page("http://shop/stats?run={run}"), Counts::Run);
    let sql = |query: &str| {
        let settings = json!({ "sqlite": { "path": "/absent" }, "query": query });
        SqlKpi::new(serde_json::from_value(settings).unwrap(), None).unwrap().counts()
    };
    assert_eq!(sql("SELECT count(*) FROM orders"), Counts::Everybody);
    assert_eq!(sql("SELECT count(*) FROM orders WHERE run_id = :run"), Counts::Run);
}
