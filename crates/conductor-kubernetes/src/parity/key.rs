//! Hashes that tell whether two values are the same, and nothing else of them.

use conductor_core::parity::ValueHash;
use conductor_core::ports::{FailureKind, PortError};
use ring::hmac;
use ring::rand::SystemRandom;

/// The key of one report. Nobody keeps it, so that no list of probable values helps to find the one that was hashed.
pub(super) struct Key(hmac::Key);

impl Key {
    /// A key that never was before.
    pub(super) fn fresh() -> Result<Self, PortError> {
        let refused = |_| PortError::new(FailureKind::Unavailable, "the system gives no random numbers for a key");
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map(Self).map_err(refused)
    }

    /// The hash of a value under a name: the same value under another name has another hash.
    pub(super) fn hash(&self, name: &str, value: &str) -> ValueHash {
        let mut context = hmac::Context::with_key(&self.0);
        // A length, so that no name and value run into each other.
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
        context.update(value.as_bytes());
        let tag = context.sign();
        let mut first = [0; 8];
        first.copy_from_slice(&tag.as_ref()[..8]);
        ValueHash::of(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_its_key_name_and_value() {
        let (key, other) = (Key::fresh().unwrap(), Key::fresh().unwrap());
        let hash = key.hash("PASSWORD", "secret");
        assert_eq!(hash, key.hash("PASSWORD", "secret"));
        assert_ne!(hash, key.hash("PASSWORD", "secreT"));
        assert_ne!(hash, key.hash("PASSWOR", "Dsecret"));
        assert_ne!(hash, other.hash("PASSWORD", "secret"), "what was hashed before tells nothing of it");
        assert_eq!(hash.to_string().len(), 17);
    }
}
