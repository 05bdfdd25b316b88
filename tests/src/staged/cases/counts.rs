//! The count is what is wrong: its row goes away, others are counted, its source goes down.

use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::generator::at;
use crate::staged::case::{Case, Expected, Kpi, Scenery};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "KPI row missing",
        disturbed: "orders have another name in Locust's statistics from 1:25 on",
        expected: Expected::invalid("kpi_unmeasured"),
        scenery: Scenery::LOCAL,
        prepare: |scene| {
            let named = r#"self.client.post("/orders", name="/orders" if conditions["row"] == 1 else "/orders/new","#;
            scene.edit("locustfile.py", r#"self.client.post("/orders","#, named);
        },
        disturb: |scene, running| at(running, 85, || scene.conditions(&json!({ "row": 2 }))),
    },
    Case {
        name: "another client orders",
        disturbed: "40 orders a second of somebody else from 1:10 to 1:50",
        expected: Expected::invalid("foreign_traffic"),
        scenery: Scenery { kpi: Kpi::CheckedByPrometheus, ..Scenery::LOCAL },
        prepare: |_| {},
        disturb: |scene, running| {
            at(running, 70, || {
                for _ in 0..80 {
                    scene.order_as_customer(20);
                    sleep(Duration::from_millis(500));
                }
            });
        },
    },
    Case {
        name: "Prometheus down, steers",
        disturbed: "the Prometheus that counts ends at 1:15",
        expected: Expected::invalid("kpi_unmeasured"),
        scenery: Scenery { kpi: Kpi::Prometheus, ..Scenery::LOCAL },
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.prometheus().go_down()),
    },
    Case {
        name: "Prometheus down, checks",
        disturbed: "the Prometheus that checks the count ends at 1:15",
        expected: Expected::warned("cross_check_missing"),
        scenery: Scenery::WHOLE,
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.prometheus().go_down()),
    },
];
