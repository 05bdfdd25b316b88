//! Services of ECS are changed and put back exactly, whatever happens meanwhile: against moto behind the front of the bed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod contract;
mod deaths;
mod drifts;
mod late;
mod others;
mod put_back;
mod reasons;
mod refusals;
mod revisions;
mod rollbacks;
mod scene;
mod signs;
mod there_and_back;
mod troubles;
