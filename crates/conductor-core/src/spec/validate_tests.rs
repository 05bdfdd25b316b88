//! Tests of the validation: every rule by its message.

use serde_json::{Value, json};

use crate::spec::{LoadTestSpec, ScaleChoice, SpecError, VersionChoice};
use crate::units::Span;

fn smallest() -> Value {
    json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "rehearsal" },
        "spec": {
            "environment": "shop",
            "kpi": { "name": "orders", "target": "7200/min" },
            "rampUp": "30m",
            "plateau": "90m"
        }
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut document = smallest();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

fn read(document: Value) -> Result<LoadTestSpec, SpecError> {
    LoadTestSpec::try_from(serde_json::from_value::<crate::spec::LoadTestDocument>(document).unwrap())
}

fn refusal(pointer: &str, value: Value) -> String {
    read(with(pointer, value)).unwrap_err().to_string()
}

#[test]
fn five_fields_are_enough() {
    let spec = read(smallest()).unwrap();
    assert_eq!(spec.interval, Span::seconds(60));
    assert_eq!(spec.limits.deadline, Span::minutes(180));
    assert_eq!(spec.version, VersionChoice::Production);
    assert!(spec.applications.is_empty());
}

#[test]
fn what_is_written_back_reads_as_the_same_spec() {
    let document = with(
        "/spec/applications",
        json!([
            { "name": "checkout" },
            { "name": "fraud", "version": "keep", "scale": { "replicas": 2, "cpu": "500m" } },
            { "name": "ledger", "version": "ledger:42", "scale": { "factor": 1.5 } }
        ]),
    );
    let spec = read(document).unwrap();
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<LoadTestSpec>(&text).unwrap(), spec);
    assert_eq!(spec.applications[2].scale, Some(ScaleChoice::Factor(1.5)));
}

#[test]
fn every_violation_is_listed_at_once() {
    let mut document = smallest();
    document["spec"]["kpi"]["target"] = json!("0/min");
    document["spec"]["rampUp"] = json!("-5m");
    document["metadata"]["name"] = json!("no spaces please");
    let error = read(document).unwrap_err();
    let fields: Vec<&str> = error.violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["metadata.name", "spec.kpi.target", "spec.rampUp"]);
}

