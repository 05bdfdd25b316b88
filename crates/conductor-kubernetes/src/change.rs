//! What one write does to an object, decided from what is there: its fields afterwards, and its marker afterwards. Pure.
//!
//! On the way there the marker is always written with the change. On the way back it goes with the write after which no
//! field holds a value of the run any more.

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
    /// True when an autoscaler writes it, too: then it may hold anything before.
    pub(crate) contested: bool,
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
    admit(marker, holder)?;
    let mut fields = live.clone();
    let found = live.fields();
    for Change { field, from, to, contested } in &wish.changes {
        let found = found.get(field);
        if found == to.as_ref() {
            continue;
        }
        if !contested && found != from.as_ref() {
            let [found, from, to] = [found, from.as_ref(), to.as_ref()].map(shown);
            return Err(Refusal::Changed { field: field.clone(), found, from, to });
        }
        fields.set(field, to.clone());
    }
    let marker = match wish.way {
        Way::There => Some(marked(live, marker, holder, wish, &fields)),
        Way::Back => marker
            .filter(|marker| is_ours(&fields, marker))
            .map(|marker| Marker { holder: holder.clone(), ..marker.clone() }),
    };
    Ok(After { fields, marker })
}

/// Refuses what is another run's, and a conductor that was replaced.
fn admit<T>(marker: Option<&Marker<T>>, holder: &Holder) -> Result<(), Refusal> {
    let Some(Marker { holder: found, .. }) = marker else { return Ok(()) };
    if found.run != holder.run {
        return Err(Refusal::Held(found.run.clone()));
    }
    if found.epoch > holder.epoch {
        return Err(Refusal::Fenced { run: found.run.clone(), found: found.epoch, own: holder.epoch });
    }
    Ok(())
}

/// The marker of an object that the run has changed: what was there before is never replaced.
fn marked<T: Fields>(live: &T, marker: Option<&Marker<T>>, holder: &Holder, wish: &Wish, after: &T) -> Marker<T> {
    let mut marked = match marker {
        Some(marker) => Marker { holder: holder.clone(), ..marker.clone() },
        None => {
            // An autoscaler may have been quicker than this write: what the caller saw was before it.
            let mut original = live.clone();
            wish.changes.iter().for_each(|change| original.set(&change.field, change.from.clone()));
            Marker { original, holder: holder.clone(), applied: Vec::new() }
        }
    };
    if marked.applied.last().is_none_or(|last| last.fields() != after.fields()) {
        marked.applied.push(after.clone());
    }
    marked
}

