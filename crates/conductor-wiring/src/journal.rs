//! Where the journal is: the settings of one that several conductors share, as they are written, and opening it.

mod open;

use std::path::Path;

use conductor_core::spec::Violation;
use conductor_journal::PostgresStoreSettings;
use serde::{Deserialize, Serialize};

use crate::input::{InputError, folder_of, read};
use crate::kind::of_another_kind;
pub use open::{Journal, JournalProblem};

/// The `kind` of a journal.
const KIND: &str = "Journal";

/// A journal, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalDocument {
    /// `loadtest-conductor.dev/v1alpha1`.
    pub api_version: String,
    /// `Journal`.
    pub kind: String,
    /// Where it is.
    pub spec: JournalSettings,
}

/// Where a journal is that several conductors share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JournalSettings {
    /// In a PostgreSQL database.
    Postgres(PostgresStoreSettings),
}

impl JournalSettings {
    /// Reads them from their file.
    ///
    /// # Errors
    /// When the file cannot be read, or with everything that is wrong in it.
    pub fn read(file: &Path) -> Result<Self, InputError> {
        let written = read::<JournalDocument>(file)?;
        let violations = violations(&written.value);
        if !violations.is_empty() {
            return Err(written.refuse(&violations));
        }
        let Self::Postgres(settings) = written.value.spec;
        Ok(Self::Postgres(settings.resolve(&folder_of(file))))
    }
}

fn violations(document: &JournalDocument) -> Vec<Violation> {
    let JournalDocument { api_version, kind, spec: JournalSettings::Postgres(postgres) } = document;
    let mut found = of_another_kind(api_version, kind, KIND, "a journal");
    found.extend(postgres.violations().into_iter().map(|(field, problem, expected)| Violation {
        field: format!("spec.postgres.{field}"),
        problem,
        expected,
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Journal
spec:
  postgres:
    host: db.test
    database: conductor
    user: conductor
    tls: { caFile: ca.pem }
";

    fn journal(text: &str) -> Result<JournalSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal.yaml");
        std::fs::write(&file, text).unwrap();
        let folder = format!("{}/", folder.path().display());
        JournalSettings::read(&file).map_err(|error| error.to_string().replace(&folder, "")).map(|settings| {
            let JournalSettings::Postgres(mut postgres) = settings;
            let file = postgres.tls.ca_file.take().unwrap().display().to_string();
            postgres.tls.ca_file = Some(file.replace(&folder, "FOLDER/").into());
            JournalSettings::Postgres(postgres)
        })
    }

    #[test]
    fn a_journal_is_found_with_its_files_beside_it() {
        let JournalSettings::Postgres(postgres) = journal(JOURNAL).unwrap();
        assert_eq!((postgres.host.as_str(), postgres.lease_time.to_string()), ("db.test", "15s".to_owned()));
        assert_eq!(postgres.tls.ca_file, Some("FOLDER/ca.pem".into()));
    }

    #[test]
    fn everything_that_is_wrong_with_it_is_told_with_its_place() {
        let wrong = JOURNAL.replace("kind: Journal", "kind: Environment").replace("host: db.test", "host: \"\"");
        assert_eq!(
            journal(&wrong).unwrap_err(),
            "journal.yaml:3:7: kind: \"Environment\" is not a journal; expected Journal\n\
             journal.yaml:6:11: spec.postgres.host: it is empty; expected what the server is reached by"
        );
        let unknown = journal(&JOURNAL.replace("user:", "role:")).unwrap_err();
        assert!(unknown.starts_with("journal.yaml:8:5: unknown field `role`, expected one of host, "), "{unknown}");
        let other = journal(&JOURNAL.replace("  postgres:", "  mysql:")).unwrap_err();
        assert!(other.contains("mysql") && other.contains("postgres"), "{other}");
    }
}
