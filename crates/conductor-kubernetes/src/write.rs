//! Writing to one object: look, decide, patch; and look again when somebody was quicker.
//!
//! What was seen of an object when it was read or written last is its first look: one request a write is the rule. Such a
//! patch is done only on the object that was seen, as it was seen. That there is nothing to write, or that the object must not
//! be written to, is never taken from an old look.

use std::collections::BTreeSet;
use std::sync::Arc;

use conductor_core::ports::{FailureKind, PortError, Way};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use tokio::sync::Semaphore;

use crate::answer::{answer, attempt};
use crate::change::{After, Wish, admit, announce, decide, refuse_theirs};
use crate::delivery::besides_fields;
use crate::error::failed;
use crate::field::Field;
use crate::heard::{Heard, Last};
use crate::life::Life;
use crate::marker::{Holder, Marker};
use crate::named::Named;
use crate::object::{Object, holder as holder_of, marker};
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
    /// That of this conductor.
    pub(crate) life: Arc<Life>,
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
    /// The same, and the marker stays where there is one.
    Keep(&'a Wish),
    /// The marker of a wish that somebody else will do.
    Announce(&'a Wish),
    /// A marker without a change, where there is none.
    Claim,
}

impl Writer {
    pub(crate) fn new(client: Client) -> Self {
        let (heard, life, seen) = (Heard::default(), Arc::default(), Seen::default());
        Self { client, slots: Semaphore::new(CONCURRENCY), heard, life, seen }
    }

    /// Makes an object what is wished, and answers with it as it then is.
    pub(crate) async fn write<K: Object>(
        &self,
        named: Named<'_, K>,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Box<K>, PortError> {
        self.make(named, holder, &Want::Wish(wish)).await
    }

    /// The same, and the marker stays where there is one, whatever is put back.
    pub(crate) async fn write_keeping<K: Object>(
        &self,
        named: Named<'_, K>,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Box<K>, PortError> {
        self.make(named, holder, &Want::Keep(wish)).await
    }

    /// Marks an object as if it were made what is wished, and leaves that to a delivery system.
    pub(crate) async fn announce<K: Object>(
        &self,
        named: Named<'_, K>,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Box<K>, PortError> {
        self.make(named, holder, &Want::Announce(wish)).await
    }

    /// What was heard of the last write to an object.
    pub(crate) fn last<K: Object>(&self, named: Named<'_, K>) -> Option<Last> {
        self.heard.last(named)
    }

    /// Lets every first write to an object fail that was sent before, by whomever for the run: it is changed, and changed
    /// back.
    pub(crate) async fn fence<K: Object>(&self, named: Named<'_, K>, holder: &Holder) -> Result<(), PortError> {
        let claimed: Box<K> = self.make(named, holder, &Want::Claim).await?;
        if holder_of(&*claimed).is_some_and(|found| found.run == holder.run) {
            self.write(named, holder, &Wish::nothing(Default::default())).await?;
        }
        Ok(())
    }

    async fn make<K: Object>(
        &self,
        named: Named<'_, K>,
        holder: &Holder,
        want: &Want<'_>,
    ) -> Result<Box<K>, PortError> {
        let act = format!("could not change {named}");
        let _slot =
            self.slots.acquire().await.map_err(|closed| PortError::because(FailureKind::Unavailable, &act, closed))?;
        // Thousands may wait for a slot: the memory that a write takes is there for those that have one.
        let written = Box::pin(self.make_now(named, &act, holder, want)).await?;
        self.seen.keep(named.kind, &*written);
        Ok(written)
    }

    async fn make_now<K: Object>(
        &self,
        named: Named<'_, K>,
        act: &str,
        holder: &Holder,
        want: &Want<'_>,
    ) -> Result<Box<K>, PortError> {
        let api = named.api(&self.client);
        let mut seen = self.seen.take(named).filter(|_| matches!(want, Want::Wish(_)));
        let mut moved = None;
        for _ in 0..LOOKS {
            let planned =
                seen.take().and_then(|seen| self.plan(&seen, Look::Earlier, act, holder, want).ok().flatten());
            let patch = match planned {
                Some(patch) => patch,
                None => {
                    let live = answer(act, || api.get(named.name)).await?.of_kind(named.kind);
                    match self.plan(&live, Look::Now, act, holder, want)? {
                        Some(patch) => patch,
                        None => return Ok(Box::new(live)),
                    }
                }
            };
            if want.is_there() {
                self.life.check(act, Timestamp::now())?;
            }
            match self.send(&api, named, act, patch).await? {
                Outcome::Done(written) => return Ok(written),
                Outcome::Moved(error) => moved = Some(error),
            }
        }
        let act = format!("{act}: it changed at each of {LOOKS} attempts");
        Err(moved
            .map_or_else(|| PortError::new(FailureKind::Unavailable, act.as_str()), |error| again(failed(&act, error))))
    }

    /// The patch that makes an object what is wanted; `None` where it is.
    fn plan<K: Object>(
        &self,
        live: &K,
        look: Look,
        act: &str,
        holder: &Holder,
        want: &Want<'_>,
    ) -> Result<Option<json_patch::Patch>, PortError> {
        let refused = |error: Error| PortError::because(FailureKind::Rejected, act, error);
        let decided = want.decide(live, holder).map_err(refused)?;
        if let (fields, None, _) = &decided
            && let Some(wish) = want.back()
            && self.life.is_over()
        {
            refuse_theirs(fields, holder, wish).map_err(|theirs| refused(theirs.into()))?;
        }
        patched(live, look, act, decided, want.contested())
    }

    async fn send<K: Object>(
        &self,
        api: &Api<K>,
        named: Named<'_, K>,
        act: &str,
        patch: json_patch::Patch,
    ) -> Result<Outcome<K>, PortError> {
        let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Json::<()>(patch);
        let write = self.heard.begin(named);
        let answered = attempt(act, || api.patch(named.name, &manager, &patch)).await?;
        match &answered {
            Ok(_) => write.done(),
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => write.refused(),
            Err(_) => drop(write),
        }
        match answered {
            Ok(written) => Ok(Outcome::Done(Box::new(written.of_kind(named.kind)))),
            Err(error) if is_moved(&error) => Ok(Outcome::Moved(error)),
            Err(error) => Err(failed(act, error)),
        }
    }
}

/// The patch that makes an object what is decided; `None` where it is.
fn patched<K: Object>(
    live: &K,
    look: Look,
    act: &str,
    (fields, found, after): Decided<K::Fields>,
    contested: &BTreeSet<Field>,
) -> Result<Option<json_patch::Patch>, PortError> {
    let meta = live.meta();
    let version = match look {
        _ if found.is_none() && after.marker.is_some() => Some(live.version()),
        Look::Earlier => live.version_of_fields(),
        Look::Now => None,
    };
    let (uid, template) = (meta.uid.as_deref().unwrap_or_default(), live.template());
    let (layout, written) = (live.layout(), live.written_template());
    let present = Live { uid, version, annotations: &meta.annotations, template, layout, written, fields: &fields };
    patch(&present, &after, contested).map_err(|error| PortError::because(FailureKind::Rejected, act, error))
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
            (Err(_), Self::Wish(Wish { way: Way::Back, .. }) | Self::Keep(Wish { way: Way::Back, .. })) => {
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
            Self::Keep(wish) => {
                let mut after = decide(&fields, found.as_ref(), holder, wish)?;
                let kept = || Some(Marker { holder: holder.clone(), ..found.clone()? });
                after.marker = after.marker.or_else(kept);
                after
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

    /// True for what goes towards the test's state.
    fn is_there(&self) -> bool {
        match self {
            Self::Wish(wish) | Self::Announce(wish) | Self::Keep(wish) => wish.way == Way::There,
            Self::Claim => false,
        }
    }

    /// The wish to put something back.
    fn back(&self) -> Option<&Wish> {
        match self {
            Self::Wish(wish) | Self::Keep(wish) => Some(*wish).filter(|wish| wish.way == Way::Back),
            Self::Announce(_) | Self::Claim => None,
        }
    }

    fn contested(&self) -> &BTreeSet<Field> {
        static NONE: BTreeSet<Field> = BTreeSet::new();
        match self {
            Self::Wish(wish) | Self::Announce(wish) | Self::Keep(wish) => &wish.contested,
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
pub(crate) fn is_moved(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let details = status.details.as_ref();
    let is_failed_test = || details.is_none_or(|details| details.causes.is_empty() && details.name.is_empty());
    status.code == 409 || (status.code == 422 && is_failed_test())
}
