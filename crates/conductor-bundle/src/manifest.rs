//! What is in a bundle.

use std::fmt::Write;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The version of bundles.
pub(crate) const API_VERSION: &str = "loadtest-conductor.dev/v1alpha1";
/// What a bundle's manifest says that it is of.
pub(crate) const KIND: &str = "EvidenceBundle";

/// The manifest of a bundle, `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `loadtest-conductor.dev/v1alpha1`.
    pub api_version: String,
    /// `EvidenceBundle`.
    pub kind: String,
    /// The run.
    pub run: String,
    /// The version of the program that has made the bundle.
    pub program: String,
    /// Its files, in their order.
    pub files: Vec<Entry>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Entry {
    /// The entry of a file.
    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        Self { name: name.to_owned(), size: content.len() as u64, sha256: sha256(content) }
    }
}

fn sha256(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_the_published_one() {
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Entry::of("x", b"abc"), Entry { name: "x".to_owned(), size: 3, sha256: sum.to_owned() });
    }
}
