//! What a token says of itself, before anybody has looked at its signature: good for choosing whom to ask and for asking less,
//! and for nothing else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

use crate::Secret;

/// The claims of a JWT that nobody has verified.
#[derive(Deserialize)]
pub(crate) struct Unverified {
    iss: Option<String>,
    aud: Option<Audiences>,
    exp: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Unverified {
    /// The claims of a token; `None` for one that is no JWT.
    pub(crate) fn of(token: &Secret) -> Option<Self> {
        let mut parts = token.reveal().split('.');
        let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// Whether it says that it is of this issuer.
    pub(crate) fn is_of(&self, issuer: &str) -> bool {
        self.iss.as_deref() == Some(issuer)
    }

    /// Whether it says for whom it is, and that it is for none of these.
    pub(crate) fn is_for_others(&self, audiences: &[String]) -> bool {
        match &self.aud {
            None => false,
            Some(Audiences::One(one)) => !audiences.contains(one),
            Some(Audiences::Many(many)) => !many.iter().any(|one| audiences.contains(one)),
        }
    }

    /// How long it says that it is good from `now` on; `None` when it does not say.
    pub(crate) fn lasts(&self, now: Timestamp) -> Option<Duration> {
        let left = self.exp? - now.as_duration().as_secs_f64();
        Some(Duration::try_from_secs_f64(left).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(claims: &Value) -> Option<Unverified> {
        Unverified::of(&Secret::new(format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()))))
    }

    #[test]
    fn a_token_tells_its_issuer_its_audiences_and_its_end() {
        let ours = ["ours".to_owned(), "too".to_owned()];
        for (aud, for_others) in [
            (json!("ours"), false),
            (json!(["x", "too"]), false),
            (json!("x"), true),
            (json!(["x"]), true),
            (json!([]), true),
            (Value::Null, false),
        ] {
            let claims = of(&json!({ "iss": "https://id", "aud": aud, "exp": 1_000.5 })).unwrap();
            assert_eq!(claims.is_for_others(&ours), for_others, "{aud}");
            assert!(claims.is_of("https://id") && !claims.is_of("https://id/"));
            assert_eq!(claims.lasts(Timestamp::from_second(1_000).unwrap()), Some(Duration::from_millis(500)));
            assert_eq!(claims.lasts(Timestamp::from_second(2_000).unwrap()), Some(Duration::ZERO));
        }
        assert_eq!(of(&json!({})).unwrap().lasts(Timestamp::UNIX_EPOCH), None);
        assert!(!of(&json!({})).unwrap().is_of(""));
    }

    #[test]
    fn what_is_no_jwt_tells_nothing() {
        for text in ["", "ltc_0123", "a.b", "a.b.c", "e30.e30", "e30.e30.x.y", "e30.W10.x", "e30.eyJleHAiOiJzb29uIn0.x"]
        {
            assert!(Unverified::of(&Secret::new(text)).is_none(), "{text}");
        }
        assert!(of(&json!([])).is_none());
    }
}
