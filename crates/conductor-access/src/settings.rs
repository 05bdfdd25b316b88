//! The settings of who may call.

use std::path::PathBuf;

use conductor_core::units::Span;
use serde::Deserialize;

use crate::{Grants, OidcSettings, ReviewSettings};

/// By what callers are identified. At least one way is needed, unless access control is off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessSettings {
    /// Whether everybody who reaches the server may do everything. Only a server on loopback starts so.
    #[serde(default)]
    pub off: bool,
    /// Static bearer tokens.
    pub tokens: Option<TokenSettings>,
    /// Tokens of an OpenID Connect issuer.
    pub oidc: Option<OidcSettings>,
    /// Tokens that a cluster knows, such as those of ServiceAccounts.
    pub kubernetes: Option<ReviewSettings>,
    /// Callers with client certificates, by the names in these.
    #[serde(default)]
    pub certificates: Vec<CertificateCaller>,
    /// How often those are looked at again whose call goes on, such as a watch. Absent for half a minute.
    pub look_again: Option<Span>,
}

/// Static bearer tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenSettings {
    /// The file of their hashes: `NAME sha256:HASH ROLE[@ENVIRONMENT] …` in each line.
    pub file: PathBuf,
}

/// A caller with a client certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateCaller {
    /// One subject alternative name of the certificate, as `dns:NAME` or `uri:URI`; its subject does not count.
    pub name: String,
    /// What the caller may do: `ROLE` everywhere, `ROLE@ENVIRONMENT` in one.
    pub roles: Grants,
}
