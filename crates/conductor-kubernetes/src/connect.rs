//! Clients of clusters. Nothing is asked of the cluster yet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::limit::RateLimitLayer;

use crate::settings::ClusterSettings;
use crate::transport;

/// The longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no client of a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read.
    #[error("could not read the kubeconfig {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The kubeconfig has no such context.
    #[error("context: \"{context}\" is not in the kubeconfig {}; expected one of {}", file.display(), known.join(", "))]
    NoContext {
        /// The context.
        context: String,
        /// The file.
        file: PathBuf,
        /// The contexts that it has.
        known: Vec<String>,
    },
    /// The kubeconfig cannot be used. Kube's errors tell their sources themselves.
    #[error("could not use the kubeconfig {}: {why}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
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
            let refused = |error| refused(file, error);
            let kubeconfig = Kubeconfig::read_from(file).map_err(refused)?;
            if let Some(context) = &settings.context {
                let known: Vec<String> = kubeconfig.contexts.iter().map(|known| known.name.clone()).collect();
                if !known.contains(context) {
                    return Err(ConnectError::NoContext { context: context.clone(), file: file.clone(), known });
                }
            }
            let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(refused)?
        }
        None => Config::incluster().map_err(ConnectError::InCluster)?,
    };
    config.connect_timeout = Some(CONNECT_WITHIN);
    // Whoever calls knows how long to go on; a second layer of retries below would hide it.
    config.default_retry = false;
    let rate = settings.requests_per_second.map(|most| RateLimitLayer::new(most.into(), Duration::from_secs(1)));
    transport::client(config, rate).map_err(ConnectError::Client)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others of kube's are told in its own words")]
fn refused(file: &Path, error: KubeconfigError) -> ConnectError {
    let file = file.to_owned();
    match error {
        KubeconfigError::ReadConfig(source, _) => ConnectError::Unreadable { file, source },
        other => ConnectError::Kubeconfig { file, why: other.to_string() },
    }
}
