//! The log of what was asked of a model world.

use jiff::Timestamp;

use crate::plant::Call;

/// One call that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// When it took effect.
    pub at: Timestamp,
    /// The call.
    pub call: Call,
    /// The application, test data store or run it was about; empty where it was about none.
    pub subject: String,
    /// False when a scripted fault struck it.
    pub sound: bool,
}
