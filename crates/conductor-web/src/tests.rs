//! Reports of runs in every state, read as text.

use conductor_core::view::RunView;
use serde_json::{Value, json};

use super::report;

fn tick(at: u64, count: Option<u64>) -> Value {
    let (from, to) = (at as f64 - 10.0, at as f64);
    json!({
        "atS": to, "fromS": from, "toS": to, "count": count, "kpiPerMin": count.map(|count| count as f64 * 6.0),
        "setPointPerMin": 2000.0, "users": 300, "usersWanted": 310, "requests": 1000, "failures": 5,
        "latency": { "meanMs": 200.0, "p50Ms": 190.0, "p95Ms": 260.0, "p99Ms": 400.0 },
        "cpuPercent": 20.0, "marks": [], "advice": null,
    })
}

fn view(changes: Value) -> RunView {
    let phase = |name: &str| json!({ "phase": name, "started": null, "ended": null, "failure": null });
    let phases = ["DEPLOY", "SCALE_UP", "GENERATE_LOAD", "SCALE_DOWN", "CLEAN_UP"].map(phase);
    let mut document = json!({
        "id": "shop-1", "name": "shop", "environment": "shop-local", "kpi": "orders", "targetPerMin": 2000.0,
        "profile": [{ "atS": 0.0, "perMin": 0.0 }, { "atS": 60.0, "perMin": 2000.0 }, { "atS": 240.0, "perMin": 2000.0 }],
        "createdAt": "2026-11-24T14:00:00Z", "updatedAt": "2026-11-24T14:05:00Z",
        "revision": 9, "phase": "PREPARE", "state": "Preflight",
        "phases": phases,
        "loadStarted": null, "generator": null, "ticks": [], "applications": [], "events": [], "deleted": [],
        "ending": null, "verdict": null,
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn hold(from_s: f64, to_s: f64, level: f64, figures: Value) -> Value {
    json!({ "fromS": from_s, "toS": to_s, "levelPerMin": level, "measured": 1.0, "figures": figures })
}

fn finished(outcome: &str, restored: bool) -> Value {
    json!({
        "phase": "FINISHED", "state": "Finished",
        "ending": { "cause": "completed", "teardownFailures": [], "foreignChanges": [] },
        "verdict": {
            "outcome": outcome, "restored": restored, "causes": [],
            "holds": [hold(60.0, 240.0, 2000.0, json!(
                { "meanPerMin": 1960.0, "meanError": -0.02, "windowsWithin": 0.94, "windows": 18 }
            ))],
        },
    })
}

#[test]
fn a_passed_run_says_so_with_its_figures() {
    let mut changes = finished("passed", true);
    changes["ticks"] = json!([tick(70, Some(330)), tick(80, Some(335))]);
    changes["deleted"] = json!([{ "table": "shop/orders", "rows": 22038 }]);
    changes["applications"] = json!([{
        "application": "shop",
        "before": { "release": { "main": "v1" }, "allocation": { "replicas": 1 } },
        "during": { "release": { "main": "v2" }, "allocation": { "replicas": 3 } },
        "after": { "release": { "main": "v1" }, "allocation": { "replicas": 1 } },
    }]);
    let html = report(&view(changes)).unwrap();
    for part in [
        "<span class=\"outcome passed\">passed</span>",
        "1,960 orders a minute on the plateau&#39;s mean, of a target of 2,000 (−2.0 %). Everything is as it was before.",
        "<th scope=\"row\">shop</th><td>v1 with 1 replica</td><td>v2 with 3 replicas</td><td>v1 with 1 replica</td>",
        "<td>shop/orders</td><td>22,038</td>",
        "10 of 2,000",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    assert_eq!(html.matches("<div class=\"plot\">").count(), 4);
}

#[test]
fn a_run_that_failed_before_any_load_has_no_charts() {
    let mut changes = finished("failed", true);
    changes["ending"]["cause"] =
        json!({ "failed": { "activity": "check", "kind": "unavailable", "message": "no answer" } });
    changes["verdict"]["holds"][0]["figures"] = Value::Null;
    changes["verdict"]["causes"] =
        json!([{ "outcome": "failed", "code": "run_failed", "message": "check: no answer" }]);
    let html = report(&view(changes)).unwrap();
    assert!(html.contains("No load was measured.") && html.contains("Nothing was changed."));
    assert!(html.contains("<h3><b>failed</b>: check: no answer</h3>"), "{html}");
    assert!(!html.contains("class=\"plot\""));
}

#[test]
fn what_was_found_at_last_is_told_as_it_was_found() {
    let mut changes = finished("warned", false);
    let observed = |version: &str, replicas: u32| json!({ "release": { "main": version }, "allocation": { "replicas": replicas } });
    let (before, during) = (observed("v1", 1), observed("v2", 3));
    changes["applications"] = json!([
        { "application": "shop", "before": before, "during": during, "after": observed("v1", 3) },
        { "application": "basket", "before": before, "during": during, "deployId": "d-7" },
        { "application": "shop-front", "before": before, "during": before },
    ]);
    changes["ending"]["foreignChanges"] = json!([{
        "application": "shop", "field": "replicas", "original": "1", "applied": "3", "found": "9", "forced": true,
    }]);
    changes["ending"]["teardownFailures"] =
        json!([{ "activity": "delete the run's data in shop-front", "kind": "unavailable", "message": "gone" }]);
    let html = report(&view(changes)).unwrap();
    assert!(html.contains("Not everything is back as it was before."));
    assert!(html.contains("<tr class=\"warning\"><th scope=\"row\">shop</th>"), "{html}");
    assert!(html.contains("<td>v1 with 3 replicas; shop: replicas is 9, which is neither 1"), "{html}");
    assert!(html.contains("<tr class=\"warning\"><th scope=\"row\">basket</th>"), "{html}");
    assert!(html.contains("<td>v2 with 3 replicas (deploy id d-7)</td><td>not known</td>"), "{html}");
    assert!(
        html.contains(
            "<th scope=\"row\">shop-front</th><td>v1 with 1 replica</td><td>v1 with 1 replica</td><td>not changed</td>"
        ),
        "{html}"
    );
}

#[test]
fn a_run_that_goes_on_says_where_it_is() {
    let html = report(&view(json!({ "phase": "GENERATE_LOAD", "ticks": [tick(10, None)] }))).unwrap();
    assert!(html.contains("The run is in phase GENERATE_LOAD."), "{html}");
    assert!(!html.contains("NaN"));
}

#[test]
fn marks_of_windows_are_told_with_their_time() {
    let mut ticks = [tick(10, Some(30)), tick(20, Some(30)), tick(30, Some(30)), tick(40, Some(30))];
    ticks[1]["marks"] = json!(["workerLost"]);
    ticks[2]["marks"] = json!(["workerLost"]);
    ticks[3]["marks"] = json!(["workerLost", "workerJoined"]);
    let html = report(&view(json!({ "ticks": ticks }))).unwrap();
    assert!(html.contains(">0:10 – 0:30</td><td>worker lost</td>"), "{html}");
    assert!(html.contains(">0:30 – 0:40</td><td>worker lost, worker joined</td>"), "{html}");
    assert!(!report(&view(json!({ "ticks": [tick(10, Some(3))] }))).unwrap().contains("must know"));
}

#[test]
fn text_of_others_is_never_markup() {
    let event = json!({ "at": "2026-11-24T14:00:00Z", "level": "warning", "message": "<script>alert(1)</script>" });
    let html = report(&view(json!({ "name": "<b>x", "events": [event] }))).unwrap();
    assert!(!html.contains("<script") && !html.contains("<b>x"), "{html}");
}

#[test]
fn a_long_run_stays_small() {
    let ticks: Vec<Value> = (1..=1_200).map(|at| tick(at * 10, Some(333))).collect();
    let html = report(&view(json!({ "ticks": ticks, "profile": [{ "atS": 12_000.0, "perMin": 2000.0 }] }))).unwrap();
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let html = report(&view(json!({ "ticks": [tick(10, Some(3))] }))).unwrap();
    assert!(!html.contains("http") && !html.contains("@import") && !html.contains("src="), "{html}");
}

#[test]
fn several_holds_are_told_one_by_one() {
    let figures =
        |mean: f64, error: f64| json!({ "meanPerMin": mean, "meanError": error, "windowsWithin": 1.0, "windows": 3 });
    let mut changes = finished("failed", true);
    changes["verdict"]["holds"] = json!([
        hold(60.0, 240.0, 2000.0, figures(1990.0, -0.005)),
        hold(240.0, 420.0, 3000.0, figures(2700.0, -0.1)),
        hold(420.0, 430.0, 1000.0, Value::Null),
    ]);
    let html = report(&view(changes)).unwrap();
    for part in [
        "1 of 3 levels were held. Everything is as it was before.",
        "<td class=\"time\">1:00 to 4:00</td><td>2,000</td><td>1,990</td><td>−0.5 %</td><td>100 % of 3</td><td>held</td>",
        "<td>2,700</td><td>−10.0 %</td><td>100 % of 3</td><td>not held</td>",
        "<td>1,000</td><td></td><td></td><td></td><td>not measured</td>",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
}

#[test]
fn the_line_is_drawn_with_its_steps_and_a_band_around_each_level() {
    let points = [(0.0, 0.0), (60.0, 1000.0), (120.0, 1000.0), (120.0, 2000.0), (180.0, 2000.0)];
    let points = points.map(|(at_s, per_min)| json!({ "atS": at_s, "perMin": per_min }));
    let html = report(&view(json!({ "ticks": [tick(10, Some(3))], "profile": points }))).unwrap();
    assert_eq!(html.matches("<rect class=\"tolerance\" x=").count(), 4, "{html}");
    assert!(html.contains("2 level stretches in 3:00 of load"), "{html}");
}

#[test]
fn a_search_tells_every_level_it_tried() {
    let trial = |level: f64, sustained: bool| {
        json!({
            "levelPerMin": level, "sustained": sustained, "meanPerMin": level - 10.0, "marginPerMin": 20.0,
            "users": 300.0, "knee": null, "generatorBound": false, "usersCapped": false,
        })
    };
    let mut changes = finished("passed", true);
    changes["verdict"]["holds"] = json!([]);
    changes["search"] = json!({
        "plan": {
            "from": "1000/min", "to": "2000/min", "step": 0.1, "hold": "3m", "rampUp": "5m", "precision": 0.025,
        },
        "interval": "1m", "maxUsers": null, "trials": [trial(1000.0, true), trial(1020.0, false)],
        "found": { "sustained": trial(1000.0, true), "notSustainedPerMin": 1020.0 },
        "present": {
            "levelPerMin": 1020.0, "begunS": 0.0, "holdFromS": 0.0, "holds": 1, "afterFailure": false, "tracked": true,
            "generatorBound": false, "usersCapped": false, "seen": [],
        },
        "end": "limitFound",
    });
    let html = report(&view(changes)).unwrap();
    for part in [
        "990 orders a minute were sustained, with 300 users. Everything is as it was before.",
        "<td>1,000</td><td>990 ± 20</td><td>300</td><td>sustained</td>",
        "<td>1,020</td><td>1,010 ± 20</td><td>300</td><td>not sustained</td>",
        "2 were tried",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
}

#[test]
fn modes_are_bands_and_the_limit_is_a_line_in_the_charts_and_all_is_told_in_words() {
    let advised = |at: u64, mode: &str, reason: &str, knee: Value| {
        let mut tick = tick(at, Some(150));
        tick["advice"] = json!({
            "users": 150, "spawnRate": 1.0, "setPointPerMin": 2000.0, "alarm": null, "mode": mode, "reason": reason,
            "gain": 6.4, "gainSd": 0.02, "lagS": 9.0, "efficiency": 0.95, "knee": knee,
        });
        tick
    };
    let knee = || json!({ "users": 141.0, "kpiPerMin": 900.0 });
    let ticks = [
        advised(10, "track", "ratioLearnt", Value::Null),
        advised(20, "drain", "limitProven", knee()),
        advised(30, "hold", "drained", knee()),
        advised(40, "hold", "drained", knee()),
        advised(50, "track", "lineWithinReach", Value::Null),
    ];
    let html = report(&view(json!({
        "ticks": ticks, "profile": [{ "atS": 0.0, "perMin": 2000.0 }, { "atS": 100.0, "perMin": 2000.0 }],
    })))
    .unwrap();
    // Two charts, each with one band of ten seconds and one of twenty, of a hundred in 1,000 units of width.
    assert_eq!(html.matches("<rect class=\"mode drain\" x=").count(), 2, "{html}");
    assert_eq!(html.matches("<rect class=\"mode hold\" x=\"300.0\" y=\"0.0\" width=\"200.0\"").count(), 2, "{html}");
    assert_eq!(html.matches("<rect class=\"mode track\"").count(), 0);
    // Each once more in its legend.
    assert_eq!(html.matches("<path class=\"line knee\"").count(), 4);
    for part in [
        "limit found",
        "hold: just under the limit",
        "At last: track (the line is within what the system can do); 0.156 users for one of orders a minute ± 2 %",
        "<td>hold (the system is well again)</td><td>0.156 ± 2 %</td><td>9 s</td><td>95 %</td><td>141 = 900/min</td>",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
}

#[test]
fn the_published_rule_is_named_and_not_made_to_explain_itself() {
    let mut ticks = [tick(10, Some(30))];
    ticks[0]["advice"] = json!({
        "users": 150, "spawnRate": 1.0, "setPointPerMin": 2000.0, "alarm": null, "mode": "boot", "reason": "begin",
        "gain": 1.0, "gainSd": 1.0, "lagS": 50.0, "efficiency": null, "knee": null,
    });
    let html = report(&view(json!({ "ticks": ticks, "algorithm": "published" }))).unwrap();
    assert!(html.contains("<p class=\"soft\">published</p>") && !html.contains("nothing is known yet"), "{html}");
}

#[test]
fn load_workers_are_drawn_where_there_are_some_and_what_happened_to_them_is_told() {
    let with = |workers: Value| {
        let mut tick = tick(70, Some(330));
        tick["workers"] = workers;
        report(&view(json!({
            "ticks": [tick],
            "generator": { "version": "Locust 2.47.0", "workers": 1, "counting": "exact" },
            "events": [{ "at": "2026-11-24T14:01:00Z", "level": "info",
                         "message": "load workers are ready, load-workers: 1 replica → 3 replicas" }],
        })))
        .unwrap()
    };
    let html = with(json!(3));
    for part in
        ["CPU of the busiest load worker", "<title>Load workers</title>", "Locust 2.47.0, 1 worker at first; exact"]
    {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    assert!(html.contains("load workers are ready, load-workers: 1 replica → 3 replicas"), "{html}");
    assert!(!with(json!(null)).contains("Load workers"));
}

#[test]
fn differences_from_production_are_a_table_where_there_was_something_to_compare_with() {
    let waiver = json!({ "aspect": "env.*", "reason": "not used", "until": "2026-12-31" });
    let differences = json!([
        { "aspect": "cluster.version", "production": "v1.36.2", "test": "v1.35.0", "severity": "warn" },
        { "application": "shop", "container": "main", "aspect": "env.X", "test": "value #1f", "severity": "warn", "waived": waiver },
    ]);
    let parity = json!({ "applications": 1, "differences": differences, "waivers": [], "notes": [] });
    let html = report(&view(json!({ "parity": parity }))).unwrap();
    for part in [
        "<p>2 differences from production, 1 of them waived</p>",
        "<tr class=\"warning\"><td>the cluster</td><td>cluster.version</td><td>v1.36.2</td><td>v1.35.0</td><td>warn</td><td></td></tr>",
        "<td>shop</td><td>env.X of main</td><td>absent</td><td>value #1f</td><td>warn</td><td>waived until 2026-12-31: not used</td>",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    let nothing =
        json!({ "applications": 0, "differences": [], "waivers": [], "notes": [], "incomparable": "no production" });
    for parity in [nothing, json!(null)] {
        assert!(!report(&view(json!({ "parity": parity }))).unwrap().contains("Differences from production"));
    }
}

#[test]
fn objectives_and_mocks_are_tables_where_there_are_some() {
    let mut changes = finished("invalid", true);
    changes["verdict"]["slos"] = json!([{
        "slo": "p95(checkout) < 800ms", "status": "breached", "observed": 912.25, "limit": 800.0, "unit": "ms", "judged": 59,
        "broken": 7, "measured": 1.0, "firstBroken": [70.0, 80.0], "budgetSpent": 1.2,
    }]);
    let sight = |mock: u64| {
        json!({ "name": "payments", "routes": { "mock": mock, "missed": 2, "leak": 0, "real": 0 },
        "simulators": [{ "at": "http://m", "mode": "simulate", "webserver": true }] })
    };
    changes["mocks"] = json!([{
        "before": sight(4), "after": sight(5), "tagged": { "status": 200, "mockedBy": "hoverfly" }, "untagged": { "status": 201 },
    }]);
    let mut ticks = [tick(70, Some(330)), tick(80, Some(335))];
    ticks[1]["mocks"] = json!([sight(2005)]);
    changes["ticks"] = json!(ticks);
    let fault = json!({ "mock": "payments", "kind": "broken", "message": "it is in mode spy" });
    changes["ending"]["mockFaults"] = json!([fault]);
    let html = report(&view(changes)).unwrap();
    for part in [
        "<tr class=\"warning\"><th scope=\"row\"><code>p95(checkout) &#60; 800ms</code></th><td>breached</td><td>912.25 ms</td>\
         <td>800 ms</td><td>7 of 59, first 1:10 – 1:20</td><td>120 % spent</td></tr>",
        "<tr class=\"warning\"><th scope=\"row\">payments</th><td>simulate</td><td>200 by hoverfly</td><td>201, by no mock</td>\
         <td>2,000</td><td>0</td><td>0</td><td>it is in mode spy</td></tr>",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    let html = report(&view(finished("passed", true))).unwrap();
    assert!(!html.contains("id=\"slos\"") && !html.contains("id=\"mocks\""), "{html}");
}

#[test]
fn what_others_have_changed_is_a_table_with_what_became_of_it() {
    let drift = |reverted: bool| {
        json!({ "application": "shop", "field": "replicas", "expected": "3", "found": "2", "by": "kubectl",
        "reverted": reverted })
    };
    let mut changes = finished("warned", true);
    changes["ending"]["drifts"] = json!([drift(true), drift(false)]);
    changes["ending"]["lateChanges"] = json!([{ "drift": drift(false), "putBack": true }]);
    changes["ending"]["foreignChanges"] = json!([{
        "application": "shop", "field": "replicas", "original": "1", "applied": "3", "found": "9", "forced": false,
    }]);
    let html = report(&view(changes)).unwrap();
    let of = |when: &str, found: &str, by: &str, then: &str| {
        format!(
            "<td class=\"time\">{when}</td><td>shop</td><td>replicas</td><td>3</td><td>{found}</td><td>{by}</td><td>{then}</td>"
        )
    };
    for part in [
        format!("<tr class=\"\">{}", of("during the load", "2", "kubectl", "put in place again")),
        format!("<tr class=\"warning\">{}", of("during the load", "2", "kubectl", "left alone")),
        format!("<tr class=\"warning\">{}", of("on the way back", "9", "", "left alone")),
        format!("<tr class=\"\">{}", of("after the way back", "2", "kubectl", "put back once more")),
    ] {
        assert!(html.contains(&part), "{part} is not in\n{html}");
    }
}

#[test]
fn a_second_source_is_a_line_of_its_own() {
    let counter = |name: &str| json!({ "name": name, "counts": "run" });
    let mut ticks = [tick(10, Some(330)), tick(20, Some(335))];
    for (position, tick) in ticks.iter_mut().enumerate() {
        tick["cross"] = json!({
            "check": { "steers": counter("Locust"), "checks": counter("Prometheus"), "tolerance": 0.05 },
            "fromS": 0.0, "toS": 10.0, "count": if position == 0 { json!(320) } else { json!(null) },
        });
    }
    let html = report(&view(json!({ "ticks": ticks }))).unwrap();
    assert!(
        html.contains("checked by Prometheus") && html.contains("<path class=\"line second\" d=\"M20.8 "),
        "{html}"
    );
    assert!(!report(&view(json!({ "ticks": [tick(10, Some(3))] }))).unwrap().contains("checked by"));
}

#[test]
fn pages_that_show_the_run_are_linked_and_nothing_else() {
    let links = json!([
        { "title": "Grafana: this <run>", "url": "https://grafana.test/d/conductor-run?from=1&to=now&var-run=shop-1" },
        { "title": "somebody's", "url": "javascript:alert(1)" },
    ]);
    let html = report(&view(json!({ "links": links }))).unwrap();
    let link = "<a href=\"https://grafana.test/d/conductor-run?from=1&#38;to=now&#38;var-run=shop-1\" rel=\"noreferrer\">\
                Grafana: this &#60;run&#62;</a>";
    assert!(html.contains(link), "{html}");
    assert!(!html.contains("javascript:"), "{html}");
    assert!(!report(&view(json!({}))).unwrap().contains("class=\"links\""));
}
