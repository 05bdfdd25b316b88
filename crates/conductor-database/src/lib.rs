//! How databases are connected to, which is written alike wherever one is named: a journal's, or those of test data.
//!
//! * [`DatabaseTls`] — how a connection is kept secret, and the server known.
//!
//! Nothing here connects: each driver has its own options.

#![forbid(unsafe_code)]

mod tls;

pub use tls::{DatabaseTls, DatabaseTlsMode};

/// Something that is wrong with a setting: the field, the problem, and what is expected.
pub type Wrong = (String, String, String);
