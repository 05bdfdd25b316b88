//! Others during a run, on a real cluster: kept away where the cluster has the policy, seen wherever they are not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod argo_rollouts;
mod bed;
mod drifts;
mod frozen;
mod keepers;
mod layout;
mod requests;
mod stacks;
mod vertical;
