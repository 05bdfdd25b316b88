//! What one write does to a service, decided from what is there: what it is given, and its marker. Pure.

use conductor_core::ports::Way;
use conductor_core::run::RunId;

use crate::marker::{Holder, Kept, Marker, MarkerError, Suspended};
use crate::place::Revision;
use crate::service::Service;

/// What the fields are called.
const DESIRED: &str = "desired_count";
const DEFINITION: &str = "the task definition";

/// What somebody wants of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Towards the test's state, or back.
    pub(crate) way: Way,
    /// `desired_count`.
    pub(crate) desired: Option<Change<u32>>,
    /// The revision of the task definition.
    pub(crate) definition: Option<Change<Revision>>,
    /// What of its autoscaling is suspended. The service does not show it: only the marker is written here.
    pub(crate) suspended: Option<Change<Suspended>>,
}

impl Wish {
    /// Wishes nothing, on this way.
    pub(crate) const fn nothing(way: Way) -> Self {
        Self { way, desired: None, definition: None, suspended: None }
    }
}

/// One field's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change<T> {
    /// What it is believed to be.
    pub(crate) from: T,
    /// What it shall be.
    pub(crate) to: T,
}

/// What is to be written to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// What its marker shall be; `None` where it has none, and needs none.
    pub(crate) marker: Option<Marker>,
    /// `desired_count`, where it is not that already.
    pub(crate) desired: Option<u32>,
    /// The revision, where it is not that already.
    pub(crate) definition: Option<Revision>,
}

/// Why a service is not written to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another run has changed it.
    #[error("load test {0} has changed it and not put it back")]
    Held(RunId),
    /// A younger conductor has taken the run over.
    #[error("a younger conductor (epoch {found}) has taken load test {run} over from this one (epoch {own})")]
    TakenOver { run: RunId, found: u64, own: u64 },
    /// Somebody else changed it.
    #[error("somebody else changed {field}: it is {found}, and neither {from} nor {to}")]
    Changed { field: &'static str, found: String, from: String, to: String },
    /// The run was put back, and somebody has given it a value of the run's again.
    #[error(
        "load test {run} has no tags there and no sign of life: somebody else has put it back, and set {field} to {value} since: \
         it is theirs and stays"
    )]
    Theirs { run: RunId, field: &'static str, value: String },
    /// It cannot be read what it was before.
    #[error(transparent)]
    Broken(#[from] MarkerError),
}

/// What of a marker may be written over by a holder.
pub(crate) fn admit(found: Option<&Holder>, holder: &Holder) -> Result<(), Refusal> {
    match found {
        Some(other) if other.run != holder.run => Err(Refusal::Held(other.run.clone())),
        Some(Holder { run, epoch }) if *epoch > holder.epoch => {
            Err(Refusal::TakenOver { run: run.clone(), found: *epoch, own: holder.epoch })
        }
        Some(_) | None => Ok(()),
    }
}

/// What is to be written, where the service is found like this.
pub(crate) fn decide(live: &Service, holder: &Holder, wish: &Wish) -> Result<Write, Refusal> {
    let found = Marker::read(&live.tags);
    admit(crate::marker::holder(&live.tags).as_ref(), holder)?;
    let found = match (found, wish.way) {
        (Ok(found), _) => found,
        // It is in nobody's way: what to put back is known, and only goes in place of what is expected.
        (Err(_), Way::Back) => None,
        (Err(error), Way::There) => return Err(error.into()),
    };
    let mut marker = found.clone().unwrap_or_else(|| Marker::new(holder.clone()));
    marker.holder = holder.clone();
    let (desired, definition) = (wish.desired.as_ref(), wish.definition.as_ref());
    let desired = field(DESIRED, wish.way, Some(&live.desired), desired, &mut marker.desired)?;
    let definition = field(DEFINITION, wish.way, live.definition.as_ref(), definition, &mut marker.definition)?;
    if let Some(Change { from, to }) = wish.suspended.filter(|_| wish.way == Way::There) {
        marker.suspended.get_or_insert_with(|| Kept::new(from)).apply(to);
    }
    // On the way back it is claimed, so that an older conductor is kept from writing. What has none gets none.
    let marker = if found.is_none() && marker.is_empty() { None } else { Some(marker) };
    Ok(Write { marker, desired, definition })
}

/// Decides one field: what it is to be given, `None` where it has it. What the run gives is noted.
fn field<T: Clone + PartialEq + ToString>(
    name: &'static str,
    way: Way,
    live: Option<&T>,
    change: Option<&Change<T>>,
    kept: &mut Option<Kept<T>>,
) -> Result<Option<T>, Refusal> {
    let Some(Change { from, to }) = change else { return Ok(None) };
    let is_known = |value: &T| kept.as_ref().is_some_and(|kept| kept.before == *value || kept.applied.contains(value));
    let found = live.filter(|found| *found != from && *found != to && !is_known(found));
    if let Some(found) = found {
        let [found, from, to] = [found, from, to].map(ToString::to_string);
        return Err(Refusal::Changed { field: name, found, from, to });
    }
    let has_it = live == Some(to);
    match way {
        Way::There if has_it && kept.is_none() => return Ok(None),
        Way::There => kept.get_or_insert_with(|| Kept::new(live.unwrap_or(from).clone())).apply(to.clone()),
        Way::Back => {}
    }
    Ok((!has_it).then(|| to.clone()))
}

/// Refuses to take away, as the run's, what a service without tags of the run has after somebody else has put the run back.
pub(crate) fn refuse_theirs(live: &Service, holder: &Holder, write: &Write) -> Result<(), Refusal> {
    let desired = write.desired.map(|_| (DESIRED, live.desired.to_string()));
    let revision = || live.definition.as_ref().map(ToString::to_string).unwrap_or_default();
    let definition = write.definition.as_ref().map(|_| (DEFINITION, revision()));
    match desired.or(definition) {
        Some((field, value)) => Err(Refusal::Theirs { run: holder.run.clone(), field, value }),
        None => Ok(()),
    }
}

/// What is left of a marker on a service, once nothing is kept that the service has not of the run any more.
pub(crate) fn remainder(live: &Service, marker: &Marker) -> Marker {
    let desired = marker.desired.clone().filter(|kept| kept.is_ours(&live.desired));
    let is_ours = |kept: &Kept<Revision>| live.definition.as_ref().is_some_and(|revision| kept.is_ours(revision));
    let definition = marker.definition.clone().filter(is_ours);
    Marker { desired, definition, ..marker.clone() }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
