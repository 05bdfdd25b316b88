//! The one JSON Patch that takes an object from what it is to what was decided: a test of everything the decision rests on,
//! then the changes and the marker. Pure.
//!
//! A version is tested where there is no marker yet. A marker is another one after each write of ours, so that a patch that
//! comes late (its conductor is dead, or has given up to wait for it) fails at it; the first patch has none to fail at.
//! Afterwards a version is tested by what was looked at some time ago, and nowhere else: others move it without touching what
//! is ours.

use std::collections::{BTreeMap, BTreeSet};

use json_patch::Patch;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use serde_json::{Map, Value as Json, json};

use crate::change::After;
use crate::field::{Field, Fields, Value};
use crate::marker::{Annotations, Marker, RUN, SNAPSHOT};
use crate::object::Layout;

/// An object as it is.
pub(crate) struct Live<'a, T> {
    pub(crate) uid: &'a str,
    /// A version (see [`Object::version`](crate::object::Object::version)), where that must still be the same.
    pub(crate) version: Option<(&'static str, Json)>,
    pub(crate) annotations: &'a Annotations,
    /// Its pod template; `None` for what has none, such as an autoscaler.
    pub(crate) template: Option<&'a PodTemplateSpec>,
    pub(crate) layout: Layout<'a>,
    /// The same as it is written, where that may be in another form.
    pub(crate) written: Option<&'a Json>,
    pub(crate) fields: &'a T,
}

/// The patch, or `None` where there is nothing to write. What `contested` names is not tested.
pub(crate) fn patch<T: Fields>(
    live: &Live<'_, T>,
    after: &After<T>,
    contested: &BTreeSet<Field>,
) -> serde_json::Result<Option<Patch>> {
    let mut operations = Operations::default();
    let (present, wanted) = (live.fields.fields(), after.fields.fields());
    let fields: BTreeSet<&Field> = present.keys().chain(wanted.keys()).collect();
    let mut resources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // Both bounds are tested, whichever is changed: no version tells of them.
    let is_bound = |field: &Field| matches!(field, Field::MinReplicas | Field::MaxReplicas);
    for field in fields.into_iter().filter(|field| is_bound(field) || present.get(field) != wanted.get(field)) {
        match field {
            Field::Replicas => {
                let Some(path) = live.layout.replicas else { continue };
                operations.scalar(path, &present, &wanted, field, contested);
            }
            Field::MinReplicas | Field::MaxReplicas => {
                let path = format!("{}/{field}", live.layout.bounds);
                operations.scalar(&path, &present, &wanted, field, contested);
            }
            Field::MinReplicaCount => operations.scalar("/spec/minReplicaCount", &present, &wanted, field, contested),
            Field::MaxReplicaCount => operations.scalar("/spec/maxReplicaCount", &present, &wanted, field, contested),
            Field::Suspend => operations.scalar("/spec/suspend", &present, &wanted, field, contested),
            Field::AutomatedSync => {
                operations.scalar("/spec/syncPolicy/automated/enabled", &present, &wanted, field, contested);
            }
            Field::UpdatePolicy => operations.update_policy(&present, &wanted),
            // With a policy that comes or goes its mode does, too.
            Field::UpdateMode
                if present.contains_key(&Field::UpdatePolicy) != wanted.contains_key(&Field::UpdatePolicy) => {}
            Field::UpdateMode => {
                operations.scalar("/spec/updatePolicy/updateMode", &present, &wanted, field, contested)
            }
            Field::Image { container } => {
                let Some((path, found)) = slot(live, container) else { continue };
                operations.test(format!("{path}/name"), json!(container));
                operations.test(format!("{path}/image"), json!(found.image));
                operations.put(format!("{path}/image"), json!(wanted.get(field).map(ToString::to_string)));
            }
            Field::Resource { container, name } => {
                let (kind, _) = name.split_once('.').unwrap_or((name, ""));
                resources.entry(container).or_default().insert(kind);
            }
        }
    }
    for (container, kinds) in resources {
        let Some((path, found)) = slot(live, container) else { continue };
        operations.test(format!("{path}/name"), json!(container));
        if found.resources.is_none() {
            operations.test(format!("{path}/resources"), Json::Null);
            operations.put(format!("{path}/resources"), json!({}));
        }
        for kind in kinds {
            let written = live.written.map(|written| (written, live.layout.template));
            operations.resources(&path, found, kind, &wanted, written);
        }
    }
    operations.marker(live, after.marker.as_ref())?;
    operations.finish(live)
}

