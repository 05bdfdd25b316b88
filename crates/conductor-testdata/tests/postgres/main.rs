//! Deleting from real PostgreSQL databases.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bed;
mod busy;
#[path = "../support/certificate.rs"]
mod certificate;
mod crashes;
mod deletes;
mod guards;
mod locks;
mod lost;
mod odd;
mod random;
mod refusals;
mod tls;
#[path = "../support/tls_server.rs"]
mod tls_server;
