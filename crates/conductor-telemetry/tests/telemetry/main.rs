//! What the conductor tells of itself, as those hear it who listen: a scraper, a collector, and readers of its log.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bed;
mod collector;
mod exposition;
mod logs;
mod metrics;
mod probes;
mod settings;
mod spans;
