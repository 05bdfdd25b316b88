//! What one write does to an object, decided from what is there: its fields afterwards, and its marker afterwards. Pure.
//!
//! On the way there the marker is always written with the change, and keeps what the run has given and nothing that others
//! have. On the way back it goes with the write after which no field holds a value of the run any more.

use std::collections::BTreeSet;

use conductor_core::ports::Way;

use crate::field::{Field, Fields, Value};
use crate::marker::{Holder, Marker};

/// What somebody wants of an object.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Towards the test's state, or back.
    pub(crate) way: Way,
    /// The fields to change.
    pub(crate) changes: Vec<Change>,
    /// Fields that an autoscaler writes, too: they may hold anything before, and are not the run's afterwards.
    pub(crate) contested: BTreeSet<Field>,
}

impl Wish {
    /// Wishes no more than to be rid of what a run has left where nothing of it is left.
    pub(crate) fn nothing(contested: BTreeSet<Field>) -> Self {
        Self { way: Way::Back, changes: Vec::new(), contested }
    }
}

/// One field's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The field.
    pub(crate) field: Field,
    /// What it is believed to hold; `None` where it is not set.
    pub(crate) from: Option<Value>,
    /// What it shall hold; `None` where it shall not be set.
    pub(crate) to: Option<Value>,
}

/// An object after a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After<T> {
    /// Its fields.
    pub(crate) fields: T,
    /// Its marker; `None` where there is none any more.
    pub(crate) marker: Option<Marker<T>>,
}

/// Why an object is not written to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Somebody else changed it.
    #[error("somebody else changed {field}: it is {found}, and neither {from} nor {to}")]
    Changed { field: Field, found: String, from: String, to: String },
    /// Another run has changed it and not put it back.
    #[error("load test {0} has changed it and not put it back")]
    Held(conductor_core::run::RunId),
    /// The run was put back, and somebody has given it a value of the run's again.
    #[error("somebody else has put load test {run} back, and set {field} to {value} since: it is theirs and stays")]
    Theirs { run: conductor_core::run::RunId, field: Field, value: String },
    /// A newer conductor drives the run.
    #[error("a newer conductor drives load test {run} (epoch {found}, this one has {own})")]
    Fenced { run: conductor_core::run::RunId, found: u64, own: u64 },
}

/// Decides a write on an object with these fields and this marker.
pub(crate) fn decide<T: Fields>(
    live: &T,
    marker: Option<&Marker<T>>,
    holder: &Holder,
    wish: &Wish,
) -> Result<After<T>, Refusal> {
    admit(marker.map(|marker| &marker.holder), holder)?;
    let mut fields = live.clone();
    let found = live.fields();
    for Change { field, from, to } in &wish.changes {
        let found = found.get(field);
        if found == to.as_ref() {
            continue;
        }
        let is_delivered = marker.is_some_and(|marker| {
            (marker.delivering && is_applied(marker, field, found))
                || (wish.way == Way::There && is_brought(marker, field))
        });
        if !wish.contested.contains(field) && found != from.as_ref() && !is_delivered {
            let [found, from, to] = [found, from.as_ref(), to.as_ref()].map(shown);
            return Err(Refusal::Changed { field: field.clone(), found, from, to });
        }
        fields.set(field, to.clone());
    }
    let marker = match wish.way {
        Way::There if marker.is_none() && wish.changes.is_empty() => None,
        Way::There => Some(marked(live, marker, holder, wish)),
        Way::Back => marker
            .filter(|marker| ours(&fields, marker).any(|field| !wish.contested.contains(&field)))
            .map(|marker| Marker { holder: holder.clone(), ..marker.clone() }),
    };
    Ok(After { fields, marker })
}

/// Refuses to take away, as the run's, what an object without a marker holds after somebody else has put the run back.
pub(crate) fn refuse_theirs<T: Fields>(live: &T, holder: &Holder, wish: &Wish) -> Result<(), Refusal> {
    let found = live.fields();
    let changes = wish.changes.iter().filter(|change| !wish.contested.contains(&change.field));
    let mut theirs = changes.filter(|change| {
        let found = found.get(&change.field);
        found == change.from.as_ref() && found != change.to.as_ref()
    });
    theirs.next().map_or(Ok(()), |Change { field, from, .. }| {
        Err(Refusal::Theirs { run: holder.run.clone(), field: field.clone(), value: shown(from.as_ref()) })
    })
}

