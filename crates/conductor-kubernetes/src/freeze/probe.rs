//! The proof that a freeze acts: a change of every target is tried, without effect, and must be denied.
//!
//! The policy lets everything pass when it is broken, so that its presence proves nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use futures::stream::{self, StreamExt, TryStreamExt};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use kube::Client;
use kube::api::{Patch, PatchParams};
use tokio::time::Instant;

use super::hold::count;
use super::{FIELD_MANAGER, Freezer, Target};
use crate::answer::{answer, attempt};
use crate::error::failed;

/// How long a new freeze may take to act; a twentieth of a second is usual.
const ACTS_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many targets are tried at a time.
const CONCURRENCY: usize = 16;
/// How many targets an error names.
const NAMED: usize = 5;
/// What a denial by the policy says.
const DENIED: &str = "frozen by load test";

/// Whether changes are denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Everybody else is denied changes of every target.
    Active,
    /// Nothing is frozen in this cluster, and a load test must do without.
    Inactive {
        /// Why.
        because: String,
    },
}

impl Freezer {
    /// Proves that the targets are frozen: each denies a change.
    ///
    /// # Errors
    /// When some are frozen and others are not, one of them does not exist, or the API server refuses to try.
    pub(crate) async fn prove(&self, targets: &BTreeSet<Target>) -> Result<Proof, PortError> {
        let missing = self.available().await?;
        if !missing.is_empty() {
            return Ok(Proof::Inactive { because: missing.join(", ") });
        }
        let begun = Instant::now();
        let mut open: Vec<&Target> = targets.iter().collect();
        loop {
            open = self.open_among(open).await?;
            match open.first() {
                None => return Ok(Proof::Active),
                Some(first) if begun.elapsed() >= ACTS_WITHIN => {
                    return if open.len() == targets.len() {
                        Ok(Proof::Inactive { because: format!("the policy is there, but {first} can be changed") })
                    } else {
                        Err(PortError::because(FailureKind::Unsettled, act(targets.len()), complaint(&open)))
                    };
                }
                Some(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Those of the targets that can be changed.
    async fn open_among<'target>(&self, targets: Vec<&'target Target>) -> Result<Vec<&'target Target>, PortError> {
        // Made before the stream, whose future could not move between threads with the closure in it.
        let tried: Vec<_> = targets.into_iter().map(|target| self.if_open(target)).collect();
        let tried: Vec<Option<&Target>> = stream::iter(tried).buffered(CONCURRENCY).try_collect().await?;
        Ok(tried.into_iter().flatten().collect())
    }

    async fn if_open<'target>(&self, target: &'target Target) -> Result<Option<&'target Target>, PortError> {
        Ok((!is_frozen(&self.client, target).await?).then_some(target))
    }
}

/// Tries one more replica, or another mode. It must be another one than there is, for a change of nothing is allowed.
async fn is_frozen(client: &Client, target: &Target) -> Result<bool, PortError> {
    let act = format!("could not try whether {target} is frozen");
    let objects = target.api(client);
    let object = answer(&act, || async { objects.get(&target.name).await }).await?;
    let params = PatchParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let mut invalid = None;
    for (field, value) in target.resource.others(&object.data) {
        let path = PointerBuf::parse(field).map_err(|error| PortError::because(FailureKind::Rejected, &act, error))?;
        let other = AddOperation { path, value };
        let other = Patch::<()>::Json(json_patch::Patch(vec![PatchOperation::Add(other)]));
        match attempt(&act, || async { objects.patch(&target.name, &params, &other).await }).await? {
            Ok(_) => return Ok(false),
            Err(kube::Error::Api(status)) if status.code == 403 && status.message.contains(DENIED) => return Ok(true),
            Err(error) if is_invalid(&error) => invalid = Some(error),
            Err(error) => return Err(failed(act, error)),
        }
    }
    // Whatever is tried is refused before the policy is asked.
    invalid.map_or(Ok(false), |error| Err(failed(act, error)))
}

fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 422)
}

fn act(targets: usize) -> String {
    let verb = if targets == 1 { "is" } else { "are" };
    format!("could not prove that {} {verb} frozen", count(targets, "target"))
}

/// Names those that are not frozen.
fn complaint(open: &[&Target]) -> String {
    let named: Vec<String> = open.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match open.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} can be changed: {}{more}", open.len(), named.join(", "))
}
