//! Deleting by calls of a real service: exactly a run's orders, whatever the service is like.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod answers;
mod bed;
#[path = "../support/certificate.rs"]
mod certificate;
mod ends;
mod failures;
mod items;
mod paces;
mod property;
mod refusals;
mod service;
mod tls;
#[path = "../support/tls_server.rs"]
mod tls_server;
mod whole_runs;
