//! What a verified token claims, and whether it is for this server and for now.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::OidcSettings;

/// Who a token says calls.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
}

/// Checks the claims of a token whose signature is right. What is wrong is told without the token's own texts, but for
/// issuer and audience, which are no secrets and what is most often wrong.
pub(super) fn check(payload: &[u8], settings: &OidcSettings, now: Timestamp) -> Result<Who, String> {
    let claims: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|_| "its claims are no JSON object".to_owned())?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    if issuer != settings.issuer {
        return Err(format!("it is of issuer {issuer:?}, expected {:?}", settings.issuer));
    }
    let audiences = texts(claims.get("aud"));
    if !audiences.contains(&settings.audience) {
        return Err(format!("it is for audience {audiences:?}, expected {:?}", settings.audience));
    }
    let (now, leeway) = (now.as_duration().as_secs_f64(), settings.leeway.as_secs_f64());
    let expires = time(&claims, "exp")?.ok_or("it has no `exp`, so that it would never expire")?;
    if now >= expires + leeway {
        return Err(format!("it expired {:.0} s ago", now - expires));
    }
    if let Some(begins) = time(&claims, "nbf")?
        && now < begins - leeway
    {
        return Err(format!("it is valid only in {:.0} s", begins - now));
    }
    let name = claims.get(&settings.name_claim).and_then(Value::as_str).filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| format!("it has no text in claim {:?}, expected the caller's name", settings.name_claim))?;
    Ok(Who { name: name.to_owned(), groups: texts(claims.get(&settings.groups_claim)) })
}

fn time(claims: &Map<String, Value>, claim: &str) -> Result<Option<f64>, String> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| format!("its `{claim}` is no number")),
    }
}

fn texts(claim: Option<&Value>) -> Vec<String> {
    let list = claim.and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_str).collect());
    let texts: Vec<&str> = list.unwrap_or_else(|| claim.and_then(Value::as_str).into_iter().collect());
    texts.into_iter().map(str::to_owned).collect()
}
