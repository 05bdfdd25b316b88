//! What the API server's audit log says: who wrote what.

mod tail;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use conductor_bed::Error;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::BedError;
use crate::user::COMPONENTS;

pub use self::tail::AuditTail;

const MARK: &str = "bed-audit-mark-";

/// One write that the API server has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When the request came.
    pub time: Timestamp,
    /// When it was answered.
    pub answered: Timestamp,
    /// Who wrote.
    pub user: String,
    /// With which program, as it said.
    pub agent: String,
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// To what.
    pub object: Object,
    /// The HTTP status of the answer.
    pub code: u16,
    /// What was sent; absent for the writes of components and for secrets.
    pub body: Option<Value>,
}

/// What a write is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    /// The API group; empty for the core group.
    pub api_group: String,
    /// The plural of the kind, as in `deployments`.
    pub resource: String,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: String,
    /// Empty for what is in no namespace.
    pub namespace: String,
    /// Empty for whole collections, and where the server chose the name.
    pub name: String,
}

/// Every write of one cluster until a moment, in the order of the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLog(Vec<Entry>);

impl AuditLog {
    pub(crate) fn read(file: &Path) -> Result<Self, BedError> {
        parse(&std::fs::read_to_string(file).map_err(Error::file("read", file))?)
    }

    /// All writes.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The writes of one user.
    pub fn by(&self, user: &str) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.user == user)
    }

    /// All writes but the marks.
    pub(crate) fn without_marks(mut self) -> Self {
        self.0.retain(|entry| !entry.object.name.starts_with(MARK));
        self
    }
}

/// The name of what is written, without effect, to see that the log has come that far: another at each call.
pub(crate) fn mark() -> String {
    static MARKS: AtomicU32 = AtomicU32::new(0);
    format!("{MARK}{}", MARKS.fetch_add(1, Ordering::Relaxed))
}

/// True when a mark is in the log after so many bytes.
pub(crate) fn has_mark(file: &Path, after: u64, mark: &str) -> bool {
    let read = || {
        let mut log = File::open(file)?;
        log.seek(SeekFrom::Start(after))?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    // A name ends at its quote, so that the first mark is not found in the eleventh.
    read().is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(&format!("\"{mark}\"")))
}

/// What is written down. Reads are not. Of the components' own writes, those that keep the cluster going are not, and the
/// others are without their bodies. Of everybody else it is every write with its body, but for secrets.
pub(crate) fn policy() -> Value {
    let components = json!([COMPONENTS, "system:serviceaccounts:kube-system"]);
    let housekeeping = json!([
        { "group": "", "resources": [
            "events", "nodes", "nodes/status", "pods", "pods/status", "pods/binding", "serviceaccounts/token",
        ] },
        { "group": "events.k8s.io" },
        { "group": "coordination.k8s.io" },
        { "group": "authentication.k8s.io" },
        { "group": "authorization.k8s.io" },
    ]);
    let secrets = json!([{ "group": "", "resources": ["secrets", "serviceaccounts/token"] }]);
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "omitManagedFields": true,
        "rules": [
            { "level": "None", "verbs": ["get", "list", "watch"] },
            { "level": "None", "userGroups": components, "resources": housekeeping },
            { "level": "None", "users": ["system:apiserver"] },
            { "level": "Metadata", "userGroups": components },
            { "level": "Metadata", "resources": secrets },
            { "level": "Request" },
        ],
    })
}

/// An event as the API server writes it, one a line.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    user: Name,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Status,
    request_object: Option<Value>,
    request_received_timestamp: Timestamp,
    /// Of the only stage that is logged: the answer is complete.
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct Name {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

fn parse(text: &str) -> Result<AuditLog, BedError> {
    // The server may be in the middle of its last line.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let entry = |(index, line)| match serde_json::from_str::<Event>(line) {
        Ok(event) => Ok(Entry {
            time: event.request_received_timestamp,
            answered: event.stage_timestamp,
            user: event.user.username,
            agent: event.user_agent,
            verb: event.verb,
            object: event.object_ref,
            code: event.response_status.code,
            body: event.request_object,
        }),
        Err(source) => Err(BedError::Audit { line: index + 1, source }),
    };
    whole.lines().enumerate().map(entry).collect::<Result<_, _>>().map(AuditLog)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","level":"Request","stage":"ResponseComplete","verb":"patch","user":{"username":"ci"},
        "objectRef":{"resource":"deployments","namespace":"shop","name":"web","apiGroup":"apps","apiVersion":"v1"},
        "responseStatus":{"metadata":{},"code":200},"requestObject":[{"op":"test"}],
        "requestReceivedTimestamp":"2026-01-02T03:04:05.678901Z","stageTimestamp":"2026-01-02T03:04:05.680901Z"}"#;

    #[test]
    fn a_line_that_is_still_being_written_is_left_for_later() {
        let line = LINE.replace('\n', "");
        let log = parse(&format!("{line}\n{}", &line[..40])).unwrap();
        let [entry] = log.entries() else { panic!("{log:?}") };
        assert_eq!((entry.user.as_str(), entry.verb.as_str(), entry.code), ("ci", "patch", 200));
        assert_eq!((entry.object.resource.as_str(), entry.object.name.as_str()), ("deployments", "web"));
        assert_eq!(entry.body, Some(json!([{ "op": "test" }])));
        assert_eq!(entry.answered.duration_since(entry.time).as_millis(), 2);
        assert_eq!((log.by("ci").count(), log.by("somebody").count()), (1, 0));
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        assert_eq!(parse("{}\n").unwrap_err().to_string(), "line 1 of the audit log is no event");
    }
}
