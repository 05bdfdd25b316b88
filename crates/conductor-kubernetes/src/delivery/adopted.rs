//! What a delivery system makes of a workload while it is at it for a run. Only it may write to the workload then, and what it
//! writes is known when it is there: an image by a reference of its own, the replicas and resources of its manifests. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{Field, Fields, Value};
use crate::images::repository;
use crate::marker::Marker;

/// The marker with what the delivery has given the fields among what the run has; before what the run wants at last.
pub(crate) fn adopted<T: Fields>(mut marker: Marker<T>, live: &T) -> Marker<T> {
    let delivered = delivered(&marker, live);
    if !delivered.is_empty() {
        let mut state = marker.applied.last().unwrap_or(&marker.original).clone();
        delivered.into_iter().for_each(|(field, value)| state.set(&field, value));
        marker.applied.insert(0, state);
    }
    marker
}

/// The fields as the run planned them: an image of the delivery counts as the one that is wanted, and what else it has given
/// as what was there before. The marker is an adopted one.
pub(crate) fn as_planned<T: Fields>(live: &T, marker: &Marker<T>) -> T {
    let mut seen = live.clone();
    if !marker.delivering {
        return seen;
    }
    let (present, original, wanted) = (live.fields(), marker.original.fields(), wanted(marker));
    for field in every(&[&present, &original]) {
        let value = present.get(&field);
        let is_known = value == original.get(&field) || value == wanted.get(&field);
        let is_delivered = marker.applied.iter().any(|state| state.fields().get(&field) == value);
        if !is_known && is_delivered {
            let planned = if matches!(field, Field::Image { .. }) { &wanted } else { &original };
            seen.set(&field, planned.get(&field).cloned());
        }
    }
    seen
}

/// What nobody but the delivery has given the fields. An image of a third repository, neither that of the wanted one nor that
/// of the one before, is somebody else's.
fn delivered<T: Fields>(marker: &Marker<T>, live: &T) -> Vec<(Field, Option<Value>)> {
    if !marker.delivering {
        return Vec::new();
    }
    let (present, original, wanted) = (live.fields(), marker.original.fields(), wanted(marker));
    let states: Vec<_> = marker.applied.iter().map(Fields::fields).collect();
    let is_new = |field: &Field| {
        let value = present.get(field);
        value != original.get(field) && states.iter().all(|state| state.get(field) != value)
    };
    let is_of = |found: &str, of: Option<&Value>| matches!(of, Some(Value::Image(image)) if repository(found) == repository(image));
    let is_its = |field: &Field| match (present.get(field), wanted.get(field)) {
        (Some(Value::Image(found)), wanted @ Some(Value::Image(_))) => {
            is_of(found, wanted) || is_of(found, original.get(field))
        }
        _ => true,
    };
    let fields = every(&[&present, &original]).into_iter().filter(|field| is_new(field) && is_its(field));
    fields.map(|field| (field.clone(), present.get(&field).cloned())).collect()
}

fn wanted<T: Fields>(marker: &Marker<T>) -> BTreeMap<Field, Value> {
    marker.applied.last().unwrap_or(&marker.original).fields()
}

