//! Requests as they are declared, and what becomes of them with a run's id and an item's id filled in.
//!
//! What is filled in is percent-encoded, and the result must still be a path of the service: an id never leads elsewhere.

use conductor_core::run::RunId;
use reqwest::Url;
use serde_json::Value;

use super::settings::{CountRequest, ItemRequest, ListRequest, Method, RunRequest};

/// The placeholder of the run's id.
pub(super) const RUN: &str = "run";
/// The placeholder of an item's id.
pub(super) const ID: &str = "id";

/// A declared request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<&'a Value>,
}

/// A request that can be sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
}

impl Request {
    /// The request for people: values of its query may be secrets, but for the run's id, and are left out.
    pub(super) fn shown(&self, run: &RunId) -> String {
        let mut shown = self.url.clone();
        if self.url.query().is_some() {
            let pairs = self.url.query_pairs().map(|(name, value)| {
                let value = if value == run.as_str() { value } else { "…".into() };
                format!("{name}={value}")
            });
            let pairs = pairs.collect::<Vec<_>>().join("&");
            shown.set_query(None);
            return format!("{} {shown}?{pairs}", self.method.word());
        }
        format!("{} {shown}", self.method.word())
    }
}

impl Template<'_> {
    /// The request with its placeholders filled in; `None` where the address would not be one below the base any more.
    pub(super) fn fill(&self, base: &Url, run: &str, id: Option<&str>) -> Option<Request> {
        let values: Vec<(&str, &str)> = [(RUN, run)].into_iter().chain(id.map(|id| (ID, id))).collect();
        let mut path = self.path.to_owned();
        for (name, value) in &values {
            path = path.replace(&format!("{{{name}}}"), &encoded(value));
        }
        let text = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let url = Url::parse(&text).ok()?;
        // Dots of a path are taken away by every parser of addresses, and what follows a # is not sent.
        let (mut bare, asked) = (url.clone(), text.split('?').next()?);
        bare.set_query(None);
        if url.fragment().is_some() || bare.as_str() != asked {
            return None;
        }
        Some(Request { method: self.method, url, body: self.body.map(|body| filled(body, &values)) })
    }

    /// True when the placeholder is in what the service gets.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path.contains(&format!("{{{name}}}")) || self.has_in_body(name)
    }

    /// True when the placeholder is in the body.
    pub(super) fn has_in_body(&self, name: &str) -> bool {
        self.body.is_some_and(|body| contains(body, &format!("{{{name}}}")))
    }

    /// True when the placeholder is in the path itself: a service that does not know such a path does nothing.
    pub(super) fn has_in_path(&self, name: &str) -> bool {
        self.bare_path().contains(&format!("{{{name}}}"))
    }

    /// True when the placeholder is all that is between two slashes of the path.
    pub(super) fn has_segment(&self, name: &str) -> bool {
        self.bare_path().split('/').any(|segment| segment == format!("{{{name}}}"))
    }

    /// The path without its query.
    fn bare_path(&self) -> &str {
        self.path.split_once('?').map_or(self.path, |(path, _)| path)
    }

    /// The first placeholder that is none of the known ones, with the field that it is in.
    pub(super) fn unknown(&self, known: &[&str]) -> Option<(&'static str, String)> {
        let mut rest = self.path;
        while let Some((_, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            if !known.contains(&name) {
                return Some(("path", name.to_owned()));
            }
            rest = behind;
        }
        self.body.and_then(|body| unknown(body, known)).map(|name| ("body", name))
    }
}

