//! Where in an object a text stands, as people write it for `kubectl`, or as RFC 9535 has it.

use std::fmt;

use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A path to one text in an object: `{.spec.image}`, `.spec.image` and `$.spec.image` are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JsonPath(String);

/// A text is no such path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a JSONPath{}; expected one such as {{.spec.image}} or $.spec.containers[?@.name=='app'].image", hint(.text))]
pub struct JsonPathError {
    text: String,
}

/// Why there is not one text at a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoText {
    /// Nothing is there.
    #[error("there is nothing")]
    Nothing,
    /// More than one thing is there.
    #[error("there are {0} of them")]
    Several(usize),
    /// Something else is there.
    #[error("there is {0}, not a text")]
    Other(&'static str),
    /// A text without anything in it.
    #[error("there is an empty text")]
    Empty,
}

impl JsonPath {
    /// Where most objects have their phase.
    pub(crate) fn status_phase() -> Self {
        Self("$.status.phase".to_owned())
    }

    /// The one text that stands there.
    pub(crate) fn text<'a>(&self, object: &'a Value) -> Result<&'a str, NoText> {
        let path = parse_json_path(&self.0).map_err(|_| NoText::Nothing)?;
        let found = js_path_process(&path, object).unwrap_or_default();
        let [one] = &found[..] else {
            return Err(if found.is_empty() { NoText::Nothing } else { NoText::Several(found.len()) });
        };
        match one.clone().val() {
            Value::String(text) if text.trim().is_empty() => Err(NoText::Empty),
            Value::String(text) => Ok(text),
            Value::Null => Err(NoText::Other("null")),
            Value::Bool(_) => Err(NoText::Other("a boolean")),
            Value::Number(_) => Err(NoText::Other("a number")),
            Value::Array(_) => Err(NoText::Other("a list")),
            Value::Object(_) => Err(NoText::Other("an object")),
        }
    }
}

impl TryFrom<String> for JsonPath {
    type Error = JsonPathError;

    fn try_from(text: String) -> Result<Self, JsonPathError> {
        let written = text.trim();
        let inner = written.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(written);
        let whole = if inner.starts_with(['.', '[']) { format!("${inner}") } else { inner.to_owned() };
        match parse_json_path(&whole) {
            Ok(_) if whole.starts_with('$') => Ok(Self(whole)),
            Ok(_) | Err(_) => Err(JsonPathError { text }),
        }
    }
}

impl From<JsonPath> for String {
    fn from(path: JsonPath) -> Self {
        path.0
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What of `kubectl` is written in another way.
fn hint(text: &str) -> &'static str {
    if text.contains('\\') {
        ": a name with dots is written as ['a.b/c']"
    } else if text.matches('{').count() > 1 {
        ": one expression and no template"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Result<JsonPath, JsonPathError> {
        text.to_owned().try_into()
    }

    #[test]
    fn the_way_of_kubectl_and_that_of_the_standard_are_the_same() {
        let object = json!({
            "spec": { "image": "a:1", "containers": [{ "name": "app", "image": "b:2" }, { "name": "mesh", "image": "c:3" }] },
            "metadata": { "annotations": { "deploy.example/image": "d:4" } },
        });
        for (text, expected) in [
            ("{.spec.image}", "a:1"),
            (".spec.image", "a:1"),
            ("$.spec.image", "a:1"),
            ("{.spec.containers[0].image}", "b:2"),
            ("{.spec.containers[?(@.name==\"mesh\")].image}", "c:3"),
            ("$.spec.containers[?@.name=='app'].image", "b:2"),
            ("['spec']['image']", "a:1"),
            ("{.metadata.annotations['deploy.example/image']}", "d:4"),
        ] {
            assert_eq!(path(text).unwrap().text(&object), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_what_would_be_one() {
        let expected = "; expected one such as {.spec.image} or $.spec.containers[?@.name=='app'].image";
        for (text, hint) in [
            ("", ""),
            ("spec.image", ""),
            ("@.spec", ""),
            ("$.spec[", ""),
            ("{.spec.image", ""),
            ("{.spec.image}{.spec.tag}", ": one expression and no template"),
            ("{range .items[*]}{.name}{end}", ": one expression and no template"),
            ("{.metadata.annotations.deploy\\.example/image}", ": a name with dots is written as ['a.b/c']"),
        ] {
            assert_eq!(
                path(text).map_err(|error| error.to_string()),
                Err(format!("\"{text}\" is not a JSONPath{hint}{expected}"))
            );
        }
    }

    #[test]
    fn only_one_text_is_an_answer() {
        let object = json!({ "spec": {
            "images": ["a", "b"], "one": ["a"], "count": 3, "none": null, "empty": " ", "all": {}, "is": true,
        } });
        for (text, expected) in [
            ("{.spec.absent}", NoText::Nothing),
            ("{.spec.images[*]}", NoText::Several(2)),
            ("{.spec.images}", NoText::Other("a list")),
            ("{.spec.count}", NoText::Other("a number")),
            ("{.spec.none}", NoText::Other("null")),
            ("{.spec.all}", NoText::Other("an object")),
            ("{.spec.is}", NoText::Other("a boolean")),
            ("{.spec.empty}", NoText::Empty),
        ] {
            assert_eq!(path(text).unwrap().text(&object), Err(expected), "{text}");
        }
        assert_eq!(path("{.spec.one[*]}").unwrap().text(&object), Ok("a"));
    }
}
