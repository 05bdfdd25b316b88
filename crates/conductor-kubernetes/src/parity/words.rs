//! Parts of objects as one line that can be compared and read.

use serde::Serialize;
use serde_json::Value;

use super::key::Key;

/// Longer lines are cut; what is left out is told by a hash.
const LONGEST: usize = 160;

/// Every field with its value, in the order of their names: `rollingUpdate.maxSurge=25% type=RollingUpdate`.
pub(super) fn line(of: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut fields = Vec::new();
    collect(String::new(), &serde_json::to_value(of)?, &mut fields);
    Ok(fields.join(" "))
}

/// The same, no longer than people read.
pub(super) fn short(name: &str, of: &impl Serialize, key: &Key) -> Result<String, serde_json::Error> {
    let whole = line(of)?;
    let Some((end, _)) = whole.char_indices().nth(LONGEST) else { return Ok(whole) };
    Ok(format!("{} … {}", &whole[..end], key.hash(name, &whole)))
}

fn collect(path: String, value: &Value, fields: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(object) => object.iter().for_each(|(name, value)| collect(below(name), value, fields)),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                collect(format!("{path}[{position}]"), item, fields);
            }
        }
        Value::String(text) => fields.push(format!("{path}={text}")),
        Value::Bool(_) | Value::Number(_) => fields.push(format!("{path}={value}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_in_the_order_of_their_names() {
        let value =
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "steps": [1, { "at": true }] } });
        let expected =
            "rollingUpdate.maxSurge=25% rollingUpdate.steps[0]=1 rollingUpdate.steps[1].at=true type=RollingUpdate";
        assert_eq!(line(&value).unwrap(), expected);
        assert_eq!(line(&json!({ "absent": null })).unwrap(), "");
    }

    #[test]
    fn of_two_long_ones_what_is_left_out_counts() {
        let key = Key::fresh().unwrap();
        let of = |end: &str| short("affinity", &json!({ "text": format!("{}{end}", "ö".repeat(300)) }), &key).unwrap();
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert!(of("a").chars().count() < 200);
    }
}
