//! Who changed a field: read from the records that the API server keeps in an object of who owns which field.
//!
//! Whether a change matters, and what is done about it, is decided elsewhere.

#[cfg(test)]
mod real_objects_tests;
#[cfg(test)]
mod records_tests;

use std::cmp::Reverse;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

/// One step on the way to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'path> {
    /// A field by its name, or an entry of a map by its key.
    Field(&'path str),
    /// An item of a list by the field that tells its items apart, as with `name` and `main`.
    Item(&'path str, &'path str),
}

/// Who wrote the value that a field has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    /// The program, as it calls itself.
    pub(crate) manager: String,
    /// `Apply` or `Update`.
    pub(crate) operation: String,
    /// `scale` or `status`; empty for the object itself.
    pub(crate) subresource: String,
    /// When it wrote last, in whole seconds. Not noted of writes to `/scale`, nor of applying what was there already.
    pub(crate) time: Option<Timestamp>,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.manager, self.operation)?;
        if !self.subresource.is_empty() {
            write!(f, " of {}", self.subresource)?;
        }
        match self.time {
            Some(time) => write!(f, ", {time})"),
            None => f.write_str(")"),
        }
    }
}

/// Where the number of replicas stands, but for custom kinds.
pub(crate) const REPLICAS: &str = "/spec/replicas";

/// The way to where a JSON pointer points.
pub(crate) fn way(pointer: &str) -> Vec<Step<'_>> {
    pointer.split('/').skip(1).map(Step::Field).collect()
}

/// The way to the image of a container in a pod template.
const fn image(container: &str) -> [Step<'_>; 6] {
    [
        Step::Field("spec"),
        Step::Field("template"),
        Step::Field("spec"),
        Step::Field("containers"),
        Step::Item("name", container),
        Step::Field("image"),
    ]
}

/// Who wrote a field's value: the newest of its owners, for several share it when they applied the same value. `None` when
/// nobody is known to own it, as with a value that the API server has filled in.
pub(crate) fn last_writer(entries: &[ManagedFieldsEntry], path: &[Step<'_>]) -> Option<Writer> {
    let owners = entries.iter().filter_map(|entry| {
        let fields = &entry.fields_v1.as_ref()?.0;
        let near = Reverse(owns(fields, path)?);
        Some((near, entry))
    });
    // Whoever owns the very field counts before an owner of what it is in, and of these the nearest. Of several without a time it
    // is the last one: the API server lists updates after applies, and who shares by applying changed nothing.
    let (_, entry) = owners.max_by_key(|(near, entry)| (*near, entry.time.as_ref().map(|time| time.0)))?;
    Some(writer(entry))
}

fn writer(entry: &ManagedFieldsEntry) -> Writer {
    Writer {
        manager: entry.manager.clone().unwrap_or_default(),
        operation: entry.operation.clone().unwrap_or_default(),
        subresource: entry.subresource.clone().unwrap_or_default(),
        time: entry.time.as_ref().map(|time| time.0),
    }
}

/// Who has made an object: the first who has written something of what it shall be. `None` where that is noted of nobody any
/// more, as with one whose fields have all become those of others.
pub(crate) fn maker(entries: &[ManagedFieldsEntry]) -> Option<Writer> {
    let has_written = |entry: &&ManagedFieldsEntry| {
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && entry.fields_v1.as_ref().is_some_and(|fields| owns(&fields.0, &[Step::Field("spec")]).is_some())
    };
    entries.iter().filter(has_written).min_by_key(|entry| entry.time.as_ref().map(|time| time.0)).map(writer)
}

/// Who has written a field of a workload, as a drift names it.
pub(crate) fn field_writer(managed: &[ManagedFieldsEntry], field: &str) -> Option<Writer> {
    if field == "replicas" {
        return last_writer(managed, &way(REPLICAS));
    }
    // Of a Stack the template stands elsewhere.
    let written = |mut path: Vec<Step<'_>>| {
        last_writer(managed, &path).or_else(|| {
            path[1] = Step::Field("podTemplate");
            last_writer(managed, &path)
        })
    };
    if let Some(container) = field.strip_prefix("version of ") {
        return written(image(container).to_vec());
    }
    let (name, container) = field.split_once(" of ")?;
    let (kind, resource) = name.split_once('.')?;
    let mut path = image(container).to_vec();
    path.pop();
    path.extend([Step::Field("resources"), Step::Field(kind), Step::Field(resource)]);
    written(path)
}

/// Who has written the bounds of an autoscaler last.
pub(crate) fn bounds_writer(managed: &[ManagedFieldsEntry]) -> Option<Writer> {
    let of = |field| last_writer(managed, &[Step::Field("spec"), Step::Field(field)]);
    let of_stack = |field| last_writer(managed, &[Step::Field("spec"), Step::Field("autoscaler"), Step::Field(field)]);
    let bounds = ["minReplicas", "maxReplicas", "minReplicaCount", "maxReplicaCount"].map(of);
    let all = bounds.into_iter().chain(["minReplicas", "maxReplicas"].map(of_stack));
    all.flatten().max_by_key(|writer| writer.time)
}

/// How many steps the field is away from what is owned: none when it is itself or something in it, some when something around it
/// is owned as a whole.
fn owns(fields: &Value, path: &[Step<'_>]) -> Option<usize> {
    let Some((step, rest)) = path.split_first() else { return Some(0) };
    let inner = fields.as_object()?;
    if inner.is_empty() {
        return Some(path.len());
    }
    inner.iter().find(|(key, _)| step.is(key)).and_then(|(_, inner)| owns(inner, rest))
}

impl Step<'_> {
    /// Whether a key of `fieldsV1` means this step.
    fn is(self, key: &str) -> bool {
        match self {
            Self::Field(name) => key.strip_prefix("f:") == Some(name),
            Self::Item(field, value) => key
                .strip_prefix("k:")
                .and_then(|fields| serde_json::from_str::<Value>(fields).ok())
                .is_some_and(|fields| fields.get(field).and_then(Value::as_str) == Some(value)),
        }
    }
}
