//! Writing to one object: look, decide, patch; and look again when somebody was quicker.
//!
//! What was seen of an object when it was read or written last is its first look: one request a write is the rule. Such a
//! patch is done only on the object that was seen, as it was seen. That there is nothing to write, or that the object must not
//! be written to, is never taken from an old look.

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError, Way};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use tokio::sync::Semaphore;

use crate::answer::{answer, attempt};
use crate::change::{After, Wish, admit, announce, decide};
use crate::delivery::besides_fields;
use crate::error::failed;
use crate::field::Field;
use crate::heard::{Heard, Last};
use crate::marker::{Holder, Marker};
use crate::object::{Object, called, holder as holder_of, marker};
use crate::patch::{Live, patch};
use crate::seen::Seen;

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
    heard: Heard,
    /// What was seen last of each object.
    pub(crate) seen: Seen,
}

/// What became of one attempt.
enum Outcome<K> {
    Done(Box<K>),
    /// The object is not what was looked at any more.
    Moved(kube::Error),
}

/// When an object was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// For this write.
    Now,
    /// Some time ago.
    Earlier,
}

/// What is wanted of an object.
enum Want<'a> {
    Wish(&'a Wish),
    /// The marker of a wish that somebody else will do.
    Announce(&'a Wish),
    /// A marker without a change, where there is none.
    Claim,
}

impl Writer {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, slots: Semaphore::new(CONCURRENCY), heard: Heard::default(), seen: Seen::default() }
    }

    fn api<K: Object>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Makes an object what is wished, and answers with it as it then is.
    pub(crate) async fn write<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Box<K>, PortError> {
        self.make(namespace, name, holder, &Want::Wish(wish)).await
    }

    /// Marks an object as if it were made what is wished, and leaves that to a delivery system.
    pub(crate) async fn announce<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Box<K>, PortError> {
        self.make(namespace, name, holder, &Want::Announce(wish)).await
    }

    /// What was heard of the last write to an object.
    pub(crate) fn last<K: Object>(&self, namespace: &str, name: &str) -> Option<Last> {
        self.heard.last::<K>(namespace, name)
    }

    /// True once something was written, or may have been.
    pub(crate) fn has_written(&self) -> bool {
        !self.heard.is_empty()
    }

    /// Lets every first write to an object fail that was sent before, by whomever for the run: it is changed, and changed
    /// back.
    pub(crate) async fn fence<K: Object>(&self, namespace: &str, name: &str, holder: &Holder) -> Result<(), PortError> {
        let claimed: Box<K> = self.make(namespace, name, holder, &Want::Claim).await?;
        if holder_of(&*claimed).is_some_and(|found| found.run == holder.run) {
            self.write::<K>(namespace, name, holder, &Wish::nothing(Default::default())).await?;
        }
        Ok(())
    }

    async fn make<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        holder: &Holder,
        want: &Want<'_>,
    ) -> Result<Box<K>, PortError> {
        let act = format!("could not change {}", called::<K>(namespace, name));
        let _slot =
            self.slots.acquire().await.map_err(|closed| PortError::because(FailureKind::Unavailable, &act, closed))?;
        // Thousands may wait for a slot: the memory that a write takes is there for those that have one.
        let written = Box::pin(self.make_now::<K>([namespace, name], &act, holder, want)).await?;
        self.seen.keep(&*written);
        Ok(written)
    }

    async fn make_now<K: Object>(
        &self,
        [namespace, name]: [&str; 2],
        act: &str,
        holder: &Holder,
        want: &Want<'_>,
    ) -> Result<Box<K>, PortError> {
        let api = self.api::<K>(namespace);
        let mut seen = self.seen.take::<K>(namespace, name).filter(|_| matches!(want, Want::Wish(_)));
        let mut moved = None;
        for _ in 0..LOOKS {
            let planned = seen.take().and_then(|seen| plan(&seen, Look::Earlier, act, holder, want).ok().flatten());
            let patch = match planned {
                Some(patch) => patch,
                None => {
                    let live = answer(act, || api.get(name)).await?;
                    match plan(&live, Look::Now, act, holder, want)? {
                        Some(patch) => patch,
                        None => return Ok(Box::new(live)),
                    }
                }
            };
            match self.send(&api, [namespace, name], act, patch).await? {
                Outcome::Done(written) => return Ok(written),
                Outcome::Moved(error) => moved = Some(error),
            }
        }
        let act = format!("{act}: it changed at each of {LOOKS} attempts");
        Err(moved
            .map_or_else(|| PortError::new(FailureKind::Unavailable, act.as_str()), |error| again(failed(&act, error))))
    }

    async fn send<K: Object>(
        &self,
        api: &Api<K>,
        [namespace, name]: [&str; 2],
        act: &str,
        patch: json_patch::Patch,
    ) -> Result<Outcome<K>, PortError> {
        let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Json::<()>(patch);
        let write = self.heard.begin::<K>(namespace, name);
        let answered = attempt(act, || api.patch(name, &manager, &patch)).await?;
        match &answered {
            Ok(_) => write.done(),
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => write.refused(),
            Err(_) => drop(write),
        }
        match answered {
            Ok(written) => Ok(Outcome::Done(Box::new(written))),
            Err(error) if is_moved(&error) => Ok(Outcome::Moved(error)),
            Err(error) => Err(failed(act, error)),
        }
    }
}

