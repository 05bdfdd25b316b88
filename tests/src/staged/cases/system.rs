//! The system is what is wrong, or its environment, or the time there is; and one error that is none.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use super::generator::at;
use crate::conductor::Running;
use crate::outside::program;
use crate::staged::case::{Case, Expected, Scenery};
use crate::staged::scene::Scene;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "deploy in the plateau",
        disturbed: "somebody lifts the freeze and deploys v1 at 1:45",
        expected: Expected::invalid("environment_drifted"),
        scenery: Scenery { cluster: true, ..Scenery::LOCAL },
        prepare: |_| {},
        disturb: deploy,
    },
    Case {
        name: "system saturated",
        disturbed: "the shop takes 855 orders a minute of 1,200",
        expected: Expected::failed("target_not_held"),
        scenery: Scenery { capacity: 0.25, ..Scenery::LOCAL },
        prepare: |_| {},
        disturb: |_, _| {},
    },
    Case {
        name: "slow SLO breach",
        disturbed: "orders take from 210 to 260 ms, a little more every 10 s of the plateau",
        expected: Expected::failed("slo_breached"),
        scenery: Scenery::LOCAL,
        prepare: |scene| objective(scene, "p95(POST /orders) < 240ms during plateau"),
        disturb: |scene, running| {
            for (second, capacity) in [(60, 0.97), (70, 0.94), (80, 0.9), (90, 0.86), (100, 0.83), (110, 0.8)] {
                at(running, second, || scene.conditions(&json!({ "capacity": capacity })));
            }
        },
    },
    Case {
        name: "errors within the budget",
        disturbed: "the payment provider is killed at 1:20 and 1:40, and back at once",
        // A budget is there to be spent: what failed was ordered again, and a small part of the budget is gone.
        expected: Expected::PASSED,
        scenery: Scenery::LOCAL,
        prepare: |scene| {
            objective(scene, "error_rate < 5% during plateau");
            let order = r#"self.client.post("/orders", json={"basket": basket.json()["basket"]})"#;
            let again = format!(
                "for _ in range(3):\n                if {order}.status_code == 201:\n                    break"
            );
            scene.edit("locustfile.py", order, &again);
        },
        disturb: |scene, running| {
            for second in [80, 100] {
                at(running, second, || scene.signal("payments", Signal::SIGKILL));
            }
        },
    },
    Case {
        name: "plateau cut",
        disturbed: "replicas take 10 s to start, and the deadline passes at some 1:40",
        expected: Expected::invalid("plateau_cut_short"),
        scenery: Scenery::LOCAL,
        prepare: |scene| {
            let serve = format!("[{:?}, serve,", program("shop"));
            let late = serve.replacen('[', r#"[sh, -c, 'sleep 10; exec "$0" "$@"', "#, 1);
            scene.edit("environment.yaml", &serve, &late);
            scene.edit("environment.yaml", "within: 10s", "within: 60s");
            scene.edit("loadtest.yaml", "limits: { ", "limits: { deadline: 125s, ");
        },
        disturb: |_, _| {},
    },
];

/// Adds an objective to the load test.
fn objective(scene: &Scene, slo: &str) {
    scene.edit("loadtest.yaml", "  load:", &format!("  slos: ['{slo}']\n  load:"));
}

/// Somebody lifts the freeze as its denial says how, and deploys what was there before.
fn deploy(scene: &Scene, running: &mut Running) {
    running.load_for(Duration::from_secs(105));
    let cluster = scene.cluster();
    let denied = cluster.somebody_deploys();
    let (_, told) = denied.split_once("to lift it: conductor ").unwrap_or_else(|| panic!("{denied}"));
    let name = told.split(' ').nth(1).unwrap();
    let unfreeze = ["unfreeze", name, "--settings", &scene.path("environment.yaml")];
    scene.conductor(&unfreeze).succeeded();
    let deploy = || cluster.somebody_asks(&["set", "image", "deployment/shop", "shop=registry.example/shop:v1"]);
    crate::bed::until("somebody can deploy", Duration::from_secs(20), || deploy().is_empty());
}
