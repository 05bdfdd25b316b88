//! Receivers of alerts: a real Alertmanager, and services that are well or unwell.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod alertmanager;
mod calls;
mod service;
