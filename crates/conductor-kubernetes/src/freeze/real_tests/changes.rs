//! Requests that change something, as the tables of the tests have them.

use kube::Client;
use serde_json::{Value, json};

/// A change that somebody tries.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// What it is, for the reader of a test that fails.
    pub(super) what: &'static str,
    method: &'static str,
    path: String,
    content: &'static str,
    body: Value,
}

const JSON: &str = "application/json";

impl Change {
    /// A patch of a kind: `json`, `merge`, `strategic` or `apply`.
    pub(super) fn patch(what: &'static str, kind: &str, path: &str, body: Value) -> Self {
        let content = match kind {
            "json" => "application/json-patch+json",
            "merge" => "application/merge-patch+json",
            "strategic" => "application/strategic-merge-patch+json",
            // JSON is YAML.
            "apply" => "application/apply-patch+yaml",
            other => panic!("{other} is no kind of patch"),
        };
        let query = if kind == "apply" { "?fieldManager=test&force=true" } else { "" };
        Self { what, method: "PATCH", path: format!("{path}{query}"), content, body }
    }

    pub(super) fn put(what: &'static str, path: &str, body: Value) -> Self {
        Self { what, method: "PUT", path: path.to_owned(), content: JSON, body }
    }

    pub(super) fn post(what: &'static str, path: &str, body: Value) -> Self {
        Self { what, method: "POST", path: path.to_owned(), content: JSON, body }
    }

    pub(super) fn delete(what: &'static str, path: &str) -> Self {
        Self { what, method: "DELETE", path: path.to_owned(), content: JSON, body: Value::Null }
    }

    /// Tries it.
    pub(super) async fn by(&self, client: &Client) -> kube::Result<Value> {
        let body = if self.body.is_null() { Vec::new() } else { serde_json::to_vec(&self.body).unwrap() };
        let request = http::Request::builder().method(self.method).uri(&self.path).header("content-type", self.content);
        client.request(request.body(body).unwrap()).await
    }

    /// Tries it, and answers with the text of the denial.
    pub(super) async fn denied_to(&self, client: &Client) -> String {
        match self.by(client).await {
            Err(kube::Error::Api(status)) if status.code == 403 => status.message.clone(),
            other => panic!("{}: {other:?}", self.what),
        }
    }
}

/// Reads an object.
pub(super) async fn get(client: &Client, path: &str) -> Value {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

/// Paths of a namespace's objects.
pub(super) struct Paths {
    pub(super) deployments: String,
    pub(super) stateful_sets: String,
    pub(super) autoscalers: String,
    pub(super) core: String,
}

pub(super) fn paths(namespace: &str) -> Paths {
    Paths {
        deployments: format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
        stateful_sets: format!("/apis/apps/v1/namespaces/{namespace}/statefulsets"),
        autoscalers: format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"),
        core: format!("/api/v1/namespaces/{namespace}"),
    }
}

/// The change to so many replicas.
pub(super) fn replicas(number: i32) -> Value {
    json!({ "spec": { "replicas": number } })
}
