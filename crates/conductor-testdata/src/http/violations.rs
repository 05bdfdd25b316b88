//! Everything that is wrong with settings as they are written: above all what could delete more than a run's data.

use std::collections::BTreeSet;

use conductor_core::units::Span;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};

use super::settings::{HttpTestDataSettings, ListRequest, Method, NextPage, Resource};
use super::template::{ID, RUN, Template};

/// Headers that carry secrets, which the settings are no place for.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
const SHORTEST: Span = Span::seconds(1);
const LONGEST: Span = Span::minutes(10);

/// Field, problem, and what would be right.
type Violation = (String, String, String);

impl HttpTestDataSettings {
    /// Everything that is wrong: the field, what is wrong with it, and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Found::default();
        let base = self.base(&mut found);
        self.headers_and_limits(&mut found);
        if self.resources.is_empty() {
            found.add("resources", "it is empty", "what runs leave at the service, such as orders");
        }
        let mut names = BTreeSet::new();
        for (position, resource) in self.resources.iter().enumerate() {
            let mut found = Within { found: &mut found, field: format!("resources[{position}]") };
            if resource.name.trim().is_empty() {
                found.add("name", "it is empty", "what people call it, such as orders");
            } else if !names.insert(&resource.name) {
                found.add("name", format!("\"{}\" is there twice", resource.name), "each resource once");
            }
            resource.violations(base.as_ref(), &mut found);
        }
        found.0
    }

    fn base(&self, found: &mut Found) -> Option<Url> {
        let expected = "an address such as https://orders.example/api";
        let url = match Url::parse(&self.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
            Ok(_) | Err(_) => {
                found.add("url", format!("\"{}\" is no address of a service", self.url), expected);
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            found.add("url", "a name or password in it would be kept in the journal of each run", "tokenEnv");
        }
        if url.query().is_some() || url.fragment().is_some() {
            found.add("url", "it has a query or a fragment, behind which no path can stand", expected);
        }
        Some(url)
    }

    fn headers_and_limits(&self, found: &mut Found) {
        for (name, value) in &self.headers {
            let field = format!("headers.{name}");
            if SECRET.contains(&name.to_ascii_lowercase().as_str()) {
                found.add(
                    &field,
                    "it would be kept in the journal of each run",
                    "tokenEnv, with tokenHeader if need be",
                );
            } else if name.parse::<HeaderName>().is_err() || value.parse::<HeaderValue>().is_err() {
                found.add(&field, "it cannot be sent", "a header such as X-Tenant: shop");
            }
        }
        if let Some(name) = &self.token_header {
            if name.parse::<HeaderName>().is_err() {
                found.add("tokenHeader", format!("\"{name}\" is no name of a header"), "one such as X-Api-Key");
            }
            if self.token_env.is_none() {
                found.add("tokenHeader", "there is no token to put in it", "tokenEnv beside it");
            }
        }
        for (field, number) in [("requestsPerSecond", self.requests_per_second), ("concurrency", self.concurrency)] {
            if !(1..=1000).contains(&number) {
                found.add(field, format!("{number} is out of range"), "1 to 1000");
            }
        }
        for (field, span) in [("timeout", self.timeout), ("patience", self.patience)] {
            if !(SHORTEST..=LONGEST).contains(&span) {
                found.add(field, format!("{span} is out of range"), "1s to 10m");
            }
        }
    }
}

impl Resource {
    fn violations(&self, base: Option<&Url>, found: &mut Within<'_>) {
        let Self { count, list, delete_run, delete_item, .. } = self;
        if let Some(count) = count {
            let mut found = found.within("count");
            request(count.template(), Method::may_read, "GET or POST", &[RUN], base, &mut found);
            needs_run(count.template(), &mut found);
            pointer("number", &count.number, &mut found);
            none_status(&count.none_status, &mut found);
        }
        if let Some(list) = list {
            list.violations(base, &mut found.within("list"));
        }
        if let Some(delete) = delete_run {
            let mut found = found.within("deleteRun");
            request(delete.template(), Method::may_delete, "DELETE, POST, PUT or PATCH", &[RUN], base, &mut found);
            // What a service does not know in a query or a body it leaves out of account, and deletes all that is left then.
            if !delete.template().has_segment(RUN) {
                let problem =
                    "the run is no part of its own of the path, so that a service may take no notice and delete all";
                found.add("path", problem, "a path such as /runs/{run}/orders, or list and deleteItem");
            }
            for (field, at) in [("remaining", &delete.remaining), ("deleted", &delete.deleted)] {
                at.iter().for_each(|at| pointer(field, at, &mut found));
            }
        }
        if let Some(delete) = delete_item {
            let mut found = found.within("deleteItem");
            request(delete.template(), Method::may_delete, "DELETE, POST, PUT or PATCH", &[RUN, ID], base, &mut found);
            let template = delete.template();
            let is_in_body = template.method != Method::Delete && template.has_in_body(ID);
            if !template.has_in_path(ID) && !is_in_body {
                let problem = "it does not surely say which item, so that it may delete all";
                found.add("path", problem, "{id} in it before any ?, or in the body of a POST, PUT or PATCH");
            }
        }
        match (delete_run, delete_item, list) {
            (Some(_), Some(_), _) => found.add("deleteItem", "there is deleteRun, too", "one of them"),
            (None, None, _) => found.add("", "nothing says how it is deleted", "deleteRun, or list and deleteItem"),
            (None, Some(_), None) => found.add("deleteItem", "nothing says which items there are", "list beside it"),
            (Some(_), None, None) if count.is_none() => {
                let problem = "nothing tells whether all is deleted";
                found.add("deleteRun", problem, "count beside it, or list, which is then counted");
            }
            (Some(_), None, _) | (None, Some(_), Some(_)) => {}
        }
    }
}

