//! Static bearer tokens: how one is made, and the hash by which it is known again.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

use crate::Secret;

const BYTES: usize = 32;

/// The SHA-256 of a token. A slow hash would gain nothing: a made token has 256 random bits, so that nobody can guess
/// it, whereas a slow hash at each call would let anybody keep the server busy.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; BYTES]);

/// By what a token is known again while something is remembered of it. It does not give the token back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey([u8; BYTES]);

/// The system has no random numbers, so that no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("making a token: the system gives no random numbers")]
pub struct NoRandomness;

/// A text that is no hash of a token. It is not repeated: it may be a token that stands there by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no hash of a token: expected `sha256:` and 64 lower-case hexadecimal digits")]
pub struct BadHash;

/// Makes a token, and the hash that is to be kept of it.
///
/// # Errors
/// When the system has no random numbers.
pub fn make_token() -> Result<(Secret, TokenHash), NoRandomness> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    let token = Secret::new(format!("ltc_{}", hex(&bytes)));
    let hash = TokenHash::of(&token);
    Ok((token, hash))
}

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &Secret) -> Self {
        let mut hash = [0; BYTES];
        hash.copy_from_slice(digest(&SHA256, token.reveal().as_bytes()).as_ref());
        Self(hash)
    }

    /// Whether this is the hash of that token. It takes as long, whatever the answer is.
    #[must_use]
    pub fn is_of(&self, token: &Secret) -> bool {
        self.is(&Self::of(token))
    }

    /// Whether both are the same, in a time that does not tell how much of them is.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl TokenKey {
    /// The key of a token.
    pub(crate) fn of(token: &Secret) -> Self {
        Self(TokenHash::of(token).0)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(hidden)")
    }
}

impl FromStr for TokenHash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let digits = text.strip_prefix("sha256:").ok_or(BadHash)?.as_bytes();
        if digits.len() != 2 * BYTES {
            return Err(BadHash);
        }
        let mut hash = [0; BYTES];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

fn digit(of: u8) -> Result<u8, BadHash> {
    match of {
        b'0'..=b'9' => Ok(of - b'0'),
        b'a'..=b'f' => Ok(of - b'a' + 10),
        _ => Err(BadHash),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_is_known_by_its_hash_after_it_was_written_and_read() {
        let (token, hash) = make_token().unwrap();
        let read: TokenHash = hash.to_string().parse().unwrap();
        assert!(read.is_of(&token));
        assert!(!read.is_of(&Secret::new(format!("{}x", token.reveal()))));
        assert!(!read.is_of(&make_token().unwrap().0));
    }

    #[test]
    fn the_hash_is_sha_256_as_others_compute_it() {
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenHash::of(&Secret::new("abc")).to_string(), expected);
    }

    #[test]
    fn a_text_that_is_no_hash_is_refused_without_being_told() {
        let upper = format!("sha256:{}", "A".repeat(64));
        for text in ["", "ltc_token", "sha256:", "sha256:ab", upper.as_str(), &"0".repeat(64)] {
            let refused = text.parse::<TokenHash>().unwrap_err().to_string();
            let expected = "is no hash of a token: expected `sha256:` and 64 lower-case hexadecimal digits";
            assert_eq!(refused, expected, "{text}");
        }
    }
}
