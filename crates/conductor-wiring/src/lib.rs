//! From files to ports: reads load tests and environments, and makes the adapters that an environment names.
//!
//! * [`Environment`] — an environment's settings, with every path absolute,
//! * [`declare`] and [`declare_file`] — a load test of that environment, ready to be started; [`adopted`] — one whose load
//!   test is lost,
//! * [`Journal`] — the journal of this machine, or the one that several conductors share, by [`JournalSettings`],
//! * [`Wiring`] — the adapters of a run, made from what its journal says,
//! * [`alert_receivers`] — who is told of alerts, by a file of them,
//! * [`caller_review`] — who asks a cluster who calls a server,
//! * [`read_load_test`] — a load test with the curves beside it,
//! * [`read`] and [`InputError`] — files, and errors that point at line and column; [`of_another_kind`] — what every document
//!   says of itself,
//! * [`state_dir`] and [`Signals`] — what programs of this machine have in common: where they keep things, and what ends them.
//!
//! Nothing here runs a load test, and nothing reads the process environment but for where the home folder is.

mod alerts;
mod callers;
mod curve;
mod declare;
mod environment;
mod factory;
mod input;
mod journal;
mod kind;
mod places;
mod signals;
mod state_dir;
mod substrates;
mod template;
mod unusable;

#[cfg(feature = "schema")]
pub use alerts::alerts_schema;
pub use alerts::{AlertsProblem, alert_receivers};
pub use callers::caller_review;
pub use conductor_kubernetes::{ClusterSettings, ConnectError};
pub use curve::read_load_test;
pub use declare::{adopted, declare, declare_file};
pub use environment::{
    Alongside, CrossCheckSettings, Environment, EnvironmentDocument, EnvironmentMetadata, EnvironmentSpec, KpiSettings,
    KpiSourceSettings, TestDataSettings,
};
pub use factory::{Wiring, unfreeze};
pub use input::{InputError, Problem, Written, read};
pub use journal::{Journal, JournalDocument, JournalProblem, JournalSettings};
pub use kind::of_another_kind;
pub use signals::Signals;
pub use state_dir::{StateDirProblem, state_dir};