/// True when some field holds a value that the run has given it.
fn is_ours<T: Fields>(fields: &T, marker: &Marker<T>) -> bool {
    let (present, original) = (fields.fields(), marker.original.fields());
    let applied: Vec<_> = marker.applied.iter().map(Fields::fields).collect();
    let all = original.keys().chain(applied.iter().flat_map(|applied| applied.keys()));
    let mut ours = all.filter(|field| {
        let value = present.get(field);
        value != original.get(field) && applied.iter().any(|applied| applied.get(field) == value)
    });
    ours.next().is_some()
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use conductor_core::app::Bounds;

    use super::*;

    fn holder(run: &str, epoch: u64) -> Holder {
        Holder { run: run.parse().unwrap(), epoch }
    }

    fn count(field: Field, from: u32, to: u32) -> Change {
        Change { field, from: Some(Value::Count(from)), to: Some(Value::Count(to)), contested: false }
    }

    fn pin(way: Way, from: Bounds, to: Bounds) -> Wish {
        let changes = vec![count(Field::MinReplicas, from.min, to.min), count(Field::MaxReplicas, from.max, to.max)];
        Wish { way, changes }
    }

    const BEFORE: Bounds = Bounds { min: 1, max: 4 };
    const DURING: Bounds = Bounds::pinned(20);

    #[test]
    fn the_first_write_keeps_what_was_there_and_the_last_takes_the_marker_with_it() {
        let me = holder("one", 1);
        let there = decide(&BEFORE, None, &me, &pin(Way::There, BEFORE, DURING)).unwrap();
        let marker = there.marker.clone().unwrap();
        assert_eq!(there.fields, DURING);
        assert_eq!((marker.original, marker.applied.as_slice()), (BEFORE, [DURING].as_slice()));
        let again = decide(&DURING, Some(&marker), &me, &pin(Way::There, BEFORE, DURING)).unwrap();
        assert_eq!(again, there, "twice is once");
        let back = decide(&DURING, Some(&marker), &me, &pin(Way::Back, DURING, BEFORE)).unwrap();
        assert_eq!(back, After { fields: BEFORE, marker: None });
        assert_eq!(decide(&BEFORE, None, &me, &pin(Way::Back, DURING, BEFORE)).unwrap(), back, "twice is once");
    }

    #[test]
    fn what_was_before_stays_however_often_the_run_writes() {
        let me = holder("one", 1);
        let first = decide(&BEFORE, None, &me, &pin(Way::There, BEFORE, DURING)).unwrap();
        let more = Bounds::pinned(30);
        let second = decide(&DURING, first.marker.as_ref(), &me, &pin(Way::There, DURING, more)).unwrap();
        let marker = second.marker.unwrap();
        assert_eq!((marker.original, marker.applied), (BEFORE, vec![DURING, more]));
    }

    #[test]
    fn somebody_elses_value_is_not_overwritten() {
        let foreign = Bounds { min: 1, max: 9 };
        let refused = decide(&foreign, None, &holder("one", 1), &pin(Way::There, BEFORE, DURING)).unwrap_err();
        assert_eq!(refused.to_string(), "somebody else changed maxReplicas: it is 9, and neither 4 nor 20");
    }

    #[test]
    fn what_an_autoscaler_writes_too_may_hold_anything_and_what_the_caller_saw_was_before() {
        let contested = |from, to| Change { contested: true, ..count(Field::MaxReplicas, from, to) };
        let wish = |way, from, to| Wish { way, changes: vec![contested(from, to)] };
        // It has moved on its own to where it is wanted.
        let live = Bounds { min: 1, max: 20 };
        let there = decide(&live, None, &holder("one", 1), &wish(Way::There, 4, 20)).unwrap();
        assert_eq!((there.fields, there.marker.as_ref().unwrap().original), (live, BEFORE));
        // And back again, to somewhere else.
        let moved = Bounds { min: 1, max: 3 };
        let back = decide(&moved, there.marker.as_ref(), &holder("one", 1), &wish(Way::Back, 20, 4)).unwrap();
        assert_eq!(back, After { fields: BEFORE, marker: None });
    }

    #[test]
    fn the_marker_stays_while_anything_of_the_run_is_left_and_goes_when_the_rest_is_others() {
        let me = holder("one", 1);
        let marker = decide(&BEFORE, None, &me, &pin(Way::There, BEFORE, DURING)).unwrap().marker;
        let half = Wish { way: Way::Back, changes: vec![count(Field::MinReplicas, 20, 1)] };
        let after = decide(&DURING, marker.as_ref(), &me, &half).unwrap();
        assert_eq!((after.fields, after.marker.is_some()), (Bounds { min: 1, max: 20 }, true));
        let nothing = Wish { way: Way::Back, changes: Vec::new() };
        let foreign = Bounds { min: 7, max: 9 };
        assert_eq!(
            decide(&foreign, marker.as_ref(), &me, &nothing).unwrap().marker,
            None,
            "all of it is somebody else's"
        );
        assert!(decide(&Bounds { min: 7, max: 20 }, marker.as_ref(), &me, &nothing).unwrap().marker.is_some());
    }

    #[test]
    fn another_runs_object_and_a_conductor_that_was_replaced_are_refused() {
        let marker = decide(&BEFORE, None, &holder("one", 2), &pin(Way::There, BEFORE, DURING)).unwrap().marker;
        let refused = |holder| {
            decide(&DURING, marker.as_ref(), &holder, &pin(Way::Back, DURING, BEFORE))
                .map_err(|error| error.to_string())
        };
        assert_eq!(refused(holder("two", 9)).unwrap_err(), "load test one has changed it and not put it back");
        assert_eq!(
            refused(holder("one", 1)).unwrap_err(),
            "a newer conductor drives load test one (epoch 2, this one has 1)"
        );
        assert!(refused(holder("one", 3)).is_ok());
    }
}
