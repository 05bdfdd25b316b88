//! Lists what a run has left and deletes each item, again and again until the list has none of the run.
//!
//! Deleting moves what is listed behind it to earlier pages, so that one pass over the pages may miss some: the next finds it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use futures::StreamExt;

use super::client::Purpose;
use super::counting::Asked;
use super::pages::Pages;
use super::retry::Patience;
use super::settings::{ItemRequest, ListRequest};

/// So many refusals in a pass that deletes nothing are enough to know that it will not.
const ENOUGH_REFUSALS: u64 = 25;
/// That the item is gone already.
const GONE: [u16; 2] = [404, 410];

/// What was deleted, and what was left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    /// Items of the run that are gone.
    pub(super) items: u64,
    /// Items of other runs in the list, as it was at last.
    pub(super) others: u64,
    /// Items without a run's id in the list, as it was at last.
    pub(super) untagged: u64,
}

/// One way through all pages.
#[derive(Default)]
struct Pass {
    /// Items of the run that were listed.
    own: u64,
    /// Those that were not deleted before.
    fresh: u64,
    refusals: u64,
    refusal: Option<PortError>,
    others: u64,
    untagged: u64,
}

/// Deletes until a whole pass finds nothing of the run.
///
/// An item that is refused keeps none of the others from being deleted. It is tried again with each pass, until there was no
/// progress for as long as the settings are patient.
pub(super) async fn delete(
    asked: &Asked<'_>,
    list: &ListRequest,
    item: &ItemRequest,
    run: &RunId,
) -> Result<Deleted, PortError> {
    let mut sweep = Sweep { asked, list, item, run, gone: HashSet::new(), hasher: RandomState::new() };
    let mut patience = Patience::new(asked.settings.patience.as_duration());
    let mut deleted = Deleted::default();
    loop {
        let pass = sweep.pass().await?;
        deleted = Deleted { items: deleted.items + pass.fresh, others: pass.others, untagged: pass.untagged };
        if pass.own == 0 {
            return Ok(deleted);
        }
        if pass.fresh > 0 {
            patience.renew();
            continue;
        }
        match patience.pause(None) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(sweep.stuck(pass, &patience)),
        }
    }
}

struct Sweep<'a> {
    asked: &'a Asked<'a>,
    list: &'a ListRequest,
    item: &'a ItemRequest,
    run: &'a RunId,
    /// Hashes of the ids that the service has deleted: it may list them for some time yet.
    gone: HashSet<u64>,
    hasher: RandomState,
}

impl Sweep<'_> {
    async fn pass(&mut self) -> Result<Pass, PortError> {
        let Asked { client, resource, settings, .. } = self.asked;
        let act = format!("list {}", resource.name);
        let first = self.asked.filled(self.list.template(), self.run, None)?;
        let mut pages = Pages::new(client, self.list, first, self.run, &act);
        let mut pass = Pass::default();
        while let Some(listed) = pages.next(&[]).await? {
            pass.own += listed.own.len() as u64;
            pass.others += listed.others;
            pass.untagged += listed.untagged;
            let sweep = &*self;
            let deletions = listed.own.iter().map(|id| async move { (id, sweep.delete_one(id).await) });
            let mut deletions = futures::stream::iter(deletions.collect::<Vec<_>>())
                .buffer_unordered(settings.concurrency.max(1) as usize);
            let mut gone = Vec::new();
            while let Some((id, result)) = deletions.next().await {
                match result {
                    Ok(()) => gone.push(sweep.hasher.hash_one(id)),
                    // The service is away, and would be for the next one.
                    Err(error) if error.kind.is_transient() => return Err(error),
                    Err(error) => {
                        pass.refusals += 1;
                        pass.refusal.get_or_insert(error);
                    }
                }
            }
            drop(deletions);
            pass.fresh += gone.into_iter().filter(|id| self.gone.insert(*id)).count() as u64;
            if pass.fresh == 0 && pass.refusals >= ENOUGH_REFUSALS {
                break;
            }
        }
        Ok(pass)
    }

    async fn delete_one(&self, id: &str) -> Result<(), PortError> {
        let request = self.asked.filled(self.item.template(), self.run, Some(id))?;
        let act = format!("delete one of {}", self.asked.resource.name);
        self.asked.client.call(&request, Purpose { run: self.run, act: &act, taken: &GONE }).await.map(drop)
    }

    /// Nothing goes any more: because the service refuses, or although it says that it has deleted all.
    fn stuck(&self, pass: Pass, patience: &Patience) -> PortError {
        let (spent, own) = (patience.spent(), pass.own);
        if let Some(refusal) = pass.refusal {
            let act = format!("{} ({} of the {own} listed are refused, {spent})", refusal.act, pass.refusals);
            return PortError { act, ..refusal };
        }
        let (store, resource) = (&self.asked.settings.name, &self.asked.resource.name);
        let act = format!(
            "test data {store}: {own} of {resource} are still listed, although the service says that they are deleted ({spent})"
        );
        PortError::new(FailureKind::Unsettled, act)
    }
}
