//! A call whose caller is known, and what the audit trail tells of it.

use conductor_access::{AuditLog, AuditRecord, Caller, Denied, Outcome, Peer, Role, Source};
use conductor_core::run::RunId;
use jiff::Timestamp;
use tonic::{Request, Status};

use crate::method::Method;
use crate::status::{of_denied, untrailed};

/// Who calls which method, from where. The door puts it into the extensions of a request.
#[derive(Clone)]
pub(crate) struct Call {
    caller: Caller,
    peer: Peer,
    method: Method,
    trail: Option<AuditLog>,
}

impl Call {
    pub(crate) fn new(caller: Caller, peer: Peer, method: Method, trail: Option<AuditLog>) -> Self {
        Self { caller, peer, method, trail }
    }

    /// The call that a request is. One that has not come in by the door is nobody's.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let call = request.extensions().get::<Self>().cloned();
        call.ok_or_else(|| Status::internal("nobody has found out who calls"))
    }

    /// The caller's name, where somebody was asked for it.
    pub(crate) fn by(&self) -> Option<String> {
        match self.caller.source {
            Source::Off => None,
            Source::Token | Source::Oidc | Source::Certificate => Some(self.caller.name.clone()),
        }
    }

    /// Whether the caller may see runs of an environment.
    pub(crate) fn sees(&self, environment: &str) -> bool {
        self.caller.may(Role::Viewer, environment)
    }

    /// Refuses a caller who has not the role in an environment.
    pub(crate) fn require(&self, role: Role, environment: &str) -> Result<(), Status> {
        self.caller.require(role, environment).map_err(|denied| self.refused(&denied))
    }

    /// Refuses a caller to whom a run is not there, since its environment is not theirs to see.
    pub(crate) fn require_to_see(&self, environment: &str) -> Result<(), ()> {
        self.caller.require(Role::Viewer, environment).map_err(|denied| {
            self.refused(&denied);
        })
    }

    fn refused(&self, denied: &Denied) -> Status {
        let (method, reason) = (self.method.name(), denied.reason());
        tracing::warn!(peer = %self.peer.address, method, "a call is refused: {reason}");
        of_denied(denied)
    }
}

/// A call that changes something, as the audit trail tells it: `allowed` before it is done, and what came of it.
pub(crate) struct Change {
    call: Call,
    environment: Option<String>,
    run: Option<RunId>,
    refused: bool,
}

impl Change {
    /// The change that a request asks for.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        Ok(Self { call: Call::of(request)?, environment: None, run: None, refused: false })
    }

    /// The call.
    pub(crate) const fn call(&self) -> &Call {
        &self.call
    }

    /// Notes the run that it is about.
    pub(crate) fn about(&mut self, run: &RunId) {
        self.run = Some(run.clone());
    }

    /// Notes that its run is none that the caller may see.
    pub(crate) fn hidden(&mut self, environment: &str) {
        self.environment = Some(environment.to_owned());
        self.refused = true;
    }

    /// Lets an operator of the environment go on, once that is in the trail.
    ///
    /// # Errors
    /// When the caller is none, or the trail cannot be written.
    pub(crate) async fn permit(&mut self, environment: &str) -> Result<(), Status> {
        self.environment = Some(environment.to_owned());
        if let Err(status) = self.call.require(Role::Operator, environment) {
            self.refused = true;
            return Err(status);
        }
        self.told(Outcome::Allowed).await
    }

    /// Tells the trail what came of it.
    pub(crate) async fn end<T>(self, result: Result<T, Status>) -> Result<T, Status> {
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(_) if self.refused => Outcome::Forbidden,
            Err(_) => Outcome::Failed,
        };
        // It is done, or it is not: that the trail cannot say so changes nothing of it, and is in the log.
        let _ = self.told(outcome).await;
        result
    }

    async fn told(&self, outcome: Outcome) -> Result<(), Status> {
        let Self { call: Call { caller, peer, method, trail }, environment, run, .. } = self;
        let (name, environment) = (method.name(), environment.clone());
        let run = run.as_ref().map(ToString::to_string);
        tracing::info!(caller = caller.name, peer = %peer.address, method = name, environment, run, ?outcome, "a change");
        let record = AuditRecord::of(caller, peer, name, outcome, Timestamp::now());
        written(trail.as_ref(), AuditRecord { environment, run, ..record }).await
    }
}

/// Writes a record into the trail, where there is one. What goes wrong is in the log; callers are told no paths.
pub(crate) async fn written(trail: Option<&AuditLog>, record: AuditRecord) -> Result<(), Status> {
    let Some(trail) = trail.cloned() else { return Ok(()) };
    let problem = match tokio::task::spawn_blocking(move || trail.record(&record)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
        Err(error) => format!("writing the audit trail has broken down: {error}"),
    };
    tracing::error!("{problem}");
    Err(untrailed())
}
