//! Hoverfly's admin interface: what it is set to, what has come to it, and its journal.

use conductor_core::mocks::{Journalled, PROBE_HEADER, Simulator};
use conductor_core::ports::{FailureKind, PortError};
use futures::future::try_join_all;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;

use crate::call;

/// All instances of one Hoverfly.
#[derive(Debug)]
pub(crate) struct Hoverfly {
    client: Client,
    admins: Vec<String>,
    token: Option<Token>,
}

/// A bearer token, which is never told.
pub(crate) struct Token(pub(crate) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// `GET /api/v2/hoverfly`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    mode: String,
    is_web_server: bool,
    usage: Usage,
}

#[derive(Deserialize)]
struct Usage {
    counters: std::collections::BTreeMap<String, u64>,
}

/// `POST /api/v2/journal`.
#[derive(Deserialize)]
struct Journal {
    #[serde(default)]
    journal: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    mode: String,
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
}

impl Hoverfly {
    pub(crate) fn new(client: Client, admins: &[String], token: Option<String>) -> Self {
        let admins = admins.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Self { client, admins, token: token.map(Token) }
    }

    /// What each instance is set to, and how many requests have come to all of them, in whichever mode.
    pub(crate) async fn state(&self) -> Result<(Vec<Simulator>, u64), PortError> {
        let of = |admin: &String| {
            let admin = admin.clone();
            async move {
                let act = format!("could not read the state of Hoverfly at {admin}");
                let text =
                    call::text(self.authorised(self.client.get(format!("{admin}/api/v2/hoverfly"))), &act).await?;
                let Status { mode, is_web_server, usage } = parse(&text, &act)?;
                Ok::<_, PortError>((
                    Simulator { at: admin, mode, webserver: is_web_server },
                    usage.counters.values().sum::<u64>(),
                ))
            }
        };
        let states = try_join_all(self.admins.iter().map(of)).await?;
        let arrived = states.iter().map(|(_, arrived)| arrived).sum();
        Ok((states.into_iter().map(|(simulator, _)| simulator).collect(), arrived))
    }

    /// What all instances have written down of the requests with this probe's id.
    pub(crate) async fn journal(&self, id: &str) -> Result<Vec<Journalled>, PortError> {
        let of = |admin: &String| {
            let admin = admin.clone();
            let query = json!({ "request": { "headers": { PROBE_HEADER: [{ "matcher": "exact", "value": id }] } } });
            async move {
                let act = format!("could not search the journal of Hoverfly at {admin}");
                let request = self.client.post(format!("{admin}/api/v2/journal")).json(&query);
                let journal: Journal = parse(&call::text(self.authorised(request), &act).await?, &act)?;
                Ok::<_, PortError>(journal.journal.unwrap_or_default())
            }
        };
        let entries = try_join_all(self.admins.iter().map(of)).await?;
        let told = |entry: Entry| Journalled { mode: entry.mode, status: entry.response.status };
        Ok(entries.into_iter().flatten().map(told).collect())
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(Token(token)) => request.bearer_auth(token),
            None => request,
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, act: &str) -> Result<T, PortError> {
    let failed = |error| {
        let act = format!("{act}: what answers there is not Hoverfly's admin interface");
        PortError::because(FailureKind::Rejected, act, error)
    };
    serde_json::from_str(text).map_err(failed)
}