impl ListRequest {
    fn violations(&self, base: Option<&Url>, found: &mut Within<'_>) {
        let template = self.template();
        request(template, Method::may_read, "GET or POST", &[RUN], base, found);
        if !template.has(RUN) && self.tag.is_none() {
            let problem = "neither the request nor the items tell the run, so that items of others could be deleted";
            found.add("", problem, "{run} in path or body, or tag");
        }
        pointer("items", &self.items, found);
        pointer("id", &self.id, found);
        if let Some(tag) = &self.tag {
            pointer("tag", tag, found);
        }
        none_status(&self.none_status, found);
        let parameter = match &self.next {
            Some(NextPage::Token(token)) => {
                pointer("next.token.at", &token.at, found);
                ("next.token.parameter", &token.parameter)
            }
            Some(NextPage::Page(page)) => ("next.page.parameter", &page.parameter),
            Some(NextPage::Offset(offset)) => ("next.offset.parameter", &offset.parameter),
            Some(NextPage::Link) | None => return,
        };
        let (field, name) = parameter;
        if name.is_empty() {
            found.add(field, "it is empty", "the name of a parameter of the query");
        }
        let filled = base.and_then(|base| template.fill(base, "run", None));
        if filled.is_some_and(|request| request.url.query_pairs().any(|(found, _)| found == name.as_str())) {
            found.add(field, format!("{name} is in path already"), "a path without it: the conductor adds it");
        }
    }
}

/// What is wrong with a request whatever it is for.
fn request(
    template: Template<'_>,
    suits: fn(Method) -> bool,
    methods: &str,
    placeholders: &[&str],
    base: Option<&Url>,
    found: &mut Within<'_>,
) {
    if !suits(template.method) {
        found.add("method", format!("{} is not for this", template.method.word()), methods);
    }
    if template.body.is_some() && template.method == Method::Get {
        found.add("body", "a GET has no body", "POST, or what it says in path");
    }
    let unknown = template.unknown(placeholders);
    if let Some((field, name)) = &unknown {
        let known = placeholders.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" or ");
        found.add(field, format!("{{{name}}} is not known"), known);
    }
    if !template.path.starts_with('/') {
        found.add("path", format!("\"{}\" does not begin with /", template.path), "a path such as /orders");
    } else if unknown.is_none() && base.is_some_and(|base| template.fill(base, "run", Some("id")).is_none()) {
        let problem = format!("\"{}\" is not what would be asked for", template.path);
        found.add("path", problem, "a path without dots alone between slashes, # or what must be percent-encoded");
    }
}

fn needs_run(template: Template<'_>, found: &mut Within<'_>) {
    if !template.has(RUN) {
        found.add("path", "it does not name the run, so that it is about all of them", "{run} in it, or in body");
    }
}

fn pointer(field: &str, pointer: &str, found: &mut Within<'_>) {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        found.add(field, format!("\"{pointer}\" is no JSON pointer"), "one such as /orders, or \"\" for the whole");
    }
}

fn none_status(statuses: &[u16], found: &mut Within<'_>) {
    let may = |status: &u16| matches!(status, 204 | 400 | 404 | 406 | 409 | 410 | 412 | 416 | 422);
    if let Some(status) = statuses.iter().find(|status| !may(status)) {
        let problem = format!("{status} does not say that there is none");
        found.add("noneStatus", problem, "statuses such as 404");
    }
}

/// What was found.
#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, field: &str, problem: impl Into<String>, expected: impl Into<String>) {
        self.0.push((field.to_owned(), problem.into(), expected.into()));
    }
}

/// What was found within a field.
struct Within<'a> {
    found: &'a mut Found,
    field: String,
}

impl Within<'_> {
    fn within(&mut self, field: &str) -> Within<'_> {
        Within { field: format!("{}.{field}", self.field), found: self.found }
    }

    fn add(&mut self, field: &str, problem: impl Into<String>, expected: impl Into<String>) {
        let field = if field.is_empty() { self.field.clone() } else { format!("{}.{field}", self.field) };
        self.found.add(&field, problem, expected);
    }
}
