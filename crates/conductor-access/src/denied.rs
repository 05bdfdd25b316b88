//! Why a call was refused: one text for the log, and another one for the caller.

use crate::{Caller, Role};

/// A refused call. It has no `Display`, so that whoever shows it chooses for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    refusal: Refusal,
    reason: String,
    public: String,
}

/// What kind of answer a refused call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody knows who calls.
    Unauthenticated,
    /// The caller is known, but may not do that.
    Forbidden,
    /// Who calls, or what they may do, cannot be found out now; a later try may succeed.
    Unavailable,
}

impl Denied {
    pub(crate) fn unauthenticated(reason: impl Into<String>) -> Self {
        let public =
            "no valid credentials: send a valid bearer token in the header `authorization`, or a client certificate";
        Self { refusal: Refusal::Unauthenticated, reason: reason.into(), public: public.to_owned() }
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        let public = "credentials cannot be checked now: try again later";
        Self { refusal: Refusal::Unavailable, reason: reason.into(), public: public.to_owned() }
    }

    pub(crate) fn undecided(reason: impl Into<String>) -> Self {
        let public = "what the caller may do cannot be checked now: try again later";
        Self { refusal: Refusal::Unavailable, reason: reason.into(), public: public.to_owned() }
    }

    pub(crate) fn forbidden(caller: &Caller, role: Role, environment: &str) -> Self {
        let public =
            format!("this needs the role {role} in environment {environment:?}, which the caller does not have");
        let reason =
            format!("{:?}, known by {}, has no role {role} in environment {environment:?}", caller.name, caller.source);
        Self { refusal: Refusal::Forbidden, reason, public }
    }

    /// What kind of answer the call gets.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The exact reason, for the log alone. It holds no secret, but would help somebody who guesses.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What the caller may know.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}
