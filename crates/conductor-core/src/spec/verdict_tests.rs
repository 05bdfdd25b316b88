//! By what a run is judged: what is written, what holds when it is absent, and what is refused.

use serde_json::json;

use super::*;
use crate::fixtures::load_test;
use crate::spec::{LoadTestDocument, LoadTestSpec};

/// Every field with a value that is not the one it has when absent.
fn all() -> serde_json::Value {
    json!({
        "meanTolerance": "3.3%", "windowTolerance": "7%", "windowShare": "95%", "unmeasuredShare": "0%",
        "generatorBoundShare": "2.5%", "generatorCpu": "72.5%", "usersShort": "7%", "nearMiss": "57%", "parity": "report",
        "sharedNodes": "warn",
    })
}

#[test]
fn a_test_that_says_nothing_is_judged_by_what_is_documented_and_written_as_before() {
    let spec = load_test("600/min", json!({}));
    assert_eq!(spec.verdict, Thresholds::default());
    assert_eq!(LoadTestDocument::from(spec).spec.verdict, None);
}

#[test]
fn every_field_goes_through_the_document_and_back() {
    let spec = load_test("600/min", json!({ "verdict": all() }));
    let expected = Thresholds {
        mean_tolerance: 0.033,
        window_tolerance: 0.07,
        window_share: 0.95,
        unmeasured_share: 0.0,
        generator_bound_share: 0.025,
        generator_cpu: 72.5,
        users_short: 0.07,
        near_miss: 0.57,
        parity: ParityRule::Report,
        shared_nodes: SharedNodesRule::Warn,
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(near(spec.verdict.mean_tolerance, expected.mean_tolerance), "{:?}", spec.verdict);
    assert_eq!((spec.verdict.generator_cpu, spec.verdict.parity), (72.5, ParityRule::Report));
    assert_eq!(spec.verdict.shared_nodes, expected.shared_nodes);
    let document = LoadTestDocument::from(spec.clone());
    assert_eq!(serde_json::to_value(&document.spec.verdict).unwrap(), all());
    assert_eq!(LoadTestSpec::try_from(document), Ok(spec), "bit for bit: a run is judged again by what is written");
}

#[test]
fn what_is_out_of_range_or_unreadable_is_refused_by_its_field() {
    let fields = [
        (
            "meanTolerance",
            "0%",
            "\"0%\" is not a share from 0.1% to 50%",
            "percent such as 5% (which it is when absent)",
        ),
        (
            "windowShare",
            "101%",
            "\"101%\" is not a share from 50% to 100%",
            "percent such as 90% (which it is when absent)",
        ),
        (
            "generatorCpu",
            "91%",
            "\"91%\" is not a share from 10% to 90%",
            "percent such as 90% (which it is when absent)",
        ),
        ("nearMiss", "0.8", "\"0.8\" is not a share from 50% to 100%", "percent such as 80% (which it is when absent)"),
        (
            "usersShort",
            "NaN%",
            "\"NaN%\" is not a share from 1% to 50%",
            "percent such as 10% (which it is when absent)",
        ),
        (
            "parity",
            "fail",
            "\"fail\" is not what differences from production make of a run",
            "invalid (when absent), warn or report",
        ),
        (
            "sharedNodes",
            "allow",
            "\"allow\" is not what shared nodes make of a run",
            "invalid (when absent), warn or ignore",
        ),
    ];
    for (name, text, problem, expected) in fields {
        let mut document = LoadTestDocument::from(load_test("600/min", json!({})));
        document.spec.verdict = Some(serde_json::from_value(json!({ name: text })).unwrap());
        let told = LoadTestSpec::try_from(document).unwrap_err().to_string();
        assert_eq!(told, format!("spec.verdict.{name}: {problem}; expected {expected}"));
    }
}