fn every(of: &[&BTreeMap<Field, Value>]) -> BTreeSet<Field> {
    of.iter().flat_map(|fields| fields.keys()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Change, Wish, announce, back, decide};
    use crate::field::Owned;
    use crate::marker::Holder;
    use conductor_core::ports::Way;

    fn owned(replicas: u32, image: &str, resources: &[(&str, &str)]) -> Owned {
        let resources = resources.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
        Owned {
            replicas,
            images: BTreeMap::from([("main".to_owned(), image.to_owned())]),
            resources: BTreeMap::from([("main".to_owned(), resources)]),
        }
    }

    fn image() -> Field {
        Field::Image { container: "main".to_owned() }
    }

    fn wish(from: &str, to: &str, way: Way) -> Wish {
        let [from, to] = [from, to].map(|text| Some(Value::Image(text.to_owned())));
        Wish { way, changes: vec![Change { field: image(), from, to }], contested: BTreeSet::new() }
    }

    fn holder() -> Holder {
        Holder { run: "rehearsal-7".parse().unwrap(), epoch: 1 }
    }

    /// A workload that is announced to become `shop@sha256:2`, and its marker.
    fn announced() -> (Owned, Marker<Owned>) {
        let before = owned(2, "shop:1", &[("limits.cpu", "1")]);
        let after =
            announce(&before, None, &holder(), &wish("shop:1", "shop@sha256:2", Way::There), String::new()).unwrap();
        assert_eq!(after.fields, before, "nothing but the marker is written");
        (before, after.marker.unwrap())
    }

    #[test]
    fn whatever_the_delivery_gives_the_fields_is_the_runs_and_goes_back() {
        let (before, marker) = announced();
        let delivered = owned(3, "shop:2", &[("limits.memory", "1Gi")]);
        let marker = adopted(marker, &delivered);
        assert_eq!(as_planned(&delivered, &marker), owned(2, "shop@sha256:2", &[("limits.cpu", "1")]));
        let mut restored = delivered.clone();
        back(&delivered, &marker).into_iter().for_each(|change| restored.set(&change.field, change.to));
        assert_eq!(restored, before);
        // Who looked before it was there may still say so.
        let wish = wish("shop@sha256:2", "shop:1", Way::Back);
        let after = decide(&delivered, Some(&marker), &holder(), &wish).unwrap();
        assert_eq!(after.fields.images, before.images);
    }

    #[test]
    fn an_image_of_the_repository_from_before_is_the_deliverys_too() {
        let before = owned(2, "mirror/shop:1", &[]);
        let wish = wish("mirror/shop:1", "shop@sha256:2", Way::There);
        let marker = announce(&before, None, &holder(), &wish, String::new()).unwrap().marker.unwrap();
        let delivered = owned(2, "mirror/shop:2", &[]);
        let marker = adopted(marker, &delivered);
        let mut restored = delivered.clone();
        back(&delivered, &marker).into_iter().for_each(|change| restored.set(&change.field, change.to));
        assert_eq!(restored, before);
    }

    #[test]
    fn an_image_of_another_repository_is_somebody_elses_and_so_is_everything_once_it_is_done() {
        let (_, marker) = announced();
        let theirs = owned(2, "other:2", &[("limits.cpu", "1")]);
        let during = adopted(marker.clone(), &theirs);
        assert_eq!((as_planned(&theirs, &during), back(&theirs, &during)), (theirs, Vec::new()));
        let done = owned(2, "shop@sha256:2", &[("limits.cpu", "1")]);
        let wish = wish("shop@sha256:2", "shop@sha256:2", Way::There);
        let after = decide(&done, Some(&adopted(marker, &done)), &holder(), &wish).unwrap().marker.unwrap();
        assert!(!after.delivering);
        let late = owned(9, "shop:3", &[("limits.cpu", "1")]);
        let late_marker = adopted(after, &late);
        assert_eq!((as_planned(&late, &late_marker), back(&late, &late_marker)), (late, Vec::new()));
    }

    #[test]
    fn an_announcement_may_be_repeated_while_the_delivery_is_at_it() {
        let (_, marker) = announced();
        let delivered = owned(2, "shop:2", &[("limits.cpu", "1")]);
        let wish = wish("shop:1", "shop@sha256:2", Way::There);
        let again =
            announce(&delivered, Some(&adopted(marker.clone(), &delivered)), &holder(), &wish, String::new()).unwrap();
        assert!(again.marker.as_ref().is_some_and(|marker| marker.delivering));
        assert_eq!(again.fields, delivered);
        let other = owned(2, "other:2", &[("limits.cpu", "1")]);
        let refused = announce(&other, Some(&adopted(marker, &other)), &holder(), &wish, String::new()).unwrap_err();
        assert!(refused.to_string().starts_with("somebody else changed the image of main"), "{refused}");
    }
}
