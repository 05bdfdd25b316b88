//! Supervisors and applications as real processes: up, rollouts, scaling, crashes and down.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod bed;
mod changes;
mod contract;
mod lives;
