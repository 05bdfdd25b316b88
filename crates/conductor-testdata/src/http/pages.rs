//! A list, page by page: what of it is the run's, and how the next page is asked for.
//!
//! Nothing is deleted here. That what is deleted meanwhile moves what follows to other pages is for the caller to know.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use reqwest::Url;
use reqwest::header::LINK;
use serde_json::Value;

use super::client::{Answer, Client, Purpose};
use super::link;
use super::settings::{ListRequest, NextPage};
use super::template::{Request, encoded};

/// So many pages without items, one after another, are a list without an end. Services that look through what they hold page by page
/// and filter then have some.
const IDLE_PAGES: u64 = 1000;

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
    purpose: Purpose<'a>,
    /// Statuses that mean that there is none.
    taken: Vec<u16>,
    /// The request of the first page, to which parameters are added.
    first: Request,
    at: Option<Request>,
    page: u64,
    items: u64,
    /// Tokens or addresses of the pages that were asked for.
    asked: HashSet<String>,
    known: Known,
}

/// What the pages so far had.
#[derive(Default)]
struct Known {
    /// Hashes of the items: of the run's by their ids, of others as they are.
    items: HashSet<u64>,
    hasher: RandomState,
    /// Items of the run.
    own: u64,
    /// Pages that had an item that no page before had.
    fruitful: u64,
    /// Pages since then.
    idle: u64,
}

impl<'a> Pages<'a> {
    /// Besides those of the list, the statuses that the purpose takes mean that there is none.
    pub(super) fn new(client: &'a Client, list: &'a ListRequest, first: Request, purpose: Purpose<'a>) -> Self {
        let at = Some(match &list.next {
            Some(NextPage::Page(page)) => with(&first, &page.parameter, &page.first.to_string()),
            Some(NextPage::Offset(offset)) => with(&first, &offset.parameter, "0"),
            Some(NextPage::Link | NextPage::Token(_)) | None => first.clone(),
        });
        let taken = [&list.none_status, purpose.taken].concat();
        let (asked, known) = (HashSet::new(), Known::default());
        Self { client, list, purpose, taken, first, at, page: 0, items: 0, asked, known }
    }

