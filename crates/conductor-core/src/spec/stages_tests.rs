//! Stages: the line they add up to, how they are written back, and every rule by its message.

use serde_json::{Value, json};

use crate::spec::{LoadShape, LoadTestSpec};
use crate::units::Span;

/// A test whose `spec` has these fields besides the environment and the KPI's name.
fn read(target: Option<&str>, fields: Value) -> Result<LoadTestSpec, String> {
    let mut document = json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "day" },
        "spec": { "environment": "shop", "kpi": { "name": "orders" } }
    });
    if let Some(target) = target {
        document["spec"]["kpi"]["target"] = json!(target);
    }
    for (name, value) in fields.as_object().unwrap() {
        document["spec"][name] = value.clone();
    }
    serde_json::from_value(document).map_err(|error| error.to_string())
}

fn stages(target: Option<&str>, stages: Value) -> LoadTestSpec {
    read(target, json!({ "stages": stages })).unwrap()
}

/// Minutes and rates of a test's line.
fn line(spec: &LoadTestSpec) -> Vec<(f64, f64)> {
    spec.profile().points().iter().map(|point| (point.at_s / 60.0, point.per_min)).collect()
}

#[test]
fn each_stage_goes_on_where_the_one_before_it_ends() {
    let spec = stages(
        None,
        json!([
            { "ramp": "10m", "to": "3600/min" },
            { "hold": "20m" },
            { "step": "5400/min", "hold": "10m" },
            { "spike": "9000/min", "rise": "30s", "hold": "2m", "fall": "30s" },
            { "ramp": "5m", "to": "1200/min" },
        ]),
    );
    let expected = [
        (0.0, 0.0),
        (10.0, 3600.0),
        (30.0, 3600.0),
        (30.0, 5400.0),
        (40.0, 5400.0),
        (40.5, 9000.0),
        (42.5, 9000.0),
        (43.0, 5400.0),
        (48.0, 1200.0),
    ];
    assert_eq!(line(&spec), expected);
    assert_eq!((spec.load_time(), spec.profile().end_s()), (Span::minutes(48), 2880.0));
    assert_eq!(spec.target.as_per_minute(), 9000.0, "the highest level is the target where none is given");
    assert_eq!(spec.limits.deadline, Span::minutes(108));
}

#[test]
fn the_target_is_what_stages_mean_that_give_no_rate() {
    let curve = json!([{ "time": "0s", "value": 0.5 }, { "time": "10m", "value": 1 }]);
    let spec = stages(Some("600/min"), json!([{ "ramp": "1m" }, { "curve": curve }]));
    assert_eq!(line(&spec), [(0.0, 0.0), (1.0, 600.0), (1.0, 300.0), (11.0, 600.0)]);
    assert_eq!(spec.target.as_per_minute(), 600.0);
}

#[test]
fn a_curve_mixes_shares_and_rates_and_a_late_first_point_is_reached_evenly() {
    let curve = json!([{ "time": "5m", "value": "900/min" }, { "time": "15m", "value": 0 }]);
    let spec = stages(None, json!([{ "curve": curve, "scale": "1800/min" }, { "ramp": "1m", "to": "60/min" }]));
    assert_eq!(line(&spec), [(0.0, 0.0), (5.0, 900.0), (15.0, 0.0), (16.0, 60.0)]);
    let rates = json!([{ "time": "0s", "value": "90/min" }, { "time": "1m", "value": "120/min" }]);
    assert_eq!(line(&stages(None, json!([{ "curve": rates }]))), [(0.0, 0.0), (0.0, 90.0), (1.0, 120.0)]);
}

#[test]
fn what_is_written_back_reads_as_the_same_stages() {
    let curve = json!([{ "time": "0s", "value": 0.123_456_789 }, { "time": "1h", "value": "7/min" }]);
    let spec = stages(
        Some("7200/min"),
        json!([
            { "ramp": "10m" },
            { "hold": "90s" },
            { "step": "120/s", "hold": "10m" },
            { "spike": "9000/min", "hold": "2m" },
            { "curve": curve },
        ]),
    );
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<LoadTestSpec>(&text).unwrap(), spec);
    assert!(!text.contains("rampUp"), "{text}");
}

#[test]
fn ramp_up_and_plateau_are_one_case_of_it() {
    let plain = read(Some("600/min"), json!({ "rampUp": "10m", "plateau": "20m" })).unwrap();
    let staged = stages(None, json!([{ "ramp": "10m", "to": "600/min" }, { "hold": "20m" }]));
    assert_eq!((plain.profile(), plain.load_time()), (staged.profile(), staged.load_time()));
    assert_eq!(plain.shape, LoadShape::RampUp { ramp_up: Span::minutes(10), plateau: Span::minutes(20) });
    assert_eq!(plain.shape.first_slope(plain.target), staged.shape.first_slope(staged.target));
}

