//! Deleting from real PostgreSQL databases.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bed;
mod busy;
mod crashes;
mod deletes;
mod guards;
mod locks;
mod lost;
mod odd;
mod random;
mod refusals;