/// The first placeholder in a body that is none of the known ones. Queries have braces, too, but no mere word between them.
fn unknown(body: &Value, known: &[&str]) -> Option<String> {
    match body {
        Value::String(text) => {
            let pieces = text.split('{').skip(1).filter_map(|piece| piece.split_once('}'));
            let is_word = |name: &str| {
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
            };
            pieces.map(|(name, _)| name).find(|name| is_word(name) && !known.contains(name)).map(str::to_owned)
        }
        Value::Array(items) => items.iter().find_map(|item| unknown(item, known)),
        Value::Object(fields) => fields.values().find_map(|value| unknown(value, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A value as a part of a path or of a query.
pub(super) fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn filled(body: &Value, values: &[(&str, &str)]) -> Value {
    match body {
        Value::String(text) => {
            let fill = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
            Value::String(values.iter().fold(text.clone(), fill))
        }
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, values)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
    }
}

fn contains(body: &Value, text: &str) -> bool {
    match body {
        Value::String(found) => found.contains(text),
        Value::Array(items) => items.iter().any(|item| contains(item, text)),
        Value::Object(fields) => fields.values().any(|value| contains(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

macro_rules! template {
    ($($request:ty),*) => {$(
        impl $request {
            /// The request without what is expected of its answer.
            pub(super) fn template(&self) -> Template<'_> {
                Template { method: self.method, path: &self.path, body: self.body.as_ref() }
            }
        }
    )*};
}

template!(CountRequest, ListRequest, RunRequest, ItemRequest);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template<'a>(path: &'a str, body: Option<&'a Value>) -> Template<'a> {
        Template { method: Method::Delete, path, body }
    }

    fn base() -> Url {
        Url::parse("https://orders.example/api/").unwrap()
    }

    #[test]
    fn ids_are_encoded_wherever_they_stand() {
        let body = json!({ "run": "{run}", "ids": ["{id}"], "most": 7 });
        let template = template("/runs/{run}/orders/{id}?run={run}", Some(&body));
        let request = template.fill(&base(), "a run", Some("x/y?z#ü")).unwrap();
        let address = "https://orders.example/api/runs/a%20run/orders/x%2Fy%3Fz%23%C3%BC?run=a%20run";
        assert_eq!(request.url.as_str(), address);
        assert_eq!(request.body, Some(json!({ "run": "a run", "ids": ["x/y?z#ü"], "most": 7 })));
    }

    #[test]
    fn an_id_never_leads_to_another_path() {
        for id in [".", "..", "%2e%2e"] {
            let filled = template("/orders/{id}", None).fill(&base(), "run-1", Some(id));
            let is_below = |request: &Request| request.url.path() == "/api/orders/%252e%252e";
            assert!(filled.as_ref().is_none_or(is_below), "{id}: {filled:?}");
        }
        let bare = Url::parse("https://orders.example").unwrap();
        for base in [base(), bare] {
            assert!(template("/{run}/../orders", None).fill(&base, "run-1", None).is_none(), "{base}");
        }
        assert!(template("/orders#{run}", None).fill(&base(), "run-1", None).is_none());
    }

    #[test]
    fn a_request_is_shown_without_the_values_of_its_query() {
        let request = template("/orders?run={run}&key=secret", None).fill(&base(), "run-1", None).unwrap();
        let shown = request.shown(&"run-1".parse().unwrap());
        assert_eq!(shown, "DELETE https://orders.example/api/orders?run=run-1&key=…");
    }

    #[test]
    fn placeholders_that_nobody_knows_are_found() {
        assert_eq!(template("/orders/{id}/{run}", None).unknown(&[RUN, ID]), None);
        assert_eq!(template("/orders/{ID}", None).unknown(&[RUN, ID]), Some(("path", "ID".to_owned())));
        assert_eq!(template("/orders/{run", None).unknown(&[RUN]), None, "what is not closed is not sent either");
        let body = json!({ "query": "{ orders(run: \"{run}\") { id, state {name } } }", "of": [{ "run": "{runId}" }], "most": 7 });
        assert_eq!(template("/{run}", Some(&body)).unknown(&[RUN]), Some(("body", "runId".to_owned())));
        assert_eq!(template("/{run}", Some(&body["query"])).unknown(&[RUN]), None, "braces of a query");
    }
}
