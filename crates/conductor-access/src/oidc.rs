//! Tokens of an OpenID Connect issuer: their signature, whom they are for, until when, and who they say calls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use conductor_core::units::Span;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{Caller, Denied, Grants, Secret, Source};

mod claims;
mod fetch;
mod jws;
mod keys;

pub use jws::Algorithm;
use keys::Keys;

/// An OpenID Connect issuer, and what its tokens mean here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcSettings {
    /// The issuer's URL, exactly as its tokens have it in `iss`.
    pub issuer: String,
    /// What a token must have in `aud`.
    pub audience: String,
    /// The algorithms that a token may be signed by.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks of issuer and server may be apart.
    #[serde(default = "default_leeway")]
    pub leeway: Span,
    /// The claim with the caller's name.
    #[serde(default = "default_name_claim")]
    pub name_claim: String,
    /// The claim with the caller's groups: a list of texts, or one text.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// What the members of a group may do. A caller without such a group is known, but may do nothing.
    pub groups: BTreeMap<String, Grants>,
    /// The authorities of the issuer's certificate, in PEM, beside those that the system knows.
    pub ca_file: Option<PathBuf>,
    /// How old the issuer's keys may get before they are asked for again.
    #[serde(default = "default_refresh_every")]
    pub refresh_every: Span,
    /// How long a token with an unknown key has to wait until the issuer may be asked once more.
    #[serde(default = "default_refetch_after")]
    pub refetch_after: Span,
    /// How long the keys are good while the issuer cannot be reached.
    #[serde(default = "default_keep_for")]
    pub keep_for: Span,
}

/// Why an issuer's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OidcProblem {
    /// The issuer is no URL, or one that anybody between may change.
    #[error("issuer: {issuer:?} is not safe; expected a URL with https, or with http on loopback")]
    Issuer {
        /// The URL.
        issuer: String,
    },
    /// A setting must not be empty.
    #[error("{field}: is empty; expected {expected}")]
    Empty {
        /// The setting.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The file of authorities cannot be read.
    #[error("caFile: reading {}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The client for the issuer cannot be made.
    #[error("making the client for the issuer")]
    Client(#[source] reqwest::Error),
}

pub(crate) struct Oidc {
    settings: OidcSettings,
    keys: Arc<Keys>,
}

impl Oidc {
    /// Takes the settings. The issuer is asked at the first token, so that a server starts without it.
    pub(crate) fn new(settings: &OidcSettings) -> Result<Self, OidcProblem> {
        let empty = |field, expected| Err(OidcProblem::Empty { field, expected });
        if settings.audience.is_empty() {
            return empty("audience", "what tokens for this server have in `aud`");
        }
        if settings.algorithms.is_empty() {
            return empty("algorithms", "at least one, such as RS256");
        }
        if settings.groups.is_empty() {
            return empty("groups", "at least one group with its roles");
        }
        Ok(Self { settings: settings.clone(), keys: Arc::new(Keys::new(settings)?) })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    pub(crate) async fn caller(&self, token: &Secret) -> Result<Caller, Denied> {
        let refused = |problem: String| Denied::unauthenticated(format!("the token of the issuer: {problem}"));
        let signed = jws::Signed::parse(token.reveal(), &self.settings.algorithms).map_err(refused)?;
        let key = Keys::find(&self.keys, &signed).await?;
        let payload = signed.verify(&key).map_err(refused)?;
        let who = claims::check(&payload, &self.settings, Timestamp::now()).map_err(refused)?;
        let mut grants = Grants::default();
        for group in &who.groups {
            if let Some(given) = self.settings.groups.get(group) {
                grants.add(given);
            }
        }
        Ok(Caller::granted(who.name, Source::Oidc, grants))
    }
}

fn default_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256]
}

fn default_leeway() -> Span {
    Span::seconds(60)
}

fn default_name_claim() -> String {
    "sub".to_owned()
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

fn default_refresh_every() -> Span {
    Span::minutes(10)
}

fn default_refetch_after() -> Span {
    Span::seconds(10)
}

fn default_keep_for() -> Span {
    Span::minutes(24 * 60)
}

#[cfg(test)]
#[path = "oidc_tests.rs"]
mod tests;
