//! The document of a plant: its defaults, its shape and its violations.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::Clock;
use conductor_sim::{EnvironmentModel, LostSample, Plant, PlantFile, SimEnvironment};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A clock that stands still.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _duration: Duration) {}
}

/// A plant with the required sections, and these.
fn document(more: Value) -> Value {
    let mut document = json!({ "run": { "target": "600/min" }, "journey": {}, "checkout": {} });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

fn violations(document: Value) -> Vec<String> {
    let plant: Plant = serde_json::from_value(document).unwrap();
    match SimEnvironment::new(plant, Arc::new(Still)) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn only_run_journey_and_checkout_must_be_written() {
    let plant: Plant = serde_json::from_value(document(json!({}))).unwrap();
    assert_eq!(plant.name, "plant");
    assert_eq!((plant.run.ramp_up.to_string(), plant.run.plateau.to_string()), ("30m".to_owned(), "1h".to_owned()));
    assert_eq!((plant.journey.stages, plant.journey.think_time.as_secs_f64()), (6, 90.0));
    assert_eq!((plant.kpi.report_delay.as_secs_f64(), plant.kpi.lost_read_as), (10.0, LostSample::Missing));
    assert_eq!(plant.environment, EnvironmentModel::default());
    let environment = SimEnvironment::new(plant, Arc::new(Still)).unwrap();
    let names: Vec<String> = environment.catalogue().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["shop", "payments"]);
    for section in ["run", "journey", "checkout"] {
        let mut document = document(json!({}));
        document.as_object_mut().unwrap().remove(section);
        let error = serde_json::from_value::<Plant>(document).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{section}`")), "{error}");
    }
}

#[test]
fn what_is_written_back_reads_as_the_same_plant() {
    let plant: Plant = serde_json::from_value(json!({
        "name": "coldcache",
        "run": { "target": "600/min", "rampUp": "30m", "plateau": "60m" },
        "journey": { "thinkTime": "90s", "stages": 6, "login": "0s", "checkoutRatio": 0.5 },
        "checkout": { "serviceTime": "1s", "capacity": "16/s", "peakConcurrency": 200, "timeout": "30s", "retryShare": 0.2 },
        "kpi": { "reportDelay": "10s", "lostSamples": 0.0, "lostReadAs": "missing" },
        "ratio": { "drift": -0.4, "step": { "at": "50m", "factor": 0.5 }, "noise": 0.2 },
        "capacity": { "drop": { "from": "50m", "to": "60m", "factor": 0.5 } },
        "warmUp": { "extraThinkTime": 1.0, "capacityLoss": 0.5, "timeConstant": "400s" },
        "generator": { "maxUsers": 1350, "maxSpawnRate": "5000/s" },
        "hints": { "usersPerKpi": 3.0, "kpiLag": "50s", "firstKpi": "40s", "congestion": true },
        "environment": {
            "seed": 7,
            "noise": "none",
            "applications": [{ "name": "a", "test": { "version": "1", "replicas": 1, "cpu": "500m" }, "kpiPerReplica": "10/s" }],
            "workers": { "count": 4, "application": "load-workers", "usersPerWorker": 500, "deadManSwitch": "3m" },
            "testData": [{ "name": "db", "tables": [{ "name": "orders", "rowsPerKpi": 2 }] }],
            "faults": [
                { "at": "10m", "from": "load", "lasts": "5m", "what": { "capacity": 0.5 } },
                { "what": "samplesLost" },
                { "what": { "workersLost": 1 } },
                { "what": { "changedByOthers": { "application": "a", "replicas": 4 } } },
                { "what": { "call": { "call": "rollOut", "only": "a", "times": 2, "outcome": { "fails": "unavailable" } } } },
                { "what": { "call": { "call": "stop", "outcome": "hangs" } } }
            ]
        }
    }))
    .unwrap();
    let text = serde_json::to_string(&plant).unwrap();
    assert_eq!(serde_json::from_str::<Plant>(&text).unwrap(), plant);
    assert!(SimEnvironment::new(plant, Arc::new(Still)).is_ok());
}

#[test]
fn a_field_that_does_not_exist_is_refused() {
    let error = serde_json::from_value::<Plant>(document(json!({ "users": {} }))).unwrap_err().to_string();
    assert!(error.contains("unknown field `users`") && error.contains("journey"), "{error}");
    let error = serde_json::from_value::<Plant>(document(json!({ "kpi": { "reportDelay": "-3s" } }))).unwrap_err();
    assert!(error.to_string().contains("\"-3s\" is negative; expected a span of time"), "{error}");
}

#[test]
fn every_violation_is_listed_with_its_field_the_fault_and_the_remedy() {
    let found = violations(json!({
        "name": " ",
        "run": { "target": "600/min", "rampUp": "168h", "plateau": "30s" },
        "journey": { "thinkTime": "100ms", "stages": 0, "checkoutRatio": 1.5 },
        "checkout": { "serviceTime": "0s", "peakConcurrency": 0.5, "retryShare": 1.0 },
        "kpi": { "lostSamples": -0.1 },
        "ratio": { "drift": -1.0, "step": { "at": "50m", "factor": 0.0 }, "noise": 11.0 },
        "capacity": { "drop": { "from": "60m", "to": "50m", "factor": -0.5 } },
        "warmUp": { "extraThinkTime": -1.0, "capacityLoss": 1.0, "timeConstant": "0s" },
        "generator": { "maxUsers": 0 },
        "hints": { "usersPerKpi": 0.0, "firstKpi": "0s" }
    }));
    assert_eq!(
        found,
        [
            "name: it is empty; expected a name such as coldcache",
            "run.plateau: 30s is too short to be scored; expected at least 1m",
            "run: 168h30s is too long; expected a week at most",
            "journey.thinkTime: 100ms is shorter than the model's step; expected at least 500ms, such as 90s",
            "journey.stages: 0 is out of range; expected 1 to 1000",
            "journey.checkoutRatio: 1.5 is out of range; expected a share above 0, at most 1",
            "checkout.serviceTime: 0s is no time; expected a time such as 1s",
            "checkout.peakConcurrency: 0.5 is out of range; expected 1 or more, such as 200",
            "checkout.retryShare: 1 is out of range; expected a share below 1",
            "kpi.lostSamples: -0.1 is out of range; expected a share such as 0.03",
            "ratio.drift: -1 is out of range; expected a share such as -0.4",
            "ratio.step.factor: 0 is out of range; expected a factor above 0, such as 0.5",
            "ratio.noise: 11 is out of range; expected 0 to 10, such as 0.2",
            "capacity.drop.to: 50m is not after 1h; expected a time after capacity.drop.from",
            "capacity.drop.factor: -0.5 is out of range; expected 0 or more, such as 0.5",
            "warmUp.extraThinkTime: -1 is out of range; expected 0 or more, such as 1.0",
            "warmUp.capacityLoss: 1 is out of range; expected a share below 1",
            "warmUp.timeConstant: 0s is no time; expected a time such as 400s",
            "generator.maxUsers: 0 is not above zero; expected users such as 1350, or nothing at all",
            "hints.usersPerKpi: 0 is out of range; expected users above 0, such as 3.0",
            "hints.firstKpi: 0s is no time; expected a time such as 40s, or nothing at all",
        ]
    );
}

#[test]
fn what_is_wrong_around_a_plant_is_listed_too() {
    let application = json!({ "name": "a", "test": { "version": "1", "replicas": 1 } });
    let found = violations(document(json!({ "environment": {
        "applications": [application, application],
        "responseMs": 0.0,
        "workers": { "count": 0, "application": "a", "usersPerWorker": 0, "deadManSwitch": "0s" },
        "testData": [{ "name": "db", "tables": [] }, { "name": "db", "tables": [{ "name": "t", "rowsPerKpi": 1 }, { "name": "t", "rowsPerKpi": 1 }] }],
        "faults": [
            { "what": { "workersLost": 3 } },
            { "what": { "capacity": -1.0 } },
            { "what": { "changedByOthers": { "application": "b" } } }
        ]
    } })));
    assert_eq!(
        found,
        [
            "environment.applications[1].name: \"a\" is listed twice; expected each application once",
            "environment.workers.application: \"a\" is in environment.applications, too; expected a name of its own, such as load-workers",
            "environment.responseMs: 0 is not above zero; expected milliseconds such as 40",
            "environment.workers.count: 0 is out of range; expected 1 to 100000",
            "environment.workers.usersPerWorker: 0 is not above zero; expected users such as 1000",
            "environment.workers.deadManSwitch: 0s leaves no time for a setting; expected such as 3m, or nothing at all",
            "environment.testData[1].name: \"db\" is listed twice; expected each store once",
            "environment.testData[1].tables[1].name: \"t\" is listed twice; expected each table once",
            "environment.faults[0].what.workersLost: 3 of 0 workers cannot be lost; expected at least 1, at most environment.workers.count",
            "environment.faults[1].what.capacity: -1 is not a factor; expected 0 or more, such as 0.5",
            "environment.faults[2].what.changedByOthers.application: \"b\" is not there; expected one of environment.applications, or environment.workers.application",
            "environment.faults[2].what.changedByOthers: it changes nothing; expected version, replicas or both",
        ]
    );
    assert_eq!(
        violations(document(json!({ "environment": { "applications": [] } }))),
        ["environment.applications: it is empty; expected at least one application"]
    );
}

#[test]
fn a_file_holds_one_plant_or_a_list_and_violations_say_which() {
    let one: PlantFile = serde_json::from_value(document(json!({ "name": "a" }))).unwrap();
    assert_eq!((one.violations(), one.into_plants().len()), (Vec::new(), 1));
    let bad = document(json!({ "name": "b", "kpi": { "lostSamples": 2.0 } }));
    let many: PlantFile = serde_json::from_value(json!([document(json!({})), bad])).unwrap();
    let fields: Vec<String> = many.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["[1].kpi.lostSamples"]);
    let none = serde_json::from_value::<PlantFile>(json!([])).unwrap();
    assert_eq!(none.violations().len(), 1, "an empty list is no model");
    let error = serde_json::from_value::<PlantFile>(json!("nom600")).unwrap_err().to_string();
    assert!(error.contains("expected a plant, or a list of plants"), "{error}");
}
