//! A cluster, to be looked at. Nothing here writes, and what is looked at is chosen elsewhere.

mod called;

use std::fmt::Debug;
use std::future::Future;

use conductor_core::ports::PortError;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::ListParams;
use kube::core::ObjectList;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::answer::{answer, attempt};
use crate::error::{failed, is_absent};
use crate::named::{Named, objects};
use crate::object::Object;

pub(crate) use self::called::Called;

/// How many objects are asked for at once.
const PAGE: u32 = 500;
/// How often a list is begun because the server has forgotten what its first pages were of.
const STARTS: u32 = 3;

/// Looks at a cluster. It is the only way to production, and **read-only by construction**.
///
/// The client is private, none of the methods hands it out, and the methods get and list. Whoever holds a `Reader` can
/// therefore not write to its cluster, whatever the rights of its user are:
///
/// ```compile_fail,E0616
/// fn take(reader: conductor_kubernetes::Reader) -> kube::Client {
///     reader.client
/// }
/// ```
pub struct Reader {
    client: Client,
    /// What people call the cluster.
    pub(crate) cluster: &'static str,
}

impl Reader {
    /// Looks at production through a client, of which nobody keeps a copy.
    pub const fn new(client: Client) -> Self {
        Self { client, cluster: "production" }
    }

    /// Looks at the cluster that is written to elsewhere.
    pub(crate) const fn of_test_cluster(client: Client) -> Self {
        Self { client, cluster: "the test cluster" }
    }

    /// The version of the cluster's server, such as `v1.36.2`.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub async fn version(&self) -> Result<String, PortError> {
        let act = format!("could not read the version of {}", self.cluster);
        Ok(answer(&act, || self.client.apiserver_version()).await?.git_version)
    }

    /// One object that is in no namespace.
    ///
    /// # Errors
    /// When the cluster does not answer, refuses, or has no such object.
    pub async fn get<K>(&self, name: &str) -> Result<K, PortError>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let act = format!("could not read {} {name} in {}", K::kind(&()), self.cluster);
        let api = Api::<K>::all(self.client.clone());
        answer(&act, || api.get(name)).await
    }

    /// One object of a namespace.
    ///
    /// # Errors
    /// When the cluster does not answer, refuses, or has no such object.
    pub async fn get_in<K>(&self, namespace: &str, name: &str) -> Result<K, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let act = format!("could not read {} {namespace}/{name} in {}", K::kind(&()), self.cluster);
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        answer(&act, || api.get(name)).await
    }

    /// All objects of a kind that are in no namespace.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub async fn list<K>(&self) -> Result<Vec<K>, PortError>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let act = format!("could not list {} in {}", K::plural(&()), self.cluster);
        let api = Api::<K>::all(self.client.clone());
        pages(&act, |page| request(api.clone(), page)).await
    }

    /// What is kept of the objects of a kind, in whatever namespace: of many objects no more is held than that.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub async fn kept_of<K, T>(&self, keep: impl Fn(&K) -> Option<T>) -> Result<Vec<T>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let act = format!("could not list {} in {}", K::plural(&()), self.cluster);
        let api = Api::<K>::all(self.client.clone());
        kept(&act, |page| request(api.clone(), page), |object| keep(&object)).await
    }

    /// All objects of a kind in a namespace; none when there is no such namespace.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub async fn list_in<K>(&self, namespace: &str) -> Result<Vec<K>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let act = format!("could not list {} of namespace {namespace} in {}", K::plural(&()), self.cluster);
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        pages(&act, |page| request(api.clone(), page)).await
    }

    /// What is kept of the objects of a kind in a namespace, of those with these labels where some are given, in the form of
    /// requests; none when there is no such namespace.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub async fn kept_in<K, T>(
        &self,
        namespace: &str,
        labels: Option<&str>,
        keep: impl Fn(&K) -> Option<T>,
    ) -> Result<Vec<T>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let act = format!("could not list {} of namespace {namespace} in {}", K::plural(&()), self.cluster);
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let with_labels = |page: ListParams| labels.iter().fold(page, |page, labels| page.labels(labels));
        kept(&act, |page| request(api.clone(), with_labels(page)), |object| keep(&object)).await
    }

    /// One object, of a kind of which more is to be known.
    pub(crate) async fn get_of<K: Object>(&self, named: Named<'_, K>) -> Result<K, PortError> {
        let act = format!("could not read {named} in {}", self.cluster);
        let api = named.api(&self.client);
        Ok(answer(&act, || api.get(named.name)).await?.of_kind(named.kind))
    }

    /// All objects of a kind in a namespace, of a kind of which more is to be known; none when there is no such namespace.
    pub(crate) async fn list_of<K: Object>(&self, namespace: &str, kind: &K::DynamicType) -> Result<Vec<K>, PortError> {
        let act = format!("could not list {} of namespace {namespace} in {}", K::plural(kind), self.cluster);
        let api = objects::<K>(&self.client, namespace, kind);
        kept(&act, |page| request(api.clone(), page), |object| Some(object.of_kind(kind))).await
    }

    /// True when the cluster has such a kind in this version.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub async fn knows<K>(&self) -> Result<bool, PortError>
    where
        K: Resource<DynamicType = ()>,
    {
        let version = K::api_version(&());
        let act = format!("could not ask {} whether it knows {}", self.cluster, K::plural(&()));
        match attempt(&act, || self.client.list_api_group_resources(&version)).await? {
            Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == K::plural(&()))),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(failed(&act, error)),
        }
    }
}

