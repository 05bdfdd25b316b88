//! Deletes exactly the rows a run created, from stores that are declared, not scripted.
//!
//! A declaration names tables and how a row is known to be of the run: by a column that holds the run's id, or through
//! a parent row that has one. Identifiers are checked against the catalogue and quoted, values are bound; there is no
//! free SQL. Rows of other runs and rows without a tag are never touched.

mod declaration;
mod http;
mod mysql;
mod pace;
mod postgres;
mod sqlite;
mod stride;
mod untold;

pub use declaration::{Operator, RowGuard, RowGuardCondition, RowGuardValue, Table, Via};
pub use http::{
    CountRequest, HttpTestData, HttpTestDataSettings, ItemRequest, ListRequest, Method, NextPage, Offset, Page,
    Resource, RunRequest, Token,
};
pub use mysql::{MysqlBusy, MysqlReplica, MysqlTestData, MysqlTestDataSettings};
pub use postgres::{PostgresBusy, PostgresTestData, PostgresTestDataSettings};
pub use sqlite::{SqliteTestData, SqliteTestDataSettings};

use conductor_core::ports::{FailureKind, PortError, TableCount};
use conductor_core::run::RunId;

/// The rows of a run in a table: those that go, and those that a row guard holds back, which are told where there are any.
fn counts(table: &str, all: u64, held: u64) -> impl Iterator<Item = TableCount> {
    let going = TableCount { table: table.to_owned(), rows: all - held };
    let staying = TableCount { table: format!("{table} (held back by a rowGuard)"), rows: held };
    std::iter::once(going).chain((held > 0).then_some(staying))
}

/// Nothing is deleted anywhere when more rows carry the tag than a row guard lets pass.
fn too_many(store: &str, most: u64, table: &str, run: &RunId) -> PortError {
    let act = format!(
        "test data {store}: nothing is deleted, since more than {most} rows of {table} are of run {run}, which rowGuard.mostRows \
         does not allow"
    );
    PortError::new(FailureKind::Rejected, act)
}
