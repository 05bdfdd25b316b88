//! Whether a test environment is like production: what both are like, in what they differ, and what of that is waived.
//!
//! What a run makes equal is no difference. Values of environment variables never come here: a [`ValueHash`] tells only
//! whether two of one report are the same.

mod compare;
mod profile;
mod report;
mod severity;
mod waiver;

pub use compare::{Rules, compare};
pub use profile::{
    Autoscaler, Autoscaling, Cluster, Container, EnvValue, NodeType, Nodes, Profile, Role, Side, Sides, ValueHash,
};
pub use report::{Difference, JudgedWaiver, Report, WaiverState};
pub use severity::{Severity, SeverityRule};
pub use waiver::{Day, NoDayError, Waiver};

#[cfg(test)]
mod tests;
