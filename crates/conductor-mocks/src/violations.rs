//! Everything that is wrong with the settings of a mock as they are written.

use std::collections::BTreeSet;

use conductor_core::mocks::PROBE_HEADER;
use conductor_core::spec::{LOAD_TEST_HEADER, RUN_HEADER};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::settings::MockSettings;

/// Headers that carry secrets, which the settings are no place for.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Field, problem, and what would be right.
type Violation = (String, String, String);

impl MockSettings {
    /// Everything that is wrong: the field, what is wrong with it, and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        if self.name.trim().is_empty() {
            add(&mut found, "name", "it is empty", "what people call it, such as psp");
        }
        addresses(&mut found, "hoverfly.admin", &self.hoverfly.admin, "http://hoverfly:8888");
        addresses(&mut found, "router.metrics", &self.router.metrics, "http://skipper:9911/metrics");
        self.routes(&mut found);
        self.probe(&mut found);
        found
    }

    fn routes(&self, found: &mut Vec<Violation>) {
        let routes = &self.router.routes;
        let mut names = BTreeSet::new();
        for (field, ids) in [("mock", &routes.mock), ("leak", &routes.leak), ("real", &routes.real)] {
            let field = format!("router.routes.{field}");
            if ids.is_empty() {
                add(found, &field, "it is empty", "the id of at least one route, as Skipper's metrics give it");
            }
            for id in ids {
                if id.is_empty() || !id.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') {
                    add(found, &field, &format!("\"{id}\" is no id of a route"), "letters, digits and '_'");
                } else if !names.insert(id) {
                    add(found, &field, &format!("\"{id}\" is there twice"), "each route in one of mock, leak and real");
                }
            }
        }
    }

    fn probe(&self, found: &mut Vec<Violation>) {
        let probe = &self.probe;
        address(found, "probe.url", &probe.url, "http://gateway:9090/v1/charge");
        let is_upper = probe.method.chars().all(|one| one.is_ascii_uppercase());
        if !is_upper || Method::from_bytes(probe.method.as_bytes()).is_err() {
            add(found, "probe.method", &format!("\"{}\" is no method", probe.method), "one such as GET or POST");
        }
        for (name, value) in &probe.headers {
            let field = format!("probe.headers.{name}");
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                add(found, &field, "it is no name of a header", "letters, digits and '-'");
            } else if HeaderValue::from_str(value).is_err() {
                add(found, &field, "its value cannot be sent", "visible ASCII");
            } else if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
                add(
                    found,
                    &field,
                    "secrets do not belong here",
                    "probe.tokenEnv, the name of a variable with a bearer token",
                );
            } else if [LOAD_TEST_HEADER.0, RUN_HEADER, PROBE_HEADER].iter().any(|own| name.eq_ignore_ascii_case(own)) {
                add(found, &field, "the conductor sets this header itself", "another name");
            }
        }
        if let Some(marker) = &probe.real_marker
            && HeaderName::from_bytes(marker.header.as_bytes()).is_err()
        {
            add(
                found,
                "probe.realMarker.header",
                &format!("\"{}\" is no name of a header", marker.header),
                "one such as X-Psp",
            );
        }
    }
}

fn add(found: &mut Vec<Violation>, field: &str, problem: &str, expected: &str) {
    found.push((field.to_owned(), problem.to_owned(), expected.to_owned()));
}

fn addresses(found: &mut Vec<Violation>, field: &str, urls: &[String], example: &str) {
    if urls.is_empty() {
        add(found, field, "it is empty", &format!("one address for each instance, such as {example}"));
    }
    for (position, url) in urls.iter().enumerate() {
        address(found, &format!("{field}[{position}]"), url, example);
    }
}

fn address(found: &mut Vec<Violation>, field: &str, url: &str, example: &str) {
    let expected = format!("an address such as {example}");
    match Url::parse(url) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            add(
                found,
                field,
                "it has a user or a password in it",
                "an address without, and tokenEnv for a bearer token",
            );
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
        Ok(_) | Err(_) => add(found, field, &format!("\"{url}\" is no address"), &expected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> serde_json::Value {
        serde_json::json!({
            "name": "psp",
            "hoverfly": { "admin": ["http://hoverfly:8888"] },
            "router": {
                "metrics": ["http://skipper:9911/metrics"],
                "routes": { "mock": ["psp_mock"], "leak": ["psp_leak"], "real": ["psp_real"] }
            },
            "probe": { "url": "http://gateway:9090/v1/charge" }
        })
    }

    fn told(pointer: &str, value: serde_json::Value) -> Vec<String> {
        let mut settings = settings();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        settings.pointer_mut(parent).unwrap()[name] = value;
        let settings: MockSettings = serde_json::from_value(settings).unwrap();
        let line = |(field, problem, expected)| format!("{field}: {problem}; expected {expected}");
        settings.violations().into_iter().map(line).collect()
    }

    #[test]
    fn whole_settings_are_right_and_have_defaults() {
        let settings: MockSettings = serde_json::from_value(settings()).unwrap();
        assert_eq!(settings.violations(), []);
        assert_eq!((settings.probe.method.as_str(), settings.other_traffic), ("GET", false));
    }

    #[test]
    fn what_is_wrong_is_told_with_the_field_and_what_would_be_right() {
        let cases = [
            ("/name", serde_json::json!(" "), "name: it is empty; expected what people call it, such as psp"),
            (
                "/hoverfly/admin",
                serde_json::json!([]),
                "hoverfly.admin: it is empty; expected one address for each instance, such as http://hoverfly:8888",
            ),
            (
                "/hoverfly/admin",
                serde_json::json!(["http://me:secret@hoverfly:8888"]),
                "hoverfly.admin[0]: it has a user or a password in it; expected an address without, and tokenEnv for a bearer token",
            ),
            (
                "/router/metrics",
                serde_json::json!(["skipper"]),
                "router.metrics[0]: \"skipper\" is no address; expected an address such as http://skipper:9911/metrics",
            ),
            (
                "/router/routes/leak",
                serde_json::json!([]),
                "router.routes.leak: it is empty; expected the id of at least one route, as Skipper's metrics give it",
            ),
            (
                "/router/routes/real",
                serde_json::json!(["psp_mock"]),
                "router.routes.real: \"psp_mock\" is there twice; expected each route in one of mock, leak and real",
            ),
            (
                "/router/routes/mock",
                serde_json::json!(["psp mock"]),
                "router.routes.mock: \"psp mock\" is no id of a route; expected letters, digits and '_'",
            ),
            (
                "/probe/method",
                serde_json::json!("post"),
                "probe.method: \"post\" is no method; expected one such as GET or POST",
            ),
            (
                "/probe/headers",
                serde_json::json!({ "Authorization": "x" }),
                "probe.headers.Authorization: secrets do not belong here; expected probe.tokenEnv, the name of a variable with a \
                 bearer token",
            ),
            (
                "/probe/headers",
                serde_json::json!({ "x-load-test": "no" }),
                "probe.headers.x-load-test: the conductor sets this header itself; expected another name",
            ),
            (
                "/probe/realMarker",
                serde_json::json!({ "header": "a b" }),
                "probe.realMarker.header: \"a b\" is no name of a header; expected one such as X-Psp",
            ),
        ];
        for (pointer, value, expected) in cases {
            assert_eq!(told(pointer, value), [expected]);
        }
    }
}
