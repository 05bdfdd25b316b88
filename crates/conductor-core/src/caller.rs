//! Who calls, as somebody else knows them, and what they may do: the words of [`CallerReview`](crate::ports::CallerReview).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a caller may do. Each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees load tests and reports.
    Viewer,
    /// Starts, updates and stops load tests as well.
    Operator,
    /// May do everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

/// Somebody, as whoever was asked knows them. What they may do is found out by all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The name, which is no other's at the same time.
    pub name: String,
    /// What tells those of one name apart who follow each other; empty where there is no such thing.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else is known, by its keys.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// Somebody's, for a service like this one.
    Known(Identity),
    /// Nobody's, or not for this service.
    Unknown {
        /// Why, for the log.
        because: String,
    },
}
