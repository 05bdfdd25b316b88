//! The audit trail: who called what, from where, when, and what came of it, as lines of JSON.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Caller, Denied, Peer, Refusal};

mod trail_file;

use trail_file::TrailFile;

/// Where the trail is written: `stdout`, or `{ file: PATH }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum AuditSettings {
    /// To standard output.
    Stdout,
    /// To the end of a file.
    File(PathBuf),
}

/// One call. It has no place for credentials, request bodies or the reasons that are for the log alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// When it was called.
    pub at: Timestamp,
    /// Who called; absent when nobody was identified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// How the caller was identified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// From where.
    pub peer: SocketAddr,
    /// The method, such as `StartLoadTest`.
    pub method: String,
    /// The environment that it is about, where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The run that it is about, where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is allowed, and is done after this is written.
    Allowed,
    /// It was done.
    Done,
    /// It was allowed, and failed.
    Failed,
    /// Nobody was identified.
    Unauthenticated,
    /// The caller may not do that.
    Forbidden,
    /// Who calls could not be found out.
    Unavailable,
}

/// The trail could not be written. A call that changes anything has to be refused then.
#[derive(Debug, thiserror::Error)]
#[error("writing the audit trail to {trail}; calls that change anything are refused until it can be written")]
pub struct AuditError {
    trail: String,
    source: io::Error,
}

/// Where the records go: each one is a whole line, in the order of the calls of [`AuditLog::record`].
#[derive(Clone)]
pub struct AuditLog(Arc<Mutex<Trail>>);

enum Trail {
    File(TrailFile),
    Stdout {
        /// The last write broke off, perhaps within a line.
        torn: bool,
    },
}

impl AuditRecord {
    /// A call of that method by that caller. Environment and run are absent.
    #[must_use]
    pub fn of(caller: &Caller, peer: &Peer, method: impl Into<String>, outcome: Outcome, at: Timestamp) -> Self {
        let (caller, source) = (Some(caller.name.clone()), Some(caller.source.to_string()));
        let (peer, method) = (peer.address, method.into());
        Self { at, caller, source, peer, method, environment: None, run: None, outcome }
    }

    /// A call that was refused before anybody was identified.
    #[must_use]
    pub fn refused(denied: &Denied, peer: &Peer, method: impl Into<String>, at: Timestamp) -> Self {
        let (peer, method, outcome) = (peer.address, method.into(), Outcome::from(denied.refusal()));
        Self { at, caller: None, source: None, peer, method, environment: None, run: None, outcome }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::Unauthenticated,
            Refusal::Forbidden => Self::Forbidden,
            Refusal::Unavailable => Self::Unavailable,
        }
    }
}

impl AuditLog {
    /// Opens the trail that the settings name.
    ///
    /// # Errors
    /// When its file cannot be opened.
    pub fn open(settings: &AuditSettings) -> Result<Self, AuditError> {
        match settings {
            AuditSettings::Stdout => Ok(Self::to_stdout()),
            AuditSettings::File(path) => Self::to_file(path),
        }
    }

    /// Appends to a file, which only its owner may read when it is new. A record is on the disk before its call goes on. A file
    /// that was moved away or deleted is made anew with the next record.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn to_file(path: &Path) -> Result<Self, AuditError> {
        let opened = TrailFile::open(path);
        let file = opened.map_err(|source| AuditError { trail: path.display().to_string(), source })?;
        Ok(Self(Arc::new(Mutex::new(Trail::File(file)))))
    }

    /// Writes to standard output.
    #[must_use]
    pub fn to_stdout() -> Self {
        Self(Arc::new(Mutex::new(Trail::Stdout { torn: false })))
    }

    /// Writes a record. Blocks until it is written: to a file, until it is on the disk. So an async
    /// server calls it where blocking is allowed, such as in `spawn_blocking`.
    ///
    /// # Errors
    /// When it could not be written: then a call that changes anything must be refused.
    pub fn record(&self, record: &AuditRecord) -> Result<(), AuditError> {
        let mut trail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trail.write(record).map_err(|source| AuditError { trail: trail.name(), source })
    }
}

impl Trail {
    fn name(&self) -> String {
        match self {
            Self::File(file) => file.path().display().to_string(),
            Self::Stdout { .. } => "standard output".to_owned(),
        }
    }

