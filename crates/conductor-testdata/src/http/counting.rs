//! How many items of a run a service holds: as it says, else as its list tells. And whether it knows runs apart at all.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use reqwest::Url;

use super::client::{Client, Purpose};
use super::pages::{Pages, inexact, unfiltered};
use super::settings::{CountRequest, HttpTestDataSettings, ListRequest, Resource};
use super::template::{RUN, Request, Template};

/// What a service that has no such thing as a run that never was may answer.
const ABSENT: [u16; 2] = [404, 410];

/// One resource of a service, with what is needed to ask for it.
pub(super) struct Asked<'a> {
    pub(super) client: &'a Client,
    pub(super) settings: &'a Arc<HttpTestDataSettings>,
    pub(super) base: &'a Url,
    pub(super) resource: &'a Resource,
    /// How long one call is tried again.
    pub(super) patience: Duration,
}

impl Asked<'_> {
    /// The request of a template, for a run and an item.
    pub(super) fn filled(&self, template: Template<'_>, run: &RunId, id: Option<&str>) -> Result<Request, PortError> {
        template.fill(self.base, run.as_str(), id).ok_or_else(|| {
            let (store, resource) = (&self.settings.name, &self.resource.name);
            let what = id.map_or_else(|| format!("the run {run}"), |id| format!("the id \"{id}\""));
            let act = format!("test data {store}: {what} of {resource} cannot be a part of the path {}", template.path);
            PortError::new(FailureKind::Rejected, act)
        })
    }

    /// The list of a run from its first page on.
    pub(super) fn pages<'p>(
        &'p self,
        list: &'p ListRequest,
        run: &'p RunId,
        act: &'p str,
        taken: &'p [u16],
    ) -> Result<Pages<'p>, PortError> {
        let first = self.filled(list.template(), run, None)?;
        Ok(Pages::new(self.client, list, first, Purpose { run, act, taken, patience: self.patience }))
    }

    /// How many there are of the run.
    pub(super) async fn count(&self, run: &RunId) -> Result<u64, PortError> {
        match (&self.resource.count, &self.resource.list) {
            (Some(count), _) => self.told(count, run, &[]).await,
            (None, Some(list)) => self.listed(list, run).await,
            (None, None) => {
                let act = format!("test data {}: {} cannot be counted", self.settings.name, self.resource.name);
                Err(PortError::new(FailureKind::Rejected, act))
            }
        }
    }

    /// Refuses a service that answers for a run that never was with what must be other runs'.
    ///
    /// Many services ignore a parameter that they do not know. Where items tell their run, the list may be of all.
    pub(super) async fn check(&self) -> Result<(), PortError> {
        let (store, resource) = (&self.settings.name, &self.resource.name);
        let nobody = self.nobody()?;
        if let Some(list) = self.filtered()
            && self.tells_some(list, &nobody, "a run that does not exist").await?
        {
            return Err(unfiltered(store, resource, "the list of"));
        }
        if let Some(count) = &self.resource.count
            && self.told(count, &nobody, &ABSENT).await? > 0
        {
            return Err(unfiltered(store, resource, "the count of"));
        }
        Ok(())
    }

    /// Refuses a service that tells something for an id that is only like the run's: one that compares beginnings, parts, or
    /// letters whatever their case would tell another run's items as this one's.
    pub(super) async fn check_alike(&self, run: &RunId) -> Result<(), PortError> {
        let Some(list) = self.filtered() else { return Ok(()) };
        for alike in alike(run) {
            if self.tells_some(list, &alike, "an id that is only like the run's").await? {
                return Err(inexact(&self.settings.name, &self.resource.name, &alike, run));
            }
        }
        Ok(())
    }

    /// What is worth to know before a run: that the filter alone tells runs apart, or that there is none.
    pub(super) async fn remark(&self) -> Result<Option<String>, PortError> {
        let resource = &self.resource.name;
        if self.filtered().is_some() && self.resource.delete_item.is_some() {
            return Ok(Some(format!(
                "the items of {resource} do not tell their run: nothing but the service's own filter by {{run}} keeps those of \
                 others from being deleted; where an item has its run's id in it, say where by tag"
            )));
        }
        let Some(list) = self.resource.list.as_ref().filter(|list| list.tag.is_some() && list.template().has(RUN))
        else {
            return Ok(None);
        };
        let nobody = self.nobody()?;
        let act = format!("list {resource} for a run that does not exist");
        let first = self.pages(list, &nobody, &act, &ABSENT)?.next().await?.unwrap_or_default();
        let strange = first.others + first.untagged;
        Ok((strange > 0).then(|| {
            format!(
                "the list of {resource} for a run that does not exist tells {strange} items; the service seems not to know the \
                 parameter with {{run}}: all of its list is read for each run, and what is not tagged as the run's is left alone"
            )
        }))
    }

    /// The list whose items do not tell their run, so that all it tells is taken for the run's.
    fn filtered(&self) -> Option<&ListRequest> {
        self.resource.list.as_ref().filter(|list| list.tag.is_none() && list.template().has(RUN))
    }

    /// Whether any page of a list has an item; `who` is what the id stands for.
    async fn tells_some(&self, list: &ListRequest, id: &RunId, who: &str) -> Result<bool, PortError> {
        let act = format!("list {} for {who}", self.resource.name);
        let mut pages = self.pages(list, id, &act, &ABSENT)?;
        while let Some(listed) = pages.next().await? {
            if !listed.own.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A run that never was.
    fn nobody(&self) -> Result<RunId, PortError> {
        format!("no-such-run-{:016x}", rand::random::<u64>()).parse().map_err(|error| {
            let act = format!("test data {}: could not make up a run", self.settings.name);
            PortError::because(FailureKind::Rejected, act, error)
        })
    }

    async fn told(&self, count: &CountRequest, run: &RunId, absent: &[u16]) -> Result<u64, PortError> {
        let act = format!("count {}", self.resource.name);
        let taken = [&count.none_status, absent].concat();
        let request = self.filled(count.template(), run, None)?;
        let purpose = Purpose { run, act: &act, taken: &taken, patience: self.patience };
        let answer = self.client.call(&request, purpose).await?;
        if taken.contains(&answer.status.as_u16()) {
            return Ok(0);
        }
        self.client.number(&answer, &count.number, &act)
    }

    async fn listed(&self, list: &ListRequest, run: &RunId) -> Result<u64, PortError> {
        let act = format!("list {}", self.resource.name);
        let mut pages = self.pages(list, run, &act, &[])?;
        let mut total = 0;
        while let Some(listed) = pages.next().await? {
            total += listed.own.len() as u64;
        }
        Ok(total)
    }
}

/// Ids that an exact comparison tells from the run's: without its last character, and in the other case. Chance is at the end of
/// an id, so that no other run has one of them.
fn alike(run: &RunId) -> Vec<RunId> {
    let id = run.as_str();
    let other = |letter: char| match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    let cut = id.char_indices().last().map_or("", |(last, _)| &id[..last]);
    let turned: String = id.chars().map(other).collect();
    // Of one character nothing can be cut off, and digits have no case.
    let ids = [cut, turned.as_str()].into_iter().filter(|alike| *alike != id);
    ids.filter_map(|alike| alike.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_like_a_runs_are_another_each() {
        let alike =
            |run: &str| alike(&run.parse().unwrap()).iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(alike("week-20261124-X7k2"), ["week-20261124-X7k", "WEEK-20261124-x7K2"]);
        assert_eq!(alike("42"), ["4"]);
        assert_eq!(alike("r"), ["R"]);
        assert!(alike("7").is_empty());
    }
}
