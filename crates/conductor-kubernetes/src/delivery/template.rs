//! The object by which a delivery system deploys, made from its template. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::placeholders::{filled, names};

/// Field, problem, and what would be right.
type Violation = (String, String, String);

/// The image of a container, after this.
const IMAGES: &str = "images.";
const KNOWN: &str = "{application}, {namespace}, {run}, {deployId} or {images.CONTAINER}";

/// What a template is filled in with.
pub(crate) struct Values<'a> {
    pub(crate) application: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) run: &'a str,
    pub(crate) deploy_id: Option<&'a str>,
    pub(crate) images: &'a BTreeMap<String, String>,
}

/// Everything that is wrong with a template, as field, problem and what would be right.
pub(crate) fn template_violations(template: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |field: &str, problem: String, expected: &str| {
        found.push((field.to_owned(), problem, expected.to_owned()));
    };
    if !template.is_object() {
        add("", "it is not an object".to_owned(), "an object of Kubernetes, with apiVersion and kind");
        return found;
    }
    for field in ["apiVersion", "kind"] {
        if template[field].as_str().is_none_or(str::is_empty) {
            add(field, "it is absent".to_owned(), "the group and version, and the kind, of the object to make");
        }
    }
    for field in ["name", "generateName"] {
        if !template["metadata"][field].is_null() {
            let problem = "the conductor gives the name, one for each run and application".to_owned();
            add(&format!("metadata.{field}"), problem, "to leave it out");
        }
    }
    look(template, "", &mut found);
    found
}

/// Looks for placeholders that do not exist.
fn look(value: &Value, path: &str, found: &mut Vec<Violation>) {
    match value {
        Value::String(text) => {
            let unknown = names(text).filter(|name| !is_known(name));
            let told = |name| (path.to_owned(), format!("{{{name}}} stands for nothing"), KNOWN.to_owned());
            found.extend(unknown.map(told));
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                look(item, &format!("{path}[{position}]"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if names(name).any(is_known) {
                    let problem = "the name of a field has a placeholder".to_owned();
                    found.push((path.clone(), problem, "placeholders in values only".to_owned()));
                }
                look(field, &path, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_known(name: &str) -> bool {
    let is_plain = ["application", "namespace", "run", "deployId"].contains(&name);
    is_plain || name.strip_prefix(IMAGES).is_some_and(|container| !container.is_empty())
}

/// True where the template has one of these placeholders.
pub(crate) fn mentions(template: &Value, is_meant: &dyn Fn(&str) -> bool) -> bool {
    match template {
        Value::String(text) => names(text).any(is_meant),
        Value::Array(items) => items.iter().any(|item| mentions(item, is_meant)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, is_meant)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The template with its placeholders filled in.
///
/// # Errors
/// The first placeholder that stands for nothing here, in words.
pub(crate) fn fill(template: &Value, values: &Values<'_>) -> Result<Value, String> {
    let value = |name: &str| match name {
        "application" => Some(values.application.to_owned()),
        "namespace" => Some(values.namespace.to_owned()),
        "run" => Some(values.run.to_owned()),
        "deployId" => values.deploy_id.map(str::to_owned),
        _ => values.images.get(name.strip_prefix(IMAGES)?).cloned(),
    };
    let unknown = |name: String| match name.strip_prefix(IMAGES) {
        Some(container) => {
            let known: Vec<&str> = values.images.keys().map(String::as_str).collect();
            format!("it has no container {container} for {{{name}}}; expected one of {}", known.join(", "))
        }
        None => format!("nothing tells {{{name}}}"),
    };
    match template {
        Value::String(text) => filled(text, value).map(Value::String).map_err(unknown),
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| Ok((name.clone(), fill(field, values)?)));
            fields.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(template.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_in_it_is_filled_in_and_what_stands_for_nothing_is_told() {
        let images = BTreeMap::from([("main".to_owned(), "shop@sha256:2".to_owned())]);
        let values = Values {
            application: "checkout",
            namespace: "shop",
            run: "rehearsal-7",
            deploy_id: Some("d-7"),
            images: &images,
        };
        let template = json!({
            "metadata": { "labels": { "app": "{application}" } },
            "spec": { "ids": ["{deployId}", "{run}-{namespace}"], "image": "{images.main}", "timeout": 900, "json": "{\"a\":{}}" },
        });
        assert_eq!(template_violations(&template).len(), 2, "apiVersion and kind");
        assert_eq!(
            fill(&template, &values).unwrap(),
            json!({
                "metadata": { "labels": { "app": "checkout" } },
                "spec": { "ids": ["d-7", "rehearsal-7-shop"], "image": "shop@sha256:2", "timeout": 900, "json": "{\"a\":{}}" },
            })
        );
        let of = |text: &str| fill(&json!({ "spec": [text] }), &Values { deploy_id: None, ..values }).unwrap_err();
        assert_eq!(of("{images.mian}"), "it has no container mian for {images.mian}; expected one of main");
        assert_eq!(of("{deployId}"), "nothing tells {deployId}");
        assert!(mentions(&template, &|name| name == "deployId") && !mentions(&template, &|name| name == "images.mesh"));
    }

    #[test]
    fn what_is_wrong_with_a_template_is_told_by_its_field() {
        let template = json!({
            "kind": "Task",
            "metadata": { "name": "one", "labels": { "{application}": "x" } },
            "spec": { "steps": [{ "image": "{image.main}" }], "id": "{deployID}", "images": "{images.}" },
        });
        let found: Vec<String> = template_violations(&template)
            .into_iter()
            .map(|(field, problem, _)| format!("{field}: {problem}"))
            .collect();
        assert_eq!(
            found,
            [
                "apiVersion: it is absent",
                "metadata.name: the conductor gives the name, one for each run and application",
                "metadata.labels.{application}: the name of a field has a placeholder",
                "spec.id: {deployID} stands for nothing",
                "spec.images: {images.} stands for nothing",
                "spec.steps[0].image: {image.main} stands for nothing",
            ]
        );
        assert_eq!(template_violations(&json!(["x"]))[0].1, "it is not an object");
    }
}
