//! What is said to servers and of them: starting a run there, contexts, tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use conductor_core::run::RequestId;

/// A load test for a server.
#[derive(Args)]
pub(crate) struct Started {
    /// The load test, a YAML or JSON file. Its environment is one that the server knows.
    pub(crate) load_test: PathBuf,
    /// Shows the run to its end, and ends with its exit code. Ctrl-C once asks the run to end in order, twice leaves it
    /// to the server.
    #[arg(long)]
    pub(crate) wait: bool,
    /// The name of this request, up to 128 visible ASCII characters: asking again with the same one gives the run that
    /// was started before. Default: a new one.
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<RequestId>,
}

/// What to do with the contexts file.
#[derive(Subcommand)]
pub(crate) enum Contexts {
    /// Lists the contexts; the current one has a star.
    List,
    /// Makes a context the current one.
    Use {
        /// The context.
        name: String,
    },
    /// Shows a context, without any secret.
    Show {
        /// The context. Default: the current one.
        name: Option<String>,
    },
}

/// Whose token is made.
#[derive(Args)]
pub(crate) struct Owned {
    /// The name of its caller, which journals and the audit trail will have.
    pub(crate) name: String,
    /// What its caller may do: viewer, operator or admin, each alone for every environment or with @ENVIRONMENT.
    #[arg(required = true, value_name = "ROLE[@ENVIRONMENT]")]
    pub(crate) roles: Vec<String>,
}
