//! Signed tokens (JWS in the compact form), and the public keys that verify them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

/// An algorithm that tokens may be signed by. None of them knows a shared secret, and `none` is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA (PKCS #1 v1.5) with SHA-256.
    RS256,
    /// RSA (PKCS #1 v1.5) with SHA-384.
    RS384,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    RS512,
    /// RSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A token in its parts, not verified yet.
pub(super) struct Signed<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    /// What is signed: header and payload as they came.
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: serde_json::Value,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// A public key of an issuer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Key {
    kty: String,
    pub(super) kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl<'a> Signed<'a> {
    pub(super) fn parse(token: &'a str, allowed: &[Algorithm]) -> Result<Self, String> {
        let malformed = || "it is no signed JWT".to_owned();
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = message.split_once('.').ok_or_else(malformed)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| malformed())?;
        let algorithm = Algorithm::deserialize(&header.alg).ok().filter(|of| allowed.contains(of));
        let algorithm = algorithm
            .ok_or_else(|| format!("its algorithm {} is not allowed, expected one of {allowed:?}", header.alg))?;
        if header.crit.is_some() {
            return Err("it has critical extensions, which nobody here knows".to_owned());
        }
        Ok(Self { algorithm, kid: header.kid, message, payload: decoded(payload)?, signature: decoded(signature)? })
    }

    /// The payload, once the key says that the issuer has signed it.
    pub(super) fn verify(self, key: &Key) -> Result<Vec<u8>, String> {
        if key.verifies(self.algorithm, self.message.as_bytes(), &self.signature) {
            Ok(self.payload)
        } else {
            Err("its signature is wrong".to_owned())
        }
    }
}

impl Key {
    /// Whether the key may verify tokens of that algorithm: the key decides its kind, never the token alone.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        let kind = (self.kty.as_str(), self.crv.as_deref());
        let fits = match algorithm {
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256 => kind.0 == "RSA",
            Algorithm::ES256 => kind == ("EC", Some("P-256")),
            Algorithm::ES384 => kind == ("EC", Some("P-384")),
            Algorithm::EdDsa => kind == ("OKP", Some("Ed25519")),
        };
        let named = self.alg.as_deref().is_none_or(|alg| alg == algorithm.name());
        fits && named && self.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], by: &[u8]) -> bool {
        let part = |of: &Option<String>| of.as_ref().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let rsa = |parameters| {
            let (Some(n), Some(e)) = (part(&self.n), part(&self.e)) else { return false };
            RsaPublicKeyComponents { n, e }.verify(parameters, message, by).is_ok()
        };
        let ecdsa = |parameters: &'static signature::EcdsaVerificationAlgorithm, width| {
            let (Some(x), Some(y)) = (part(&self.x), part(&self.y)) else { return false };
            if x.len() != width || y.len() != width {
                return false;
            }
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            UnparsedPublicKey::new(parameters, point).verify(message, by).is_ok()
        };
        if !self.is_for(algorithm) {
            return false;
        }
        match algorithm {
            Algorithm::RS256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::ES256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED, 32),
            Algorithm::ES384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED, 48),
            Algorithm::EdDsa => part(&self.x)
                .is_some_and(|x| UnparsedPublicKey::new(&signature::ED25519, x).verify(message, by).is_ok()),
        }
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