/// Decides what is written before a delivery system is asked to do what is wished: the marker, as if it were done. `besides`
/// is the fingerprint of all else.
pub(crate) fn announce<T: Fields>(
    live: &T,
    marker: Option<&Marker<T>>,
    holder: &Holder,
    wish: &Wish,
    besides: String,
) -> Result<After<T>, Refusal> {
    let After { marker, .. } = decide(live, marker, holder, wish)?;
    let asked = |marker| Marker { delivering: true, besides: Some(besides), ..marker };
    Ok(After { fields: live.clone(), marker: marker.map(asked) })
}

/// Refuses what is another run's, and a conductor that was replaced.
pub(crate) fn admit(found: Option<&Holder>, holder: &Holder) -> Result<(), Refusal> {
    let Some(found) = found else { return Ok(()) };
    if found.run != holder.run {
        return Err(Refusal::Held(found.run.clone()));
    }
    if found.epoch > holder.epoch {
        return Err(Refusal::Fenced { run: found.run.clone(), found: found.epoch, own: holder.epoch });
    }
    Ok(())
}

/// The marker of an object that the run has changed: what was there before is never replaced.
fn marked<T: Fields>(live: &T, marker: Option<&Marker<T>>, holder: &Holder, wish: &Wish) -> Marker<T> {
    let mut marked = match marker {
        Some(marker) => Marker { holder: holder.clone(), delivering: false, ..marker.clone() },
        None => {
            // An autoscaler may have been quicker than this write: what the caller saw was before it.
            let mut original = live.clone();
            wish.changes.iter().for_each(|change| original.set(&change.field, change.from.clone()));
            Marker { original, holder: holder.clone(), applied: Vec::new(), delivering: false, besides: None }
        }
    };
    // What others have given the object meanwhile is not among what the run has.
    let mut given = marked.applied.last().unwrap_or(&marked.original).clone();
    given.bring(live);
    wish.changes.iter().for_each(|change| given.set(&change.field, change.to.clone()));
    let fields = given.fields();
    marked.applied.retain(|state| state.fields() != fields);
    marked.applied.push(given);
    marked
}

/// The fields that hold a value that the run has given them.
pub(crate) fn ours<T: Fields>(fields: &T, marker: &Marker<T>) -> impl Iterator<Item = Field> {
    let (present, original) = (fields.fields(), marker.original.fields());
    let applied: Vec<_> = marker.applied.iter().map(Fields::fields).collect();
    let all: BTreeSet<Field> =
        original.keys().chain(applied.iter().flat_map(|applied| applied.keys())).cloned().collect();
    all.into_iter().filter(move |field| {
        let value = present.get(field);
        value != original.get(field) && applied.iter().any(|applied| applied.get(field) == value)
    })
}

/// What puts back everything that is the run's.
pub(crate) fn back<T: Fields>(fields: &T, marker: &Marker<T>) -> Vec<Change> {
    let (present, original) = (fields.fields(), marker.original.fields());
    let change = |field: Field| {
        let (from, to) = (present.get(&field).cloned(), original.get(&field).cloned());
        Change { field, from, to }
    };
    ours(fields, marker).map(change).collect()
}

/// True for a resource of a container that was not there before the run. Its delivery has brought it, with whatever it gives it.
fn is_brought<T: Fields>(marker: &Marker<T>, field: &Field) -> bool {
    let Field::Resource { container, .. } = field else { return false };
    !marker.original.fields().contains_key(&Field::Image { container: container.clone() })
}

/// True for what the run has given a field.
fn is_applied<T: Fields>(marker: &Marker<T>, field: &Field, value: Option<&Value>) -> bool {
    marker.applied.iter().any(|state| state.fields().get(field) == value)
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
