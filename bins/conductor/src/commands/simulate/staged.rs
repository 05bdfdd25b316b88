//! Runs that are staged on a model to see what verdicts are worth: in some of them one thing is wrong, in others nothing.
//! Where it is wrong, how much and when is drawn from the seed, always so that whoever looks could see it.

use conductor_core::spec::{LoadTestDocument, LoadTestSpec};
use conductor_sim::Plant;
use serde_json::{Value, json};

/// Target of all bad runs, events per minute.
const TARGET: f64 = 600.0;
/// Ramp-up and plateau, seconds.
const RAMP_S: f64 = 600.0;
const PLATEAU_S: f64 = 1200.0;
/// From when on something may go wrong in the plateau, seconds since the rehearsal began, which takes a minute or so.
const PLATEAU_FROM_S: f64 = RAMP_S + 120.0;
/// How long the plateau goes on from there, seconds.
const PLATEAU_LEFT_S: f64 = PLATEAU_S - 120.0;

/// A kind of run.
pub(super) struct Kind {
    /// What is staged.
    pub(super) name: &'static str,
    /// Whether nothing is wrong.
    pub(super) is_clean: bool,
    /// The model and what the load test adds, from two numbers from 0 to 1.
    stage: fn(f64, f64) -> (Value, Value),
}

/// Every kind.
pub(super) const KINDS: [Kind; 15] = [
    clean("target far above chance, nothing wrong", |_, _| (model(1.6, json!({}), json!([])), json!({}))),
    clean("twice as many users, nothing wrong", |_, _| {
        (model(1.6, json!({ "journey": { "thinkTime": "60s", "checkoutRatio": 1.0 } }), json!([])), json!({}))
    }),
    clean("events counted up to 45 s late", |late, _| {
        (model(1.6, json!({ "kpi": { "reportDelay": seconds(10.0 + 35.0 * late) } }), json!([])), json!({}))
    }),
    clean("one window in fifty lost", |_, _| {
        (model(1.6, json!({ "kpi": { "lostSamples": 0.02 } }), json!([])), json!({}))
    }),
    clean("generator busy up to 80 % of a core", |busy, _| {
        let users = (USERS / 2.0 / (0.6 + 0.2 * busy)).ceil();
        (model(1.6, json!({}), json!([])), json!({ "usersPerWorker": users }))
    }),
    bad("system saturated at 50 to 92 % of the target", |share, _| {
        (model(0.5 + 0.42 * share, json!({}), json!([])), json!({}))
    }),
    bad("capacity lost for the last third to half of the plateau", |at, depth| {
        let at_s = RAMP_S + PLATEAU_S * (0.5 + at / 6.0);
        (model(1.6, json!({}), json!([fault(at_s, None, json!({ "capacity": 0.5 * depth }))])), json!({}))
    }),
    bad("outage of 3 to 6 minutes in the plateau", |at, long| {
        let at_s = PLATEAU_FROM_S + (PLATEAU_LEFT_S - 360.0) * at;
        let outage = fault(at_s, Some(180.0 + 180.0 * long), json!({ "capacity": 0.0 }));
        (model(1.6, json!({}), json!([outage])), json!({}))
    }),
    bad("one of two workers lost in the plateau", |at, long| {
        let at_s = PLATEAU_FROM_S + (PLATEAU_LEFT_S - 130.0) * at;
        (model(1.6, json!({}), json!([fault(at_s, Some(10.0 + 120.0 * long), json!({ "workersLost": 1 }))])), json!({}))
    }),
    bad("KPI gone for 3 to 6 minutes of the plateau", |at, long| {
        let at_s = PLATEAU_FROM_S + (PLATEAU_LEFT_S - 360.0) * at;
        (model(1.6, json!({}), json!([fault(at_s, Some(180.0 + 180.0 * long), json!("samplesLost"))])), json!({}))
    }),
    bad("generator does not answer for 3 to 6 minutes of the plateau", |at, long| {
        let at_s = PLATEAU_FROM_S + (PLATEAU_LEFT_S - 360.0) * at;
        let silent = |call: &str| {
            let what = json!({ "call": { "call": call, "outcome": { "fails": "unavailable" } } });
            fault(at_s, Some(180.0 + 180.0 * long), what)
        };
        (model(1.6, json!({}), json!([silent("sample"), silent("status")])), json!({}))
    }),
    bad("generator too small: 50 to 90 % of the users", |share, _| {
        let users = (USERS / 2.0 * (0.5 + 0.4 * share)).floor();
        (model(1.6, json!({}), json!([])), json!({ "usersPerWorker": users }))
    }),
    bad("a version rolled out by others in the load", |at, _| {
        let what = json!({ "changedByOthers": { "application": "shop", "version": "v9" } });
        let at_s = 120.0 + (RAMP_S + PLATEAU_S - 240.0) * at;
        (model(1.6, json!({}), json!([fault(at_s, None, what)])), json!({}))
    }),
    bad("limits.maxUsers at 50 to 90 % of the users", |share, _| {
        (model(1.6, json!({}), json!([])), json!({ "maxUsers": (USERS * (0.5 + 0.4 * share)).floor() }))
    }),
    bad("deadline passes in the plateau", |at, _| {
        // Rolling out takes twenty minutes; the deadline leaves the load what is left.
        let deadline_s = 1.0 + RAMP_S + PLATEAU_S + 60.0 * at;
        let slow = json!({ "environment": { "delays": { "rollOut": "10m", "scale": "0s" } } });
        (model(1.6, slow, json!([])), json!({ "deadline": deadline_s.floor() }))
    }),
];

