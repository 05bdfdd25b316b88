//! The bed of the end to end tests: a folder with a shop, real processes, the conductor's program.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod bed;
mod conductor;
mod ecs;
mod kubernetes;
mod ledger;
mod model;
mod outside;
mod rows;
mod server;
pub mod staged;

pub use bed::{Bed, SHORT, Shop, until};
pub use conductor::{Ended, Running};
pub use conductor_kubernetes_bed::{Answer, Effect, Fault, FaultProxy, Injected, Moment, Requests, Then, Verb};
pub use ecs::{Before, EcsBeside};
pub use kubernetes::{ClusterBed, Held};
pub use ledger::{ENTRIES, LedgerBed, PASSWORD, Written};
pub use model::ModelServer;
pub use outside::{answer, program};
pub use server::{Server, shell};
