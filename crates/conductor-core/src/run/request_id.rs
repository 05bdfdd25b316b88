//! The id that a caller gives a request, so that asking again does not do it again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller names its request to start a run. The same request makes one run, however often it is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// A text that is no request id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request id of {length} bytes is {problem}; expected up to 128 visible ASCII characters, such as a UUID")]
pub struct RequestIdError {
    length: usize,
    problem: &'static str,
}

impl RequestId {
    const LONGEST: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let problem = match text.len() {
            0 => "empty",
            length if length > Self::LONGEST => "too long",
            _ if !text.chars().all(|c| c.is_ascii_graphic()) => "not all visible ASCII",
            _ => return Ok(Self(text.to_owned())),
        };
        Err(RequestIdError { length: text.len(), problem })
    }
}

impl TryFrom<String> for RequestId {
    type Error = RequestIdError;

    fn try_from(text: String) -> Result<Self, RequestIdError> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_visible_and_not_too_long() {
        for text in ["x", "0c3b8f0e-7a8e-4b59-9d0a-6f5b1f6f7a11", "nightly/2026-11-28#1", &"x".repeat(128)] {
            assert_eq!(text.parse::<RequestId>().unwrap().as_str(), text);
        }
        for (text, expected) in [
            ("", "0 bytes is empty"),
            ("two words", "9 bytes is not all visible ASCII"),
            ("größe", "7 bytes is not all visible ASCII"),
            ("nul\0", "4 bytes is not all visible ASCII"),
            (&"x".repeat(129), "129 bytes is too long"),
        ] {
            assert_eq!(
                text.parse::<RequestId>().unwrap_err().to_string(),
                format!("a request id of {expected}; expected up to 128 visible ASCII characters, such as a UUID")
            );
        }
    }
}
