//! Looking at runs from other processes, asking them to end, and models.

use conductor_tests::{Bed, SHORT, Shop, until};
use std::time::{Duration, Instant};

#[test]
fn another_process_sees_a_run_and_asks_it_to_end() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("the ramp begins");
    let view = bed.view();
    assert_eq!(view["phase"], "GENERATE_LOAD");
    assert!(bed.conductor(&["list"]).succeeded().contains("not ended"));
    let refused = bed.run().ended_with(1);
    assert!(refused.err.contains("environment shop-local is in use by "), "{}", refused.err);
    bed.conductor(&["stop"]).succeeded();
    let watched = bed.conductor(&["watch"]).succeeded();
    assert!(watched.contains("verdict    cancelled"), "{watched}");
    running.wait().ended_with(4);
    bed.assert_restored(&rows);
    assert!(bed.conductor(&["list"]).succeeded().contains("  ended  "));
    assert_eq!(bed.conductor(&["stop"]).succeeded(), "nothing to stop: every run has ended\n");
    let report = bed.path("report.html");
    bed.conductor(&["report", "--file", &report]).succeeded();
    assert!(std::fs::read_to_string(report).unwrap().contains("cancelled"));
}

#[test]
fn a_run_in_stages_goes_along_a_curve_and_takes_another_target_from_another_process() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let stages = "stages: [{ ramp: 5s, to: 300/min }, { curve: day.csv, scale: 600/min }]";
    bed.write("loadtest.yaml", &SHORT.replace("rampUp: 10s", stages).replace("  plateau: 20s\n", ""));
    bed.write("day.csv", "time,value\n0,0.5\n10s,1\n120,1\n");
    let mut running = bed.start();
    running.line("the ramp begins");
    // The run has its curve in its journal: nobody reads the file again.
    std::fs::remove_file(bed.path("day.csv")).unwrap();
    running.line("0:15 ");
    let refused = bed.conductor(&["update", "--target", "300/min", "--plateau", "1s"]).ended_with(2);
    assert!(refused.err.contains("plateau: 1s is shorter than the test's interval of 5s"), "{}", refused.err);
    let told = bed.conductor(&["update", "--target", "300/min", "--within", "5s", "--plateau", "10s"]).succeeded();
    assert!(told.contains("was asked to go for 300/min within 5s, held for 10s"), "{told}");
    running.line("asks for 300/min within 5s, held for 10s");
    running.wait();
    bed.assert_restored(&rows);
    let view = bed.view();
    let points: Vec<f64> = view["profile"].as_array().unwrap().iter().map(|p| p["perMin"].as_f64().unwrap()).collect();
    assert_eq!(points, [0.0, 300.0, 300.0, 600.0, 600.0, 300.0, 300.0], "{}", view["profile"]);
    assert_eq!(view["ending"]["cause"], "completed");
    let last = view["ticks"].as_array().unwrap().last().unwrap();
    assert!(last["toS"].as_f64().unwrap() < 50.0, "{last}");
    let late = bed.conductor(&["update", "--target", "300/min"]).ended_with(1);
    assert!(late.err.contains("is in Finished: its load is over"), "{}", late.err);
}

