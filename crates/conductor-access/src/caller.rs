//! Who calls, and from where.

use std::fmt;
use std::net::SocketAddr;

use crate::{Denied, Grants, Role};

/// Somebody who has been identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name, as whoever identified the caller tells it.
    pub name: String,
    /// How the caller was identified.
    pub source: Source,
    /// What the caller may do.
    pub grants: Grants,
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
    /// Whether the caller's roles are enough for what needs `role` in `environment`.
    #[must_use]
    pub fn may(&self, role: Role, environment: &str) -> bool {
        self.grants.may(role, environment)
    }

    /// Refuses a caller whose roles are not enough for what needs `role` in `environment`. The answer is the same for
    /// an environment that does not exist, so that nobody learns which ones do.
    ///
    /// # Errors
    /// When the roles are not enough.
    pub fn require(&self, role: Role, environment: &str) -> Result<(), Denied> {
        if self.may(role, environment) { Ok(()) } else { Err(Denied::forbidden(self, role, environment)) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Token => "token",
            Self::Oidc => "oidc",
            Self::Certificate => "certificate",
        })
    }
}
