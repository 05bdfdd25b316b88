//! What a run changes of a Stack, and how that is said.

use std::collections::BTreeMap;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::ports::Way;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::field::{Field, Fields, Owned, Value};
use crate::marker::Marker;
use crate::scaled_object::{change, said};
use crate::terms::{changes, fields_of};

/// What is taken for a number of replicas, or for the fewest of them, where there is none.
const ABSENT: u32 = 1;

/// The fields of a Stack, as its marker keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StackFields {
    /// With the replicas of its Deployment, where it is autoscaled.
    pub(crate) owned: Owned,
    /// False where the Stack leaves its replicas to their default.
    pub(crate) says_replicas: bool,
    /// The bounds of its autoscaler, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) autoscaler: Option<Ends>,
}

/// Both bounds of an autoscaler. To have no minimum is another thing than to have the one that it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ends {
    pub(crate) min: Option<u32>,
    pub(crate) max: u32,
}

impl Ends {
    pub(crate) fn bounds(self) -> Bounds {
        Bounds { min: self.min.unwrap_or(ABSENT), max: self.max }
    }
}

impl StackFields {
    pub(crate) fn bounds(&self) -> Option<Bounds> {
        self.autoscaler.map(Ends::bounds)
    }

    /// What takes a Stack with these fields from one allocation to another. `original` is how they were before the run.
    pub(crate) fn changes(&self, original: &Self, way: Way, [from, to]: [&Allocation; 2]) -> Vec<Change> {
        let mut all = changes(&fields_of(from), &fields_of(to));
        all.retain(|change| change.field != Field::Replicas);
        match (from.autoscaling, to.autoscaling) {
            (Some(before), Some(after)) => {
                let replicas = [from, to].map(|allocation| Some(allocation.replicas));
                all.push(change(Field::Replicas, replicas[0], replicas[1]));
                all.extend(self.rebounded(original, way, [before, after]));
            }
            _ => {
                let kept = self.kept(original, way);
                let before = said(self.said_replicas(), from.replicas, ABSENT);
                all.push(change(Field::Replicas, before, said(kept.said_replicas(), to.replicas, ABSENT)));
            }
        }
        all.retain(|change| change.from != change.to);
        all
    }

    /// What takes it from some bounds to others.
    pub(crate) fn rebounded(&self, original: &Self, way: Way, [from, to]: [Bounds; 2]) -> Vec<Change> {
        let min = |of: &Self| of.autoscaler.and_then(|ends| ends.min);
        let kept = self.kept(original, way);
        let mut both = vec![
            change(Field::MinReplicas, said(min(self), from.min, ABSENT), said(min(kept), to.min, ABSENT)),
            change(Field::MaxReplicas, Some(from.max), Some(to.max)),
        ];
        both.retain(|change| change.from != change.to);
        both
    }

    fn said_replicas(&self) -> Option<u32> {
        self.says_replicas.then_some(self.owned.replicas)
    }

    const fn kept<'a>(&'a self, original: &'a Self, way: Way) -> &'a Self {
        match way {
            Way::There => self,
            Way::Back => original,
        }
    }
}

impl Marker<StackFields> {
    /// What it says of the workload.
    pub(crate) fn of_workload(&self) -> Marker<Owned> {
        let applied = self.applied.iter().map(|fields| fields.owned.clone()).collect();
        Marker {
            original: self.original.owned.clone(),
            holder: self.holder.clone(),
            applied,
            delivering: false,
            besides: None,
        }
    }

    /// What it says of the bounds, where there are any.
    pub(crate) fn of_bounds(&self) -> Option<Marker<Bounds>> {
        let applied = self.applied.iter().filter_map(StackFields::bounds).collect();
        Some(Marker {
            original: self.original.bounds()?,
            holder: self.holder.clone(),
            applied,
            delivering: false,
            besides: None,
        })
    }
}

impl Fields for StackFields {
    fn fields(&self) -> BTreeMap<Field, Value> {
        let mut fields = self.owned.fields();
        if !self.says_replicas {
            fields.remove(&Field::Replicas);
        }
        if let Some(Ends { min, max }) = self.autoscaler {
            fields.extend(min.map(|min| (Field::MinReplicas, Value::Count(min))));
            fields.insert(Field::MaxReplicas, Value::Count(max));
        }
        fields
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        let count = match value {
            Some(Value::Count(count)) => Some(count),
            Some(Value::Image(_) | Value::Amount(_) | Value::Flag(_) | Value::Word(_)) | None => None,
        };
        match (field, &mut self.autoscaler) {
            (Field::Replicas, _) => {
                (self.says_replicas, self.owned.replicas) = (count.is_some(), count.unwrap_or(ABSENT));
            }
            (Field::MinReplicas, Some(ends)) => ends.min = count,
            (Field::MaxReplicas, Some(ends)) => ends.max = count.unwrap_or(ends.max),
            _ => self.owned.set(field, value),
        }
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
