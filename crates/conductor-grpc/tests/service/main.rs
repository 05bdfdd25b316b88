//! The service over loopback, on a model environment.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod access;
mod bed;
mod calls;
mod cluster;
mod identities;
mod json;
mod limits;
mod requests;
mod trail;
