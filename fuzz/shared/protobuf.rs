//! Messages in the wire format of protobuf, by hand, so that they can be wrong in every way.

use serde_json::Value;

use super::bytes::Bytes;

/// How deep messages stand in each other.
const DEEPEST: usize = 120;

/// A message of any fields.
pub(crate) fn any(bytes: &mut Bytes<'_>, depth: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..bytes.below(6) {
        let (number, wire) = (bytes.below(18) as u64, bytes.below(8) as u64);
        varint(&mut message, number << 3 | wire);
        match wire {
            0 => varint(&mut message, u64::from(bytes.next()) << bytes.below(57)),
            2 if depth < DEEPEST => {
                let inner = if bytes.below(2) == 0 { bytes.some().to_vec() } else { any(bytes, depth + 1) };
                let length = if bytes.below(8) == 7 { u64::MAX >> bytes.below(64) } else { inner.len() as u64 };
                varint(&mut message, length);
                message.extend(inner);
            }
            _ => message.extend(bytes.some()),
        }
    }
    message
}

/// The message of a method, as far as it has texts; some of it may be another.
pub(crate) fn of_method(number: usize, messages: &[Value], bytes: &mut Bytes<'_>) -> Vec<u8> {
    let Some(message) = messages.get(number) else { return Vec::new() };
    match message.get("loadTest") {
        Some(load_test) => {
            let mut whole = Vec::new();
            field(&mut whole, 1, &self::load_test(load_test, bytes));
            whole
        }
        None => {
            let mut whole = Vec::new();
            for (number, text) in
                (1..).zip(message.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str()))
            {
                field(&mut whole, number, text.as_bytes());
            }
            whole.extend(any(bytes, 0));
            whole
        }
    }
}

fn load_test(load_test: &Value, bytes: &mut Bytes<'_>) -> Vec<u8> {
    let text = |path: &str| load_test.pointer(path).and_then(Value::as_str).unwrap_or_default().as_bytes().to_vec();
    let (mut metadata, mut kpi, mut spec, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    field(&mut metadata, 1, &text("/metadata/name"));
    field(&mut kpi, 1, &text("/spec/kpi/name"));
    field(&mut kpi, 2, &text("/spec/kpi/target"));
    field(&mut spec, 1, &text("/spec/environment"));
    field(&mut spec, 2, &kpi);
    for (number, path) in [(3, "/spec/rampUp"), (4, "/spec/plateau"), (7, "/spec/interval")] {
        field(&mut spec, number, &text(path));
    }
    // Stages, a search, a scale, applications, limits, hints: whatever they say.
    for _ in 0..bytes.below(4) {
        let other = any(bytes, 0);
        field(&mut spec, bytes.one_of(&[5, 6, 8, 9, 10, 11, 12, 13]), &other);
    }
    field(&mut whole, 1, &text("/apiVersion"));
    field(&mut whole, 2, &text("/kind"));
    field(&mut whole, 3, &metadata);
    field(&mut whole, 4, &spec);
    whole
}

/// A field that has a length.
fn field(message: &mut Vec<u8>, number: u64, value: &[u8]) {
    varint(message, number << 3 | 2);
    varint(message, value.len() as u64);
    message.extend(value);
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}
