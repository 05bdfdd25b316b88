//! What a run leaves on an object that it changes: what was there before, and what it has given the object since. It is
//! written with the change itself, so that no crash can separate the two.
//!
//! * `loadtest-conductor.dev/snapshot` holds the fields as they were; it is written once and never changed.
//! * `loadtest-conductor.dev/run` holds the run, the epoch of the conductor that drives it, the object's uid, and every
//!   state of the fields that the run has applied. With another uid it was copied from another object, and is void.

use std::collections::BTreeMap;

use conductor_core::run::RunId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The annotation with the fields as they were.
pub(crate) const SNAPSHOT: &str = "loadtest-conductor.dev/snapshot";
/// The annotation with the run that has changed them.
pub(crate) const RUN: &str = "loadtest-conductor.dev/run";

/// Who writes: a run, and which of its conductors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The run.
    pub(crate) run: RunId,
    /// Grows with every conductor that takes the run over.
    pub(crate) epoch: u64,
}

/// A marker as it is on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker<T> {
    /// The fields before the run.
    pub(crate) original: T,
    /// Who wrote last.
    pub(crate) holder: Holder,
    /// What the run has given the fields, one after the other.
    pub(crate) applied: Vec<T>,
    /// True while a delivery system is at it for the run: what it gives the fields is the run's, too.
    pub(crate) delivering: bool,
    /// Where a delivery system was asked: a fingerprint of what else it may have changed, as it was before.
    pub(crate) besides: Option<String>,
}

/// The text of the annotation [`RUN`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Held<T> {
    run: RunId,
    epoch: u64,
    uid: String,
    applied: Vec<T>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    delivering: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    besides: Option<String>,
}

/// As much of it as every version of it has.
#[derive(Deserialize)]
struct Who {
    run: RunId,
    epoch: u64,
    uid: String,
}

/// Why the marker of an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MarkerError {
    /// One annotation without the other.
    #[error("it has annotation {present} and not {absent}, so that nobody can say what it was before")]
    Half { present: &'static str, absent: &'static str },
    /// An annotation with something else in it.
    #[error("annotation {annotation} cannot be read")]
    Text { annotation: &'static str, source: serde_json::Error },
}

/// The annotations of an object.
pub(crate) type Annotations = Option<BTreeMap<String, String>>;

impl<T: Serialize + DeserializeOwned> Marker<T> {
    /// The marker among the annotations of the object with this uid, `None` where no run has left one.
    pub(crate) fn read(uid: &str, annotations: &Annotations) -> Result<Option<Self>, MarkerError> {
        let of = |key: &str| annotations.as_ref().and_then(|annotations| annotations.get(key));
        let (snapshot, held) = match (of(SNAPSHOT), of(RUN)) {
            _ if who(annotations).is_some_and(|who| who.uid != uid) => return Ok(None),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(MarkerError::Half { present: SNAPSHOT, absent: RUN }),
            (None, Some(_)) => return Err(MarkerError::Half { present: RUN, absent: SNAPSHOT }),
            (Some(snapshot), Some(held)) => (snapshot, held),
        };
        let unreadable = |annotation| move |source| MarkerError::Text { annotation, source };
        let Held { run, epoch, applied, delivering, besides, .. } =
            serde_json::from_str(held).map_err(unreadable(RUN))?;
        let original = serde_json::from_str(snapshot).map_err(unreadable(SNAPSHOT))?;
        Ok(Some(Self { original, holder: Holder { run, epoch }, applied, delivering, besides }))
    }

    /// The annotations that hold it on the object with this uid.
    pub(crate) fn write(&self, uid: &str) -> serde_json::Result<[(&'static str, String); 2]> {
        let Holder { run, epoch } = self.holder.clone();
        let (applied, delivering) = (self.applied.iter().collect(), self.delivering);
        let held = Held { run, epoch, uid: uid.to_owned(), applied, delivering, besides: self.besides.clone() };
        Ok([(SNAPSHOT, serde_json::to_string(&self.original)?), (RUN, serde_json::to_string(&held)?)])
    }
}

fn who(annotations: &Annotations) -> Option<Who> {
    serde_json::from_str(annotations.as_ref()?.get(RUN)?).ok()
}

/// Who has left a marker on the object with this uid, even where the rest of it cannot be read.
pub(crate) fn holder(uid: &str, annotations: &Annotations) -> Option<Holder> {
    let Who { run, epoch, uid: of } = who(annotations)?;
    (of == uid).then_some(Holder { run, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations(of: &[(&str, &str)]) -> Annotations {
        Some(of.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let holder = Holder { run: "rehearsal-1".parse().unwrap(), epoch: 7 };
        let marker = Marker { original: 2_u32, holder, applied: vec![3, 6], delivering: false, besides: None };
        let [snapshot, run] = marker.write("uid-1").unwrap();
        assert_eq!(snapshot, (SNAPSHOT, "2".to_owned()));
        assert_eq!(run, (RUN, r#"{"run":"rehearsal-1","epoch":7,"uid":"uid-1","applied":[3,6]}"#.to_owned()));
        let there = annotations(&[(snapshot.0, &snapshot.1), (run.0, &run.1), ("other", "x")]);
        assert_eq!(Marker::read("uid-1", &there).unwrap(), Some(marker));
        assert_eq!(Marker::<u32>::read("uid-2", &there).unwrap(), None, "it was copied from another object");
        assert_eq!(Marker::<u32>::read("uid-1", &annotations(&[("other", "x")])).unwrap(), None);
        assert_eq!(Marker::<u32>::read("uid-1", &None).unwrap(), None);
    }

    #[test]
    fn half_a_marker_or_a_broken_one_is_told_by_name() {
        let told = |of: &[(&str, &str)]| Marker::<u32>::read("uid-1", &annotations(of)).unwrap_err().to_string();
        assert_eq!(
            told(&[(SNAPSHOT, "2")]),
            "it has annotation loadtest-conductor.dev/snapshot and not loadtest-conductor.dev/run, so that nobody can say \
             what it was before"
        );
        let run = r#"{"run":"one","epoch":1,"uid":"uid-1","applied":[]}"#;
        assert_eq!(told(&[(SNAPSHOT, "x"), (RUN, run)]), "annotation loadtest-conductor.dev/snapshot cannot be read");
        assert_eq!(told(&[(SNAPSHOT, "2"), (RUN, "{}")]), "annotation loadtest-conductor.dev/run cannot be read");
        assert!(told(&[(RUN, run)]).starts_with("it has annotation loadtest-conductor.dev/run and not "));
    }

    #[test]
    fn whose_a_broken_marker_is_can_be_said_while_its_run_can_be_read() {
        let of = |text: &str| holder("uid-1", &annotations(&[(RUN, text)])).map(|holder| holder.run.to_string());
        assert_eq!(of(r#"{"run":"one","epoch":1,"uid":"uid-1","applied":[],"new":0}"#).as_deref(), Some("one"));
        assert_eq!(of(r#"{"run":"one","epoch":1,"uid":"uid-2","applied":[]}"#), None, "it was copied");
        assert_eq!(of("{}"), None);
        let copied = annotations(&[(RUN, r#"{"run":"one","epoch":1,"uid":"uid-2","applied":[]}"#)]);
        assert_eq!(Marker::<u32>::read("uid-1", &copied).unwrap(), None, "half of a void marker is void");
    }
}
