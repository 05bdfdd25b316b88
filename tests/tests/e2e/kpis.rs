//! The shop's own database counts its orders: it steers, and it finds what others order while load is generated.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conductor_tests::{Bed, SHORT, Shop};
use serde_json::Value;

const LOCUST: &str = "request: { method: POST, name: /orders, status: 201 }";

/// A shop whose KPI is counted like this.
fn shop(kpi: &str) -> Bed {
    let bed = Bed::new(Shop::default());
    bed.edit("environment.yaml", &format!("orders: {{ {LOCUST} }}"), &format!("orders: {{ {kpi} }}"));
    bed.write("loadtest.yaml", SHORT);
    bed.bring_up();
    bed
}

fn ticks(view: &Value) -> &[Value] {
    view["ticks"].as_array().unwrap()
}

fn codes(view: &Value) -> Vec<&str> {
    view["verdict"]["causes"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

#[test]
fn the_database_steers_and_locust_checks_its_count() {
    let counts = "sql: { sqlite: { path: shop.db }, query: 'SELECT count(*) FROM orders WHERE run_id = :run' }";
    let bed = shop(&format!("source: {{ {counts} }}, crossCheck: {{ source: {{ locust: {{ {LOCUST} }} }} }}"));
    let rows = bed.rows();
    bed.run();
    let view = bed.view();
    let counted: u64 = ticks(&view).iter().filter_map(|tick| tick["count"].as_u64()).sum();
    let checked: u64 = ticks(&view).iter().filter_map(|tick| tick["cross"]["count"].as_u64()).sum();
    let requests: u64 = ticks(&view).iter().filter_map(|tick| tick["requests"].as_u64()).sum();
    assert!(counted > 50 && checked > 50, "{counted} and {checked}");
    assert!(requests > counted, "{requests} requests are Locust's to tell, of which {counted} were orders");
    let of_counts = ["kpi_sources_disagree", "foreign_traffic", "cross_check_missing", "kpi_unmeasured"];
    assert!(codes(&view).iter().all(|code| !of_counts.contains(code)), "{:#}", view["verdict"]);
    bed.assert_restored(&rows);
}

#[test]
fn orders_of_somebody_else_make_a_run_invalid() {
    let counts = "sql: { sqlite: { path: shop.db }, query: SELECT count(*) FROM orders }";
    let bed = shop(&format!("source: {{ locust: {{ {LOCUST} }} }}, crossCheck: {{ source: {{ {counts} }} }}"));
    let over = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                bed.order_as_customer(20);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        let ended = bed.run();
        over.store(true, Ordering::Relaxed);
        ended
    });
    let ended = ended.ended_with(3);
    assert!(ended.out.contains("foreign_traffic: somebody else has made orders while the load ran: "), "{}", ended.out);
}