#[test]
fn a_plan_changes_nothing_and_tells_every_limit() {
    let bed = Bed::up(Shop::default());
    let text = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    for part in
        ["shop: v1 → v2", "shop: 1 replica → 3 replicas", "shop/basket_lines", "rehearsal", "start to end of load"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(bed.replicas(), ["v1"]);
    assert_eq!(bed.conductor(&["list"]).succeeded(), "no runs\n");
}

#[test]
fn json_is_one_document_and_progress_goes_elsewhere() {
    let bed = Bed::up(Shop::default());
    bed.write("loadtest.yaml", &SHORT.replace("rampUp: 10s", "rampUp: 0s").replace("plateau: 20s", "plateau: 5s"));
    let ended = bed.conductor(&["run", &bed.path("loadtest.yaml"), "--output", "json"]);
    let view: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(view["phase"], "FINISHED");
    assert!(ended.err.contains("== GENERATE_LOAD"), "{}", ended.err);
}

#[test]
fn a_model_is_led_along_stages_and_searched_for_its_limit() {
    let bed = Bed::new(Shop::default());
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models");
    let shop = format!("{models}/shop.yaml");
    let text = bed.conductor(&["simulate", &format!("{models}/stages.yaml"), "--plant", &shop]).succeeded();
    assert!(text.contains("verdict    passed") && text.contains("of 2,500 from 42:00 to 46:00"), "{text}");
    let text = bed.conductor(&["simulate", &format!("{models}/search.yaml"), "--plant", &shop]).succeeded();
    assert!(text.contains("limit_found: orders: 3"), "it takes 3,420 orders a minute\n{text}");
}

#[test]
fn a_model_takes_seconds_for_hours_and_tells_passed_from_failed() {
    let bed = Bed::new(Shop::default());
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models");
    let loadtest = format!("{models}/loadtest.yaml");
    let report = bed.path("model.html");
    let begun = Instant::now();
    let text = bed
        .conductor(&["simulate", &loadtest, "--plant", &format!("{models}/shop.yaml"), "--report", &report])
        .succeeded();
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(text.contains("verdict    passed"), "{text}");
    assert!(std::fs::read_to_string(report).unwrap().contains("rehearsal"));
    let small = bed.conductor(&["simulate", &loadtest, "--plant", &format!("{models}/too-small.yaml")]);
    assert!(small.ended_with(1).out.contains("target_not_held"));
    assert_eq!(bed.conductor(&["list"]).succeeded(), "no runs\n");
}

#[test]
fn a_model_with_one_load_worker_holds_its_target_only_where_workers_may_be_scaled() {
    let bed = Bed::new(Shop::default());
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models");
    let simulate = |test: &str| {
        let plant = format!("{models}/few-workers.yaml");
        bed.conductor(&["simulate", &format!("{models}/{test}.yaml"), "--plant", &plant])
    };
    let text = simulate("workers").succeeded();
    assert!(text.contains("verdict    passed") && text.contains("load workers are ready, load-workers: "), "{text}");
    assert!(!text.contains("generator at its limit"), "they were scaled too late\n{text}");
    assert!(simulate("loadtest").ended_with(3).out.contains("generator_bound"));
}

#[test]
fn a_model_without_a_load_test_runs_its_own() {
    let bed = Bed::new(Shop::default());
    let text = bed.conductor(&["simulate", "--plant", "nom600"]).succeeded();
    assert!(text.contains("verdict    passed") && text.contains("/min of 600 on the plateau"), "{text}");
}

#[test]
fn algorithms_are_compared_on_models() {
    let bed = Bed::new(Shop::default());
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models");
    let scored = ["simulate", "--plant", "nom600", &format!("{models}/shop.yaml"), "--seeds", "3", "--score"];
    let table = bed.conductor(&[&scored[..], &["--algorithm", "adaptive,oracle", "--output", "table"]].concat());
    let table = table.succeeded();
    for part in ["nom600, 3 runs each", "shop, 3 runs each", "  adaptive ", "  oracle ", "12 runs in "] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    let drawn = bed.path("runs.svg");
    let fixed = ["--algorithm", "fixed", "--output", "json", "--plot", &drawn];
    let json = bed.conductor(&[&scored[..], &fixed].concat()).succeeded();
    assert!(std::fs::read_to_string(&drawn).unwrap().contains("shop, fixed, seed 1"));
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!((rows[0]["plant"].as_str(), rows[0]["algorithm"].as_str()), (Some("nom600"), Some("fixed")));
    let rmse = &rows[0]["scores"]["rmse"];
    assert!(rmse["median"].as_f64() <= rmse["worst"].as_f64(), "{rmse}");
}

#[test]
fn runs_on_models_are_drawn() {
    let bed = Bed::new(Shop::default());
    for (file, begins) in [("runs.svg", "<svg "), ("runs.html", "<!doctype html>")] {
        let file = bed.path(file);
        let drawn = ["simulate", "--plant", "overcap", "--algorithm", "adaptive,fixed", "--plot", &file];
        bed.conductor(&drawn).succeeded();
        let picture = std::fs::read_to_string(&file).unwrap();
        assert!(picture.starts_with(begins) && picture.contains("overcap, fixed, seed 1"), "{picture}");
    }
    let refused = bed.conductor(&["simulate", "--plant", "overcap", "--plot", "runs.png"]).ended_with(2);
    assert!(refused.err.contains("expected a name that ends in .svg or .html"), "{}", refused.err);
}

#[test]
fn what_is_wrong_in_a_model_is_pointed_at() {
    let bed = Bed::new(Shop::default());
    let refused = |plant: &str, more: &[&str]| {
        bed.write("plant.yaml", plant);
        bed.conductor(&[&["simulate", "--plant", &bed.path("plant.yaml")], more].concat()).ended_with(2).err
    };
    let sound = "run: { target: 600/min }\njourney: {}\n";
    for more in [&[][..], &["--score"]] {
        let err = refused(&format!("{sound}checkout: {{}}\nenvironment: {{ applications: [] }}\n"), more);
        let expected = "plant.yaml:4:30: environment.applications: it is empty; expected at least one application";
        assert!(err.contains(expected), "{err}");
    }
    let err = refused(&format!("{sound}checkout: {{ capacity: 16/s, retries: 0.2 }}\n"), &["--score"]);
    assert!(err.contains("plant.yaml:3:29: unknown field `retries`") && err.contains("retryShare"), "{err}");
    let err = refused(&format!("{sound}checkout: {{}}\ngenerator: {{ maxUsers: many }}\n"), &["--score"]);
    assert!(err.contains("plant.yaml:4:24: generator.maxUsers: not a whole number of 0 or more"), "{err}");
    let err = refused(&format!("{sound}checkout: {{}}\n"), &["--score", "--tick", "1s"]);
    assert!(err.contains("--tick: 1s is out of range; expected half seconds from 5s to 10m"), "{err}");
    let err = refused(&format!("{sound}checkout: {{}}\n"), &["--score", "--algorithm", "best"]);
    assert!(err.contains("\"best\" is no algorithm; expected all or some of adaptive"), "{err}");
}

#[test]
fn the_programs_texts_are_there() {
    let bed = Bed::new(Shop::default());
    assert!(bed.conductor(&["completions", "bash"]).succeeded().contains("_conductor"));
    assert!(bed.conductor(&["schema"]).succeeded().contains("\"rampUp\""));
    assert!(bed.conductor(&["schema", "Alerts"]).succeeded().contains("\"receivers\""));
    let refused = bed.conductor(&["schema", "environment"]);
    let known = "[possible values: loadtest, alerts, results]";
    assert!(refused.code == Some(2) && refused.err.contains(known), "{}", refused.err);
    assert!(bed.conductor(&["--help"]).succeeded().contains("5  not restored"));
    assert!(bed.conductor(&["--version"]).succeeded().starts_with("conductor "));
}

#[test]
fn a_run_whose_locust_dies_is_put_back() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    bed.write("loadtest.yaml", &SHORT.replace("plateau: 20s", "plateau: 10m"));
    let mut running = bed.start();
    running.line("the ramp begins");
    let before = bed.process("locust");
    bed.kill("locust");
    until("Locust's new process", Duration::from_secs(60), || {
        bed.process("locust").is_some_and(|now| Some(now) != before)
    });
    running.line("users 0 ");
    bed.conductor(&["stop"]).succeeded();
    running.wait().ended_with(4);
    bed.assert_restored(&rows);
}
