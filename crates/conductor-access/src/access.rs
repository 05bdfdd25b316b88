//! Identifying callers by any of the ways that the settings name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::ports::CallerReview;
use conductor_core::units::Span;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::oidc::Oidc;
use crate::reviewed::Reviews;
use crate::token_file::TokenFile;
use crate::unverified::Unverified;
use crate::{
    AccessSettings, Caller, CertificateCaller, Denied, Grants, OidcProblem, Peer, ReviewProblem, Role, Secret, Source,
    TokenFileProblem,
};

/// A longer token is nobody's, and is refused before any work is done with it.
const LONGEST_TOKEN: usize = 16 * 1024;

/// How often those are looked at again whose call goes on, where nothing is said, and at most.
const LOOK_AGAIN: Span = Span::seconds(30);
const OFTENEST: Span = Span::seconds(1);

/// Who may call a server.
pub struct Access(Ways);

enum Ways {
    Off,
    On(Box<On>),
}

struct On {
    tokens: Option<TokenFile>,
    oidc: Option<Oidc>,
    reviews: Option<Reviews>,
    certificates: Vec<CertificateCaller>,
    look_again: Span,
}

/// Why access control cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AccessProblem {
    /// It is off for a server that others can reach.
    #[error("access.off")]
    Off(#[source] NotLoopback),
    /// It is off, and ways are named all the same.
    #[error("access.off: is true, but ways to identify callers are set as well; expected either")]
    OffAndOn,
    /// No way to identify a caller is named.
    #[error(
        "access: names no way to identify callers; expected at least one of tokens, oidc, kubernetes and certificates"
    )]
    NoWay,
    /// The file of tokens cannot be used.
    #[error("access.tokens.file")]
    Tokens(#[source] TokenFileProblem),
    /// The issuer's settings are wrong.
    #[error("access.oidc")]
    Oidc(#[source] OidcProblem),
    /// The settings of callers whom a cluster knows are wrong.
    #[error("access.kubernetes")]
    Kubernetes(#[source] ReviewProblem),
    /// Those whose call goes on are looked at too often.
    #[error("access.lookAgain: {0} is too short; expected at least {OFTENEST}")]
    LookAgain(Span),
    /// A certificate's name is none.
    #[error(
        "access.certificates[{index}].name: {name:?} is no name in a certificate; expected `dns:NAME` or `uri:URI`"
    )]
    Name {
        /// Its place in the list, from 0.
        index: usize,
        /// The name.
        name: String,
    },
    /// A certificate's name is there twice.
    #[error("access.certificates[{index}].name: {name:?} stands there twice; expected each name once")]
    Twice {
        /// The place of the second one in the list, from 0.
        index: usize,
        /// The name.
        name: String,
    },
}

/// Access control must not be off there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "access control may be off only on a loopback address, and {address} is none; expected 127.0.0.1, ::1, or a way to identify callers"
)]
pub struct NotLoopback {
    address: SocketAddr,
}

impl Access {
    /// Sets up what the settings say, for a server that listens there and asks no cluster who calls.
    ///
    /// # Errors
    /// When the settings contradict each other, name nothing, or name a file that cannot be used.
    pub fn new(settings: &AccessSettings, listen: SocketAddr) -> Result<Self, AccessProblem> {
        Self::reviewed(settings, listen, None)
    }

    /// Sets up what the settings say, for a server that listens there. `review` is needed where they say that a cluster is asked.
    ///
    /// # Errors
    /// When the settings contradict each other, name nothing, or name a file that cannot be used.
    pub fn reviewed(
        settings: &AccessSettings,
        listen: SocketAddr,
        review: Option<Arc<dyn CallerReview>>,
    ) -> Result<Self, AccessProblem> {
        let named = settings.tokens.is_some()
            || settings.oidc.is_some()
            || settings.kubernetes.is_some()
            || !settings.certificates.is_empty();
        if settings.off && named {
            return Err(AccessProblem::OffAndOn);
        }
        if settings.off {
            return Self::off_for(listen).map_err(AccessProblem::Off);
        }
        if !named {
            return Err(AccessProblem::NoWay);
        }
        check_names(&settings.certificates)?;
        let look_again = settings.look_again.unwrap_or(LOOK_AGAIN);
        if look_again < OFTENEST {
            return Err(AccessProblem::LookAgain(look_again));
        }
        let tokens = settings.tokens.as_ref().map(|tokens| TokenFile::open(&tokens.file)).transpose();
        let oidc = settings.oidc.as_ref().map(Oidc::new).transpose();
        let reviews = settings.kubernetes.as_ref().map(|settings| {
            let review = review.ok_or(ReviewProblem::NobodyAsks)?;
            Reviews::new(settings, review)
        });
        Ok(Self(Ways::On(Box::new(On {
            tokens: tokens.map_err(AccessProblem::Tokens)?,
            oidc: oidc.map_err(AccessProblem::Oidc)?,
            reviews: reviews.transpose().map_err(AccessProblem::Kubernetes)?,
            certificates: settings.certificates.clone(),
            look_again,
        }))))
    }