/// The patch that makes an object what is wanted; `None` where it is.
fn plan<K: Object>(
    live: &K,
    look: Look,
    act: &str,
    holder: &Holder,
    want: &Want<'_>,
) -> Result<Option<json_patch::Patch>, PortError> {
    let (fields, found, after) =
        want.decide(live, holder).map_err(|error| PortError::because(FailureKind::Rejected, act, error))?;
    let meta = live.meta();
    let version = match look {
        _ if found.is_none() && after.marker.is_some() => Some(live.version()),
        Look::Earlier => live.version_of_fields(),
        Look::Now => None,
    };
    let (uid, template) = (meta.uid.as_deref().unwrap_or_default(), live.template());
    let present = Live { uid, version, annotations: &meta.annotations, template, fields: &fields };
    patch(&present, &after, want.contested()).map_err(|error| PortError::because(FailureKind::Rejected, act, error))
}

type Error = Box<dyn std::error::Error + Send + Sync>;
/// The fields and the marker of an object, and what becomes of them.
type Decided<T> = (T, Option<Marker<T>>, After<T>);

impl Want<'_> {
    /// Decides the write. No error goes away by trying again: neither somebody else's change nor another run's marker.
    fn decide<K: Object>(&self, live: &K, holder: &Holder) -> Result<Decided<K::Fields>, Error> {
        let fields = live.fields()?;
        let found = match (marker(live), self) {
            // It is in nobody's way, unless it is another run's: what to put back is known, and is only put in place of
            // what the run has given.
            (Err(_), Self::Wish(Wish { way: Way::Back, .. })) => {
                admit(holder_of(live).as_ref(), holder)?;
                None
            }
            (found, _) => found?,
        };
        let after = match self {
            Self::Wish(wish) => decide(&fields, found.as_ref(), holder, wish)?,
            Self::Announce(wish) => {
                let besides = found.as_ref().and_then(|marker| marker.besides.clone());
                let besides = besides.unwrap_or_else(|| besides_fields(live.template()));
                announce(&fields, found.as_ref(), holder, wish, besides)?
            }
            Self::Claim => {
                let claim = || Marker {
                    original: fields.clone(),
                    holder: holder.clone(),
                    applied: Vec::new(),
                    delivering: false,
                    besides: None,
                };
                After { fields: fields.clone(), marker: Some(found.clone().unwrap_or_else(claim)) }
            }
        };
        Ok((fields, found, after))
    }

    fn contested(&self) -> &BTreeSet<Field> {
        static NONE: BTreeSet<Field> = BTreeSet::new();
        match self {
            Self::Wish(wish) | Self::Announce(wish) => &wish.contested,
            Self::Claim => &NONE,
        }
    }
}

/// What keeps changing may stop to.
fn again(error: PortError) -> PortError {
    PortError { kind: FailureKind::Unavailable, ..error }
}

/// True for the answer that the object is not what was looked at any more: a conflict, or a JSON Patch whose test failed.
/// The server does not say which test; an object that it finds invalid has the same status, and details besides.
fn is_moved(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let details = status.details.as_ref();
    let is_failed_test = || details.is_none_or(|details| details.causes.is_empty() && details.name.is_empty());
    status.code == 409 || (status.code == 422 && is_failed_test())
}