async fn request<K>(api: Api<K>, page: ListParams) -> kube::Result<ObjectList<K>>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let mut list = api.list(&page).await?;
    for object in &mut list.items {
        // The largest part of many objects, and nobody who lists them looks at it.
        object.meta_mut().managed_fields = None;
    }
    Ok(list)
}

/// Every page of a list. The server keeps what a list is of for some minutes only; a list that takes longer begins anew,
/// since pages of two moments may miss objects or have them twice.
async fn pages<K, F>(act: &str, page: impl FnMut(ListParams) -> F) -> Result<Vec<K>, PortError>
where
    K: Clone,
    F: Future<Output = kube::Result<ObjectList<K>>>,
{
    kept(act, page, Some).await
}

/// What is kept of every page.
async fn kept<K, T, F>(
    act: &str,
    mut page: impl FnMut(ListParams) -> F,
    keep: impl Fn(K) -> Option<T>,
) -> Result<Vec<T>, PortError>
where
    K: Clone,
    F: Future<Output = kube::Result<ObjectList<K>>>,
{
    let mut starts = 1;
    let mut wanted = ListParams::default().limit(PAGE);
    let mut objects = Vec::new();
    loop {
        match attempt(act, || page(wanted.clone())).await? {
            Ok(list) => {
                objects.extend(list.items.into_iter().filter_map(&keep));
                match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => wanted.continue_token = Some(token),
                    None => return Ok(objects),
                }
            }
            Err(error) if is_too_old(&error) && wanted.continue_token.is_some() && starts < STARTS => {
                starts += 1;
                wanted.continue_token = None;
                objects.clear();
            }
            Err(error) => return Err(failed(act, error)),
        }
    }
}

fn is_too_old(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

#[cfg(test)]
mod tests {
    use conductor_core::ports::FailureKind;
    use k8s_openapi::api::core::v1::Pod;
    use kube::ResourceExt;
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    fn page(names: &[&str], next: &str) -> kube::Result<ObjectList<Pod>> {
        let items: Vec<_> = names.iter().map(|name| json!({ "metadata": { "name": name } })).collect();
        let list = json!({ "apiVersion": "v1", "kind": "PodList", "metadata": { "continue": next }, "items": items });
        Ok(serde_json::from_value(list).unwrap())
    }

    fn too_old() -> kube::Result<ObjectList<Pod>> {
        Err(kube::Error::Api(Status::failure("the continue token is too old", "Expired").with_code(410).boxed()))
    }

    /// Lists from these answers; with what was asked for, by limit and token.
    async fn listed(
        answers: Vec<kube::Result<ObjectList<Pod>>>,
    ) -> (Result<Vec<String>, PortError>, Vec<(Option<u32>, Option<String>)>) {
        let mut asked = Vec::new();
        let mut answers = answers.into_iter();
        let all = pages("could not list pods", |page| {
            asked.push((page.limit, page.continue_token));
            std::future::ready(answers.next().unwrap())
        });
        let names = all.await.map(|pods| pods.iter().map(ResourceExt::name_any).collect());
        (names, asked)
    }

    #[tokio::test]
    async fn pages_are_asked_for_one_after_the_other() {
        let (names, asked) = listed(vec![page(&["a", "b"], "second"), page(&["c"], "third"), page(&[], "")]).await;
        assert_eq!(names.unwrap(), ["a", "b", "c"]);
        let token = |token: &str| (Some(500), Some(token.to_owned()));
        assert_eq!(asked, [(Some(500), None), token("second"), token("third")]);
    }

    #[tokio::test]
    async fn a_list_that_has_become_too_old_begins_anew() {
        let (names, asked) =
            listed(vec![page(&["gone"], "old"), too_old(), page(&["a"], "new"), page(&["b"], "")]).await;
        assert_eq!(names.unwrap(), ["a", "b"]);
        assert_eq!(asked[2], (Some(500), None));
    }

    #[tokio::test]
    async fn a_list_that_is_always_too_old_is_given_up() {
        let once = || [page(&["a"], "old"), too_old()];
        let (names, asked) = listed(once().into_iter().chain(once()).chain(once()).collect()).await;
        assert_eq!(names.unwrap_err().kind, FailureKind::Unavailable);
        assert_eq!(asked.len(), 6);
        let (names, asked) = listed(vec![too_old()]).await;
        assert!(names.is_err());
        assert_eq!(asked.len(), 1, "a first page has no token that could be too old");
    }
}
