//! Others during a run, on a real cluster: kept away where the cluster has the policy, seen wherever they are not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod argo_rollouts;
mod bed;
mod blind;
mod deaths;
mod drifts;
mod frozen;
mod keepers;
mod lapsed;
mod layout;
mod made_of_stacks;
mod requests;
mod reverts;
mod room;
mod scalables;
mod shared_nodes;
mod stacks;
mod vertical;
