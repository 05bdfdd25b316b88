//! The stores on real files and real servers: what both promise, by the same cases, and what is special to each.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod cases;
mod child;
mod events;
mod postgres;
mod sqlite;
