//! JSON as `google.protobuf.Struct`, for what nobody reads by field.

use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde::Serialize;

/// An object of JSON as a struct.
///
/// # Errors
/// When the value is no object of JSON.
pub(crate) fn object(value: &impl Serialize) -> Result<Struct, serde_json::Error> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_value(serde_json::to_value(value)?)?;
    Ok(Struct { fields: convert(fields) })
}

fn convert(fields: serde_json::Map<String, serde_json::Value>) -> BTreeMap<String, Value> {
    fields.into_iter().map(|(name, value)| (name, of(value))).collect()
}

fn of(value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(value) => Kind::BoolValue(value),
        // Numbers of JSON are taken as such by everybody else, too.
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Kind::StringValue(text),
        serde_json::Value::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(of).collect() }),
        serde_json::Value::Object(fields) => Kind::StructValue(Struct { fields: convert(fields) }),
    };
    Value { kind: Some(kind) }
}
