//! JUnit's XML as a reader of others sees it: junitparser, which reads the dialect of Jenkins and Surefire and which `cargo verify`
//! brings.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use conductor_bed::program;
use conductor_core::view::RunView;
use serde_json::{Value, json};

const PASSED: &str = include_str!("../data/passed.json");
const FAILED: &str = include_str!("../data/failed.json");

fn view(document: &Value) -> RunView {
    serde_json::from_value(document.clone()).unwrap()
}

/// Runs a Python that has junitparser, on a file that a test has for itself.
fn python(arguments: &[&str], name: &str, xml: &str) -> Output {
    let python = program::find("CONDUCTOR_JUNITPARSER", "junitparser/bin/python");
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("readers-{name}.xml"));
    std::fs::write(&file, xml).unwrap();
    let run = Command::new(&python).args(arguments).arg(&file).output();
    run.unwrap_or_else(|error| {
        panic!("{} did not start: {error}; `cargo xtask junitparser` installs it", python.display())
    })
}

/// What the reader sees in a document.
fn read(name: &str, xml: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/read.py");
    let output = python(&[script.to_str().unwrap()], name, xml);
    assert!(output.status.success(), "{}\n{xml}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The exit code of the reader's own judgement, by which a build fails.
fn judged(name: &str, xml: &str) -> Option<i32> {
    python(&["-m", "junitparser", "verify"], name, xml).status.code()
}

/// The case of a name.
fn case<'a>(seen: &'a Value, name: &str) -> &'a Value {
    seen["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()
}

#[test]
fn a_build_passes_with_a_run_that_passed_and_fails_with_one_that_failed() {
    let passed: Value = serde_json::from_str(PASSED).unwrap();
    let failed: Value = serde_json::from_str(FAILED).unwrap();
    assert_eq!(judged("passed", &conductor_web::junit(&view(&passed))), Some(0));
    assert_eq!(judged("failed", &conductor_web::junit(&view(&failed))), Some(1));
    let mut unrestored = passed;
    unrestored["verdict"]["restored"] = json!(false);
    assert_eq!(judged("unrestored", &conductor_web::junit(&view(&unrestored))), Some(1));
}

#[test]
fn the_reader_sees_every_case_with_its_result_and_counts_them_alike() {
    let mut run: Value = serde_json::from_str(FAILED).unwrap();
    run["name"] = json!("a <b>&\"c'\u{1b} | run");
    let evidence = json!([{ "what": "share of the plateau", "value": 31.0, "limit": 10.0, "unit": "%" }]);
    run["verdict"]["causes"].as_array_mut().unwrap().insert(
        0,
        json!({
            "outcome": "invalid", "code": "generator_bound", "message": "no CPU was left for <checkout> & co",
            "evidence": evidence, "advice": "add workers",
        }),
    );
    run["verdict"]["outcome"] = json!("invalid");
    run["verdict"]["slos"] = json!([
        { "slo": "p95(checkout) < 800ms", "status": "breached", "observed": 912.0, "limit": 800.0, "unit": "ms", "judged": 59,
          "broken": 7, "measured": 1.0 },
        { "slo": "error_rate < 1%", "status": "unmeasured", "unit": "%", "judged": 0, "broken": 0, "measured": 0.0 },
    ]);
    let view = view(&run);
    let seen = read("everything", &conductor_web::junit(&view));

    assert_eq!(seen["name"], "a <b>&\"c'\u{fffd} | run");
    assert_eq!(seen["hostname"], json!(view.environment));
    assert_eq!(seen["timestamp"], json!(view.created_at.strftime("%Y-%m-%dT%H:%M:%S").to_string()));
    let seconds = view.updated_at.duration_since(view.created_at).as_secs_f64();
    assert!((seen["seconds"].as_f64().unwrap() - seconds).abs() < 0.001, "{seconds} and {}", seen["seconds"]);
    let properties = &seen["properties"];
    assert_eq!((&properties["run"], &properties["outcome"]), (&json!(view.id), &json!("invalid")));
    let application = &view.applications[0];
    assert_eq!(properties[format!("application.{}", application.application)], json!(application.during()));

    // What it counts anew is what was written.
    assert_eq!(seen["written"], seen["counted"]);
    assert_eq!(seen["written"].as_array().unwrap()[1..], [json!(2), json!(1), json!(1)], "{seen}");
    assert_eq!(seen["cases"].as_array().unwrap().len(), seen["written"][0].as_u64().unwrap() as usize);

    let level = case(&seen, "kpi 600/min from 30:00 to 1:30:00");
    assert_eq!((&level["seconds"], &level["results"][0]["kind"]), (&json!(3600.0), &json!("Failure")));
    let breached = case(&seen, "p95(checkout) < 800ms");
    assert_eq!(
        breached["results"],
        json!([{
            "kind": "Failure", "type": "slo_breached", "message": "observed 912 ms, of a limit of 800 ms",
            "text": "observed 912 ms, of a limit of 800 ms",
        }])
    );
    let unmeasured = &case(&seen, "error_rate < 1%")["results"];
    assert_eq!(
        (unmeasured.as_array().unwrap().len(), &unmeasured[0]["kind"], &unmeasured[0]["message"]),
        (1, &json!("Skipped"), &json!("too little was measured to tell"))
    );
    let broken = case(&seen, "generator_bound");
    assert_eq!(broken["class"], "a <b>&\"c'\u{fffd} | run.validity");
    assert_eq!(
        broken["results"],
        json!([{
            "kind": "Error", "type": "generator_bound", "message": "no CPU was left for <checkout> & co",
            "text": "no CPU was left for <checkout> & co\n  share of the plateau: 31 % (limit 10 %)\nwhat to do: add workers",
        }])
    );
    let restored = case(&seen, "everything is as it was before");
    assert_eq!((&restored["passed"], &restored["results"]), (&json!(true), &json!([])));
    assert!(seen["out"].as_str().unwrap().starts_with("514 kpi a minute on the plateau's mean"), "{seen}");
}
