//! Keeps the journals of runs in one SQLite file, with a lock file for each environment.
//!
//! The journal is append-only: a record is durable when [`append`](conductor_core::ports::RunStore::append) returns,
//! and a second writer of the same revision is refused. Ownership of an environment is a lock of the operating system,
//! so it ends with the process that holds it, however that ends.

mod claim;
mod rows;
mod store;

pub use store::{OpenError, SqliteStore};
