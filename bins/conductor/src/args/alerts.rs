//! What can be said of alerts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use conductor_core::alert::Severity;

/// What to do with receivers of alerts.
#[derive(Subcommand)]
pub(crate) enum AlertsVerb {
    /// Tells every receiver of an alert that fires, and then that it is resolved.
    ///
    /// There is no run, and what a receiver wants to be told of does not count. Exit code 1 where one could not be told.
    Test(Tried),
}

/// Which receivers, and of what.
#[derive(Args)]
pub(crate) struct Tried {
    /// The file that says who is told of alerts, YAML or JSON: see docs/alerts.md.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How much the alert matters, for receivers that go by it.
    #[arg(long, value_enum, default_value_t = Matters::Info)]
    pub(crate) severity: Matters,
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Matters {
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody is needed now.
    Critical,
}

impl From<Matters> for Severity {
    fn from(matters: Matters) -> Self {
        match matters {
            Matters::Info => Self::Info,
            Matters::Warning => Self::Warning,
            Matters::Critical => Self::Critical,
        }
    }
}
