//! Whom the server lets in: a layer in front of all services that finds out who calls, and how often they may.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use conductor_access::{Access, AuditLog, AuditRecord, Caller, Denied, Peer, Source, TlsAcceptor};
use http::header::AUTHORIZATION;
use http::{Request, Response};
use jiff::Timestamp;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::again::Again;
use crate::answered::CallObserver;
use crate::call::{Call, written};
use crate::in_time::in_time;
use crate::limits::{Limits, Rates};
use crate::method::Method;
use crate::status::{of_denied, too_many};

/// What stands between the world and the service.
pub struct Door {
    /// Who may call.
    pub access: Access,
    /// Makes TLS connections; `None` for plain ones.
    pub tls: Option<TlsAcceptor>,
    /// Where it is written who has changed what; `None` for the log alone.
    pub audit: Option<AuditLog>,
    /// Hears of every call.
    pub observer: Arc<dyn CallObserver>,
}

/// Lets callers in whom it knows.
#[derive(Clone)]
pub(crate) struct DoorLayer(Arc<Keeper>);

/// Services behind a door.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    keeper: Arc<Keeper>,
}

struct Keeper {
    access: Arc<Access>,
    trail: Option<AuditLog>,
    limits: Limits,
    rates: Rates<Who>,
}

/// Whose calls are counted.
#[derive(PartialEq, Eq, Hash)]
enum Who {
    Caller(Source, String),
    /// Somebody at an address where access control is off.
    Anybody(IpAddr),
    /// Somebody whom nobody knows at an address.
    Stranger(IpAddr),
}

impl Who {
    /// A caller who was let in: by name, or by address where nobody was asked for a name.
    fn of(caller: &Caller, peer: &Peer) -> Self {
        match caller.source {
            Source::Off => Self::Anybody(peer.address.ip()),
            source @ (Source::Token | Source::Oidc | Source::Certificate | Source::Kubernetes) => {
                Self::Caller(source, caller.name.clone())
            }
        }
    }
}

impl DoorLayer {
    pub(crate) fn new(access: Access, trail: Option<AuditLog>, limits: Limits) -> Self {
        let access = Arc::new(access);
        Self(Arc::new(Keeper { access, trail, limits, rates: Rates::new(&limits) }))
    }
}

impl<S> Layer<S> for DoorLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, keeper: Arc::clone(&self.0) }
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The one that is ready is called, not its clone.
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let keeper = Arc::clone(&self.keeper);
        Box::pin(async move {
            match keeper.admit(&mut request).await {
                // Reflection goes on for as long as its caller has questions.
                Ok(Method::Reflection) => ready.call(request).await,
                Ok(_) => ready.call(request.map(in_time)).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

impl Keeper {
    /// Puts into the request who calls, and answers with what. Health is everybody's to ask for.
    async fn admit(&self, request: &mut Request<Body>) -> Result<Method, Status> {
        let method = Method::of(request.uri().path());
        if method == Method::Health {
            return Ok(method);
        }
        let Some(peer) = request.extensions().get::<Peer>().cloned() else {
            return Err(Status::internal("nobody knows where the call comes from"));
        };
        let identified = self.access.identify(request.headers(), &peer).await;
        // Nothing behind the door needs the credentials, so that nothing can show them. A watch alone keeps them, out of reach,
        // for as long as it goes on.
        let again = (method == Method::Watch).then(|| Again::of(&self.access, request.headers()));
        request.headers_mut().remove(AUTHORIZATION);
        let caller = match identified {
            Ok(caller) => caller,
            Err(denied) => return Err(self.refused(method, &denied, &peer).await),
        };
        self.counted(Who::of(&caller, &peer), &caller, &peer)?;
        request.extensions_mut().insert(Call::new(caller, peer, method, self.trail.clone(), again.flatten()));
        Ok(method)
    }

    fn counted(&self, who: Who, caller: &Caller, peer: &Peer) -> Result<(), Status> {
        self.rates.take(who, Instant::now()).map_err(|wait| {
            tracing::warn!(caller = caller.name, peer = %peer.address, "the caller makes too many calls");
            too_many(self.limits.calls_per_second, wait)
        })
    }

    /// Tells the log and the trail of somebody whom nobody knows. Who tries too often is told of no more, or anybody could
    /// fill the disk.
    async fn refused(&self, method: Method, denied: &Denied, peer: &Peer) -> Status {
        if let Err(wait) = self.rates.take(Who::Stranger(peer.address.ip()), Instant::now()) {
            return too_many(self.limits.calls_per_second, wait);
        }
        let (name, reason) = (method.name(), denied.reason());
        tracing::warn!(peer = %peer.address, method = name, "nobody is let in: {reason}");
        if method.changes() {
            let record = AuditRecord::refused(denied, peer, name, Timestamp::now());
            // What is refused changes nothing, so that it does not matter whether it could be written.
            let _ = written(self.trail.as_ref(), record).await;
        }
        of_denied(denied)
    }
}
