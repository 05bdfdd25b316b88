//! A load test as a message, made the document that a file has. Both have one shape in JSON, by which it goes.

use std::sync::LazyLock;

use conductor_core::spec::{LoadTestDocument, SpecError, Violation, check_count};
use conductor_proto::v1;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use crate::contract::CONTRACT;

const FIELD: &str = "loadTest";
/// Up to here every whole number is a number of its own in `google.protobuf.Value`.
const EXACT: f64 = 9_007_199_254_740_992.0;

static LOAD_TEST: LazyLock<MessageDescriptor> =
    LazyLock::new(|| CONTRACT.get_message_by_name("conductor.v1.LoadTest").expect("the contract has load tests"));

/// The document that a load test says.
///
/// # Errors
/// When it is missing, or lists too many applications, or its values do not have the shape of a document: by the field.
pub(crate) fn document(load_test: Option<v1::LoadTest>) -> Result<LoadTestDocument, SpecError> {
    let Some(load_test) = load_test else { return Err(refused(FIELD, "is missing".to_owned())) };
    let applications = load_test.spec.as_ref().map_or(0, |spec| spec.applications.len());
    check_count(applications).map_err(|violation| SpecError { violations: vec![violation] })?;
    let value = json(&load_test).map_err(|problem| refused(FIELD, problem))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let problem = format!("cannot be read: {}", error.inner());
        refused(&field(&error), problem)
    })
}

/// The field that an error is about: one that is missing is not on the way to it.
fn field(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let text = error.inner().to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (error.path().to_string(), missing) {
        (path, None) if path == "." => FIELD.to_owned(),
        (path, None) => path,
        (path, Some(name)) if path == "." => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
    }
}

fn json(load_test: &v1::LoadTest) -> Result<Value, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("cannot be read: {error}");
    let mut message = DynamicMessage::new(LOAD_TEST.clone());
    message.transcode_from(load_test).map_err(|error| unreadable(&error))?;
    let options = SerializeOptions::new().stringify_64_bit_integers(false);
    let mut value =
        message.serialize_with_options(serde_json::value::Serializer, &options).map_err(|error| unreadable(&error))?;
    whole(&mut value);
    Ok(value)
}

/// Makes 3.0 the 3 that was written: `google.protobuf.Value` knows floating point only.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT) {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole),
        Value::Object(fields) => fields.values_mut().for_each(whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn refused(field: &str, problem: String) -> SpecError {
    let expected = "a load test with the fields of conductor.v1.LoadTest".to_owned();
    SpecError { violations: vec![Violation { field: field.to_owned(), problem, expected }] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(value: &Value) -> v1::LoadTest {
        DynamicMessage::deserialize(LOAD_TEST.clone(), value).unwrap().transcode_to().unwrap()
    }

    fn whole_document() -> Value {
        json!({
            "apiVersion": "loadtest-conductor.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": { "name": "cyber-week" },
            "spec": {
                "environment": "payments",
                "kpi": { "name": "orders", "target": "7200/min" },
                "rampUp": "30m",
                "plateau": "90m",
                "stages": [
                    { "ramp": "10m", "to": "3600/min" },
                    { "spike": "9000/min", "rise": "10s", "hold": "1m", "fall": "10s" },
                    { "step": "100/min", "hold": "1m" },
                    {
                        "curve": [{ "time": "0s", "value": 0.35 }, { "time": "6h", "value": "2500/min" }],
                        "scale": "7200/min"
                    },
                ],
                "search": {
                    "from": "1/min", "to": "9/min", "step": "10%", "hold": "3m", "rampUp": "5m", "precision": "2%"
                },
                "interval": "60s",
                "version": "keep",
                "scale": "keep",
                "applications": [
                    { "name": "a", "version": "production", "scale": { "factor": 1.5 } },
                    { "name": "b", "scale": { "replicas": 3, "cpu": "500m", "memory": "2Gi" } },
                ],
                "limits": { "maxUsers": 40000, "deadline": "4h", "rehearsal": "3m" },
                "load": {
                    "algorithm": "published",
                    "usersPerKpi": 0.8,
                    "kpiLag": "60s",
                    "learnFromLastRun": false,
                    "workers": { "application": "load-workers", "most": 4, "targetCpu": "75%" },
                    "headers": { "X-Team": "checkout" }
                },
                "ifBusy": "queue"
            }
        })
    }

    #[test]
    fn every_field_of_a_document_goes_through_the_message_and_back() {
        let expected: LoadTestDocument = serde_json::from_value(whole_document()).unwrap();
        assert_eq!(document(Some(message(&whole_document()))).unwrap(), expected);
    }

    #[test]
    fn absent_fields_stay_absent() {
        let mut written = whole_document();
        written["spec"] = json!({ "environment": "payments", "kpi": { "name": "orders" } });
        let expected: LoadTestDocument = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(document(Some(message(&written))).unwrap(), expected);
    }

    #[test]
    fn what_has_not_the_shape_of_a_load_test_is_told() {
        let told = |load_test| document(load_test).unwrap_err().to_string();
        let expected = "expected a load test with the fields of conductor.v1.LoadTest";
        assert_eq!(told(None), format!("loadTest: is missing; {expected}"));
        assert_eq!(
            told(Some(v1::LoadTest::default())),
            format!("apiVersion: cannot be read: missing field `apiVersion`; {expected}")
        );
        let mut odd = whole_document();
        odd["spec"]["scale"] = json!({ "factr": 2 });
        let text = told(Some(message(&odd)));
        let begin = "spec.scale: cannot be read: expected `production`, `keep`, {factor: 1.5}";
        assert!(text.starts_with(begin), "{text}");
        let mut odd = message(&whole_document());
        odd.spec.as_mut().unwrap().applications[1].scale =
            Some(prost_types::Value { kind: Some(prost_types::value::Kind::BoolValue(true)) });
        assert!(told(Some(odd)).starts_with("spec.applications[1].scale: cannot be read: "));
        let mut headless = message(&whole_document());
        headless.spec.as_mut().unwrap().kpi = None;
        assert_eq!(told(Some(headless)), format!("spec.kpi: cannot be read: missing field `kpi`; {expected}"));
        let mut many = message(&whole_document());
        let one = many.spec.as_ref().unwrap().applications[0].clone();
        many.spec.as_mut().unwrap().applications = vec![one; 10_001];
        assert_eq!(told(Some(many)), "spec.applications: 10001 applications are too many; expected at most 10000");
        let mut load_test = message(&whole_document());
        load_test.spec.as_mut().unwrap().scale =
            Some(prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(f64::NAN)) });
        assert!(told(Some(load_test)).starts_with("loadTest: cannot be read: "));
    }
}
