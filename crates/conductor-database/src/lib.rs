//! How databases are connected to, which is written alike wherever one is named: a journal's, or those of test data.
//!
//! * [`DatabaseTls`] — how a connection is kept secret, and the server known.
//! * [`DatabaseServer`] — a database of a server and who connects to it, as options of sqlx.
//!
//! Nothing here connects, and nothing is asked of a database.

#![forbid(unsafe_code)]

mod server;
mod tls;

pub use server::DatabaseServer;
pub use tls::{DatabaseTls, DatabaseTlsMode};

/// Something that is wrong with a setting: the field, the problem, and what is expected.
pub type Wrong = (String, String, String);
