//! How many items of a run a service holds: as it says, else as its list tells. And whether it knows runs apart at all.

use std::sync::Arc;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use reqwest::Url;

use super::client::{Client, Purpose};
use super::pages::{Pages, unfiltered};
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
        if let Some(list) = self.resource.list.as_ref().filter(|list| list.tag.is_none() && list.template().has(RUN)) {
            let act = format!("list {resource} for a run that does not exist");
            let mut pages = Pages::new(self.client, list, self.filled(list.template(), &nobody, None)?, &nobody, &act);
            let first = pages.next(&ABSENT).await?;
            if first.is_some_and(|first| !first.own.is_empty()) {
                return Err(unfiltered(store, resource, "the list of"));
            }
        }
        if let Some(count) = &self.resource.count
            && self.told(count, &nobody, &ABSENT).await? > 0
        {
            return Err(unfiltered(store, resource, "the count of"));
        }
        Ok(())
    }

    /// What is worth to know of a service whose items tell their run: it may list those of all runs nevertheless.
    pub(super) async fn remark(&self) -> Result<Option<String>, PortError> {
        let Some(list) = self.resource.list.as_ref().filter(|list| list.tag.is_some() && list.template().has(RUN))
        else {
            return Ok(None);
        };
        let (resource, nobody) = (&self.resource.name, self.nobody()?);
        let act = format!("list {resource} for a run that does not exist");
        let mut pages = Pages::new(self.client, list, self.filled(list.template(), &nobody, None)?, &nobody, &act);
        let first = pages.next(&ABSENT).await?.unwrap_or_default();
        let strange = first.others + first.untagged;
        Ok((strange > 0).then(|| {
            format!(
                "the list of {resource} for a run that does not exist tells {strange} items; the service seems not to know the \
                 parameter with {{run}}: all of its list is read for each run, and what is not tagged as the run's is left alone"
            )
        }))
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
        let answer = self.client.call(&request, Purpose { run, act: &act, taken: &taken }).await?;
        if taken.contains(&answer.status.as_u16()) {
            return Ok(0);
        }
        self.client.number(&answer, &count.number, &act)
    }

    async fn listed(&self, list: &ListRequest, run: &RunId) -> Result<u64, PortError> {
        let act = format!("list {}", self.resource.name);
        let mut pages = Pages::new(self.client, list, self.filled(list.template(), run, None)?, run, &act);
        let mut total = 0;
        while let Some(listed) = pages.next(&[]).await? {
            total += listed.own.len() as u64;
        }
        Ok(total)
    }
}
