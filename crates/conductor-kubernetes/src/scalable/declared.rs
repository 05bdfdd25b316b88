//! What a cluster says of a kind that can be scaled: how it is asked for, and where its objects keep what is scaled.

use std::sync::Arc;

use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceSubresourceScale,
};
use kube::api::ApiResource;
use kube::core::GroupVersionKind;

use crate::place::{CustomKind, Kind};
use crate::reader::Reader;

/// A kind with a scale subresource, by JSON pointers into its objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Declared {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    /// Where the wanted replicas stand.
    pub(crate) replicas: String,
    /// Where it stands how many there are.
    pub(crate) counted: String,
    /// Where the labels of its pods stand, as a text or as a selector, if anywhere.
    pub(crate) selector: Option<String>,
}

impl Declared {
    fn new(resource: &ApiResource, scale: &CustomResourceSubresourceScale) -> Self {
        let ApiResource { group, version, kind, plural, .. } = resource.clone();
        Self {
            group,
            version,
            kind,
            plural,
            replicas: pointer(&scale.spec_replicas_path),
            counted: pointer(&scale.status_replicas_path),
            selector: scale.label_selector_path.as_deref().filter(|path| !path.is_empty()).map(pointer),
        }
    }

    /// One that the API server knows by itself, or another server behind it: no definition tells, and all of them keep their
    /// replicas in the same place.
    fn built_in(resource: ApiResource) -> Self {
        let ApiResource { group, version, kind, plural, .. } = resource;
        let [replicas, counted, selector] = ["/spec/replicas", "/status/replicas", "/spec/selector"].map(str::to_owned);
        Self { group, version, kind, plural, replicas, counted, selector: Some(selector) }
    }

    /// Which kind it is.
    pub(crate) fn workload_kind(&self) -> Kind {
        Kind::Scalable(Arc::new(CustomKind { group: self.group.clone(), kind: self.kind.clone() }))
    }

    /// It, for clients of objects of any kind.
    pub(crate) fn resource(&self) -> ApiResource {
        let kind = GroupVersionKind::gvk(&self.group, &self.version, &self.kind);
        ApiResource::from_gvk_with_plural(&kind, &self.plural)
    }
}

#[cfg(test)]
impl Declared {
    /// SearchClusters, with their replicas and the count of these there.
    pub(crate) fn of_search_clusters([replicas, counted]: [&str; 2], selector: Option<&str>) -> Self {
        let [group, version, kind, plural] =
            ["example.com", "v1", "SearchCluster", "searchclusters"].map(str::to_owned);
        let [replicas, counted] = [replicas, counted].map(str::to_owned);
        Self { group, version, kind, plural, replicas, counted, selector: selector.map(str::to_owned) }
    }
}

/// A path of a definition, such as `.spec.replicas`, as a JSON pointer. It has nothing but names.
fn pointer(path: &str) -> String {
    let names = path.trim_start_matches('.').split('.');
    names.map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
}

impl Reader {
    /// What the cluster says of a kind; `None` where it has none of that name.
    pub(crate) async fn declared(&self, api_version: &str, kind: &str) -> Result<Option<Declared>, PortError> {
        let Some(called) = self.kind_called(api_version, kind).await? else { return Ok(None) };
        let refused = |problem: String, expected: &str| {
            let text = format!("{kind} of {api_version} {problem} in {}; expected {expected}", self.cluster);
            PortError::new(FailureKind::Rejected, text)
        };
        if !called.is_namespaced {
            return Err(refused("is in no namespace".to_owned(), "a kind whose objects are"));
        }
        let ApiResource { group, version, plural, .. } = &called.resource;
        let name = format!("{plural}.{group}");
        let Some(definition) = self.definition(group, &name).await? else {
            let built_in = || Declared::built_in(called.resource.clone());
            let absent = || refused("has no scale subresource".to_owned(), "a kind that has one");
            return called.is_scalable.then(built_in).map(Some).ok_or_else(absent);
        };
        let mut versions = definition.spec.versions.iter().filter(|one| one.name == *version);
        let scale = versions.find_map(|one| one.subresources.as_ref()?.scale.as_ref());
        let absent = || {
            let problem = format!("has no scale subresource (CustomResourceDefinition {name})");
            refused(problem, &format!("subresources.scale in its version {version}"))
        };
        scale.map(|scale| Some(Declared::new(&called.resource, scale))).ok_or_else(absent)
    }

    /// The definition of this name; `None` where the kind has none. The group of one that has is the name of a domain.
    async fn definition(&self, group: &str, name: &str) -> Result<Option<CustomResourceDefinition>, PortError> {
        if !group.contains('.') {
            return Ok(None);
        }
        match self.get(name).await {
            Err(error) if error.kind == FailureKind::NotFound => Ok(None),
            definition => definition.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_definitions_are_pointers() {
        assert_eq!(pointer(".spec.replicas"), "/spec/replicas");
        assert_eq!(pointer(".spec.nodes.data"), "/spec/nodes/data");
        assert_eq!(pointer("spec.a/b"), "/spec/a~1b");
    }
}
