//! Documents that are nearly right: edits of one that is, and of its text.

use serde_json::{Value, json};

use super::bytes::Bytes;

/// Most edits of a document.
const EDITS: usize = 5;
/// How deep a value may be wrapped by one edit: the stack of a test has to bear what all of them make.
const DEEP: usize = 40;
const KEYS: [&str; 12] =
    ["name", "rampUp", "plateau", "stages", "search", "spec", "target", "unknown", "", "a.b", "factor", "curve"];

/// What stands in the place of another value: right in one place or another, at the edge of what is right, or never right.
fn value(bytes: &mut Bytes<'_>) -> Value {
    let texts = [
        "",
        "keep",
        "production",
        "model",
        "0s",
        "10s",
        "5m",
        "168h",
        "169h",
        "1ms",
        "99999999999999999999h",
        "-1s",
        "600/min",
        "0/min",
        "1e308/min",
        "NaN",
        "50%",
        "500m",
        "2Gi",
        "18446744073709551616",
        "\u{0}",
        "a\nb",
        "\u{202e}é",
        "../x",
        "queue",
        "latest",
        "http://127.0.0.1:1",
        "{version}",
        "*",
    ];
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(0.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!([]),
        json!({}),
        json!({ "factor": 1.5 }),
        json!({ "replicas": 3, "cpu": "500m" }),
        json!("x".repeat(300)),
    ];
    let choice = bytes.below(texts.len() + values.len());
    texts.get(choice).map_or_else(|| values[choice - texts.len()].clone(), |text| json!(text))
}

/// A document with some edits.
pub(crate) fn edited(mut document: Value, bytes: &mut Bytes<'_>) -> Value {
    for _ in 0..bytes.below(EDITS + 1) {
        edit(&mut document, bytes);
    }
    document
}

fn edit(document: &mut Value, bytes: &mut Bytes<'_>) {
    let place = place(document, bytes);
    match bytes.below(8) {
        0..=2 => *place = value(bytes),
        3 => remove(place, bytes),
        4 => add(place, bytes),
        5 => rename(place, bytes),
        6 => *place = json!([place.take()]),
        _ => (0..bytes.below(DEEP)).for_each(|_| *place = json!({ "spec": place.take() })),
    }
}

/// Some place in a document, its root among them.
fn place<'a>(mut place: &'a mut Value, bytes: &mut Bytes<'_>) -> &'a mut Value {
    while bytes.below(5) > 0 {
        let count = match &*place {
            Value::Array(values) => values.len(),
            Value::Object(fields) => fields.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        };
        if count == 0 {
            break;
        }
        let chosen = bytes.below(count);
        place = match place {
            Value::Array(values) => &mut values[chosen],
            Value::Object(fields) => fields.values_mut().nth(chosen).expect("it was counted"),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => unreachable!("nothing is in it"),
        };
    }
    place
}

fn remove(place: &mut Value, bytes: &mut Bytes<'_>) {
    if let Value::Object(fields) = place
        && let Some(name) = fields.keys().nth(bytes.below(fields.len())).cloned()
    {
        fields.remove(&name);
    } else if let Value::Array(values) = place {
        values.truncate(bytes.below(values.len()));
    }
}

fn add(place: &mut Value, bytes: &mut Bytes<'_>) {
    if let Value::Object(fields) = place {
        fields.insert(bytes.one_of(&KEYS).to_owned(), value(bytes));
    } else if let Value::Array(values) = place {
        let more = values.get(bytes.below(values.len())).cloned().unwrap_or_else(|| value(bytes));
        values.extend(std::iter::repeat_n(more, bytes.below(64)));
    }
}

fn rename(place: &mut Value, bytes: &mut Bytes<'_>) {
    if let Value::Object(fields) = place
        && let Some(name) = fields.keys().nth(bytes.below(fields.len())).cloned()
        && let Some(value) = fields.remove(&name)
    {
        fields.insert(bytes.one_of(&KEYS).to_owned(), value);
    }
}

/// A text with some of it written over by others.
pub(crate) fn spliced(text: String, bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut text = text.into_bytes();
    for _ in 0..bytes.below(4) {
        let at = bytes.below(text.len() + 1);
        let end = (at + bytes.below(32)).min(text.len());
        let other = bytes.some().to_vec();
        text.splice(at..end, other);
    }
    text
}
