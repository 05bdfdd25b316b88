//! Deleting from a real MariaDB.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bed;
#[path = "../support/certificate.rs"]
mod certificate;
mod deletes;
mod failures;
mod random;
mod refusals;
mod tls;
