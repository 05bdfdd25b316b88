//! A list, page by page: what of it is the run's, and how the next page is asked for.
//!
//! Nothing is deleted here. That what is deleted meanwhile moves what follows to other pages is for the caller to know.

use std::collections::HashSet;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use reqwest::Url;
use reqwest::header::LINK;
use serde_json::Value;

use super::client::{Answer, Client, Purpose};
use super::link;
use super::settings::{ListRequest, NextPage};
use super::template::{Request, encoded};

/// One page.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Ids of the run's items.
    pub(super) own: Vec<String>,
    /// Items that say they are another run's.
    pub(super) others: u64,
    /// Items without a run's id.
    pub(super) untagged: u64,
}

/// The pages of a list from the first on.
pub(super) struct Pages<'a> {
    client: &'a Client,
    list: &'a ListRequest,
    run: &'a RunId,
    act: &'a str,
    /// The request of the first page, to which parameters are added.
    first: Request,
    at: Option<Request>,
    page: u64,
    items: u64,
    seen: HashSet<String>,
    before: Vec<Value>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(client: &'a Client, list: &'a ListRequest, first: Request, run: &'a RunId, act: &'a str) -> Self {
        let at = Some(match &list.next {
            Some(NextPage::Page(page)) => with(&first, &page.parameter, &page.first.to_string()),
            Some(NextPage::Offset(offset)) => with(&first, &offset.parameter, "0"),
            Some(NextPage::Link | NextPage::Token(_)) | None => first.clone(),
        });
        Self { client, list, run, act, first, at, page: 0, items: 0, seen: HashSet::new(), before: Vec::new() }
    }

    /// The next page; `None` behind the last one. Besides those that mean that there is none, `taken` are statuses that do.
    pub(super) async fn next(&mut self, taken: &[u16]) -> Result<Option<Listed>, PortError> {
        let Some(request) = self.at.take() else { return Ok(None) };
        let taken = [&self.list.none_status, taken].concat();
        let purpose = Purpose { run: self.run, act: self.act, taken: &taken };
        let answer = self.client.call(&request, purpose).await?;
        if taken.contains(&answer.status.as_u16()) {
            return Ok(None);
        }
        let json = self.client.json(&answer, self.act)?;
        let items = match json.pointer(&self.list.items) {
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Null) => &[],
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => {
                let why = format!("the answer has no list at \"{}\"", self.list.items);
                return Err(self.client.nonsense(&answer, self.act, &why));
            }
        };
        let listed = self.listed(&answer, items)?;
        self.at = self.following(&request, &answer, &json, items)?;
        Ok(Some(listed))
    }

    fn listed(&self, answer: &Answer, items: &[Value]) -> Result<Listed, PortError> {
        let mut listed = Listed::default();
        for item in items {
            match self.list.tag.as_ref().map(|tag| item.pointer(tag)) {
                Some(Some(Value::String(tag))) if tag == self.run.as_str() => {}
                Some(Some(Value::Null) | None) => {
                    listed.untagged += 1;
                    continue;
                }
                Some(Some(_)) => {
                    listed.others += 1;
                    continue;
                }
                None => {}
            }
            let id = match item.pointer(&self.list.id) {
                Some(Value::String(id)) if !id.is_empty() => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                Some(_) | None => {
                    let why = format!("an item has no id at \"{}\"", self.list.id);
                    return Err(self.client.nonsense(answer, self.act, &why));
                }
            };
            listed.own.push(id);
        }
        Ok(listed)
    }

    /// The request for the page behind this one.
    fn following(
        &mut self,
        request: &Request,
        answer: &Answer,
        json: &Value,
        items: &[Value],
    ) -> Result<Option<Request>, PortError> {
        self.page += 1;
        self.items += items.len() as u64;
        let (parameter, value) = match &self.list.next {
            None => return Ok(None),
            Some(NextPage::Link) => return self.linked(request, answer),
            Some(NextPage::Token(token)) => {
                let value = match json.pointer(&token.at) {
                    Some(Value::String(value)) if !value.is_empty() => value.clone(),
                    Some(Value::Number(value)) => value.to_string(),
                    Some(Value::String(_) | Value::Null) | None => return Ok(None),
                    Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                        let why = format!("what is at \"{}\" is no token of a page", token.at);
                        return Err(self.client.nonsense(answer, self.act, &why));
                    }
                };
                self.once(answer, &value)?;
                (&token.parameter, value)
            }
            Some(NextPage::Page(page)) => (&page.parameter, page.first.saturating_add(self.page).to_string()),
            Some(NextPage::Offset(offset)) => (&offset.parameter, self.items.to_string()),
        };
        if matches!(self.list.next, Some(NextPage::Page(_) | NextPage::Offset(_))) {
            if items.is_empty() {
                return Ok(None);
            }
            if items == self.before {
                let why = format!("two pages have the same items; does it know the parameter {parameter}?");
                return Err(self.client.nonsense(answer, self.act, &why));
            }
            self.before = items.to_vec();
        }
        Ok(Some(with(&self.first, parameter, &value)))
    }

    /// The page to which the answer links. It must be of the same service, for the token goes there, and of the same run
    /// where nothing in the items tells that.
    fn linked(&mut self, request: &Request, answer: &Answer) -> Result<Option<Request>, PortError> {
        let links = answer.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let Some(target) = links.into_iter().find_map(link::next) else { return Ok(None) };
        let refused = |why: &str| self.client.nonsense(answer, self.act, why);
        let Ok(url) = request.url.join(target) else { return Err(refused("the link to the next page is no address")) };
        if url.origin() != self.first.url.origin() {
            let host = url.host_str().unwrap_or("nowhere");
            return Err(refused(&format!("the next page is at another place, {host}, where we do not go")));
        }
        if self.list.tag.is_none() && !names(&url, self.run) {
            return Err(refused("the link to the next page does not name the run; say tag, so that items tell it"));
        }
        self.once(answer, url.as_str())?;
        Ok(Some(Request { url, ..self.first.clone() }))
    }

    /// Refuses to go in circles.
    fn once(&mut self, answer: &Answer, page: &str) -> Result<(), PortError> {
        if self.seen.insert(page.to_owned()) {
            return Ok(());
        }
        Err(self.client.nonsense(answer, self.act, "the next page is one that was there before"))
    }
}

fn with(request: &Request, parameter: &str, value: &str) -> Request {
    let mut request = request.clone();
    request.url.query_pairs_mut().append_pair(parameter, value);
    request
}

/// True when the address has the run's id in it.
fn names(url: &Url, run: &RunId) -> bool {
    let id = encoded(run.as_str());
    let mut segments = url.path_segments().into_iter().flatten();
    segments.any(|segment| segment == id) || url.query_pairs().any(|(_, value)| value == run.as_str())
}

/// The refusal of a service that does not filter by the run.
pub(super) fn unfiltered(store: &str, resource: &str, what: &str) -> PortError {
    let act = format!(
        "test data {store}: {what} {resource} for a run that does not exist tells some; the service seems not to know the \
         parameter with {{run}}, and what it tells may be anybody's"
    );
    PortError::new(FailureKind::Rejected, act)
}
