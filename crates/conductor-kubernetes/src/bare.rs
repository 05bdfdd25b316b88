//! Objects without what nobody looks at who writes to them: a thousand of them are kept in a megabyte.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::marker::{RUN, SNAPSHOT};

/// By what an object is known, and the annotations of a marker. Whether there are annotations at all is kept, too.
pub(crate) fn meta(meta: &ObjectMeta) -> ObjectMeta {
    let of_marker = |annotations: &BTreeMap<String, String>| {
        let found = [SNAPSHOT, RUN].into_iter().filter_map(|key| annotations.get_key_value(key));
        found.map(|(key, text)| (key.clone(), text.clone())).collect()
    };
    ObjectMeta {
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        generation: meta.generation,
        resource_version: meta.resource_version.clone(),
        creation_timestamp: meta.creation_timestamp.clone(),
        annotations: meta.annotations.as_ref().map(of_marker),
        ..ObjectMeta::default()
    }
}

/// What containers run, and what they get.
pub(crate) fn template(template: &PodTemplateSpec) -> PodTemplateSpec {
    let containers = |all: &[Container]| all.iter().map(container).collect();
    let spec = template.spec.as_ref().map(|spec| PodSpec {
        containers: containers(&spec.containers),
        init_containers: spec.init_containers.as_deref().map(containers),
        ..PodSpec::default()
    });
    PodTemplateSpec { metadata: None, spec }
}

fn container(container: &Container) -> Container {
    Container {
        name: container.name.clone(),
        image: container.image.clone(),
        resources: container.resources.clone(),
        ..Container::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    use serde_json::{Value, json};

    use crate::named::Named;
    use crate::object::{Object, marker};
    use crate::seen::Seen;

    /// What a write looks at.
    fn looks<K: Object<Fields: Debug>>(object: &K) -> String {
        let meta = object.meta();
        let annotated = meta.annotations.is_some();
        let (fields, marker, version) = (object.fields().unwrap(), marker(object).unwrap(), object.version());
        format!("{:?} {annotated} {fields:?} {marker:?} {version:?} {:?}", meta.uid, object.version_of_fields())
    }

    fn assert_kept<K: Object<Fields: Debug, DynamicType = ()>>(spec: &Value, original: &Value) {
        let run = json!({ "run": "one", "epoch": 3, "uid": "uid-1", "applied": [original] }).to_string();
        let snapshot = original.to_string();
        let marked =
            json!({ "loadtest-conductor.dev/run": run, "loadtest-conductor.dev/snapshot": snapshot, "other": "x" });
        for annotations in [Value::Null, json!({ "other": "x" }), marked] {
            let meta = json!({
                "namespace": "shop", "name": "checkout", "uid": "uid-1", "generation": 4, "resourceVersion": "77",
                "labels": { "team": "a" }, "annotations": annotations,
            });
            let object: K = serde_json::from_value(json!({ "metadata": meta, "spec": spec })).unwrap();
            let seen = Seen::default();
            seen.keep(&(), &object);
            let checkout = Named::new("shop", "checkout");
            let kept: K = seen.take(checkout).unwrap();
            assert_eq!(looks(&kept), looks(&object));
            assert_eq!(seen.take(checkout).map(drop), None, "once");
            let text = serde_json::to_string(&kept).unwrap();
            assert!(!text.contains("team") && !text.contains("other") && !text.contains("terminationGrace"), "{text}");
        }
    }

    #[test]
    fn of_each_kind_everything_is_kept_that_a_write_looks_at_and_little_else() {
        let container = |name: &str| json!({ "name": name, "image": "registry.example/shop:1", "resources": { "limits": { "cpu": "2" } } });
        let pods = json!({ "containers": [container("main")], "initContainers": [container("init")], "terminationGracePeriodSeconds": 3 });
        let spec = json!({ "replicas": 2, "selector": {}, "serviceName": "any", "template": { "spec": pods } });
        let original = json!({ "replicas": 1, "images": {}, "resources": {} });
        assert_kept::<Deployment>(&spec, &original);
        assert_kept::<StatefulSet>(&spec, &original);
        let target = json!({ "kind": "Deployment", "name": "checkout" });
        let spec = json!({ "minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": target });
        assert_kept::<HorizontalPodAutoscaler>(&spec, &json!({ "min": 1, "max": 4 }));
    }
}
