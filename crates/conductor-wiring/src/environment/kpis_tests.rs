//! Settings of KPIs: short and long forms, and what is wrong with them.

use serde_json::{Value, json};

use super::*;

fn kpi(written: Value) -> KpiSettings {
    serde_json::from_value(written).unwrap()
}

fn told(written: Value) -> Vec<String> {
    let violations = kpi(written).violations().into_iter();
    violations.map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}")).collect()
}

fn prometheus() -> Value {
    json!({ "prometheus": { "url": "http://prometheus:9090", "counter": "shop_orders_total" } })
}

#[test]
fn the_short_form_is_a_source_of_locust_and_is_kept_as_it_was_written() {
    let short = json!({ "request": { "method": "POST", "name": "/orders" } });
    let long = json!({ "source": { "locust": short } });
    assert_eq!(kpi(short.clone()).steers(), kpi(long).steers());
    assert_eq!(kpi(short.clone()).event(), Some(KpiEvent::request("POST", "/orders")));
    assert_eq!(serde_json::to_value(kpi(short.clone())).unwrap(), short, "journals of before have it so");
    assert_eq!(kpi(json!({ "call": {} })).event(), Some(KpiEvent::Call(CallEvent { name: "kpi".into() })));
    assert_eq!(kpi(short).check(), None);
}

#[test]
fn two_sources_say_whose_events_they_count() {
    let sql = json!({ "sqlite": { "path": "shop.db" }, "query": "SELECT count(*) FROM orders WHERE run_id = :run" });
    let both = json!({ "source": prometheus(), "crossCheck": { "source": { "sql": sql }, "tolerance": "2.5 %" } });
    let mut both = kpi(both);
    both.resolve(Path::new("/shop"));
    let check = both.check().unwrap();
    assert_eq!(
        check.steers,
        Counter { name: "Prometheus at http://prometheus:9090".into(), counts: Counts::Everybody }
    );
    assert_eq!(check.checks, Counter { name: "SQL in /shop/shop.db".into(), counts: Counts::Run });
    assert_eq!(check.tolerance, 0.025);
    assert_eq!(both.event(), None, "Locust counts nothing of it");
}

#[test]
fn each_mistake_is_told_with_its_field() {
    let request = json!({ "method": "POST", "name": "/orders" });
    let checked = |tolerance: &str| json!({ "request": request, "crossCheck": { "source": prometheus(), "tolerance": tolerance } });
    assert_eq!(told(checked("5%")), [""; 0]);
    for (written, expected) in [
        (
            json!({}),
            "source: 0 of request, call and source are there; expected one of them, such as source: { prometheus: { … } }",
        ),
        (
            json!({ "request": request, "source": prometheus() }),
            "source: 2 of request, call and source are there; expected one of them, such as source: { prometheus: { … } }",
        ),
        (
            checked("0.05"),
            "crossCheck.tolerance: \"0.05\" is not a share from 0.1% to 50%; expected percent such as 5% (which it is when absent)",
        ),
        (
            json!({ "source": prometheus(), "crossCheck": { "source": prometheus() } }),
            "crossCheck.source: it is the source that steers; expected another one",
        ),
        (
            json!({ "request": request, "crossCheck": { "source": { "locust": { "call": {} } } } }),
            "crossCheck.source: both sources are Locust; expected prometheus, sql or http: Locust cannot check itself",
        ),
        (
            json!({ "source": { "prometheus": { "url": "prometheus:9090", "counter": "x" } } }),
            "source.prometheus.url: its scheme is prometheus; expected http:// or https://, a host and a path; secrets go into auth",
        ),
        (
            json!({ "source": { "prometheus": { "url": "http://p", "counter": "sum(x)" } } }),
            "source.prometheus.counter: it is an expression; expected a selector, such as shop_orders_total{status=\"accepted\"}; \
             what it selects is summed",
        ),
        (
            json!({ "source": { "prometheus": { "url": "http://p", "rate": "sum(rate(x[1m]))" } } }),
            "source.prometheus.delay: a rate needs it; expected how late the expression is complete: a scrape interval and the \
             time it is scraped in",
        ),
        (
            json!({ "source": { "sql": { "sqlite": { "path": "x" }, "query": "DELETE FROM orders" } } }),
            "source.sql.query: it begins with DELETE; expected one SELECT that gives one number",
        ),
        (
            json!({ "source": { "sql": { "query": "SELECT 1" } } }),
            "source.sql.postgres: 0 databases are named; expected one of postgres, mysql and sqlite",
        ),
        (
            json!({ "source": { "http": { "url": "http://shop/stats", "regex": "orders (\\d+) (x)" } } }),
            "source.http.regex: it has 2 groups; expected exactly one group, around the number",
        ),
        (
            json!({ "source": { "http": { "url": "http://shop/stats" } } }),
            "source.http.pointer: neither it nor regex is there; expected one of pointer and regex",
        ),
    ] {
        assert_eq!(told(written.clone()), [expected], "{written}");
    }
}

#[test]
fn a_field_that_there_is_not_is_refused_everywhere() {
    for (written, unknown) in [
        (json!({ "requests": {} }), "requests"),
        (json!({ "source": { "prometheus": { "url": "x", "query": "y" } } }), "query"),
        (json!({ "crossCheck": { "source": prometheus(), "limit": "5%" } }), "limit"),
    ] {
        let error = serde_json::from_value::<KpiSettings>(written).unwrap_err().to_string();
        assert!(error.contains(&format!("unknown field `{unknown}`")), "{error}");
    }
}
