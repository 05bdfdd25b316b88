//! What a test may ask the bed to do to requests, to which of them, and how often.

use std::time::Duration;

use conductor_bed::{Condition, Moment};

use crate::seen::Seen;

/// Which requests. Each condition narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    writes: bool,
    operation: Option<String>,
    cluster: Option<String>,
    service: Option<String>,
    access_key: Option<String>,
}

impl Requests {
    /// All of them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that change the account: see [`Seen::is_write`].
    pub fn writes() -> Self {
        Self { writes: true, ..Self::default() }
    }

    /// Those for an operation, as in `UpdateService`.
    pub fn operation(self, operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..self }
    }

    /// Those about a cluster or what is in it.
    pub fn cluster(self, cluster: &str) -> Self {
        Self { cluster: Some(cluster.to_owned()), ..self }
    }

    /// Those about one service, by its name.
    pub fn service(self, service: &str) -> Self {
        Self { service: Some(service.to_owned()), ..self }
    }

    /// Those signed with an access key.
    pub fn by(self, access_key: &str) -> Self {
        Self { access_key: Some(access_key.to_owned()), ..self }
    }

    /// True for a request that is one of them.
    pub fn contain(&self, seen: &Seen) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        (!self.writes || seen.is_write())
            && is(&self.operation, &seen.operation)
            && is(&self.cluster, &seen.cluster)
            && is(&self.service, &seen.service)
            && is(&self.access_key, &seen.who.access_key)
    }
}

impl Condition for Requests {
    type Seen = Seen;
    type Effect = Effect;

    fn holds_for(&self, seen: &Seen) -> bool {
        self.contain(seen)
    }
}

/// What happens to a request in place of a plain answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is done; this is the answer.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The name of the error, as in `ServerException`.
        kind: String,
        /// What it says.
        message: String,
    },
    /// The connection is dropped without an answer. [`Moment::After`] is a lost answer to what was done.
    Drop(Moment),
    /// Nothing is done and nothing is ever heard.
    Hang,
    /// Nothing is heard for a time of the machine, then the request goes on, even if its sender has given up meanwhile.
    Delay(Moment, Duration),
}

impl Effect {
    /// A refusal.
    pub fn refuse(status: u16, kind: &str, message: &str) -> Self {
        Self::Refuse { status, kind: kind.to_owned(), message: message.to_owned() }
    }

    /// The refusal of somebody who has asked too often.
    pub fn throttle() -> Self {
        Self::refuse(400, "ThrottlingException", "Rate exceeded")
    }
}

/// A fault to be switched on.
pub type Fault = conductor_bed::Fault<Requests>;

/// A fault that is switched on.
pub type Injected = conductor_bed::Injected<Requests>;

/// A request that is waited for, and is held when it comes.
pub type Stop = conductor_bed::Stop<Requests>;
