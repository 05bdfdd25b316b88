//! A call whose caller is known, and what the audit trail tells of it.

use std::collections::BTreeSet;

use conductor_access::{AuditLog, AuditRecord, Caller, Denied, Outcome, Peer, Refusal, Role, Source};
use conductor_core::run::RunId;
use futures::future::try_join_all;
use jiff::Timestamp;
use tonic::{Request, Status};

use crate::again::Again;
use crate::method::Method;
use crate::status::{of_denied, untrailed};

/// Who calls which method, from where. The door puts it into the extensions of a request.
#[derive(Clone)]
pub(crate) struct Call {
    caller: Caller,
    peer: Peer,
    method: Method,
    trail: Option<AuditLog>,
    again: Option<Again>,
}

impl Call {
    pub(crate) fn new(
        caller: Caller,
        peer: Peer,
        method: Method,
        trail: Option<AuditLog>,
        again: Option<Again>,
    ) -> Self {
        Self { caller, peer, method, trail, again }
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
            Source::Token | Source::Oidc | Source::Certificate | Source::Kubernetes => Some(self.caller.name.clone()),
        }
    }

    /// Those of the environments of which the caller may see runs.
    pub(crate) async fn seen<'a>(&self, environments: BTreeSet<&'a str>) -> Result<BTreeSet<&'a str>, Status> {
        let asked = environments.into_iter().map(async |environment| {
            let seen = self.caller.may(Role::Viewer, environment).await;
            seen.map(|seen| seen.then_some(environment)).map_err(|denied| self.refused(&denied))
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    /// Refuses a caller who has not the role in an environment.
    pub(crate) async fn require(&self, role: Role, environment: &str) -> Result<(), Refused> {
        self.caller.require(role, environment).await.map_err(|denied| {
            let is_decided = denied.refusal() != Refusal::Unavailable;
            Refused { is_decided, status: self.refused(&denied) }
        })
    }

    /// Waits until the caller may not go on to see runs of an environment: there are no valid credentials any more, or the role
    /// was taken away, or neither can be told now, so that a new call would be refused as well.
    pub(crate) async fn shut_out(&self, environment: &str) -> Status {
        let Some(again) = &self.again else { return std::future::pending().await };
        let mut times = again.times();
        loop {
            times.tick().await;
            let permitted = match again.identify(&self.peer).await {
                Ok(caller) => caller.require(Role::Viewer, environment).await,
                Err(denied) => Err(denied),
            };
            if let Err(denied) = permitted {
                return self.refused(&denied);
            }
        }
    }

    fn refused(&self, denied: &Denied) -> Status {
        let (method, reason) = (self.method.name(), denied.reason());
        tracing::warn!(peer = %self.peer.address, method, "a call is refused: {reason}");
        of_denied(denied)
    }
}

/// Why somebody may not do something, which the log has been told.
pub(crate) struct Refused {
    /// False where nobody can tell now whether they may.
    pub(crate) is_decided: bool,
    /// What they are told.
    pub(crate) status: Status,
}

impl Refused {
    /// What the trail tells of it.
    pub(crate) const fn outcome(&self) -> Outcome {
        if self.is_decided { Outcome::Forbidden } else { Outcome::Unavailable }
    }
}

/// A call that changes something, as the audit trail tells it: `allowed` before it is done, and what came of it.
pub(crate) struct Change {
    call: Call,
    environment: Option<String>,
    run: Option<RunId>,
    refused: Option<Outcome>,
}

impl Change {
    /// The change that a request asks for.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        Ok(Self { call: Call::of(request)?, environment: None, run: None, refused: None })
    }

    /// The call.
    pub(crate) const fn call(&self) -> &Call {
        &self.call
    }

    /// Notes the run that it is about.
    pub(crate) fn about(&mut self, run: &RunId) {
        self.run = Some(run.clone());
    }

    /// Notes that its run is none that the caller may see, as far as that is known.
    pub(crate) fn hidden(&mut self, environment: &str, outcome: Outcome) {
        self.environment = Some(environment.to_owned());
        self.refused = Some(outcome);
    }

    /// Lets an operator of the environment go on, once that is in the trail.
    ///
    /// # Errors
    /// When the caller is none, when nobody can tell now, or when the trail cannot be written.
    pub(crate) async fn permit(&mut self, environment: &str) -> Result<(), Status> {
        self.environment = Some(environment.to_owned());
        if let Err(refused) = self.call.require(Role::Operator, environment).await {
            self.refused = Some(refused.outcome());
            return Err(refused.status);
        }
        self.told(Outcome::Allowed).await
    }

    /// Tells the trail what came of it.
    pub(crate) async fn end<T>(self, result: Result<T, Status>) -> Result<T, Status> {
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(_) => self.refused.unwrap_or(Outcome::Failed),
        };
        // It is done, or it is not: that the trail cannot say so changes nothing of it, and is in the log.
        let _ = self.told(outcome).await;
        result
    }

    async fn told(&self, outcome: Outcome) -> Result<(), Status> {
        let Self { call: Call { caller, peer, method, trail, .. }, environment, run, .. } = self;
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