/// Users that the target needs on the model: each makes an order in 31 s.
const USERS: f64 = TARGET * 31.0 / 60.0;

const fn clean(name: &'static str, stage: fn(f64, f64) -> (Value, Value)) -> Kind {
    Kind { name, is_clean: true, stage }
}

const fn bad(name: &'static str, stage: fn(f64, f64) -> (Value, Value)) -> Kind {
    Kind { name, is_clean: false, stage }
}

impl Kind {
    /// The model and the load test of a seed.
    ///
    /// # Errors
    /// When either is not valid, which a test refuses.
    pub(super) fn staged(&self, seed: u64) -> anyhow::Result<(Plant, LoadTestSpec)> {
        let (mut model, asked) = (self.stage)(drawn(seed, 1), drawn(seed, 2));
        model["environment"]["seed"] = json!(seed);
        if let Some(users) = asked.get("usersPerWorker").and_then(Value::as_f64) {
            model["environment"]["workers"] = json!({ "count": 2, "usersPerWorker": users as u64 });
        }
        let mut limits = json!({ "rehearsal": "30m" });
        if let Some(users) = asked.get("maxUsers").and_then(Value::as_f64) {
            limits["maxUsers"] = json!(users as u64);
        }
        if let Some(deadline_s) = asked.get("deadline").and_then(Value::as_f64) {
            limits["deadline"] = json!(seconds(deadline_s));
        }
        let load_test = json!({
            "apiVersion": "loadtest-conductor.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": { "name": "staged" },
            "spec": {
                "environment": "model",
                "kpi": { "name": "orders", "target": format!("{TARGET}/min") },
                "rampUp": seconds(RAMP_S),
                "plateau": seconds(PLATEAU_S),
                "interval": "30s",
                "limits": limits,
            },
        });
        let document: LoadTestDocument = serde_json::from_value(load_test)?;
        Ok((serde_json::from_value(model)?, LoadTestSpec::try_from(document)?))
    }
}

/// A shop with so many times the capacity that the target needs, with these fields, in which this goes wrong.
fn model(headroom: f64, fields: Value, faults: Value) -> Value {
    let mut model = json!({
        "name": "staged",
        "run": { "target": format!("{TARGET}/min"), "rampUp": seconds(RAMP_S), "plateau": seconds(PLATEAU_S) },
        "journey": { "thinkTime": "30s", "stages": 6, "login": "0s", "checkoutRatio": 1.0 },
        "checkout": { "serviceTime": "1s", "capacity": format!("{}/min", (TARGET * headroom).round()), "timeout": "30s" },
        "environment": {},
    });
    if let (Some(model), Value::Object(fields)) = (model.as_object_mut(), fields) {
        model.extend(fields);
    }
    model["environment"]["faults"] = faults;
    model
}

fn fault(at_s: f64, lasts_s: Option<f64>, what: Value) -> Value {
    let mut fault = json!({ "at": seconds(at_s), "from": "load", "what": what });
    if let Some(lasts_s) = lasts_s {
        fault["lasts"] = json!(seconds(lasts_s));
    }
    fault
}

fn seconds(seconds: f64) -> String {
    format!("{}s", seconds.round())
}

/// A number from 0 to 1 that is drawn from a seed; the same seed gives the same (SplitMix64).
fn drawn(seed: u64, which: u64) -> f64 {
    let mut mixed = seed.wrapping_mul(2).wrapping_add(which).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use conductor_sim::PlantFile;

    use super::*;

    #[test]
    fn every_kind_is_a_valid_model_and_a_valid_load_test_whatever_is_drawn() {
        for kind in &KINDS {
            for seed in [0, 1, 7, u64::MAX] {
                let (plant, _) = kind.staged(seed).unwrap_or_else(|error| panic!("{}: {error}", kind.name));
                let written = serde_json::to_value(&plant).unwrap();
                let file: PlantFile = serde_json::from_value(written).unwrap();
                assert_eq!(file.violations(), [], "{}", kind.name);
            }
        }
    }
}
