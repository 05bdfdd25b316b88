//! The stores in which runs leave data.

use std::path::Path;

use conductor_core::units::Span;
use conductor_testdata::{PostgresTestDataSettings, SqliteTestDataSettings};
use serde::{Deserialize, Serialize};

/// The longest time for late rows: cleaning up has half an hour in all.
const LONGEST_SETTLE: Span = Span::minutes(20);

/// A store in which runs leave data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum TestDataSettings {
    /// A SQLite file.
    Sqlite(SqliteTestDataSettings),
    /// A PostgreSQL database.
    Postgres(PostgresTestDataSettings),
}

impl TestDataSettings {
    /// The store's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Sqlite(store) => &store.name,
            Self::Postgres(store) => &store.name,
        }
    }

    /// Which store it is, as it is written.
    const fn word(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// How long after the first sweep rows may still come.
    pub(crate) const fn settle(&self) -> Option<Span> {
        match self {
            Self::Sqlite(store) => store.settle,
            Self::Postgres(store) => store.settle,
        }
    }

    fn violations(&self) -> Vec<(String, String, String)> {
        match self {
            Self::Sqlite(store) => store.violations(),
            Self::Postgres(store) => store.violations(),
        }
    }

    /// Makes every path absolute.
    pub(super) fn resolve(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(mut store) => {
                store.path = folder.join(&store.path);
                Self::Sqlite(store)
            }
            Self::Postgres(store) => Self::Postgres(store.resolve(folder)),
        }
    }
}

/// What is wrong with the stores of test data. Each has a name of its own: by it a run tells what was deleted.
pub(super) fn violations(stores: &[TestDataSettings]) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (position, store) in stores.iter().enumerate() {
        let at = |field: &str| format!("testData[{position}].{}.{field}", store.word());
        let name = store.name();
        if name.is_empty() {
            found.push((at("name"), "it is empty".to_owned(), "a name for people".to_owned()));
        } else if stores[..position].iter().any(|other| other.name() == name) {
            let expected = "a name of its own for each store".to_owned();
            found.push((at("name"), format!("\"{name}\" is there twice"), expected));
        }
        if let Some(settle) = store.settle().filter(|settle| *settle > LONGEST_SETTLE) {
            let problem = format!("{settle} is longer than {LONGEST_SETTLE}");
            found.push((at("settle"), problem, format!("at most {LONGEST_SETTLE}")));
        }
        let of_store = store.violations().into_iter();
        found.extend(of_store.map(|(field, problem, expected)| (at(&field), problem, expected)));
    }
    found
}
