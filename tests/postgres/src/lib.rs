//! Real PostgreSQL servers on loopback, for tests.
//!
//! ```no_run
//! use conductor_postgres_bed::{Postgres, PostgresSettings};
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Postgres::start(PostgresSettings::default()).await?;
//! server.run("postgres", "CREATE DATABASE shop").await?;
//! let mut connection = server.connect("shop").await?;
//! // A front between a program and the server can fail.
//! let front = server.front().await?;
//! front.cut();
//! # Ok(())
//! # }
//! ```
//!
//! A server listens on a socket in its folder and on one port of loopback, lets everybody in as anybody, and keeps its data in a
//! temporary folder. When it is dropped, or its process ends in whatever way, its processes and its folder are gone too. PostgreSQL
//! does not run as root: for root it runs as `nobody`.

mod error;
mod programs;
mod server;
mod template;

pub use conductor_bed::Front;
pub use error::BedError;
pub use server::{Postgres, PostgresSettings};

/// The folder of a server. Where its owner dies first, the server ends by itself, and its folder goes after it.
const FOLDERS: conductor_bed::Folders =
    conductor_bed::Folders { prefix: "postgres-bed-", process: Some("data/postmaster.pid") };
