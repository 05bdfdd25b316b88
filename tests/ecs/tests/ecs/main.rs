//! A bed behaves as ECS does, seen through the client that programs use.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod beds;
mod deployments;
mod failures;
mod faults;
mod kinds;
mod lags;
mod reading;
mod roles;
mod scaling;
mod stops;
mod support;
mod tasks;
