//! Test data that a service owns: it is asked to delete it, by the interface that it has for that.
//!
//! What is left is known by the service alone, so that a clean-up that was cut short goes on where it was. A request names
//! the run, or the items that are listed tell their run and are compared before each is deleted.

mod client;
mod counting;
mod items;
mod link;
mod pace;
mod pages;
mod retry;
mod settings;
mod template;
mod violations;
mod whole_run;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use reqwest::Url;

use client::Client;
use counting::Asked;
use items::LeftAlone;
pub use settings::{
    CountRequest, HttpTestDataSettings, ItemRequest, ListRequest, Method, NextPage, Offset, Page, Resource, RunRequest,
    Token,
};

use crate::untold::Untold;

/// How long a call that only looks is tried again at most: people shall hear that a service is away, and not that it is slow.
const LOOK_PATIENCE: Duration = Duration::from_secs(15);

/// Test data that a service owns.
#[derive(Debug)]
pub struct HttpTestData {
    settings: Arc<HttpTestDataSettings>,
    base: Url,
    client: Client,
    untold: Untold,
}

impl HttpTestData {
    /// A store for these settings, with the token that `tokenEnv` names. The service is called when the store is used. A TLS
    /// provider of `rustls` must be installed.
    ///
    /// # Errors
    /// When the settings could delete what is not a run's, or the client cannot be made of them.
    pub fn new(settings: HttpTestDataSettings, token: Option<String>) -> Result<Self, PortError> {
        let refused =
            |what: String| PortError::new(FailureKind::Rejected, format!("test data {}: {what}", settings.name));
        if let Some((field, problem, expected)) = settings.violations().into_iter().next() {
            return Err(refused(format!("{field}: {problem}; expected {expected}")));
        }
        let base = Url::parse(&settings.url).map_err(|error| refused(format!("url: {error}")))?;
        let settings = Arc::new(settings);
        let client = Client::new(settings.clone(), token)?;
        Ok(Self { settings, base, client, untold: Untold::default() })
    }

    fn asked(&self, patience: Duration) -> impl Iterator<Item = Asked<'_>> {
        let Self { settings, base, client, .. } = self;
        settings.resources.iter().map(move |resource| Asked { client, settings, base, resource, patience })
    }

    fn looked(&self) -> impl Iterator<Item = Asked<'_>> {
        self.asked(self.settings.patience.as_duration().min(LOOK_PATIENCE))
    }

    /// Deletes what the run has left of one resource, unless the service seems not to know runs apart.
    async fn clear(&self, asked: &Asked<'_>, run: &RunId) -> Result<(), PortError> {
        asked.check().await?;
        asked.check_alike(run).await?;
        let resource = asked.resource;
        let note = |rows| self.untold.note(run, &resource.name, rows);
        match (&resource.delete_run, &resource.delete_item, &resource.list) {
            (Some(request), _, _) => whole_run::delete(asked, request, run, &note).await,
            (None, Some(item), Some(list)) => {
                let left = items::delete(asked, list, item, run, &note).await?;
                self.warn(&resource.name, run, left);
                Ok(())
            }
            (None, _, _) => Ok(()),
        }
    }

    /// Items that were asked for as the run's and are not are a fault of the service's filter, or of the declaration.
    fn warn(&self, resource: &str, run: &RunId, left: LeftAlone) {
        let LeftAlone { others, untagged } = left;
        if others + untagged > 0 {
            let store = &self.settings.name;
            tracing::warn!(%run, store, resource, others, untagged, "the list has items that are not the run's; they were left alone");
        }
    }
}

/// All failures as one, if there are any. It is worth another try where one of them is.
fn together(mut failures: Vec<PortError>) -> Option<PortError> {
    let last = failures.pop()?;
    if failures.is_empty() {
        return Some(last);
    }
    failures.push(last);
    let kinds = failures.iter().map(|failure| failure.kind);
    let kind = kinds.reduce(|first, kind| if kind.is_transient() { kind } else { first })?;
    let told = failures.iter().map(|failure| Failure::of("", failure).message).collect::<Vec<_>>().join("; ");
    Some(PortError::new(kind, told))
}

#[async_trait]
impl TestDataStore for HttpTestData {
    fn name(&self) -> String {
        self.settings.name.clone()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut counts = Vec::new();
        for asked in self.looked() {
            asked.check().await?;
            counts.push(TableCount { table: asked.resource.name.clone(), rows: asked.count(run).await? });
        }
        Ok(counts)
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut failures: Vec<PortError> = Vec::new();
        for mut asked in self.asked(self.settings.patience.as_duration()) {
            // A service that was away for one resource is so for the next one, which need not find it out at length.
            if failures.iter().any(|failure| failure.kind.is_transient()) {
                asked.patience = asked.patience.min(LOOK_PATIENCE);
            }
            failures.extend(self.clear(&asked, run).await.err());
        }
        if let Some(failure) = together(failures) {
            return Err(failure);
        }
        let told = |resource: &Resource| TableCount {
            table: resource.name.clone(),
            rows: self.untold.take(run, &resource.name),
        };
        Ok(self.settings.resources.iter().map(told).collect())
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        let mut remarks = Vec::new();
        for asked in self.looked() {
            asked.check().await?;
            remarks.extend(asked.remark().await?);
        }
        Ok(remarks)
    }
}