    /// The next page, without what pages before had; `None` behind the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Listed>, PortError> {
        let Some(request) = self.at.take() else { return Ok(None) };
        let answer = self.client.call(&request, Purpose { taken: &self.taken, ..self.purpose }).await?;
        if self.taken.contains(&answer.status.as_u16()) {
            return Ok(None);
        }
        let json = self.client.json(&answer, self.purpose.act)?;
        let items = match json.pointer(&self.list.items) {
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Null) => &[],
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => {
                return Err(self.nonsense(&answer, &format!("the answer has no list at \"{}\"", self.list.items)));
            }
        };
        let before = self.known.items.len();
        let listed = self.listed(&answer, items)?;
        let is_new = self.known.items.len() > before;
        if !self.ends(&answer, items, is_new)? {
            self.at = self.following(&request, &answer, &json, items)?;
        }
        Ok(Some(listed))
    }

    fn nonsense(&self, answer: &Answer, why: &str) -> PortError {
        self.client.nonsense(answer, self.purpose.act, why)
    }

    fn listed(&mut self, answer: &Answer, items: &[Value]) -> Result<Listed, PortError> {
        let mut listed = Listed::default();
        for item in items {
            let elsewhere = match self.list.tag.as_ref().map(|tag| item.pointer(tag)) {
                None => None,
                Some(Some(Value::String(tag))) if tag == self.purpose.run.as_str() => None,
                Some(Some(Value::Null) | None) => Some(&mut listed.untagged),
                Some(Some(_)) => Some(&mut listed.others),
            };
            let id = item.pointer(&self.list.id);
            // What is not the run's is not deleted by its id, which need not be one of its own.
            let known = if elsewhere.is_none() { id.unwrap_or(item) } else { item };
            if !self.known.items.insert(self.known.hasher.hash_one((elsewhere.is_none(), known))) {
                continue;
            }
            if let Some(elsewhere) = elsewhere {
                *elsewhere += 1;
                continue;
            }
            let id = match id {
                Some(Value::String(id)) if !id.is_empty() => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                Some(_) | None => {
                    return Err(self.nonsense(answer, &format!("an item has no id at \"{}\"", self.list.id)));
                }
            };
            listed.own.push(id);
        }
        self.known.own += listed.own.len() as u64;
        Ok(listed)
    }

    /// Whether a page is the last one by what it has. A list must come to an end, whatever it says of further pages.
    fn ends(&mut self, answer: &Answer, items: &[Value], is_new: bool) -> Result<bool, PortError> {
        let parameter = match &self.list.next {
            None => return Ok(true),
            Some(NextPage::Page(page)) => Some(&page.parameter),
            Some(NextPage::Offset(offset)) => Some(&offset.parameter),
            Some(NextPage::Link | NextPage::Token(_)) => None,
        };
        if is_new {
            (self.known.fruitful, self.known.idle) = (self.known.fruitful + 1, 0);
            return Ok(false);
        }
        self.known.idle += 1;
        match (parameter, items.is_empty()) {
            (Some(_), true) => Ok(true),
            (None, true) if self.known.idle < IDLE_PAGES => Ok(false),
            (None, true) => {
                let why =
                    format!("{IDLE_PAGES} pages, one after another, have no items; the list seems to have no end");
                Err(self.nonsense(answer, &why))
            }
            // Many services show their last page again behind it. Where that is the first one, too, it may also be that they do
            // not know the parameter: but what is behind is found when the run's items of this page are gone.
            (_, false) if self.known.own > 0 => Ok(true),
            (Some(_), false) if self.known.fruitful > 1 => Ok(true),
            (Some(parameter), false) => {
                let why = format!("two pages have the same items; does it know the parameter {parameter}?");
                Err(self.nonsense(answer, &why))
            }
            (None, false) => Err(self.nonsense(answer, "the page has only items that were listed before")),
        }
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
                        return Err(
                            self.nonsense(answer, &format!("what is at \"{}\" is no token of a page", token.at))
                        );
                    }
                };
                self.once(answer, &value)?;
                (&token.parameter, value)
            }
            Some(NextPage::Page(page)) => (&page.parameter, page.first.saturating_add(self.page).to_string()),
            Some(NextPage::Offset(offset)) => (&offset.parameter, self.items.to_string()),
        };
        Ok(Some(with(&self.first, parameter, &value)))
    }

    /// The page to which the answer links. It must be of the same service, for the token goes there, and of the same run
    /// where nothing in the items tells that.
    fn linked(&mut self, request: &Request, answer: &Answer) -> Result<Option<Request>, PortError> {
        let links = answer.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let Some(target) = links.into_iter().find_map(link::next) else { return Ok(None) };
        let refused = |why: &str| self.nonsense(answer, why);
        let Ok(url) = request.url.join(target) else { return Err(refused("the link to the next page is no address")) };
        if url.origin() != self.first.url.origin() {
            let host = url.host_str().unwrap_or("nowhere");
            return Err(refused(&format!("the next page is at another place, {host}, where we do not go")));
        }
        if self.list.tag.is_none() && !names(&url, self.purpose.run) {
            return Err(refused("the link to the next page does not name the run; say tag, so that items tell it"));
        }
        self.once(answer, url.as_str())?;
        Ok(Some(Request { url, ..self.first.clone() }))
    }

    /// Refuses to go in circles.
    fn once(&mut self, answer: &Answer, page: &str) -> Result<(), PortError> {
        if self.asked.insert(page.to_owned()) {
            return Ok(());
        }
        Err(self.nonsense(answer, "the next page is one that was there before"))
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

/// The refusal of a service that takes an id for the run's that is only like it.
pub(super) fn inexact(store: &str, resource: &str, alike: &RunId, run: &RunId) -> PortError {
    let act = format!(
        "test data {store}: the list of {resource} for \"{alike}\" tells some, as if that were run {run}; the service seems not to \
         compare {{run}} exactly, and what it tells may be another run's; say tag, so that items tell their run"
    );
    PortError::new(FailureKind::Rejected, act)
}
