//! What an environment says of test data that a service owns and deletes itself.
//!
//! Nothing is read from the process environment here: a token's value is handed over by whoever makes the store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use conductor_core::units::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What to delete by calls of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpTestDataSettings {
    /// The store's name, for people.
    pub name: String,
    /// Where the service is, with its base path if it has one; all paths below follow it.
    pub url: String,
    /// What runs leave there, in the order in which it is deleted.
    pub resources: Vec<Resource>,
    /// Name of the environment variable that holds the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// The header that carries the token as it is. Absent: `Authorization`, as a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_header: Option<String>,
    /// Further headers of every request. No secrets: they are kept in the journal of each run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Whether requests carry the headers of load test requests. Where a mesh routes by them, that may be needed; where it
    /// answers such requests by mocks, they must not.
    #[serde(default)]
    pub load_test_headers: bool,
    /// PEM file of the certificate authority that signed the service's certificate, where the system does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Most requests that begin in a second.
    #[serde(default = "default_requests_per_second")]
    pub requests_per_second: u32,
    /// Most requests at the same time.
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
    /// Longest wait for one answer.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// How long a request is tried again (15 seconds at most where nothing is deleted), and how long the service may go without
    /// any progress.
    #[serde(default = "default_patience")]
    pub patience: Span,
    /// How long after the first sweep items may still come; then there is a second one. Absent: a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
}

impl HttpTestDataSettings {
    /// Makes every path absolute.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        self.ca_file = self.ca_file.map(|file| folder.join(file));
        self
    }
}

fn default_requests_per_second() -> u32 {
    50
}

fn default_concurrency() -> u32 {
    4
}

fn default_timeout() -> Span {
    Span::seconds(30)
}

fn default_patience() -> Span {
    Span::minutes(1)
}

/// One kind of thing that a service holds, and how a run's are deleted: by exactly one of `deleteRun` and `deleteItem`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// What it is, for people, such as `orders`.
    pub name: String,
    /// How many there are of a run. Absent: those that `list` tells are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<CountRequest>,
    /// Which there are of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListRequest>,
    /// Deletes all of a run, or some of it and the rest when it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_run: Option<RunRequest>,
    /// Deletes one that is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_item: Option<ItemRequest>,
}

/// The request that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountRequest {
    /// Its method: `GET`, or `POST` for a search.
    #[serde(default = "Method::get")]
    pub method: Method,
    /// What follows the service's address, with `{run}` in it.
    pub path: String,
    /// Its JSON body, with `{run}` in its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// JSON pointer to the number in the answer.
    pub number: String,
    /// Statuses that mean that there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub none_status: Vec<u16>,
}

/// The request that lists, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListRequest {
    /// Its method: `GET`, or `POST` for a search.
    #[serde(default = "Method::get")]
    pub method: Method,
    /// What follows the service's address, with `{run}` in it.
    pub path: String,
    /// Its JSON body, with `{run}` in its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// JSON pointer to the items in the answer. Absent: the answer is the list.
    #[serde(default)]
    pub items: String,
    /// JSON pointer to the id in an item. Empty: the item is the id.
    pub id: String,
    /// JSON pointer to the run's id in an item. Only items that have the run's there are deleted. Absent: all that is listed for
    /// the run is deleted, once the service tells nothing for ids that are no run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// How the next page is asked for. Absent: the list is one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextPage>,
    /// Statuses that mean that there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub none_status: Vec<u16>,
}

/// How the next page of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum NextPage {
    /// By the address in the answer's header `Link` with `rel="next"`. Without one the page is the last.
    Link,
    /// By a token of the answer. Without one the page is the last.
    Token(Token),
    /// By the page's number. An empty page is the last, or one that has nothing new.
    Page(Page),
    /// By how many items were listed before. An empty page is the last, or one that has nothing new.
    Offset(Offset),
}

/// The token of the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// JSON pointer to it in the answer, such as `/nextPageToken`.
    pub at: String,
    /// The parameter of the request for the next page, such as `pageToken`.
    pub parameter: String,
}

/// The number of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Page {
    /// The parameter of the request.
    pub parameter: String,
    /// The number of the first page.
    #[serde(default = "one")]
    pub first: u64,
}

fn one() -> u64 {
    1
}

/// The number of items before a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offset {
    /// The parameter of the request.
    pub parameter: String,
}

/// The request that deletes all of a run. It is sent until none is counted.
///
/// That nothing is left is always counted, whatever the answer says; a success or a `404` or `410` is taken, and is no proof. While
/// the service is at it (`202`), the rest is counted until there is none, and the request is not sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRequest {
    /// Its method.
    #[serde(default = "Method::delete")]
    pub method: Method,
    /// What follows the service's address, with `{run}` between two slashes or at the end: a service that does not know a
    /// parameter of a query or a body takes no notice of it, and would delete all.
    pub path: String,
    /// Its JSON body, with `{run}` in its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// JSON pointer to the number of those that are left. Where it is not 0, it is taken, and they are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<String>,
    /// JSON pointer to the number of those that this request deleted, which is told. Absent: as many as the count has become fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
}

/// The request that deletes one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemRequest {
    /// Its method.
    #[serde(default = "Method::delete")]
    pub method: Method,
    /// What follows the service's address, with `{id}` in it, and `{run}` where the service takes that. Only a `POST`, `PUT` or
    /// `PATCH` may have `{id}` in its body instead, and none in the query alone.
    pub path: String,
    /// Its JSON body, with `{id}` and `{run}` in its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Searches, or asks for an action.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    const fn get() -> Self {
        Self::Get
    }

    const fn delete() -> Self {
        Self::Delete
    }

    /// The word in a request.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method, as the client knows it.
    pub(super) const fn as_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }

    /// True for what only reads, as far as a method can tell.
    pub(super) const fn may_read(self) -> bool {
        match self {
            Self::Get | Self::Post => true,
            Self::Put | Self::Patch | Self::Delete => false,
        }
    }

    /// True for what may delete.
    pub(super) const fn may_delete(self) -> bool {
        match self {
            Self::Get => false,
            Self::Post | Self::Put | Self::Patch | Self::Delete => true,
        }
    }
}
