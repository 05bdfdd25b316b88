//! Where the database is, and for how long a conductor may be silent.

use std::path::Path;

use conductor_core::units::Span;
use conductor_database::DatabaseTls;
use serde::{Deserialize, Serialize};

/// The shortest lease: a third of it must be time enough for an answer of a busy database.
const SHORTEST_LEASE: Span = Span::seconds(1);
/// PostgreSQL cuts longer names.
const LONGEST_NAME: usize = 63;

/// The PostgreSQL database that several conductors keep their runs in. Connections last: a pooler in between must give each
/// client a server's session of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresStoreSettings {
    /// The server's name or address, or the folder of its socket.
    pub host: String,
    /// The server's port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role to log in as. It owns the schema, or may create it.
    pub user: String,
    /// The variable of the conductor's environment that holds the role's password; absent: it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// How the connection is kept secret, and the server known.
    #[serde(default)]
    pub tls: DatabaseTls,
    /// The schema that holds the tables; it is created where it is missing. Conductors that share one know of each other.
    #[serde(default = "default_schema")]
    pub schema: String,
    /// How long an environment stays a conductor's that does not renew its lease. It renews it three times as often, and lets
    /// go of its runs after two thirds of that time without success.
    #[serde(default = "default_lease_time")]
    pub lease_time: Span,
}

const fn default_port() -> u16 {
    5432
}

fn default_schema() -> String {
    "conductor".to_owned()
}

const fn default_lease_time() -> Span {
    Span::seconds(15)
}

impl PostgresStoreSettings {
    /// Makes every path absolute.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        self.tls.resolve(folder);
        self
    }

    /// Everything that can be seen to be wrong without the database: the field, the problem, and what is expected.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let mut add = |field: &str, problem: &str, expected: &str| {
            found.push((field.to_owned(), problem.to_owned(), expected.to_owned()));
        };
        for (field, text) in [("host", &self.host), ("database", &self.database), ("user", &self.user)] {
            if text.is_empty() {
                add(field, "it is empty", "what the server is reached by");
            }
        }
        if !is_plain_name(&self.schema) {
            let problem = format!("\"{}\" is not such a name", self.schema);
            add(
                "schema",
                &problem,
                "at most 63 of a to z, 0 to 9 and _, beginning with none of the digits, and not with pg_",
            );
        }
        if self.lease_time < SHORTEST_LEASE {
            add("leaseTime", &format!("{} is too short", self.lease_time), "1s or more");
        }
        found.extend(self.tls.violations());
        found
    }

    /// Which journal this is, for people.
    pub(super) fn journal(&self) -> String {
        let Self { host, port, database, schema, .. } = self;
        format!("in schema {schema} of database {database} at {host}:{port}")
    }
}

/// A name that needs no quotes anywhere.
fn is_plain_name(name: &str) -> bool {
    let is_plain = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_');
    let begins_well = !name.starts_with(|letter: char| letter.is_ascii_digit()) && !name.starts_with("pg_");
    (1..=LONGEST_NAME).contains(&name.len()) && begins_well && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;

    fn settings(other: Value) -> Result<PostgresStoreSettings, serde_json::Error> {
        let mut written = json!({ "host": "db.example", "database": "conductor", "user": "conductor" });
        written.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        serde_json::from_value(written)
    }

    #[test]
    fn what_is_not_said_is_what_most_want() {
        let settings = settings(json!({})).unwrap();
        assert_eq!(
            (settings.port, settings.schema.as_str(), settings.lease_time),
            (5432, "conductor", Span::seconds(15))
        );
        assert_eq!(settings.tls.mode, conductor_database::DatabaseTlsMode::VerifyFull);
        assert_eq!(settings.violations(), []);
        assert_eq!(settings.journal(), "in schema conductor of database conductor at db.example:5432");
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_field() {
        for (other, expected) in [
            (json!({ "host": "" }), "host: it is empty; expected what the server is reached by"),
            (json!({ "leaseTime": "500ms" }), "leaseTime: 500ms is too short; expected 1s or more"),
            (
                json!({ "schema": "Runs" }),
                "schema: \"Runs\" is not such a name; expected at most 63 of a to z, 0 to 9 and _, beginning with none of the \
                 digits, and not with pg_",
            ),
            (
                json!({ "tls": { "certFile": "a.pem" } }),
                "tls: one of certFile and keyFile is missing; expected both or none",
            ),
            (
                json!({ "tls": { "mode": "disable", "caFile": "ca.pem" } }),
                "tls.mode: disable uses no certificates; expected another mode, or no files",
            ),
            (
                json!({ "tls": { "mode": "require", "caFile": "ca.pem" } }),
                "tls.mode: require does not look at caFile; expected verifyCa or verifyFull, or no caFile",
            ),
        ] {
            let found = settings(other.clone()).unwrap().violations();
            let found: Vec<String> = found
                .iter()
                .map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}"))
                .collect();
            assert_eq!(found, [expected], "{other}");
        }
        let unknown = settings(json!({ "leasetime": "5s" })).unwrap_err().to_string();
        assert!(unknown.starts_with("unknown field `leasetime`"), "{unknown}");
    }

    #[test]
    fn names_that_would_need_quotes_are_no_names() {
        for (name, is_name) in [
            ("conductor", true),
            ("_runs_2", true),
            ("", false),
            ("2runs", false),
            ("pg_runs", false),
            ("a b", false),
            ("a;b", false),
            ("a\"b", false),
            ("größe", false),
        ] {
            assert_eq!(is_plain_name(name), is_name, "{name}");
        }
        assert!(is_plain_name(&"a".repeat(63)) && !is_plain_name(&"a".repeat(64)));
    }

    #[test]
    fn paths_are_taken_from_the_folder_of_the_settings() {
        let settings = settings(json!({ "tls": { "caFile": "ca.pem", "keyFile": "/etc/key.pem" } })).unwrap();
        let tls = settings.resolve(Path::new("/etc/conductor")).tls;
        assert_eq!(tls.ca_file, Some(PathBuf::from("/etc/conductor/ca.pem")));
        assert_eq!(tls.key_file, Some(PathBuf::from("/etc/key.pem")));
    }
}