    /// No access control, for a server that only this machine reaches.
    ///
    /// # Errors
    /// When the address is not a loopback address.
    pub fn off_for(listen: SocketAddr) -> Result<Self, NotLoopback> {
        if listen.ip().to_canonical().is_loopback() {
            Ok(Self(Ways::Off))
        } else {
            Err(NotLoopback { address: listen })
        }
    }

    /// What the log says at start: by what callers are identified.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Ways::On(on) = &self.0 else {
            return "access control is OFF: everybody on this machine may do everything".to_owned();
        };
        let ways = [
            on.tokens.as_ref().map(|_| "static tokens"),
            on.oidc.as_ref().map(|_| "OpenID Connect"),
            on.reviews.as_ref().map(|_| "Kubernetes"),
            (!on.certificates.is_empty()).then_some("client certificates"),
        ];
        let ways: Vec<_> = ways.into_iter().flatten().collect();
        format!("access control is on: callers are identified by {}", ways.join(", "))
    }

    /// How often those are looked at again whose call goes on; `None` where nobody is looked at.
    #[must_use]
    pub fn look_again(&self) -> Option<Duration> {
        match &self.0 {
            Ways::Off => None,
            Ways::On(on) => Some(on.look_again.as_duration()),
        }
    }

    /// Finds out who calls. A bearer token counts alone: a wrong one is refused, whatever certificate there is.
    ///
    /// # Errors
    /// When nobody is identified, or it cannot be found out now.
    pub async fn identify(&self, headers: &HeaderMap, peer: &Peer) -> Result<Caller, Denied> {
        match &self.0 {
            Ways::Off => Ok(anybody()),
            Ways::On(on) => match bearer(headers)? {
                Some(token) => on.by_token(&token).await,
                None => on.by_certificate(peer),
            },
        }
    }
}

impl On {
    async fn by_token(&self, token: &Secret) -> Result<Caller, Denied> {
        if let Some(caller) = self.tokens.as_ref().and_then(|tokens| tokens.caller(token)) {
            return Ok(caller);
        }
        match (&self.oidc, &self.reviews) {
            // A made token has no dot, a JWT has two: the issuer is asked only about what may be its own.
            (Some(oidc), None) if token.reveal().contains('.') => oidc.caller(token).await,
            // Each has its own: what a token says of itself is enough to choose whom to ask.
            (Some(oidc), Some(_)) if Unverified::of(token).is_some_and(|claims| claims.is_of(oidc.issuer())) => {
                oidc.caller(token).await
            }
            (_, Some(reviews)) => reviews.caller(token).await.map(Caller::known),
            (Some(_) | None, None) => Err(Denied::unauthenticated("the bearer token is unknown")),
        }
    }

    fn by_certificate(&self, peer: &Peer) -> Result<Caller, Denied> {
        if peer.certificate_names.is_empty() {
            return Err(Denied::unauthenticated(
                "there is neither a bearer token nor a client certificate with a name",
            ));
        }
        let mut known = self.certificates.iter().filter(|caller| peer.certificate_names.contains(&caller.name));
        match (known.next(), known.next()) {
            (Some(one), None) => Ok(Caller::granted(&one.name, Source::Certificate, one.roles.clone())),
            (None, _) => Err(Denied::unauthenticated(format!(
                "no caller has a certificate with any of {:?}",
                peer.certificate_names
            ))),
            // Roles are not added up: the audit trail has to name one caller.
            (Some(_), Some(_)) => {
                Err(Denied::unauthenticated(format!("the names {:?} are of several callers", peer.certificate_names)))
            }
        }
    }
}

fn anybody() -> Caller {
    let mut grants = Grants::default();
    grants.grant_everywhere(Role::Admin);
    Caller::granted("anybody", Source::Off, grants)
}

fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Denied::unauthenticated("there is more than one header `authorization`"));
    }
    let text = value.to_str().map_err(|_| Denied::unauthenticated("the header `authorization` is not ASCII"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Denied::unauthenticated("the header `authorization` is not `Bearer TOKEN`"));
    }
    if token.len() > LONGEST_TOKEN {
        return Err(Denied::unauthenticated(format!("the bearer token is longer than {LONGEST_TOKEN} bytes")));
    }
    Ok(Some(Secret::new(token)))
}

fn check_names(callers: &[CertificateCaller]) -> Result<(), AccessProblem> {
    for (index, CertificateCaller { name, .. }) in callers.iter().enumerate() {
        let rest = name.strip_prefix("dns:").or_else(|| name.strip_prefix("uri:"));
        if rest.is_none_or(str::is_empty) {
            return Err(AccessProblem::Name { index, name: name.clone() });
        }
        if callers[..index].iter().any(|earlier| earlier.name == *name) {
            return Err(AccessProblem::Twice { index, name: name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
