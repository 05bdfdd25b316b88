//! Objectives of response times and failures, by a real Locust at the real shop.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_tests::{Bed, SHORT, Shop};
use serde_json::Value;

/// The short load test with objectives.
fn with(fields: &str) -> String {
    format!("{SHORT}{fields}")
}

fn status<'a>(view: &'a Value, slo: &str) -> &'a str {
    let slos = view["verdict"]["slos"].as_array().unwrap();
    let found = slos.iter().find(|result| result["slo"] == slo).unwrap_or_else(|| panic!("no {slo} in {slos:?}"));
    found["status"].as_str().unwrap()
}

#[test]
fn objectives_hold_or_end_the_run_and_an_earlier_run_is_the_baseline() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let lenient = "  slos: ['p95(POST /orders) < 30s during load', 'error_rate < 90% over 10s during load']\n";
    bed.write("loadtest.yaml", &with(lenient));
    bed.run();
    let view = bed.view();
    assert_eq!(status(&view, "p95(POST /orders) < 30s during load"), "met");
    assert_eq!(status(&view, "error_rate < 90% over 10s during load"), "met");
    let orders = |tick: &Value| tick["requestsByName"]["counts"]["POST /orders"]["requests"].as_u64();
    let counted: u64 = view["ticks"].as_array().unwrap().iter().filter_map(orders).sum();
    let kpi: u64 = view["ticks"].as_array().unwrap().iter().filter_map(|tick| tick["count"].as_u64()).sum();
    assert!(counted >= kpi && kpi > 0, "{counted} requests for orders, of which {kpi} made one");
    bed.assert_restored(&rows);

    let id = view["id"].as_str().unwrap();
    let strict = format!(
        "  baseline: {id}\n  slos: ['p95(POST /orders) < 900 × baseline during load', 'p50(POST /orders) < 0.5ms over 10s during load \
         then abort']\n"
    );
    bed.write("loadtest.yaml", &with(&strict).replace("plateau: 20s", "plateau: 10m"));
    let ended = bed.run().ended_with(1);
    let breached = "p50(POST /orders) < 0.5ms over 10s during load then abort";
    assert!(ended.out.contains(&format!("slo_breached: {breached} was breached: ")), "{}", ended.out);
    let view = bed.view();
    assert_eq!(status(&view, breached), "breached");
    let ticks = view["ticks"].as_array().unwrap();
    assert!(
        ticks.len() < 10,
        "{} intervals of five seconds were measured, although the first ten ended it",
        ticks.len()
    );
    assert_eq!(ticks.last().unwrap()["brokenSlos"], serde_json::json!([breached]));
    let relative = &view["verdict"]["slos"][0];
    assert!(relative["limit"].as_f64().unwrap() >= 900.0, "{relative}");
    bed.assert_restored(&rows);

    bed.write("loadtest.yaml", &with("  baseline: nobody\n  slos: ['mean < 2 × baseline']\n"));
    let refused = bed.run().ended_with(2);
    assert!(
        refused.err.contains("spec.baseline: there is no run nobody; expected a run of this store"),
        "{}",
        refused.err
    );
}

#[test]
fn a_mistake_in_an_objective_is_pointed_at() {
    let bed = Bed::new(Shop::default());
    bed.write("loadtest.yaml", &with("  slos: ['p95(checkout) < 800ms durng plateau']\n"));
    let refused = bed.run().ended_with(2);
    let pointed = "spec.slos[0]: \"durng\" is not known (did you mean \"during\"?) at character 23:";
    assert!(refused.err.contains(pointed), "{}", refused.err);
    assert!(refused.err.contains("    p95(checkout) < 800ms durng plateau"), "{}", refused.err);
    assert!(refused.err.contains("                          ^^^^^; expected over 2m"), "{}", refused.err);
}
