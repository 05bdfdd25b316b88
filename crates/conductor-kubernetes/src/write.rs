//! Writing to one object: look, decide, patch; and look again when somebody was quicker.

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use tokio::sync::Semaphore;

use crate::answer::{answer, attempt};
use crate::change::{Refusal, Wish, decide};
use crate::error::failed;
use crate::marker::Holder;
use crate::object::{Object, called, marker};
use crate::patch::{Live, patch};

/// The name under which managedFields show what the conductor has written.
pub(crate) const FIELD_MANAGER: &str = "load-test-conductor";
/// Writes that are on their way at the same time. More gain nothing: the API server is busy then.
const CONCURRENCY: usize = 16;
/// How often an object is looked at anew because it changed between a look and the write.
const LOOKS: u32 = 6;

/// Writes to the test cluster, for one run.
pub(crate) struct Writer {
    client: Client,
    slots: Semaphore,
}

/// What became of one attempt.
enum Outcome<K> {
    Done(Box<K>),
    /// The object is not what was looked at any more.
    Moved(kube::Error),
}

impl Writer {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, slots: Semaphore::new(CONCURRENCY) }
    }

    pub(crate) fn api<K: Object>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Makes an object what is wished, and answers with it as it then is.
    pub(crate) async fn write<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<K, PortError> {
        let act = format!("could not change {}", called::<K>(namespace, name));
        let api = self.api::<K>(namespace);
        let _slot =
            self.slots.acquire().await.map_err(|closed| PortError::because(FailureKind::Unavailable, &act, closed))?;
        let mut moved = None;
        for _ in 0..LOOKS {
            let live = answer(&act, || api.get(name)).await?;
            match self.attempt(&api, &live, &act, holder, wish).await? {
                Outcome::Done(written) => return Ok(*written),
                Outcome::Moved(error) => moved = Some(error),
            }
        }
        let act = format!("{act}: it changed at each of {LOOKS} attempts");
        Err(moved
            .map_or_else(|| PortError::new(FailureKind::Unavailable, act.as_str()), |error| again(failed(&act, error))))
    }

    async fn attempt<K: Object>(
        &self,
        api: &Api<K>,
        live: &K,
        act: &str,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Outcome<K>, PortError> {
        let rejected =
            |error: Box<dyn std::error::Error + Send + Sync>| PortError::because(FailureKind::Rejected, act, error);
        let fields = live.fields().map_err(|error| rejected(error.into()))?;
        let meta = live.meta();
        let marker = marker(live).map_err(|error| rejected(error.into()))?;
        let after = decide(&fields, marker.as_ref(), holder, wish)
            .map_err(|refusal| PortError::because(kind(&refusal), act, refusal))?;
        let contested: BTreeSet<_> =
            wish.changes.iter().filter(|change| change.contested).map(|change| change.field.clone()).collect();
        let present = Live {
            uid: meta.uid.as_deref().unwrap_or_default(),
            annotations: &meta.annotations,
            template: live.template(),
            fields: &fields,
        };
        let Some(patch) = patch(&present, &after, &contested).map_err(|error| rejected(error.into()))? else {
            return Ok(Outcome::Done(Box::new(live.clone())));
        };
        let name = meta.name.as_deref().unwrap_or_default();
        let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Json::<()>(patch);
        match attempt(act, || api.patch(name, &manager, &patch)).await? {
            Ok(written) => Ok(Outcome::Done(Box::new(written))),
            Err(error) if is_failed_test(&error) => Ok(Outcome::Moved(error)),
            Err(error) => Err(failed(act, error)),
        }
    }
}

/// Somebody else's change does not go away by trying again, and neither does another run's marker.
fn kind(refusal: &Refusal) -> FailureKind {
    match refusal {
        Refusal::Changed { .. } | Refusal::Held(_) | Refusal::Fenced { .. } => FailureKind::Rejected,
    }
}

/// What keeps changing may stop to.
fn again(error: PortError) -> PortError {
    PortError { kind: FailureKind::Unavailable, ..error }
}

/// True for the answer to a JSON Patch whose test failed. The server does not say which; an object that it finds invalid
/// has the same status, and details besides.
fn is_failed_test(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let details = status.details.as_ref();
    status.code == 422 && details.is_none_or(|details| details.causes.is_empty() && details.name.is_empty())
}
