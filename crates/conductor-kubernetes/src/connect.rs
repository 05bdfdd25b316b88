//! Clients of clusters. Nothing is asked of the cluster yet.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::settings::ClusterSettings;

/// The longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no client of a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or used.
    #[error("could not use the kubeconfig {}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// Why.
        source: kube::config::KubeconfigError,
    },
    /// There is no kubeconfig, and the conductor does not run in a cluster.
    #[error("could not use the ServiceAccount of this pod; expected a kubeconfig, or to run in the cluster")]
    InCluster(#[source] kube::config::InClusterError),
    /// The client cannot be made.
    #[error("could not make a client of the cluster")]
    Client(#[source] kube::Error),
}

/// Makes a client of a cluster.
///
/// # Errors
/// When the kubeconfig cannot be used, or there is none and the conductor does not run in a cluster.
pub async fn connect(settings: &ClusterSettings) -> Result<Client, ConnectError> {
    let mut config = match &settings.kubeconfig {
        Some(file) => {
            let refused = |source| ConnectError::Kubeconfig { file: file.clone(), source };
            let kubeconfig = Kubeconfig::read_from(file).map_err(refused)?;
            let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(refused)?
        }
        None => Config::incluster().map_err(ConnectError::InCluster)?,
    };
    config.connect_timeout = Some(CONNECT_WITHIN);
    // Whoever calls knows how long to go on; a second layer of retries below would hide it.
    config.default_retry = false;
    Client::try_from(config).map_err(ConnectError::Client)
}
