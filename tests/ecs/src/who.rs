//! Who asks, and where: read from the signature of a request as AWS does it, but that no secret is checked.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// The region of everybody who names none.
pub(crate) const REGION: &str = "eu-central-1";

/// Who sends a request, and to which region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The id of the access key.
    pub access_key: String,
    /// The ARN of the session, where the key is that of a role which was assumed here.
    pub role: Option<String>,
    /// The region.
    pub region: String,
}

impl Who {
    /// A user by the id of an access key, in the region of the bed.
    pub(crate) fn user(access_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), role: None, region: REGION.to_owned() }
    }

    /// Who has signed a request: `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scope = header.split_once("Credential=").map_or("", |(_, rest)| rest.split(',').next().unwrap_or(rest));
        let mut parts = scope.split('/');
        let access_key = parts.next().unwrap_or_default().to_owned();
        let region = parts.nth(1).filter(|region| !region.is_empty()).unwrap_or(REGION).to_owned();
        Self { access_key, role: None, region }
    }

    /// The header of a request by this user to one of the services; moto reads who and where, and does not check the rest.
    pub(crate) fn authorization(&self, service: &str) -> String {
        let Self { access_key, region, .. } = self;
        let scope = format!("{access_key}/20260101/{region}/{service}/aws4_request");
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    }
}

/// A moment as the protocol writes it: seconds since 1970.
pub(crate) fn epoch_seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    // Milliseconds are what AWS tells.
    since.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_says_who_asks_and_where() {
        let mut headers = HeaderMap::new();
        assert_eq!(Who::of(&headers), Who::user(""));
        let who = Who { region: "us-west-2".to_owned(), ..Who::user("BEDCI000000000000001") };
        headers.insert("authorization", who.authorization("ecs").parse().unwrap());
        assert_eq!(Who::of(&headers), who);
    }
}
