//! A shop of which there is everything to tell: with a load worker, and a Prometheus that knows how saturated it is.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use conductor_tests::staged::Prometheus;
use conductor_tests::{Bed, Shop, answer, until};

use crate::server::PATIENCE;

/// The bed, and the Prometheus that scrapes its shop. Load begins when that one has figures.
pub(super) fn bed() -> (Bed, Prometheus) {
    let bed = Bed::with_load_workers(Shop::default());
    let environment = std::fs::read_to_string(bed.path("environment.yaml")).unwrap();
    let (_, rest) = environment.split_once("--host, \"http://127.0.0.1:").unwrap();
    let (port, _) = rest.split_once('"').unwrap();
    let prometheus = Prometheus::scraping(&bed, port);
    let url = prometheus.url();
    let query = r#"max by (application) (label_replace(shop_desks_used_ratio, \"application\", \"shop\", \"\", \"\"))"#;
    // The bed finds Locust by the first url in double quotes.
    let saturation = format!("  saturation:\n    prometheus: {{ url: '{url}' }}\n    query: \"{query}\"\n");
    bed.edit("environment.yaml", "  locust: { deadMan", &format!("{saturation}  locust: {{ deadMan"));
    bed.bring_up();
    let address = url.replace("http://", "");
    until("Prometheus has the desks of the shop", PATIENCE, || {
        answer(&address, "/api/v1/query?query=shop_desks_used_ratio").contains("\"value\"")
    });
    until("Locust has one worker", Duration::from_secs(20), || bed.users_by_worker().len() == 1);
    (bed, prometheus)
}
