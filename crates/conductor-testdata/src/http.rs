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

use async_trait::async_trait;
use conductor_core::ports::{FailureKind, PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use reqwest::Url;

use client::Client;
use counting::Asked;
use items::Deleted;
pub use settings::{
    CountRequest, HttpTestDataSettings, ItemRequest, ListRequest, Method, NextPage, Offset, Page, Resource, RunRequest,
    Token,
};

/// Test data that a service owns.
#[derive(Debug)]
pub struct HttpTestData {
    settings: Arc<HttpTestDataSettings>,
    base: Url,
    client: Client,
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
        Ok(Self { settings, base, client })
    }

    fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        let Self { settings, base, client } = self;
        settings.resources.iter().map(move |resource| Asked { client, settings, base, resource })
    }

    /// Deletes once, resource by resource, and tells how many there were of each.
    async fn sweep(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut counts = Vec::new();
        for asked in self.asked() {
            let resource = asked.resource;
            let rows = match (&resource.delete_run, &resource.delete_item, &resource.list) {
                (Some(request), _, _) => whole_run::delete(&asked, request, run).await?,
                (None, Some(item), Some(list)) => {
                    let deleted = items::delete(&asked, list, item, run).await?;
                    self.tell(&resource.name, run, deleted);
                    deleted.items
                }
                (None, _, _) => 0,
            };
            counts.push(TableCount { table: resource.name.clone(), rows });
        }
        Ok(counts)
    }

    /// Items that were asked for as the run's and are not are a fault of the service's filter, or of the declaration.
    fn tell(&self, resource: &str, run: &RunId, deleted: Deleted) {
        let Deleted { others, untagged, .. } = deleted;
        if others + untagged > 0 {
            let store = &self.settings.name;
            tracing::warn!(%run, store, resource, others, untagged, "the list has items that are not the run's; they were left alone");
        }
    }
}

#[async_trait]
impl TestDataStore for HttpTestData {
    fn name(&self) -> String {
        self.settings.name.clone()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut counts = Vec::new();
        for asked in self.asked() {
            asked.check().await?;
            counts.push(TableCount { table: asked.resource.name.clone(), rows: asked.count(run).await? });
        }
        Ok(counts)
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        for asked in self.asked() {
            asked.check().await?;
        }
        self.sweep(run).await
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        let mut remarks = Vec::new();
        for asked in self.asked() {
            asked.check().await?;
            remarks.extend(asked.remark().await?);
        }
        Ok(remarks)
    }
}
