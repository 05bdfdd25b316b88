//! What an environment says of test data in a MySQL or MariaDB database.

use std::num::NonZeroU32;
use std::path::Path;

use conductor_core::units::Span;
use conductor_database::DatabaseTls;
use serde::{Deserialize, Serialize};

use crate::declaration::{Table, violations};

/// One statement binds the keys of all its rows, and the server takes 65,535 values.
const LARGEST_BATCH: u32 = 5_000;

/// What to delete from a MySQL or MariaDB database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MysqlTestDataSettings {
    /// The store's name, for people.
    pub name: String,
    /// The server's name or address.
    pub host: String,
    /// The server's port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The database of tables without a `schema`.
    pub database: String,
    /// The user to log in as.
    pub user: String,
    /// The variable of the conductor's environment that holds the user's password; absent: it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// How the connection is kept secret, and the server known.
    #[serde(default)]
    pub tls: DatabaseTls,
    /// The tables in which runs leave rows.
    pub tables: Vec<Table>,
    /// How many rows one transaction deletes at most; fewer where that many take long.
    #[serde(default = "default_batch_size")]
    pub batch_size: NonZeroU32,
    /// Rows deleted in a second at most; absent: as many as can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<NonZeroU32>,
    /// How long a statement of a batch may take. MariaDB ends it then; of MySQL nobody waits for it any longer.
    #[serde(default = "default_statement_timeout")]
    pub statement_timeout: Span,
    /// How long a batch waits for rows that somebody else has locked; whole seconds.
    #[serde(default = "default_lock_timeout")]
    pub lock_timeout: Span,
    /// How long after the first sweep rows may still come; then there is a second one. Absent: a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// When the database counts as busy, so that deletion waits.
    #[serde(default)]
    pub busy: MysqlBusy,
}

/// When the database counts as busy. What is absent is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MysqlBusy {
    /// A replica is further behind than this, or does not follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_lag: Option<Span>,
    /// The replicas: only they know how far behind they are. They are logged in to like the server itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<MysqlReplica>,
    /// More other transactions than these wait for locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_waits: Option<u32>,
}

/// Where a replica is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MysqlReplica {
    /// Its name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "default_port")]
    pub port: u16,
}

const fn default_port() -> u16 {
    3306
}

fn default_batch_size() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(999)
}

const fn default_statement_timeout() -> Span {
    Span::seconds(30)
}

const fn default_lock_timeout() -> Span {
    Span::seconds(2)
}

impl MysqlTestDataSettings {
    /// Makes every path absolute.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        self.tls.resolve(folder);
        self
    }

    /// The database of a declared table.
    pub(super) fn database_of<'a>(&'a self, table: &'a Table) -> &'a str {
        table.schema.as_deref().unwrap_or(&self.database)
    }

    /// Everything that can be seen to be wrong without the database: the field, the problem, and what is expected.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = violations(&self.tables);
        let mut add = |field: &str, problem: &str, expected: &str| {
            found.push((field.to_owned(), problem.to_owned(), expected.to_owned()));
        };
        for (field, text) in [("host", &self.host), ("database", &self.database), ("user", &self.user)] {
            if text.is_empty() {
                add(field, "it is empty", "what the server is reached by");
            }
        }
        if self.batch_size.get() > LARGEST_BATCH {
            add("batchSize", &format!("{} is out of range", self.batch_size), &format!("1 to {LARGEST_BATCH}"));
        }
        // The server takes 0 for no limit at all.
        if self.statement_timeout < Span::seconds(1) {
            add("statementTimeout", &format!("{} is too short", self.statement_timeout), "1s or more");
        }
        let lock = self.lock_timeout.as_duration();
        if lock.as_secs() == 0 || lock.subsec_nanos() != 0 {
            add("lockTimeout", &format!("{} is not in whole seconds", self.lock_timeout), "1s or more");
        }
        if self.lock_timeout > self.statement_timeout {
            add("lockTimeout", "it is longer than statementTimeout, which ends the wait before", "a shorter one");
        }
        if self.busy.replication_lag.is_some() == self.busy.replicas.is_empty() {
            let expected = "both or none: only a replica knows how far behind it is";
            add("busy", "one of replicationLag and replicas is missing", expected);
        }
        found.extend(self.tls.violations());
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;

    fn settings(other: Value) -> MysqlTestDataSettings {
        let mut written = json!({
            "name": "shop", "host": "db", "database": "shop", "user": "cleaner", "tables": [{ "table": "a", "tagColumn": "run" }]
        });
        written.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn what_is_wrong_is_told_by_its_field() {
        assert_eq!(settings(json!({})).violations(), []);
        for (other, expected) in [
            (json!({ "host": "" }), "host: it is empty; expected what the server is reached by"),
            (json!({ "batchSize": 5001 }), "batchSize: 5001 is out of range; expected 1 to 5000"),
            (
                json!({ "statementTimeout": "500ms", "lockTimeout": "1s" }),
                "statementTimeout: 500ms is too short; expected 1s or more",
            ),
            (json!({ "lockTimeout": "1500ms" }), "lockTimeout: 1s500ms is not in whole seconds; expected 1s or more"),
            (
                json!({ "lockTimeout": "40s" }),
                "lockTimeout: it is longer than statementTimeout, which ends the wait before; expected a shorter one",
            ),
            (
                json!({ "busy": { "replicationLag": "9s" } }),
                "busy: one of replicationLag and replicas is missing; expected both or none: only a replica knows how far behind it is",
            ),
            (
                json!({ "tls": { "certFile": "a" } }),
                "tls: one of certFile and keyFile is missing; expected both or none",
            ),
            (
                json!({ "tls": { "mode": "disable", "caFile": "a" } }),
                "tls.mode: disable uses no certificates; expected another mode, or no files",
            ),
            (
                json!({ "tls": { "mode": "require", "caFile": "a" } }),
                "tls.mode: require does not look at caFile; expected verifyCa or verifyFull, or no caFile",
            ),
        ] {
            let violations = settings(other).violations();
            let (field, problem, wanted) = &violations[0];
            assert_eq!(format!("{field}: {problem}; expected {wanted}"), expected);
        }
    }

    #[test]
    fn files_are_looked_for_beside_the_environment() {
        let written =
            settings(json!({ "tls": { "caFile": "ca.pem", "certFile": "/etc/cert.pem", "keyFile": "key.pem" } }));
        let DatabaseTls { ca_file, cert_file, key_file, .. } = written.resolve(Path::new("/env")).tls;
        let expected = ["/env/ca.pem", "/etc/cert.pem", "/env/key.pem"].map(|file| Some(PathBuf::from(file)));
        assert_eq!([ca_file, cert_file, key_file], expected);
    }
}
