//! What a test may ask the bed to do to requests, to which of them, and how often.

use std::sync::Arc;
use std::time::Duration;

use crate::seen::Seen;
use crate::shared::Shared;
use crate::wait::within;

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

/// When something happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before it is done.
    Before,
    /// After it was done and before its sender is answered.
    After,
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

/// A fault to be switched on. It lasts until it is lifted, unless it says otherwise.
///
/// Of several that fit a request, the oldest happens and the others do not count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) requests: Requests,
    pub(crate) effect: Effect,
    pub(crate) spared: u32,
    pub(crate) times: Option<u32>,
}

impl Fault {
    /// A fault that happens to these requests.
    pub fn new(requests: Requests, effect: Effect) -> Self {
        Self { requests, effect, spared: 0, times: None }
    }

    /// Spares the first so many of the requests.
    pub fn after(self, spared: u32) -> Self {
        Self { spared, ..self }
    }

    /// Happens so many times only.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Happens one time only.
    pub fn once(self) -> Self {
        self.times(1)
    }
}

/// A fault that is switched on. Dropping the handle leaves it on.
pub struct Injected {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: u64,
}

impl Injected {
    /// How many requests it has happened to; none once it is switched off.
    pub fn met(&self) -> u32 {
        self.shared.met(self.id)
    }

    /// Waits until it has happened so often.
    ///
    /// # Panics
    /// When it has not in time.
    pub async fn happened(&self, times: u32) {
        let what = format!("a fault that happens {times} times");
        within(&what, self.shared.changes(), || (self.met() >= times).then_some(())).await;
    }

    /// Switches the fault off. What it has begun to do to a request, it does to the end.
    pub fn lift(self) {
        self.shared.lift(self.id);
    }
}
