//! What every document says of itself: its version and its kind.

use conductor_core::spec::{API_VERSION, Violation};

/// What is wrong with the `apiVersion` and the `kind` of a document that is to be of one kind, which people call `name`, such as
/// `a journal`.
pub fn of_another_kind(api_version: &str, kind: &str, expected: &str, name: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |field: &str, problem: String, expected: &str| {
        found.push(Violation { field: field.to_owned(), problem, expected: expected.to_owned() });
    };
    if api_version != API_VERSION {
        add("apiVersion", format!("\"{api_version}\" is not known"), API_VERSION);
    }
    if kind != expected {
        add("kind", format!("\"{kind}\" is not {name}"), expected);
    }
    found
}