#[test]
fn both_shapes_or_none_are_refused_by_the_names_of_the_fields() {
    let one = json!([{ "ramp": "10m", "to": "60/min" }]);
    let cases = [
        (
            json!({ "rampUp": "1m", "plateau": "1m", "stages": one }),
            "spec.stages: there is rampUp and plateau as well; expected either rampUp and plateau, or stages, or search",
        ),
        (
            json!({ "plateau": "1m", "stages": one }),
            "spec.stages: there is plateau as well; expected either rampUp and plateau, or stages, or search",
        ),
        (
            json!({}),
            "spec.rampUp: it is missing, and so are plateau, stages and search; expected either rampUp and plateau, or stages, or search",
        ),
        (json!({ "rampUp": "1m" }), "spec.plateau: it is missing; expected the time to hold the target, such as 90m"),
        (
            json!({ "plateau": "1m" }),
            "spec.rampUp: it is missing; expected the time from the first user to the target, such as 30m",
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(read(Some("600/min"), fields).unwrap_err(), expected);
    }
    assert_eq!(
        read(None, json!({ "rampUp": "1m", "plateau": "1m" })).unwrap_err(),
        "spec.kpi.target: it is missing; expected the rate to reach and hold, such as 7200/min"
    );
}

#[test]
fn each_message_names_the_stage_the_fault_and_the_remedy() {
    const KINDS: &str = "one of ramp, hold, step, spike and curve, each in a stage of its own";
    let point = |time: &str, value: Value| json!({ "time": time, "value": value });
    let ramp = json!({ "ramp": "10m", "to": "60/min" });
    let cases = [
        (json!([]), "spec.stages: there are 0 of them; expected 1 to 1000 stages".to_owned()),
        (json!([{}]), format!("spec.stages[0]: it does not say what it is; expected {KINDS}")),
        (
            json!([{ "ramp": "1m", "to": "6/min", "spike": "7/min" }]),
            format!("spec.stages[0]: ramp and spike exclude each other; expected {KINDS}"),
        ),
        (
            json!([{ "ramp": "1m" }]),
            "spec.stages[0].to: it is missing, and so is spec.kpi.target; expected a rate such as 7200/min, here or there".to_owned(),
        ),
        (
            json!([{ "ramp": "1m", "to": "6/min", "hold": "5m" }]),
            "spec.stages[0].hold: a ramp has none; expected ramp and to alone".to_owned(),
        ),
        (
            json!([{ "hold": "5m" }]),
            "spec.stages[0].hold: there is no level yet; expected a ramp, a step or a curve before it".to_owned(),
        ),
        (
            json!([{ "spike": "5/min", "hold": "1m" }]),
            "spec.stages[0].spike: there is no level yet; expected a ramp, a step or a curve before it".to_owned(),
        ),
        (
            json!([ramp, { "step": "5/min" }]),
            "spec.stages[1].hold: it is missing; expected how long the level is held, such as 10m".to_owned(),
        ),
        (
            json!([ramp, { "hold": "0s" }]),
            "spec.stages[1].hold: 0s is no time to hold a level; expected a time such as 10m".to_owned(),
        ),
        (
            json!([ramp, { "step": "fast", "hold": "1m" }]),
            "spec.stages[1].step: \"fast\" is not a rate; expected a positive rate such as 7200/min, 120/s or 600/h".to_owned(),
        ),
        (
            json!([ramp, { "hold": "100h" }, { "hold": "100h" }]),
            "spec.stages: together they take 200h10m; expected at most 168h, a week".to_owned(),
        ),
        (
            json!([{ "ramp": "5s", "to": "60/min" }]),
            "spec.stages: together they take 5s, shorter than the interval of 1m; expected at least one interval, or nothing is measured".to_owned(),
        ),
        (
            json!([{ "curve": "day.csv", "scale": "60/min" }]),
            "spec.stages[0].curve: the file \"day.csv\" was not read; expected points here, or a load test that is read from a file beside it".to_owned(),
        ),
        (
            json!([{ "curve": [point("0s", json!(1))], "scale": "60/min" }]),
            "spec.stages[0].curve: there are 1 points; expected 2 to 10000 points".to_owned(),
        ),
        (
            json!([{ "curve": [point("2h", json!(1)), point("1h", json!(1))], "scale": "60/min" }]),
            "spec.stages[0].curve[1].time: 1h is before 2h; expected points in the order of time".to_owned(),
        ),
        (
            json!([{ "curve": [point("0s", json!(-1)), point("1h", json!(1))], "scale": "60/min" }]),
            "spec.stages[0].curve[0].value: -1 is out of range; expected a share of the scale from 0 to 1000, such as 0.35, or a rate such as 2500/min".to_owned(),
        ),
        (
            json!([{ "curve": [point("0s", json!(0)), point("1h", json!("lots"))], "scale": "60/min" }]),
            "spec.stages[0].curve[1].value: \"lots\" is neither a share nor a rate; expected a share of the scale from 0 to 1000, such as 0.35, or a rate such as 2500/min".to_owned(),
        ),
        (
            json!([{ "curve": [point("0s", json!(0)), point("1h", json!(0))], "scale": "60/min" }]),
            "spec.stages[0].curve: every value is zero; expected a value above zero".to_owned(),
        ),
        (
            json!([{ "curve": [point("0s", json!(0)), point("1h", json!(1000))], "scale": "1e9/min" }]),
            "spec.stages[0].curve: a rate of 1000000000000/min is more than 1e9/min; expected a positive rate such as 7200/min, 120/s or 600/h".to_owned(),
        ),
        (
            json!([{ "curve": [point("0s", json!(0)), point("1h", json!(1))] }]),
            "spec.stages[0].scale: it is missing, and so is spec.kpi.target; expected a rate such as 7200/min, here or there".to_owned(),
        ),
    ];
    for (written, expected) in cases {
        assert_eq!(read(None, json!({ "stages": written })).unwrap_err(), expected);
    }
}

#[test]
fn every_wrong_stage_is_listed_at_once() {
    let written = json!([{ "ramp": "x", "to": "y" }, { "step": "5/min" }, {}]);
    let error = read(Some("0/min"), json!({ "stages": written })).unwrap_err();
    let fields: Vec<&str> = error.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        fields,
        ["spec.kpi.target", "spec.stages[0].ramp", "spec.stages[0].to", "spec.stages[1].hold", "spec.stages[2]"]
    );
}

