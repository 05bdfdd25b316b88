//! Asking an issuer for its keys.

use std::time::Duration;

use reqwest::{Certificate, Client, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::jws::Key;
use super::{OidcProblem, OidcSettings};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Issuers have a few keys; a longer answer is none of theirs.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// A client for one issuer.
pub(super) struct Fetch {
    client: Client,
    issuer: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Fetch {
    pub(super) fn new(settings: &OidcSettings) -> Result<Self, OidcProblem> {
        if safe(&settings.issuer).is_none() {
            return Err(OidcProblem::Issuer { issuer: settings.issuer.clone() });
        }
        // The settings alone say whom to ask, and not what a shell or a container sets for its programs.
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).no_proxy();
        if let Some(path) = &settings.ca_file {
            let bytes = std::fs::read(path).map_err(|source| OidcProblem::Ca { path: path.clone(), source })?;
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(&bytes).map_err(OidcProblem::Client)?);
        }
        Ok(Self { client: builder.build().map_err(OidcProblem::Client)?, issuer: settings.issuer.clone() })
    }

    /// The keys that the issuer has now. Keys of a kind that nobody here knows are left out, as the standard wants.
    pub(super) async fn keys(&self) -> Result<Vec<Key>, String> {
        let found = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.get(&found).await?;
        if discovery.issuer != self.issuer {
            return Err(format!("{found} is of issuer {:?}, expected {:?}", discovery.issuer, self.issuer));
        }
        let set: KeySet = self.get(&discovery.jwks_uri).await?;
        let keys: Vec<Key> = set.keys.iter().filter_map(|key| Key::deserialize(key).ok()).collect();
        if keys.is_empty() { Err(format!("{} has no keys", discovery.jwks_uri)) } else { Ok(keys) }
    }

    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, String> {
        let url =
            safe(address).ok_or_else(|| format!("{address:?} is not safe; expected https, or http on loopback"))?;
        let failed = |problem: reqwest::Error| format!("asking {address}: {}", causes(&problem));
        let answer = self.client.get(url).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(format!("asking {address}: it answered {}", answer.status()));
        }
        let (mut answer, mut bytes) = (answer, Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_ANSWER {
                return Err(format!("asking {address}: the answer is longer than {LONGEST_ANSWER} bytes"));
            }
        }
        serde_json::from_slice(&bytes)
            .map_err(|problem| format!("asking {address}: its answer is not what it should be: {problem}"))
    }
}

/// The address, if nobody between can change what comes from there.
fn safe(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (url.scheme() == "https" || url.scheme() == "http" && loopback).then_some(url)
}

fn causes(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut next = problem.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
