//! The driver and its plugin against a real Locust, measured by the target's own log.
//!
//! `verbs` holds what no current Locust shows: older verbs, login pages, other programs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod bed;
mod codes;
mod failures;
mod load;
mod others;
mod promises;
mod target;
mod verbs;