#[test]
fn a_deadline_leaves_time_for_all_stages() {
    let fields = json!({ "stages": [{ "ramp": "10m", "to": "60/min" }], "limits": { "deadline": "10m" } });
    assert_eq!(
        read(None, fields).unwrap_err(),
        "spec.limits.deadline: 10m leaves no time before the load of 10m; expected longer than all stages together"
    );
}

#[test]
fn a_search_has_defaults_and_its_highest_level_is_the_target() {
    let spec = read(None, json!({ "search": { "from": "1200/min", "to": "20000/min" } })).unwrap();
    let LoadShape::Search(plan) = &spec.shape else { panic!("{:?}", spec.shape) };
    assert_eq!((plan.step, plan.precision, plan.hold), (0.1, 0.025, Span::minutes(3)));
    assert_eq!(spec.target.as_per_minute(), 20000.0);
    assert_eq!(line(&spec), [(0.0, 0.0), (5.0, 1200.0), (8.0, 1200.0)]);
    assert!(spec.load_time() > Span::minutes(200) && spec.limits.deadline == spec.load_time().plus(Span::minutes(60)));
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<LoadTestSpec>(&text).unwrap(), spec);
    let by_target = read(Some("20000/min"), json!({ "search": { "from": "1200/min" } })).unwrap();
    assert_eq!(by_target, spec);
}

#[test]
fn each_message_about_a_search_names_the_field_the_fault_and_the_remedy() {
    let cases = [
        (
            json!({ "from": "1200/min" }),
            "spec.search.to: it is missing, and so is spec.kpi.target; expected the highest rate to try, here or there",
        ),
        (
            json!({ "from": "1200/min", "to": "600/min" }),
            "spec.search.from: 1200/min is not below 600/min; expected a level below the highest one (search.to)",
        ),
        (
            json!({ "from": "600/min", "to": "1200/min", "step": "0.1" }),
            "spec.search.step: \"0.1\" is not a share from 0.01% to 100%; expected percent such as 10%",
        ),
        (
            json!({ "from": "600/min", "to": "1200/min", "precision": "20%" }),
            "spec.search.precision: 20% is more than the step of 10%; expected at most the step",
        ),
        (
            json!({ "from": "600/min", "to": "1200/min", "hold": "20s" }),
            "spec.search.hold: 20s is shorter than the interval of 1m; expected at least one interval, or nothing is measured at a level",
        ),
    ];
    for (search, expected) in cases {
        assert_eq!(read(None, json!({ "search": search })).unwrap_err(), expected);
    }
    let long = json!({ "from": "1/min", "to": "1e6/min", "step": "1%", "hold": "30m" });
    let error = read(None, json!({ "search": long })).unwrap_err();
    assert!(error.starts_with("spec.search: it may take 2"), "{error}");
    let both = json!({ "search": { "from": "1/min", "to": "2/min" }, "rampUp": "1m", "stages": [] });
    assert_eq!(
        read(None, both).unwrap_err(),
        "spec.search: there is rampUp and stages as well; expected either rampUp and plateau, or stages, or search"
    );
}
