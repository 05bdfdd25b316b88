//! Production, read from a real cluster with the rights of the shipped manifest.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod admission;
mod argo_rollouts;
mod bed;
mod deploy_ids;
mod identity;
mod parity;
mod rate;
mod released;
mod rights;
mod running;
mod scalables;
mod stack_sets;
mod stateful_sets;
