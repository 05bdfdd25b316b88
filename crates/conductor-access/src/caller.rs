//! Who calls, and from where.

use std::fmt;
use std::net::SocketAddr;

use crate::reviewed::Known;
use crate::{Denied, Grants, Role};

/// Somebody who has been identified.
#[derive(Clone)]
pub struct Caller {
    /// The name, as whoever identified the caller tells it.
    pub name: String,
    /// How the caller was identified.
    pub source: Source,
    rights: Rights,
}

/// What a caller may do.
#[derive(Clone)]
enum Rights {
    /// What the settings, or a file of theirs, give.
    Granted(Grants),
    /// What the cluster says when it is asked.
    Asked(Known),
}

/// How a caller was identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// By nothing: access control is off, and the server listens on loopback alone.
    Off,
    /// By a static bearer token.
    Token,
    /// By a token of an OpenID Connect issuer.
    Oidc,
    /// By a client certificate.
    Certificate,
    /// By a token that a cluster knows.
    Kubernetes,
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The subject alternative names of its certificate, as `dns:NAME` and `uri:URI`. Only what TLS has verified may
    /// stand here; it is empty without a client certificate.
    pub certificate_names: Vec<String>,
}

impl Caller {
    pub(crate) fn granted(name: impl Into<String>, source: Source, grants: Grants) -> Self {
        Self { name: name.into(), source, rights: Rights::Granted(grants) }
    }

    pub(crate) fn known(known: Known) -> Self {
        Self { name: known.who.name.clone(), source: Source::Kubernetes, rights: Rights::Asked(known) }
    }

    /// Whether the caller's roles are enough for what needs `role` in `environment`.
    ///
    /// # Errors
    /// When that cannot be found out now.
    pub async fn may(&self, role: Role, environment: &str) -> Result<bool, Denied> {
        match &self.rights {
            Rights::Granted(grants) => Ok(grants.may(role, environment)),
            Rights::Asked(known) => known.may(role, environment).await,
        }
    }

    /// Refuses a caller whose roles are not enough for what needs `role` in `environment`. The answer is the same for
    /// an environment that does not exist, so that nobody learns which ones do.
    ///
    /// # Errors
    /// When the roles are not enough, or that cannot be found out now.
    pub async fn require(&self, role: Role, environment: &str) -> Result<(), Denied> {
        if self.may(role, environment).await? { Ok(()) } else { Err(Denied::forbidden(self, role, environment)) }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("name", &self.name).field("source", &self.source).finish_non_exhaustive()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Token => "token",
            Self::Oidc => "oidc",
            Self::Certificate => "certificate",
            Self::Kubernetes => "kubernetes",
        })
    }
}
