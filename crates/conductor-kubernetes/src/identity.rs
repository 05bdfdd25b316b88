//! Whether two clusters are one: production must not be taken for the cluster that load goes to.

use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

use crate::answer::answer;
use crate::reader::Reader;

/// The namespace that every cluster has from its first moment on and that nobody can delete: its uid is the cluster's.
const NAMESPACE: &str = "kube-system";

/// True when production and the cluster of `test` are the same, under whatever addresses and users.
///
/// # Errors
/// When either cannot be asked.
pub async fn same_cluster(production: &Reader, test: &Client) -> Result<bool, PortError> {
    let act = format!("could not read Namespace {NAMESPACE} in the test cluster");
    let namespaces = Api::<Namespace>::all(test.clone());
    let (production, test) =
        tokio::try_join!(production.get::<Namespace>(NAMESPACE), answer(&act, || namespaces.get(NAMESPACE)))?;
    Ok(uid("production", production)? == uid("the test cluster", test)?)
}

fn uid(cluster: &str, namespace: Namespace) -> Result<String, PortError> {
    // Two absent uids would be equal, and "the same" might be what somebody allows.
    let missing = || PortError::new(FailureKind::Rejected, format!("Namespace {NAMESPACE} has no uid in {cluster}"));
    namespace.metadata.uid.filter(|uid| !uid.is_empty()).ok_or_else(missing)
}
