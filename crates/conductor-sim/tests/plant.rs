//! The document of a plant: its defaults, its shape and its violations.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::Clock;
use conductor_sim::{Plant, SimEnvironment};
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

fn violations(document: Value) -> Vec<String> {
    let plant: Plant = serde_json::from_value(document).unwrap();
    match SimEnvironment::new(plant, Arc::new(Still)) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn nothing_written_means_the_default_shop() {
    let plant: Plant = serde_json::from_value(json!({})).unwrap();
    assert_eq!(plant, Plant::default());
    let environment = SimEnvironment::new(plant, Arc::new(Still)).unwrap();
    let names: Vec<String> = environment.catalogue().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["shop", "payments"]);
}

#[test]
fn what_is_written_back_reads_as_the_same_plant() {
    let plant: Plant = serde_json::from_value(json!({
        "seed": 7,
        "applications": [{ "name": "a", "test": { "version": "1", "replicas": 1, "cpu": "500m" }, "kpiPerReplica": "10/s" }],
        "users": { "lag": "30s", "beyondCapacity": "collapses", "noise": "none" },
        "generator": { "deadManSwitch": "3m" },
        "testData": [{ "name": "db", "tables": [{ "name": "orders", "rowsPerKpi": 2 }] }],
        "faults": [
            { "at": "10m", "from": "load", "lasts": "5m", "what": { "capacity": 0.5 } },
            { "what": "samplesLost" },
            { "what": { "workersLost": 1 } },
            { "what": { "changedByOthers": { "application": "a", "replicas": 4 } } },
            { "what": { "call": { "call": "rollOut", "only": "a", "times": 2, "outcome": { "fails": "unavailable" } } } },
            { "what": { "call": { "call": "stop", "outcome": "hangs" } } }
        ]
    }))
    .unwrap();
    let text = serde_json::to_string(&plant).unwrap();
    assert_eq!(serde_json::from_str::<Plant>(&text).unwrap(), plant);
    assert!(SimEnvironment::new(plant, Arc::new(Still)).is_ok());
}

#[test]
fn a_field_that_does_not_exist_is_refused() {
    let error = serde_json::from_value::<Plant>(json!({ "users": { "perMinute": 6 } })).unwrap_err().to_string();
    assert!(error.contains("unknown field `perMinute`") && error.contains("kpiPerUser"), "{error}");
    let error = serde_json::from_value::<Plant>(json!({ "users": { "lag": "-3s" } })).unwrap_err().to_string();
    assert!(error.contains("\"-3s\" is negative; expected a span of time"), "{error}");
}

#[test]
fn every_violation_is_listed_with_its_field_the_fault_and_the_remedy() {
    let application = json!({ "name": "a", "test": { "version": "1", "replicas": 1 } });
    let found = violations(json!({
        "applications": [application, application],
        "users": { "driftPerHour": 50.0, "responseMs": 0.0 },
        "generator": { "workers": 0, "usersPerWorker": 0, "deadManSwitch": "0s" },
        "testData": [{ "name": "db", "tables": [] }, { "name": "db", "tables": [{ "name": "t", "rowsPerKpi": 1 }, { "name": "t", "rowsPerKpi": 1 }] }],
        "faults": [
            { "what": { "workersLost": 3 } },
            { "what": { "capacity": -1.0 } },
            { "what": { "changedByOthers": { "application": "b" } } }
        ]
    }));
    assert_eq!(
        found,
        [
            "applications[1].name: \"a\" is listed twice; expected each application once",
            "users.driftPerHour: 50 is out of range; expected a share such as -0.4",
            "users.responseMs: 0 is not above zero; expected milliseconds such as 40",
            "generator.workers: 0 is out of range; expected 1 to 100000",
            "generator.usersPerWorker: 0 is not above zero; expected users such as 1000",
            "generator.deadManSwitch: 0s leaves no time for a setting; expected such as 3m, or nothing at all",
            "testData[1].name: \"db\" is listed twice; expected each store once",
            "testData[1].tables[1].name: \"t\" is listed twice; expected each table once",
            "faults[0].what.workersLost: 3 of 0 workers cannot be lost; expected at least 1, at most generator.workers",
            "faults[1].what.capacity: -1 is not a factor; expected 0 or more, such as 0.5",
            "faults[2].what.changedByOthers.application: \"b\" is not there; expected one of applications",
            "faults[2].what.changedByOthers: it changes nothing; expected version, replicas or both",
        ]
    );
    assert_eq!(
        violations(json!({ "applications": [] })),
        ["applications: it is empty; expected at least one application"]
    );
}