/// Where a container is in a template, and the container.
fn slot<'a, T>(live: &Live<'a, T>, name: &str) -> Option<(String, &'a Container)> {
    let spec = live.template?.spec.as_ref()?;
    let template = live.layout.template;
    let find = |list: &'a [Container], kind: &str| {
        let position = list.iter().position(|container| container.name == name)?;
        Some((format!("{template}/spec/{kind}/{position}"), &list[position]))
    };
    find(&spec.containers, "containers").or_else(|| find(spec.init_containers.as_deref()?, "initContainers"))
}

/// Tests first, then changes.
#[derive(Default)]
struct Operations {
    tests: Vec<Json>,
    changes: Vec<Json>,
}

impl Operations {
    fn test(&mut self, path: String, value: Json) {
        self.tests.push(json!({ "op": "test", "path": path, "value": value }));
    }

    /// Sets a field of an object, whether it is there or not.
    fn put(&mut self, path: String, value: Json) {
        self.changes.push(json!({ "op": "add", "path": path, "value": value }));
    }

    fn remove(&mut self, path: String) {
        self.changes.push(json!({ "op": "remove", "path": path }));
    }

    fn scalar(
        &mut self,
        path: &str,
        present: &BTreeMap<Field, Value>,
        wanted: &BTreeMap<Field, Value>,
        field: &Field,
        contested: &BTreeSet<Field>,
    ) {
        let held = |of: &BTreeMap<Field, Value>| match of.get(field) {
            Some(Value::Count(count)) => json!(count),
            Some(Value::Flag(flag)) => json!(flag),
            Some(Value::Word(word)) => json!(word),
            Some(Value::Image(_) | Value::Amount(_)) | None => Json::Null,
        };
        if !contested.contains(field) {
            self.test(path.to_owned(), held(present));
        }
        match wanted.get(field) {
            found if found == present.get(field) => {}
            Some(_) => self.put(path.to_owned(), held(wanted)),
            None => self.remove(path.to_owned()),
        }
    }

    /// Makes the update policy of a VerticalPodAutoscaler that had none, or takes it away where nothing else is in it.
    fn update_policy(&mut self, present: &BTreeMap<Field, Value>, wanted: &BTreeMap<Field, Value>) {
        const PATH: &str = "/spec/updatePolicy";
        let policy = |of: &BTreeMap<Field, Value>| {
            of.get(&Field::UpdatePolicy)?;
            let mode = of.get(&Field::UpdateMode).map(|mode| ("updateMode".to_owned(), json!(mode.to_string())));
            Some(Json::Object(mode.into_iter().collect()))
        };
        self.test(PATH.to_owned(), json!(policy(present)));
        match policy(wanted) {
            None => self.remove(PATH.to_owned()),
            Some(policy) => self.put(PATH.to_owned(), policy),
        }
    }

    /// Requests or limits of a container, as a whole: its keys may hold characters that paths do not.
    fn resources(
        &mut self,
        path: &str,
        container: &Container,
        kind: &str,
        wanted: &BTreeMap<Field, Value>,
        written: Option<(&Json, &str)>,
    ) {
        let resources = container.resources.as_ref();
        let present = match kind {
            "requests" => resources.and_then(|resources| resources.requests.as_ref()),
            _ => resources.and_then(|resources| resources.limits.as_ref()),
        };
        let mut map = Map::new();
        for (field, value) in wanted {
            if let Field::Resource { container: of, name } = field
                && *of == container.name
                && let Some((_, resource)) = name.split_once('.').filter(|(found, _)| *found == kind)
            {
                map.insert(resource.to_owned(), json!(value.to_string()));
            }
        }
        let path = format!("{path}/resources/{kind}");
        if resources.is_some() {
            let written = written.and_then(|(template, at)| template.pointer(path.strip_prefix(at)?));
            self.test(path.clone(), written.cloned().unwrap_or_else(|| json!(present)));
        }
        match (present, map.is_empty()) {
            (None, true) => {}
            (Some(_), true) => self.remove(path),
            (_, false) => self.put(path, Json::Object(map)),
        }
    }