#[test]
fn each_message_names_the_field_the_fault_and_the_remedy() {
    let cases = [
        (
            "/spec/kpi/target",
            json!("0/min"),
            "spec.kpi.target: \"0/min\" is not above zero; expected a positive rate such as 7200/min, 120/s or 600/h",
        ),
        (
            "/spec/rampUp",
            json!("-5m"),
            "spec.rampUp: \"-5m\" is negative; expected a span of time such as 90s, 30m or 1h30m",
        ),
        (
            "/spec/plateau",
            json!("10s"),
            "spec.plateau: 10s is shorter than the interval of 1m; expected at least one interval, or nothing is measured at the target",
        ),
        ("/spec/plateau", json!("3000h"), "spec.plateau: 3000h is longer than a week; expected at most 168h"),
        (
            "/spec/interval",
            json!("1s"),
            "spec.interval: 1s is too short to measure in; expected 5s or longer (60s when absent)",
        ),
        (
            "/spec/version",
            json!("v7"),
            "spec.version: \"v7\" cannot be the version of every application; expected production or keep; give a release to a single application under spec.applications",
        ),
        (
            "/spec/scale",
            json!("double"),
            "spec.scale: \"double\" is not known; expected production, keep, {factor: 1.5} or {replicas: 3, cpu: 500m, memory: 2Gi}",
        ),
        (
            "/spec/scale",
            json!({}),
            "spec.scale: it says nothing; expected production, keep, {factor: 1.5} or {replicas: 3, cpu: 500m, memory: 2Gi}",
        ),
        (
            "/spec/scale",
            json!({ "factor": -1.0 }),
            "spec.scale.factor: -1 is out of range; expected above 0 and at most 1000",
        ),
        ("/spec/scale", json!({ "replicas": -1 }), "spec.scale.replicas: -1 is out of range; expected 0 to 100000"),
        (
            "/spec/limits",
            json!({ "maxUsers": 0 }),
            "spec.limits.maxUsers: 0 is not above zero; expected 1 or more, or no limit at all",
        ),
        (
            "/spec/limits",
            json!({ "deadline": "2h" }),
            "spec.limits.deadline: 2h leaves no time before the load of 2h; expected longer than rampUp and plateau together",
        ),
        (
            "/spec/limits",
            json!({ "rehearsal": "0s" }),
            "spec.limits.rehearsal: 0s leaves the rehearsing user no time; expected such as 3m",
        ),
        (
            "/spec/load",
            json!({ "usersPerKpi": 0.0 }),
            "spec.load.usersPerKpi: 0 is not above zero; expected users per KPI event a minute, such as 0.8",
        ),
        (
            "/spec/load",
            json!({ "headers": { "x-load-test": "no" } }),
            "spec.load.headers.x-load-test: the conductor sets this header itself; expected another name",
        ),
        (
            "/spec/load",
            json!({ "workers": { "application": "load workers", "most": 3 } }),
            "spec.load.workers.application: \"load workers\" is not a name; expected 1 to 128 letters, digits, '-', '_', '.' or '/', beginning with a letter or digit",
        ),
        (
            "/spec/load",
            json!({ "workers": { "application": "load-workers", "most": 0 } }),
            "spec.load.workers.most: 0 is out of range; expected 1 to 100000",
        ),
        (
            "/spec/load",
            json!({ "workers": { "application": "load-workers", "most": 3, "targetCpu": "95%" } }),
            "spec.load.workers.targetCpu: \"95%\" is not a share of one core from 10% to 90%; expected percent such as 75% (which it is when absent)",
        ),
        (
            "/spec/applications",
            json!([{ "name": "a" }, { "name": "a" }]),
            "spec.applications[1].name: \"a\" is listed twice; expected each application once",
        ),
        ("/apiVersion", json!("v1"), "apiVersion: \"v1\" is not known; expected loadtest-conductor.dev/v1alpha1"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(refusal(pointer, value), expected);
    }
}

#[test]
fn an_unknown_application_is_refused_with_the_catalogue() {
    let spec = read(with("/spec/applications", json!([{ "name": "chekout" }]))).unwrap();
    let catalogue = ["checkout".parse().unwrap(), "ledger".parse().unwrap()];
    assert_eq!(
        spec.scope(&catalogue).unwrap_err().to_string(),
        "spec.applications[0].name: \"chekout\" is not in the catalogue of environment \"shop\"; expected one of checkout, ledger"
    );
}

#[test]
fn an_absent_list_means_the_whole_catalogue_with_the_choices_of_the_test() {
    let spec = read(with("/spec/version", json!("keep"))).unwrap();
    let scope = spec.scope(&["a".parse().unwrap(), "b".parse().unwrap()]).unwrap();
    assert_eq!(scope.len(), 2);
    assert!(scope.iter().all(|intent| intent.version == VersionChoice::Keep));
}

#[test]
fn load_workers_are_planned_for_three_quarters_of_a_core_unless_said_and_read_back_the_same() {
    let with_cpu = |cpu: Value| {
        let workers = json!({ "application": "load-workers", "most": 12, "targetCpu": cpu });
        read(with("/spec/load", json!({ "workers": workers }))).unwrap()
    };
    for (written, percent) in [(json!(null), 75.0), (json!("60%"), 60.0), (json!(" 62.5 %"), 62.5)] {
        let spec = with_cpu(written);
        assert_eq!((spec.planned_cpu(), spec.load.workers.as_ref().unwrap().most), (percent, 12));
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<LoadTestSpec>(&text).unwrap(), spec);
    }
    assert_eq!(read(smallest()).unwrap().planned_cpu(), 75.0);
}

#[test]
fn load_workers_are_never_in_scope() {
    let mut document = with("/spec/load", json!({ "workers": { "application": "load-workers", "most": 12 } }));
    let catalogue = ["checkout".parse().unwrap(), "load-workers".parse().unwrap()];
    let scope = read(document.clone()).unwrap().scope(&catalogue).unwrap();
    assert_eq!(scope.iter().map(|intent| intent.application.as_str()).collect::<Vec<_>>(), ["checkout"]);
    document["spec"]["applications"] = json!([{ "name": "checkout" }, { "name": "load-workers" }]);
    assert_eq!(
        read(document).unwrap_err().to_string(),
        "spec.load.workers.application: \"load-workers\" is in spec.applications, too; expected an application that runs load workers and is not in scope"
    );
}

#[test]
fn load_workers_that_the_environment_does_not_have_are_refused_with_those_it_has() {
    let spec = read(with("/spec/load", json!({ "workers": { "application": "workers", "most": 12 } }))).unwrap();
    let all = ["checkout".parse().unwrap(), "load-workers".parse().unwrap()];
    assert_eq!(
        spec.check_workers(&all).unwrap_err().to_string(),
        "spec.load.workers.application: \"workers\" is not an application of environment \"shop\"; expected one of checkout, load-workers"
    );
    let known = with("/spec/load", json!({ "workers": { "application": "load-workers", "most": 12 } }));
    assert_eq!(read(known).unwrap().check_workers(&all), Ok(()));
    assert_eq!(read(smallest()).unwrap().check_workers(&[]), Ok(()));
}

#[test]
fn more_applications_than_there_may_be_are_one_violation() {
    let many =
        |count: usize| -> Value { (0..count).map(|number| json!({ "name": format!("app/{number}!") })).collect() };
    assert_eq!(
        refusal("/spec/applications", many(10_001)),
        "spec.applications: 10001 applications are too many; expected at most 10000"
    );
    assert_eq!(refusal("/spec/applications", many(10_000)).lines().count(), 10_000);
}
