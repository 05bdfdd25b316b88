//! What a container requests and is limited to, in the API server's own words.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::production::workload::containers;

/// What a container of the template has in the pods, where they agree; else what the template says. Pods differ from their
/// template when an autoscaler or a default of the namespace gave them something else as they were made.
pub(crate) fn of(container: &Container, pods: &[&Pod]) -> BTreeMap<String, String> {
    agreed(container, pods, texts)
}

/// What is read of a container in the pods, where they agree; else what the template says.
pub(crate) fn agreed<T: PartialEq>(container: &Container, pods: &[&Pod], read: impl Fn(&Container) -> T) -> T {
    let mut given = pods.iter().filter_map(|pod| {
        let spec = pod.spec.as_ref()?;
        containers(spec).find(|one| one.name == container.name).map(&read)
    });
    match given.next() {
        Some(first) if given.all(|other| other == first) => first,
        _ => read(container),
    }
}

pub(crate) fn texts(container: &Container) -> BTreeMap<String, String> {
    let Some(resources) = &container.resources else { return BTreeMap::new() };
    let requests = resources.requests.iter().flatten().map(|given| ("requests", given));
    let limits = resources.limits.iter().flatten().map(|given| ("limits", given));
    requests.chain(limits).map(|(what, (name, amount))| (format!("{what}.{name}"), amount.0.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn container(cpu: &str) -> Value {
        let resources = json!({ "requests": { "cpu": cpu, "memory": "1Gi" }, "limits": { "memory": "2Gi" } });
        json!({ "name": "main", "resources": resources })
    }

    fn pod(container: &Value) -> Pod {
        serde_json::from_value(json!({ "spec": { "containers": [{ "name": "proxy" }, container] } })).unwrap()
    }

    /// What is read of a template with pods that differ from it in their CPU.
    fn read(template: &str, pods: &[&str]) -> BTreeMap<String, String> {
        let pods: Vec<Pod> = pods.iter().map(|cpu| pod(&container(cpu))).collect();
        of(&serde_json::from_value(container(template)).unwrap(), &pods.iter().collect::<Vec<_>>())
    }

    #[test]
    fn resources_are_those_of_the_pods_where_they_agree_else_those_of_the_template() {
        let expected = |cpu: &str| {
            let all = [("limits.memory", "2Gi"), ("requests.cpu", cpu), ("requests.memory", "1Gi")];
            all.into_iter().map(|(name, amount)| (name.to_owned(), amount.to_owned())).collect()
        };
        assert_eq!(read("250m", &["500m", "500m"]), expected("500m"));
        assert_eq!(read("250m", &["500m", "750m"]), expected("250m"));
        assert_eq!(read("250m", &[]), expected("250m"));
    }

    #[test]
    fn a_container_that_is_given_nothing_has_nothing() {
        let bare = json!({ "name": "main" });
        assert!(of(&serde_json::from_value(bare.clone()).unwrap(), &[&pod(&bare)]).is_empty());
    }
}
