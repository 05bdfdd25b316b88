//! Runs whose reports are looked at: two that a model of a system has played, and two with more in them than a run has at once.

use conductor_core::view::RunView;
use serde_json::{Value, json};

/// A run that held its target.
pub(crate) fn passed() -> RunView {
    read(document(include_str!("../data/passed.json")))
}

/// A run whose system broke down in the middle of the plateau.
pub(crate) fn failed() -> RunView {
    read(document(include_str!("../data/failed.json")))
}

/// A run that has just begun its load.
pub(crate) fn running() -> RunView {
    let mut run = document(include_str!("../data/passed.json"));
    run["verdict"] = Value::Null;
    run["ending"] = Value::Null;
    run["deleted"] = json!([]);
    run["phase"] = json!("GENERATE_LOAD");
    run["ticks"].as_array_mut().unwrap().truncate(12);
    for phase in run["phases"].as_array_mut().unwrap().iter_mut().skip(2) {
        phase["ended"] = Value::Null;
    }
    for phase in run["phases"].as_array_mut().unwrap().iter_mut().skip(3) {
        phase["started"] = Value::Null;
    }
    read(run)
}

/// A run with something of all that a report can tell, in long words.
pub(crate) fn everything() -> RunView {
    let mut run = document(include_str!("../data/failed.json"));
    run["name"] = json!("checkout-of-the-autumn-sale-with-a-name-that-does-not-end-where-a-line-does");
    let drift = |reverted: bool| {
        json!({
            "application": "recommendations-personalised", "field": "cpu request of main", "expected": "500m", "found": "250m",
            "by": "kubectl-client-side-apply", "reverted": reverted,
        })
    };
    run["ending"]["drifts"] = json!([drift(true), drift(false)]);
    run["ending"]["lateChanges"] = json!([{ "drift": drift(false), "putBack": true }]);
    run["ending"]["foreignChanges"] = json!([{
        "application": "shop", "field": "replicas", "original": "1", "applied": "3", "found": "9", "forced": true,
    }]);
    let version =
        "registry.example/shop/recommendations@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let observed = |replicas: u32| json!({ "release": { "main": version }, "allocation": { "replicas": replicas } });
    let application = json!({
        "application": "recommendations-personalised", "before": observed(2), "during": observed(12), "after": observed(12),
    });
    run["applications"].as_array_mut().unwrap().push(application);
    let waiver = json!({ "aspect": "env.*", "reason": "not used by the shop", "until": "2026-12-31" });
    let query =
        "from=1795528740000&to=1795536060000&var-environment=shop-test&var-load_test=everything&var-run=everything-1";
    run["links"] = json!([
        { "title": "Grafana: this run", "url": format!("https://grafana.example/d/conductor-run?{query}") },
        { "title": "Grafana: runs", "url": format!("https://grafana.example/d/conductor-runs?{query}") },
    ]);
    run["parity"] = json!({ "applications": 3, "waivers": [], "notes": [], "differences": [
        { "aspect": "cluster.version", "production": "v1.36.2", "test": "v1.35.0", "level": "warning" },
        { "application": "shop", "container": "main", "aspect": "env.PAYMENT_PROVIDER_TIMEOUT_MILLISECONDS",
          "production": "value #1f", "test": "value #8c", "level": "warning" },
        { "application": "shop", "container": "main", "aspect": "env.X", "test": "value #1f", "level": "warning", "waived": waiver },
    ] });
    run["verdict"] = json!({
        "outcome": "invalid", "restored": false, "holds": [
            { "fromS": 1800.0, "toS": 3000.0, "levelPerMin": 600.0, "measured": 1.0,
              "figures": { "meanPerMin": 598.1, "meanError": -0.003, "windowsWithin": 1.0, "windows": 20 } },
            { "fromS": 3000.0, "toS": 5400.0, "levelPerMin": 600.0, "measured": 0.8,
              "figures": { "meanPerMin": 514.1, "meanError": -0.143, "windowsWithin": 0.76, "windows": 39 } },
        ],
        "causes": [
            { "outcome": "invalid", "code": "generator_bound",
              "message": "the load generator was at its CPU limit or stood still in 31 % of the plateau",
              "evidence": [
                { "what": "share of the plateau", "value": 31.0, "limit": 10.0, "unit": "%", "fromS": 1800.0, "toS": 5400.0,
                  "source": "CPU of the load workers" },
                { "what": "users fewer than commanded", "value": 1712.0, "limit": 1791.0, "fromS": 3000.0, "toS": 3060.0,
                  "source": "Locust" },
              ],
              "advice": "give the load generator more workers, or let each have more CPU; conductor plan tells how many are needed" },
            { "outcome": "failed", "code": "target_not_held",
              "message": "hold 2 of 2: orders held a mean of 514/min, -14.3 % of the target of 600/min",
              "evidence": [{ "what": "mean", "value": 514.1, "limit": 570.0, "unit": "/min", "fromS": 3000.0, "toS": 5400.0,
                             "source": "samples of orders" }],
              "advice": "look at what saturated first, and repeat the run with more of it" },
            { "outcome": "warned", "code": "drift_reverted", "message": "during the load, shop was changed", "evidence": [
                { "what": "replicas of shop were changed by kubectl", "source": "the freeze" }] },
        ],
    });
    run["verdict"]["slos"] = json!([
        { "slo": "p95(checkout) < 800ms over 1m during plateau then mark", "status": "breached", "observed": 912.25, "limit": 800.0,
          "unit": "ms", "judged": 59, "broken": 7, "measured": 1.0, "firstBroken": [2700.0, 2760.0] },
        { "slo": "error_rate < 1%", "status": "met", "observed": 0.36, "limit": 1.0, "unit": "%", "judged": 59, "broken": 0,
          "measured": 1.0, "budgetSpent": 0.36, "burnRate": 14.2 },
    ]);
    let sight = |mock: u64| {
        json!({
            "name": "payment-provider", "arrived": mock, "routes": { "mock": mock, "missed": 2, "leak": 1, "real": 0 },
            "simulators": [{ "at": "http://127.0.0.1:8888", "mode": "simulate", "webserver": true }],
        })
    };
    run["mocks"] = json!([{
        "before": sight(0), "after": sight(1), "tagged": { "status": 200, "mockedBy": "hoverfly" }, "untagged": { "status": 201 },
    }]);
    run["ending"]["mockFaults"] = json!([{ "mock": "payment-provider", "kind": "bypassed", "message": "1 tagged request was stopped on its way to the real one" }]);
    let counter = |name: &str| json!({ "name": name, "counts": "everybody" });
    for tick in run["ticks"].as_array_mut().unwrap() {
        tick["mocks"] = json!([sight(120_000)]);
        let (requests, answers) =
            (tick["requests"].as_u64().unwrap(), |code: u16, count: u64| json!({ "code": code, "count": count }));
        let codes =
            [(0, requests / 90), (302, requests / 30), (404, requests / 20), (503, requests / 50), (200, requests)];
        tick["responses"] = codes.map(|(code, count)| answers(code, count)).into();
        let count = tick["count"].as_f64().map(|count| (count * 0.97) as u64);
        tick["cross"] = json!({
            "check": { "steers": counter("Locust"), "checks": counter("Prometheus"), "tolerance": 0.05 },
            "fromS": tick["fromS"], "toS": tick["toS"], "count": count,
        });
    }
    for tick in run["ticks"].as_array_mut().unwrap().iter_mut().skip(40).take(4) {
        tick["marks"] = json!(["workerLost", "generatorBound"]);
        tick["failures"] = json!(210);
    }
    read(run)
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(run: Value) -> RunView {
    serde_json::from_value(run).unwrap()
}
