//! Annotations by Grafana's API: what it is asked, what is made of its answers, and of those that a real one rarely gives.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod calls;
mod service;
