//! What a run leaves on a service that it changes: tags that say what was there before, and what the run has given it since.
//!
//! They are written before the change, all at once, so that no crash can leave a change without them. What was there before is
//! written once and never changed. A value of a tag has 256 characters: of what the run has given, the oldest are dropped when
//! they are too many.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use conductor_core::run::RunId;

use crate::place::Revision;

/// The beginning of all tags of the conductor.
pub(crate) const PREFIX: &str = "loadtest-conductor.dev/";
const RUN: &str = "loadtest-conductor.dev/run";
const EPOCH: &str = "loadtest-conductor.dev/epoch";
const DESIRED: [&str; 2] = ["loadtest-conductor.dev/desired-count", "loadtest-conductor.dev/applied-desired-count"];
const DEFINITION: [&str; 2] =
    ["loadtest-conductor.dev/task-definition", "loadtest-conductor.dev/applied-task-definition"];
const SUSPENDED: [&str; 2] = ["loadtest-conductor.dev/suspended", "loadtest-conductor.dev/applied-suspended"];
/// All of them.
pub(crate) const KEYS: [&str; 8] =
    [RUN, EPOCH, DESIRED[0], DESIRED[1], DEFINITION[0], DEFINITION[1], SUSPENDED[0], SUSPENDED[1]];
/// Characters of a tag's value.
pub(crate) const LONGEST: usize = 256;

/// Who writes: a run, and which of its conductors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The run.
    pub(crate) run: RunId,
    /// Grows with every conductor that takes the run over.
    pub(crate) epoch: u64,
}

/// A marker as it is on a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Who wrote last.
    pub(crate) holder: Holder,
    /// `desired_count`.
    pub(crate) desired: Option<Kept<u32>>,
    /// The revision of the task definition.
    pub(crate) definition: Option<Kept<Revision>>,
    /// What of its autoscaling is suspended.
    pub(crate) suspended: Option<Kept<Suspended>>,
}

/// A value before the run, and what the run has given it, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept<T> {
    pub(crate) before: T,
    pub(crate) applied: Vec<T>,
}

/// What of the autoscaling of a service is suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspended {
    pub(crate) scale_in: bool,
    pub(crate) scale_out: bool,
    pub(crate) scheduled: bool,
}

/// Why the marker of a service cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MarkerError {
    /// Some of its tags are gone.
    #[error("it has tag {present} and not {absent}, so that nobody can say what it was before")]
    Half { present: &'static str, absent: &'static str },
    /// A tag with something else in it.
    #[error("tag {key} is \"{value}\", which cannot be read")]
    Text { key: &'static str, value: String },
}

impl<T: PartialEq> Kept<T> {
    /// One that the run has given nothing yet.
    pub(crate) fn new(before: T) -> Self {
        Self { before, applied: Vec::new() }
    }

    /// Notes what the run gives it.
    pub(crate) fn apply(&mut self, value: T) {
        self.applied.retain(|known| *known != value);
        self.applied.push(value);
    }

    /// True for what the run has given, and what it was before is not.
    pub(crate) fn is_ours(&self, value: &T) -> bool {
        *value != self.before && self.applied.contains(value)
    }
}

impl Suspended {
    /// All of it stands still.
    pub(crate) const ALL: Self = Self { scale_in: true, scale_out: true, scheduled: true };

    /// What it shall be after a run that had all of it stand still: what goes on already, somebody else has let go on.
    pub(crate) fn back_to(self, before: Self) -> Self {
        Self {
            scale_in: self.scale_in && before.scale_in,
            scale_out: self.scale_out && before.scale_out,
            scheduled: self.scheduled && before.scheduled,
        }
    }
}

impl fmt::Display for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scale_in, scale_out, scheduled } = self;
        write!(f, "in={scale_in} out={scale_out} scheduled={scheduled}")
    }
}

impl FromStr for Suspended {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(' ');
        let mut next = |name: &str| {
            let value = parts.next().and_then(|part| part.strip_prefix(name)?.strip_prefix('=')).ok_or(())?;
            value.parse::<bool>().map_err(drop)
        };
        Ok(Self { scale_in: next("in")?, scale_out: next("out")?, scheduled: next("scheduled")? })
    }
}

impl Marker {
    /// The marker of a run that has changed nothing yet.
    pub(crate) fn new(holder: Holder) -> Self {
        Self { holder, desired: None, definition: None, suspended: None }
    }

