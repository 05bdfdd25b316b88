//! What an environment says of test data in a PostgreSQL database.

use std::num::NonZeroU32;
use std::path::Path;

use conductor_core::units::Span;
use conductor_database::DatabaseTls;
use serde::{Deserialize, Serialize};

use crate::declaration::{Table, violations};

/// What to delete from a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresTestDataSettings {
    /// The store's name, for people.
    pub name: String,
    /// The server's name or address, or the folder of its socket.
    pub host: String,
    /// The server's port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role to log in as.
    pub user: String,
    /// The variable of the conductor's environment that holds the role's password; absent: it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// How the connection is kept secret, and the server known.
    #[serde(default)]
    pub tls: DatabaseTls,
    /// The tables in which runs leave rows.
    pub tables: Vec<Table>,
    /// About how many rows one transaction deletes at most.
    #[serde(default = "default_batch_size")]
    pub batch_size: NonZeroU32,
    /// Rows deleted in a second at most; absent: as many as can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<NonZeroU32>,
    /// How long the deletion of a batch may take.
    #[serde(default = "default_statement_timeout")]
    pub statement_timeout: Span,
    /// How long a batch waits for rows that somebody else has locked.
    #[serde(default = "default_lock_timeout")]
    pub lock_timeout: Span,
    /// How long after the first sweep rows may still come; then there is a second one. Absent: a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// When the database counts as busy, so that deletion waits.
    #[serde(default)]
    pub busy: PostgresBusy,
}

/// When the database counts as busy. What is absent is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresBusy {
    /// A standby is further behind than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_lag: Option<Span>,
    /// More other sessions than these wait for locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_waits: Option<u32>,
}

const fn default_port() -> u16 {
    5432
}

fn default_batch_size() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9_999)
}

const fn default_statement_timeout() -> Span {
    Span::seconds(30)
}

const fn default_lock_timeout() -> Span {
    Span::seconds(2)
}

impl PostgresTestDataSettings {
    /// Makes every path absolute.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        self.tls.resolve(folder);
        self
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
        // PostgreSQL takes 0 for no limit at all.
        for (field, span) in [("statementTimeout", self.statement_timeout), ("lockTimeout", self.lock_timeout)] {
            if span.as_duration().as_millis() == 0 {
                add(field, &format!("{span} is no time"), "1ms or more");
            }
        }
        if self.lock_timeout > self.statement_timeout {
            add("lockTimeout", "it is longer than statementTimeout, which ends the wait before", "a shorter one");
        }
        found.extend(self.tls.violations());
        found
    }
}
