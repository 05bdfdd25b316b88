//! Objects of kinds that are known by their names only.

use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::error::DiscoveryError;
use kube::{Api, Client, Resource};
use serde_json::Value;

use super::Reader;
use crate::answer::attempt;
use crate::error::{failed, is_absent};

/// A kind that a cluster has.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) resource: ApiResource,
    pub(crate) is_namespaced: bool,
    /// True where it has a scale subresource.
    pub(crate) is_scalable: bool,
}

impl Called {
    /// The objects of it, in a namespace where they are in one.
    pub(crate) fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        if self.is_namespaced {
            Api::namespaced_with(client.clone(), namespace, &self.resource)
        } else {
            Api::all_with(client.clone(), &self.resource)
        }
    }

    /// What people call one of them.
    pub(crate) fn called(&self, namespace: &str, name: &str) -> String {
        let kind = &self.resource.kind;
        if self.is_namespaced { format!("{kind} {namespace}/{name}") } else { format!("{kind} {name}") }
    }
}

impl Reader {
    /// One object of a namespace, with whatever it says.
    pub(crate) async fn whole_in<K>(&self, namespace: &str, name: &str) -> Result<Value, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let kind = Called { resource: ApiResource::erase::<K>(&()), is_namespaced: true, is_scalable: false };
        let found = self.object_called(&kind, namespace, name).await?;
        let gone = || PortError::new(FailureKind::NotFound, format!("{} is gone", kind.called(namespace, name)));
        found.ok_or_else(gone)
    }

    /// The kind of this name; `None` where the cluster has none.
    pub(crate) async fn kind_called(&self, api_version: &str, kind: &str) -> Result<Option<Called>, PortError> {
        let act = format!("could not ask {} whether it knows {kind} of {api_version}", self.cluster);
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let wanted = GroupVersionKind::gvk(group, version, kind);
        match attempt(&act, || pinned_kind(&self.client, &wanted)).await? {
            Ok((resource, capabilities)) => {
                let is_namespaced = capabilities.scope == Scope::Namespaced;
                let is_scalable =
                    capabilities.subresources.iter().any(|(subresource, _)| subresource.plural == "scale");
                Ok(Some(Called { resource, is_namespaced, is_scalable }))
            }
            Err(kube::Error::Discovery(DiscoveryError::MissingKind(_))) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed(&act, error)),
        }
    }

    /// One object of such a kind; `None` where there is none of that name.
    pub(crate) async fn object_called(
        &self,
        kind: &Called,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, PortError> {
        let act = format!("could not read {} in {}", kind.called(namespace, name), self.cluster);
        let api = kind.api(&self.client, namespace);
        let object = match attempt(&act, || api.get(name)).await? {
            Ok(object) => object,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(&act, error)),
        };
        let value = serde_json::to_value(object);
        value.map(Some).map_err(|error| PortError::because(FailureKind::Rejected, act, error))
    }
}