    fn write(&mut self, record: &AuditRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        match self {
            Self::File(file) => file.append(&line),
            Self::Stdout { torn } => {
                let mut out = io::stdout().lock();
                if std::mem::replace(torn, true) {
                    out.write_all(b"\n")?;
                }
                out.write_all(&line)?;
                out.flush()?;
                *torn = false;
                Ok(())
            }
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLog")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grants, Source};

    fn record(method: &str) -> AuditRecord {
        let caller = Caller::granted("ci \"x\"\n", Source::Token, Grants::default());
        let peer = Peer { address: "192.0.2.1:4711".parse().unwrap(), certificate_names: Vec::new() };
        AuditRecord::of(&caller, &peer, method, Outcome::Allowed, "2026-11-24T14:00:00Z".parse().unwrap())
    }

    #[test]
    fn records_are_appended_as_whole_lines_after_a_torn_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        std::fs::write(&path, "{\"at\":\"20").unwrap();
        let settings = serde_json::from_value(serde_json::json!({ "file": path })).unwrap();
        let log = AuditLog::open(&settings).unwrap();
        let about =
            AuditRecord { environment: Some("shop".to_owned()), run: Some("r-1".to_owned()), ..record("StopLoadTest") };
        log.record(&about).unwrap();
        log.record(&record("StartLoadTest")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let who = r#""caller":"ci \"x\"\n","source":"token","peer":"192.0.2.1:4711""#;
        let at = r#""at":"2026-11-24T14:00:00Z""#;
        let expected = [
            r#"{"at":"20"#.to_owned(),
            format!(r#"{{{at},{who},"method":"StopLoadTest","environment":"shop","run":"r-1","outcome":"allowed"}}"#),
            format!(r#"{{{at},{who},"method":"StartLoadTest","outcome":"allowed"}}"#),
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_that_was_moved_away_or_deleted_is_made_anew_with_the_next_record() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("audit"), folder.path().join("audit.1"));
        let log = AuditLog::to_file(&path).unwrap();
        let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
        log.record(&record("StartLoadTest")).unwrap();
        std::fs::rename(&path, &rotated).unwrap();
        log.record(&record("StopLoadTest")).unwrap();
        log.record(&record("StopLoadTest")).unwrap();
        assert_eq!((lines(&rotated), lines(&path)), (1, 2));
        std::fs::remove_file(&path).unwrap();
        log.record(&record("UpdateLoadTest")).unwrap();
        assert_eq!((lines(&rotated), lines(&path)), (1, 1));
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o777, 0o600, "the new file is its owner's, too");
    }

    #[test]
    fn a_file_that_cannot_be_made_anew_is_an_error_until_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail").join("audit");
        std::fs::create_dir(folder.path().join("trail")).unwrap();
        let log = AuditLog::to_file(&path).unwrap();
        std::fs::remove_dir_all(folder.path().join("trail")).unwrap();
        for _ in 0..2 {
            let told = log.record(&record("StartLoadTest")).unwrap_err().to_string();
            assert!(told.starts_with(&format!("writing the audit trail to {};", path.display())), "{told}");
        }
        std::fs::create_dir(folder.path().join("trail")).unwrap();
        log.record(&record("StartLoadTest")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    }

    #[test]
    fn the_settings_name_a_file_or_standard_output() {
        assert_eq!(serde_json::from_value::<AuditSettings>("stdout".into()).unwrap(), AuditSettings::Stdout);
        assert!(
            serde_json::from_value::<AuditSettings>("syslog".into())
                .unwrap_err()
                .to_string()
                .contains("unknown variant")
        );
        let missing = AuditSettings::File("/nonexistent/audit".into());
        let told = AuditLog::open(&missing).unwrap_err().to_string();
        assert!(told.starts_with("writing the audit trail to /nonexistent/audit;"), "{told}");
    }

    #[test]
    fn a_refused_call_leaves_no_reason_in_the_trail() {
        let peer = Peer { address: "192.0.2.1:4711".parse().unwrap(), certificate_names: Vec::new() };
        let denied = Denied::unauthenticated("only for the log");
        let record = AuditRecord::refused(&denied, &peer, "StartLoadTest", "2026-11-24T14:00:00Z".parse().unwrap());
        let expected = r#"{"at":"2026-11-24T14:00:00Z","peer":"192.0.2.1:4711","method":"StartLoadTest","outcome":"unauthenticated"}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), expected);
    }

    #[test]
    fn a_trail_that_cannot_be_written_says_what_follows() {
        // The one file of every Linux that opens and is always full.
        let log = AuditLog::to_file(Path::new("/dev/full")).unwrap();
        let told = log.record(&record("StartLoadTest")).unwrap_err().to_string();
        assert_eq!(
            told,
            "writing the audit trail to /dev/full; calls that change anything are refused until it can be written"
        );
    }
}