    /// The marker among tags; `None` where no run has left one.
    pub(crate) fn read(tags: &BTreeMap<String, String>) -> Result<Option<Self>, MarkerError> {
        let present = KEYS.into_iter().find(|key| tags.contains_key(*key));
        let Some(present) = present else { return Ok(None) };
        let run: RunId = required(tags, present, RUN)?;
        let epoch = required(tags, present, EPOCH)?;
        let definition = kept::<Revision>(tags, DEFINITION, |text, before| {
            Some(Revision { family: before.family.clone(), number: text.parse().ok()? })
        })?;
        Ok(Some(Self {
            holder: Holder { run, epoch },
            desired: kept(tags, DESIRED, |text, _| text.parse().ok())?,
            definition,
            suspended: suspended(tags)?,
        }))
    }

    /// The tags that hold it.
    pub(crate) fn write(&self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([
            (RUN.to_owned(), self.holder.run.to_string()),
            (EPOCH.to_owned(), self.holder.epoch.to_string()),
        ]);
        let mut add = |keys: [&str; 2], before: String, applied: Vec<String>| {
            tags.insert(keys[0].to_owned(), before);
            tags.insert(keys[1].to_owned(), newest(&applied));
        };
        if let Some(Kept { before, applied }) = &self.desired {
            add(DESIRED, before.to_string(), applied.iter().map(ToString::to_string).collect());
        }
        if let Some(Kept { before, applied }) = &self.definition {
            add(DEFINITION, before.to_string(), applied.iter().map(|revision| revision.number.to_string()).collect());
        }
        if let Some(Kept { before, applied }) = &self.suspended {
            add(SUSPENDED, before.to_string(), applied.last().map(ToString::to_string).into_iter().collect());
        }
        tags
    }

    /// True where it keeps nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.desired.is_none() && self.definition.is_none() && self.suspended.is_none()
    }
}

/// Who has left a marker among tags, even where the rest of it cannot be read.
pub(crate) fn holder(tags: &BTreeMap<String, String>) -> Option<Holder> {
    Some(Holder { run: tags.get(RUN)?.parse().ok()?, epoch: tags.get(EPOCH)?.parse().ok()? })
}

/// As many of them as a tag holds, the newest.
fn newest(applied: &[String]) -> String {
    let mut text = String::new();
    for value in applied.iter().rev() {
        if text.len() + value.len() + 1 > LONGEST {
            break;
        }
        text = if text.is_empty() { value.clone() } else { format!("{value} {text}") };
    }
    text
}

fn required<T: FromStr>(
    tags: &BTreeMap<String, String>,
    present: &'static str,
    key: &'static str,
) -> Result<T, MarkerError> {
    let value = tags.get(key).ok_or(MarkerError::Half { present, absent: key })?;
    value.parse().map_err(|_| MarkerError::Text { key, value: value.clone() })
}

fn kept<T: FromStr + PartialEq>(
    tags: &BTreeMap<String, String>,
    [before, applied]: [&'static str; 2],
    read: impl Fn(&str, &T) -> Option<T>,
) -> Result<Option<Kept<T>>, MarkerError> {
    let present = [before, applied].into_iter().find(|key| tags.contains_key(*key));
    let Some(present) = present else { return Ok(None) };
    let was: T = required(tags, present, before)?;
    let text: String = required(tags, present, applied)?;
    let values = text.split_whitespace().map(|part| read(part, &was).ok_or(()));
    let values: Result<Vec<T>, ()> = values.collect();
    let values = values.map_err(|()| MarkerError::Text { key: applied, value: text.clone() })?;
    Ok(Some(Kept { before: was, applied: values }))
}

/// The value of this one has spaces of its own.
fn suspended(tags: &BTreeMap<String, String>) -> Result<Option<Kept<Suspended>>, MarkerError> {
    let [before, applied] = SUSPENDED;
    let present = SUSPENDED.into_iter().find(|key| tags.contains_key(*key));
    let Some(present) = present else { return Ok(None) };
    let [was, is]: [Suspended; 2] = [required(tags, present, before)?, required(tags, present, applied)?];
    Ok(Some(Kept { before: was, applied: vec![is] }))
}

#[cfg(test)]
#[path = "marker_tests.rs"]
mod tests;
