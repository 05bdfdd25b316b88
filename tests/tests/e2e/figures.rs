//! Figures of a real Prometheus that scrapes the real shop: objectives of them, and which application was at its limit first.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use conductor_tests::staged::Prometheus;
use conductor_tests::{Bed, SHORT, Shop, answer, until};
use serde_json::Value;

/// A shop, its environment and a Prometheus that scrapes it every second; the environment's spec begins with this, in which
/// `@PROMETHEUS@` is where that is.
fn monitored(shop: Shop, settings: &str) -> (Bed, Prometheus) {
    let bed = Bed::up(shop);
    let environment = std::fs::read_to_string(bed.path("environment.yaml")).unwrap();
    let (_, rest) = environment.split_once("--host, \"http://127.0.0.1:").unwrap();
    let (port, _) = rest.split_once('"').unwrap();
    let prometheus = Prometheus::scraping(&bed, port);
    let address = prometheus.url().replace("http://", "");
    until("Prometheus has a rate of orders", Duration::from_secs(60), || {
        answer(&address, "/api/v1/query?query=rate(shop_orders_total%5B5s%5D%20offset%202s)").contains("\"value\"")
    });
    let settings = settings.replace("@PROMETHEUS@", &prometheus.url());
    bed.edit("environment.yaml", "  locust: { deadMan", &format!("{settings}  locust: {{ deadMan"));
    (bed, prometheus)
}

const FIGURES: &str = "  figures: { prometheus: { url: '@PROMETHEUS@', delay: 1s } }\n";
/// A scrape meets one replica: those of a shop that is at its limit all are.
const SATURATION: &str = "  saturation:
    prometheus: { url: '@PROMETHEUS@' }
    query: 'max by (application) (label_replace(avg_over_time(shop_desks_used_ratio[4s]), \"application\", \"shop\", \"\", \"\"))'
";

fn statuses(view: &Value) -> Vec<(&str, &str)> {
    let slos = view["verdict"]["slos"].as_array().unwrap().iter();
    slos.map(|result| (result["slo"].as_str().unwrap(), result["status"].as_str().unwrap())).collect()
}

#[test]
fn an_objective_of_prometheus_is_held_or_ends_the_run() {
    let (bed, _prometheus) = monitored(Shop::default(), FIGURES);
    let rows = bed.rows();
    let held = "prometheus(\"rate(shop_orders_total[5s])\") < 1000 for 10s during load";
    let up = "prometheus(\"min_over_time(up[5s])\") > 0 in 100% of load minutes";
    bed.write("loadtest.yaml", &format!("{SHORT}  slos: ['{held}', '{up}']\n"));
    bed.run();
    let view = bed.view();
    assert_eq!(statuses(&view), [(held, "met"), (up, "met")], "{:#}", view["verdict"]);
    let result = &view["verdict"]["slos"][0];
    assert!(result["observed"].as_f64().unwrap() > 1.0, "orders a second of a load of ten: {result:#}");
    let read = |tick: &Value| tick["figures"]["readings"]["rate(shop_orders_total[5s])"]["value"].as_f64();
    let ticks = view["ticks"].as_array().unwrap();
    assert!(ticks.iter().all(|tick| read(tick).is_some()), "{ticks:#?}");
    bed.assert_restored(&rows);

    let strict = "prometheus(\"rate(shop_orders_total[5s])\") < 0.5 for 10s during load then abort";
    let text = format!("{SHORT}  slos: ['{strict}']\n").replace("plateau: 20s", "plateau: 10m");
    bed.write("loadtest.yaml", &text);
    let ended = bed.run().ended_with(1);
    assert!(ended.out.contains(&format!("slo_breached: {strict} was breached: ")), "{}", ended.out);
    let view = bed.view();
    let ticks = view["ticks"].as_array().unwrap();
    assert!((3..10).contains(&ticks.len()), "{} intervals of five seconds, of which the first few end it", ticks.len());
    assert_eq!(ticks.last().unwrap()["brokenSlos"], serde_json::json!([strict]));
    bed.assert_restored(&rows);
}

#[test]
fn a_query_that_is_none_refuses_the_run_with_prometheus_own_words() {
    let (bed, _prometheus) = monitored(Shop::default(), FIGURES);
    let rows = bed.rows();
    bed.write("loadtest.yaml", &format!("{SHORT}  slos: ['prometheus(\"max(shop_orders_total\") < 1']\n"));
    let refused = bed.run().ended_with(1);
    let told =
        "check the figures of the objectives: prometheus(\"max(shop_orders_total\"): could not ask Prometheus at ";
    assert!(refused.out.contains(told), "{}", refused.out);
    assert!(refused.out.contains("parse error: unclosed left parenthesis"), "{}", refused.out);
    assert!(bed.view()["ticks"].as_array().unwrap().is_empty(), "before the load");
    bed.assert_restored(&rows);
    bed.edit("environment.yaml", "  figures: {", "  figures: { delay: 1s,");
    let refused = bed.run().ended_with(2);
    assert!(refused.err.contains("unknown field `delay`, expected one of prometheus"), "{}", refused.err);
    // The bed ends its environment by it.
    bed.edit("environment.yaml", "  figures: { delay: 1s,", "  figures: {");
}

#[test]
fn a_saturated_shop_is_named_in_the_verdict() {
    let (bed, _prometheus) = monitored(Shop { capacity: 0.1, ..Shop::default() }, SATURATION);
    let rows = bed.rows();
    bed.write("loadtest.yaml", &SHORT.replace("plateau: 20s", "plateau: 40s"));
    let ended = bed.run().ended_with(1);
    let view = bed.view();
    let cause = &view["verdict"]["causes"][0];
    assert_eq!(cause["code"], "target_not_held", "{cause:#}");
    let message = cause["message"].as_str().unwrap();
    assert!(
        message.contains("; shop (") && message.contains(" % of what it may have) was saturated first, at "),
        "{message}"
    );
    assert!(ended.out.contains("was saturated first, at "), "{}", ended.out);
    let evidence = cause["evidence"].as_array().unwrap().iter();
    let mut named = evidence.filter(|one| one["source"] == "the environment's saturation");
    let named = named.next().unwrap_or_else(|| panic!("{cause:#}"));
    assert_eq!((&named["what"], &named["limit"]), (&"shop was saturated first".into(), &90.0.into()));
    assert!(named["value"].as_f64().unwrap() >= 90.0, "{named:#}");
    bed.assert_restored(&rows);
}
