//! What a request is about, read from its method, path and query as the API server reads them.

use http::Method;
use serde::Deserialize;

use crate::audit::Object;

/// What a request wants, in the words of RBAC and of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reads one object, or what is no object, as `/version`.
    Get,
    /// Reads a collection.
    List,
    /// Waits for changes.
    Watch,
    /// Makes an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes part of an object.
    Patch,
    /// Deletes one object.
    Delete,
    /// Deletes a collection.
    DeleteCollection,
}

/// A request that a proxy saw, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The HTTP method.
    pub method: Method,
    /// The path without the query.
    pub path: String,
    /// The query without its question mark; empty if there is none.
    pub query: String,
    /// What is wanted.
    pub verb: Verb,
    /// To what.
    pub object: Object,
    /// True when nothing is to be changed: `dryRun` in the query, or in the options of a deletion.
    pub dry_run: bool,
    /// The status that the API server has answered with. Absent when it was not asked, or has not answered yet.
    pub server: Option<u16>,
    /// The status that the client was answered with. Absent when it got no answer, or none yet.
    pub client: Option<u16>,
}

impl Seen {
    pub(crate) fn new(request: &http::request::Parts, body: &[u8]) -> Self {
        let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
        let object = object(path);
        let verb = verb(&request.method, query, &object);
        let deletes = matches!(verb, Verb::Delete | Verb::DeleteCollection);
        let dry_run = query.split('&').any(|part| part == "dryRun=All") || (deletes && Options::of(body).is_dry_run());
        Self {
            method: request.method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            verb,
            object,
            dry_run,
            server: None,
            client: None,
        }
    }

    /// True when it is to change the state of the cluster. Dry runs do not, and neither do reviews of tokens and rights.
    pub fn is_write(&self) -> bool {
        let reads = matches!(self.verb, Verb::Get | Verb::List | Verb::Watch);
        let reviews = matches!(&*self.object.api_group, "authentication.k8s.io" | "authorization.k8s.io");
        !(reads || reviews || self.dry_run)
    }
}

/// The part of a deletion's body that matters here.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    dry_run: Vec<String>,
}

impl Options {
    fn of(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }
}

fn verb(method: &Method, query: &str, object: &Object) -> Verb {
    let is_collection = object.name.is_empty() && !object.resource.is_empty();
    let watches = || query.split('&').any(|part| matches!(part, "watch" | "watch=1" | "watch=true"));
    match method.as_str() {
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" => Verb::Patch,
        "DELETE" if is_collection => Verb::DeleteCollection,
        "DELETE" => Verb::Delete,
        _ if is_collection && watches() => Verb::Watch,
        _ if is_collection => Verb::List,
        _ => Verb::Get,
    }
}

/// The object of `/api/VERSION/…` and `/apis/GROUP/VERSION/…`; empty for every other path.
fn object(path: &str) -> Object {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let api_group = match parts.next() {
        Some("api") => "",
        Some("apis") => parts.next().unwrap_or_default(),
        _ => return Object::default(),
    };
    let rest: Vec<&str> = parts.skip(1).collect();
    let (namespace, rest) = match rest[..] {
        // A namespace is an object, too, and is in itself.
        ["namespaces", namespace] | ["namespaces", namespace, "status" | "finalize"] => (namespace, &rest[..]),
        ["namespaces", namespace, ..] => (namespace, &rest[2..]),
        _ => ("", &rest[..]),
    };
    let part = |index: usize| rest.get(index).copied().unwrap_or_default();
    if part(0).is_empty() {
        return Object::default();
    }
    Object {
        api_group: api_group.to_owned(),
        resource: part(0).to_owned(),
        subresource: part(2).to_owned(),
        namespace: namespace.to_owned(),
        name: part(1).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(method: &str, uri: &str, body: &str) -> Seen {
        let (parts, ()) = http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        Seen::new(&parts, body.as_bytes())
    }

    #[test]
    fn a_request_is_read_as_the_api_server_reads_it() {
        let deployments = "/apis/apps/v1/namespaces/shop/deployments";
        for (method, uri, verb, group, object) in [
            ("GET", deployments, Verb::List, "apps", "shop deployments  "),
            ("GET", &format!("{deployments}?watch=true&timeoutSeconds=9"), Verb::Watch, "apps", "shop deployments  "),
            ("POST", deployments, Verb::Create, "apps", "shop deployments  "),
            ("DELETE", deployments, Verb::DeleteCollection, "apps", "shop deployments  "),
            ("DELETE", &format!("{deployments}/web"), Verb::Delete, "apps", "shop deployments web "),
            ("PATCH", &format!("{deployments}/web/scale"), Verb::Patch, "apps", "shop deployments web scale"),
            ("PUT", "/api/v1/namespaces/shop/pods/p", Verb::Update, "", "shop pods p "),
            ("GET", "/api/v1/nodes", Verb::List, "", " nodes  "),
            ("GET", "/api/v1/nodes/n/status", Verb::Get, "", " nodes n status"),
            ("POST", "/api/v1/namespaces", Verb::Create, "", " namespaces  "),
            ("GET", "/api/v1/namespaces/shop", Verb::Get, "", "shop namespaces shop "),
            ("PUT", "/api/v1/namespaces/shop/finalize", Verb::Update, "", "shop namespaces shop finalize"),
            ("GET", "/apis/apps/v1", Verb::Get, "", "   "),
            ("GET", "/version?watch=true", Verb::Get, "", "   "),
        ] {
            let seen = seen(method, uri, "");
            let Object { api_group, resource, subresource, namespace, name } = &seen.object;
            assert_eq!((seen.verb, &**api_group), (verb, group), "{method} {uri}");
            assert_eq!(format!("{namespace} {resource} {name} {subresource}"), object, "{method} {uri}");
        }
    }

    #[test]
    fn what_changes_nothing_is_no_write() {
        let pods = "/api/v1/namespaces/shop/pods";
        for (method, uri, body, is_write) in [
            ("GET", pods, "", false),
            ("POST", pods, "", true),
            ("POST", &format!("{pods}?fieldManager=x&dryRun=All"), "", false),
            ("DELETE", pods, r#"{"dryRun":[]}"#, true),
            ("DELETE", pods, r#"{"dryRun":["All"]}"#, false),
            ("DELETE", pods, "no JSON", true),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "", false),
            ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "", false),
        ] {
            assert_eq!(seen(method, uri, body).is_write(), is_write, "{method} {uri} {body}");
        }
    }
}
