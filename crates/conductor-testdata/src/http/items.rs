//! Lists what a run has left and deletes each item, again and again until the list has none of the run.
//!
//! Deleting moves what is listed behind it to earlier pages, so that one pass over the pages may miss some: the next finds it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use futures::StreamExt;
use reqwest::StatusCode;

use super::client::Purpose;
use super::counting::Asked;
use super::retry::Patience;
use super::settings::{ItemRequest, ListRequest};

/// So many refusals in a pass that deletes nothing are enough to know that it will not.
const ENOUGH_REFUSALS: u64 = 1000;
/// So many deletions in a row that fail for the time being are a service that is away.
const AWAY: u32 = 25;
/// How long a deletion is tried again behind one that has failed: the service may be away, which needs not be found out at length.
const BRIEF: Duration = Duration::from_secs(5);
/// That the item is gone already.
const GONE: [u16; 2] = [404, 410];

/// What was left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftAlone {
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
    /// Deletions that were refused or have failed, and the first of them.
    refusals: u64,
    refusal: Option<PortError>,
    left: LeftAlone,
}

/// Deletes until a whole pass finds nothing of the run; `note` hears of those that are gone, whatever comes after.
///
/// An item that is refused, or fails, keeps none of the others from being deleted. It is tried again with each pass, until there
/// was no progress for as long as the settings are patient.
pub(super) async fn delete(
    asked: &Asked<'_>,
    list: &ListRequest,
    item: &ItemRequest,
    run: &RunId,
    note: &(dyn Fn(u64) + Sync),
) -> Result<LeftAlone, PortError> {
    let mut sweep = Sweep {
        deletion: Deletion { asked, item, run, in_a_row: AtomicU32::new(0) },
        list,
        note,
        gone: HashSet::new(),
        hasher: RandomState::new(),
        absent: 0,
        last: None,
    };
    let mut patience = Patience::new(asked.settings.patience.as_duration());
    loop {
        let pass = sweep.pass().await?;
        if pass.own == 0 {
            // Whoever has deleted what was not there: it is not listed any more.
            note(sweep.absent);
            return Ok(pass.left);
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
    deletion: Deletion<'a>,
    list: &'a ListRequest,
    note: &'a (dyn Fn(u64) + Sync),
    /// Hashes of the ids that the service has deleted: it may list them for some time yet.
    gone: HashSet<u64>,
    hasher: RandomState,
    /// How many of those were not there to be deleted: perhaps an answer was lost, perhaps the address is wrong.
    absent: u64,
    /// The last status that was taken for a deletion.
    last: Option<StatusCode>,
}

impl Sweep<'_> {
    async fn pass(&mut self) -> Result<Pass, PortError> {
        let Deletion { asked, run, .. } = self.deletion;
        let act = format!("list {}", asked.resource.name);
        let mut pages = asked.pages(self.list, run, &act, &[])?;
        let mut pass = Pass::default();
        while let Some(listed) = pages.next().await? {
            pass.own += listed.own.len() as u64;
            pass.left.others += listed.others;
            pass.left.untagged += listed.untagged;
            self.page(&listed.own, &mut pass).await?;
            if pass.fresh == 0 && pass.refusals >= ENOUGH_REFUSALS {
                break;
            }
        }
        Ok(pass)
    }

    /// Deletes the items of one page.
    async fn page(&mut self, own: &[String], pass: &mut Pass) -> Result<(), PortError> {
        let Self { deletion, note, gone, hasher, absent, last, .. } = self;
        let deletion = &*deletion;
        let deletions = own.iter().map(|id| async move { (id, deletion.of(id).await) });
        let concurrency = deletion.asked.settings.concurrency.max(1);
        // Those that are under way together fail together.
        let is_away = || deletion.in_a_row.load(Ordering::Relaxed) >= AWAY.max(concurrency);
        let mut deletions = futures::stream::iter(deletions.collect::<Vec<_>>()).buffer_unordered(concurrency as usize);
        while let Some((id, result)) = deletions.next().await {
            match result {
                Ok(status) => {
                    *last = Some(status);
                    let is_fresh = gone.insert(hasher.hash_one(id));
                    pass.fresh += u64::from(is_fresh);
                    match status.is_success() {
                        true => note(u64::from(is_fresh)),
                        false => *absent += u64::from(is_fresh),
                    }
                }
                // One item that always fails is its own fault; so many are the service's.
                Err(error) if error.kind.is_transient() && is_away() => return Err(error),
                Err(error) => {
                    pass.refusals += 1;
                    pass.refusal.get_or_insert(error);
                }
            }
        }
        Ok(())
    }

    /// Nothing goes any more: because the service refuses, or although it says that it has deleted all.
    fn stuck(&self, pass: Pass, patience: &Patience) -> PortError {
        let (spent, own) = (patience.spent(), pass.own);
        if let Some(refusal) = pass.refusal {
            let act = format!("{} ({} of the {own} listed stay, {spent})", refusal.act, pass.refusals);
            // The service has answered the list: it is not away, and to call it all anew would help no more than this has.
            let kind = if refusal.kind.is_transient() { FailureKind::Unsettled } else { refusal.kind };
            return PortError { kind, act, ..refusal };
        }
        let Asked { settings, resource, .. } = self.deletion.asked;
        let (store, resource) = (&settings.name, &resource.name);
        let answered = self
            .last
            .map_or_else(String::new, |status| format!(", and the service answers HTTP {status} to their deletion"));
        let act = format!("test data {store}: {own} of {resource} are still listed{answered} ({spent})");
        PortError::new(FailureKind::Unsettled, act)
    }
}

/// The deletion of one item after the other.
struct Deletion<'a> {
    asked: &'a Asked<'a>,
    item: &'a ItemRequest,
    run: &'a RunId,
    /// How many have failed for the time being since one was answered.
    in_a_row: AtomicU32,
}

impl Deletion<'_> {
    /// The status that says that it is gone.
    async fn of(&self, id: &str) -> Result<StatusCode, PortError> {
        let request = self.asked.filled(self.item.template(), self.run, Some(id))?;
        let act = format!("delete one of {}", self.asked.resource.name);
        let full = self.asked.patience;
        let patience = if self.in_a_row.load(Ordering::Relaxed) > 0 { full.min(BRIEF) } else { full };
        let purpose = Purpose { run: self.run, act: &act, taken: &GONE, patience };
        let answer = self.asked.client.call(&request, purpose).await;
        match &answer {
            Err(error) if error.kind.is_transient() => {
                self.in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) | Err(_) => self.in_a_row.store(0, Ordering::Relaxed),
        }
        answer.map(|answer| answer.status)
    }
}
