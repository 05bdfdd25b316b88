//! What an environment says of test data in a SQLite file.

use std::num::NonZeroU32;
use std::path::PathBuf;

use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

use crate::declaration::{Table, violations};

/// What to delete from a SQLite file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteTestDataSettings {
    /// The store's name, for people.
    pub name: String,
    /// The database file.
    pub path: PathBuf,
    /// The tables in which runs leave rows.
    pub tables: Vec<Table>,
    /// Rows deleted in one transaction.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
    /// Rest between two transactions.
    #[serde(default)]
    pub pause: Span,
    /// Rows deleted in a second at most; absent: as many as can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<NonZeroU32>,
    /// How long after the first sweep rows may still come; then there is a second one. Absent: a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
}

fn default_batch_size() -> u32 {
    500
}

impl SqliteTestDataSettings {
    /// Everything that can be seen to be wrong without the database: the field, the problem, and what is expected.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = violations(&self.tables);
        for (position, table) in self.tables.iter().enumerate() {
            if let Some(schema) = &table.schema {
                let problem = format!("a SQLite file has no schema {schema}");
                found.push((format!("tables[{position}].schema"), problem, "no schema".to_owned()));
            }
        }
        if self.batch_size == 0 {
            found.push(("batchSize".to_owned(), "it is 0".to_owned(), "1 or more".to_owned()));
        }
        found
    }
}
