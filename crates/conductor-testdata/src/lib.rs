//! Deletes exactly the rows a run created, from stores that are declared, not scripted.
//!
//! A declaration names tables and how a row is known to be of the run: by a column that holds the run's id, or through
//! a parent row that has one. Identifiers are checked against the catalogue and quoted, values are bound; there is no
//! free SQL. Rows of other runs and rows without a tag are never touched.

mod http;
mod sqlite;

pub use http::{
    CountRequest, HttpTestData, HttpTestDataSettings, ItemRequest, ListRequest, Method, NextPage, Offset, Page,
    Resource, RunRequest, Token,
};
pub use sqlite::{SqliteTestData, SqliteTestDataSettings, Table, Via};
