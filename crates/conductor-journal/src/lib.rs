//! Keeps the journals of runs: in one SQLite file of this machine, or in a PostgreSQL database that many conductors share.
//!
//! A journal is append-only: a record is durable when [`append`](conductor_core::ports::RunStore::append) returns, and a
//! second writer of the same revision is refused. What differs is who owns an environment:
//!
//! * [`SqliteStore`]: by a lock of the operating system, so that it ends with the process that holds it, however that ends,
//! * [`PostgresStore`]: by a lease that is renewed for as long as its process lives and reaches the database. Every append
//!   looks at it in its own transaction, so that whoever has lost it cannot write any more.

mod folded;
mod open_error;
mod postgres;
mod rows;
mod sqlite;

pub use open_error::OpenError;
pub use postgres::{PostgresStore, PostgresStoreSettings};
pub use sqlite::SqliteStore;
