//! What goes over the wire as what it is here: load tests to messages, and messages to lists and plans.

use std::sync::LazyLock;

use conductor_core::ports::RunSummary;
use conductor_core::spec::LoadTestDocument;
use conductor_engine::PlanReport;
use conductor_proto::v1;
use jiff::Timestamp;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use prost_types::value::Kind;
use serde_json::{Map, Value};

/// Up to here every whole number is a number of its own in `google.protobuf.Value`.
const EXACT: f64 = 9_007_199_254_740_992.0;

static LOAD_TEST: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(conductor_proto::DESCRIPTORS).expect("the descriptors were compiled");
    pool.get_message_by_name("conductor.v1.LoadTest").expect("the contract has load tests")
});

/// A load test as a message: both have one shape in JSON, by which it goes.
///
/// # Errors
/// When the contract has no place for something, which it has for every load test of this version.
pub(super) fn message(load_test: &LoadTestDocument) -> anyhow::Result<v1::LoadTest> {
    let value = serde_json::to_value(load_test)?;
    Ok(DynamicMessage::deserialize(LOAD_TEST.clone(), value)?.transcode_to()?)
}

/// One run of a list.
///
/// # Errors
/// With what is wrong in it.
pub(super) fn summary(run: &v1::RunSummary) -> Result<RunSummary, String> {
    let at = run.created_at.unwrap_or_default();
    let created = Timestamp::new(at.seconds, at.nanos).map_err(|error| format!("has a time that is none: {error}"))?;
    let id = run.id.parse().map_err(|error| format!("has a run whose id is none: {error}"))?;
    let waiting = Some(run.waiting.as_str()).filter(|waiting| !waiting.is_empty());
    let waiting = waiting.map(|waiting| serde_json::from_value(waiting.into())).transpose();
    let waiting =
        waiting.map_err(|error| format!("has a run that waits in a way this version does not know: {error}"))?;
    Ok(RunSummary {
        id,
        name: run.name.clone(),
        environment: run.environment.clone(),
        created,
        finished: run.finished,
        waiting,
        request: None,
    })
}

/// A plan.
///
/// # Errors
/// With what is wrong in it.
pub(super) fn plan(answer: v1::PlanLoadTestResponse) -> Result<PlanReport, String> {
    let Some(plan) = answer.plan else { return Err("has no plan in it".to_owned()) };
    let fields = plan.fields.into_iter().map(|(name, field)| (name, value(field))).collect();
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        format!("is no plan as this version knows them, so that the server may be of another one: {error}")
    })
}

fn value(message: prost_types::Value) -> Value {
    match message.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        // 3.0 is the 3 that was written.
        Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() <= EXACT => Value::from(number as i64),
        Some(Kind::NumberValue(number)) => Value::from(number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(value).collect(),
        Some(Kind::StructValue(object)) => {
            let fields: Map<String, Value> =
                object.fields.into_iter().map(|(name, field)| (name, value(field))).collect();
            Value::Object(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_load_test_goes_with_everything_it_says() {
        let written = json!({
            "apiVersion": "loadtest-conductor.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": { "name": "day" },
            "spec": {
                "environment": "shop",
                "kpi": { "name": "orders" },
                "stages": [
                    { "ramp": "10m", "to": "3600/min" },
                    { "curve": [{ "time": "0s", "value": 0.35 }, { "time": "6h", "value": "2500/min" }], "scale": "7200/min" },
                ],
                "scale": "keep",
                "applications": [
                    { "name": "a", "scale": { "factor": 1.5 } },
                    { "name": "b", "scale": { "replicas": 3, "cpu": "500m" } },
                ],
                "limits": { "maxUsers": 40000 },
                "load": { "learnFromLastRun": false, "headers": { "X-Team": "checkout" } },
            }
        });
        let document: LoadTestDocument = serde_json::from_value(written).unwrap();
        let message = message(&document).unwrap();
        let spec = message.spec.unwrap();
        assert_eq!(
            (message.api_version.as_str(), spec.environment.as_str()),
            ("loadtest-conductor.dev/v1alpha1", "shop")
        );
        assert_eq!((spec.ramp_up, spec.stages[1].curve.len()), (None, 2));
        assert_eq!(spec.scale.unwrap().kind, Some(Kind::StringValue("keep".to_owned())));
        assert!(matches!(spec.applications[1].scale.as_ref().unwrap().kind, Some(Kind::StructValue(_))));
        assert_eq!(spec.limits.unwrap().max_users, Some(40000));
        assert_eq!(spec.load.unwrap().learn_from_last_run, Some(false));
    }

    #[test]
    fn whole_numbers_of_a_plan_are_whole_again() {
        let number = |number| value(prost_types::Value { kind: Some(Kind::NumberValue(number)) });
        assert_eq!((number(3.0), number(0.5), number(-2.0)), (json!(3), json!(0.5), json!(-2)));
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        let told = plan(v1::PlanLoadTestResponse { plan: None }).unwrap_err();
        assert_eq!(told, "has no plan in it");
        let told = plan(v1::PlanLoadTestResponse { plan: Some(prost_types::Struct::default()) }).unwrap_err();
        assert!(told.starts_with("is no plan as this version knows them") && told.contains("missing field"), "{told}");
        let told = summary(&v1::RunSummary { id: "a/b".to_owned(), ..Default::default() }).unwrap_err();
        assert!(told.starts_with("has a run whose id is none: "), "{told}");
    }
}