    /// Writes a marker, or takes one away; the one that is there must still be as it was read.
    fn marker<T: Fields>(&mut self, live: &Live<'_, T>, after: Option<&Marker<T>>) -> serde_json::Result<()> {
        let texts = after.map(|marker| marker.write(live.uid)).transpose()?;
        let Some(present) = live.annotations else {
            self.test("/metadata/annotations".to_owned(), Json::Null);
            if let Some(texts) = texts {
                let map: Map<String, Json> =
                    texts.into_iter().map(|(key, text)| (key.to_owned(), json!(text))).collect();
                self.put("/metadata/annotations".to_owned(), Json::Object(map));
            }
            return Ok(());
        };
        for key in [SNAPSHOT, RUN] {
            let path = format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"));
            let wanted = texts.as_ref().and_then(|texts| texts.iter().find(|(name, _)| *name == key));
            let found = present.get(key);
            self.test(path.clone(), json!(found));
            match wanted {
                Some((_, text)) if Some(text) != found => self.put(path, json!(text)),
                None if found.is_some() => self.remove(path),
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn finish<T>(mut self, live: &Live<'_, T>) -> serde_json::Result<Option<Patch>> {
        if self.changes.is_empty() {
            return Ok(None);
        }
        self.test("/metadata/uid".to_owned(), json!(live.uid));
        if let Some((path, version)) = &live.version {
            self.test((*path).to_owned(), version.clone());
        }
        let all = self.tests.into_iter().chain(self.changes).collect();
        serde_json::from_value(Json::Array(all)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Owned;

    /// The changes, without the tests, of a patch that takes resources from something to something else.
    fn changes(container: &Json, wanted: &[(&str, &str)]) -> Vec<String> {
        let template: PodTemplateSpec =
            serde_json::from_value(json!({ "spec": { "containers": [container] } })).unwrap();
        let fields = Owned::of(Some(1), &template).unwrap();
        let mut after = fields.clone();
        after.resources = BTreeMap::from([("app".to_owned(), BTreeMap::new())]);
        for (name, text) in wanted {
            let field = Field::Resource { container: "app".to_owned(), name: (*name).to_owned() };
            after.set(&field, Some(Value::Amount(text.parse().unwrap())));
        }
        let live = Live {
            uid: "uid-1",
            version: None,
            annotations: &None,
            template: Some(&template),
            layout: Layout::USUAL,
            written: None,
            fields: &fields,
        };
        let patch = patch(&live, &After { fields: after, marker: None }, &BTreeSet::new()).unwrap().unwrap();
        let texts = patch.0.iter().filter(|operation| !matches!(operation, json_patch::PatchOperation::Test(_)));
        texts.map(|operation| serde_json::to_string(operation).unwrap()).collect()
    }

    #[test]
    fn requests_and_limits_are_set_whether_there_were_any_or_not() {
        let [requests, limits] = [r#"requests","value":{"cpu":"2"}}"#, r#"limits","value":{"memory":"1Gi"}}"#];
        let path = r#"{"op":"add","path":"/spec/template/spec/containers/0/resources"#;
        let both = [("requests.cpu", "2"), ("limits.memory", "1Gi")];
        let two = [format!("{path}/{limits}"), format!("{path}/{requests}")];
        assert_eq!(changes(&json!({ "name": "app", "resources": {} }), &both), two);
        let found = json!({ "name": "app", "resources": { "requests": { "memory": "1Gi" } } });
        assert_eq!(changes(&found, &both), two);
        // Some servers leave an empty one out.
        let mut three = changes(&json!({ "name": "app", "resources": null }), &both);
        assert_eq!(three.remove(0), format!(r#"{path}","value":{{}}}}"#));
        assert_eq!(three, two);
    }
}
