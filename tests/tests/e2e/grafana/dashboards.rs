//! The dashboards of `deploy/grafana`, installed by provisioning, with a Prometheus that scrapes a server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_tests::{Bed, Server, Shop};
use serde_json::{Value, json};

use super::bed::{ADMIN, Grafana};
use crate::observed::prometheus::Prometheus;
use crate::server::{PATIENCE, assert_put_back, start};

/// What stands for what people choose on a dashboard.
const CHOSEN: [(&str, &str); 3] = [("environment", "shop-local"), ("load_test", "short"), ("run", "")];

/// Every panel, those in rows included.
fn panels(of: &Value) -> Vec<&Value> {
    let panels = of["panels"].as_array().map_or(&[][..], Vec::as_slice);
    panels.iter().flat_map(|panel| std::iter::once(panel).chain(self::panels(panel))).collect()
}

/// A query as it is sent once people have chosen.
fn chosen(expression: &str, run: &str) -> String {
    CHOSEN.iter().fold(expression.to_owned(), |text, (name, value)| {
        let value = if *name == "run" { run } else { value };
        text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    })
}

#[test]
#[ignore = "needs Grafana: cargo verify --full"]
fn dashboards_install_by_provisioning_and_every_query_of_theirs_is_answered() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let prometheus = Prometheus::scraping(&bed, &server);
    let grafana = Grafana::asking(&bed, &prometheus.url());
    let run = start(&server);
    assert_put_back(&bed, &rows, &server.ended(&run, PATIENCE));

    let mut answered = 0;
    for uid in ["conductor-run", "conductor-runs"] {
        let dashboard = grafana.dashboard(uid);
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let Some(expression) = target["expr"].as_str() else { continue };
                let query = json!({
                    "from": "now-10m", "to": "now",
                    "queries": [{
                        "refId": "A", "datasource": { "type": "prometheus", "uid": "conductor-prometheus" }, "range": true,
                        "expr": chosen(expression, &run), "intervalMs": 1000, "maxDataPoints": 600,
                    }],
                });
                let (status, told) = grafana.ask("POST", "/api/ds/query", ADMIN, Some(&query));
                assert_eq!(status, 200, "{uid}, {}: {expression}: {told}", panel["title"]);
                let frames = told["results"]["A"]["frames"].as_array().unwrap();
                let values = frames.iter().filter(|frame| frame["data"]["values"][0][0].is_number()).count();
                answered += usize::from(values > 0);
            }
        }
    }
    assert!(answered > 10, "only {answered} queries have found anything");
    server.terminate().succeeded();
}
