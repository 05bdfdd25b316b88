//! Kubeconfigs and clients for the users of one cluster.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conductor_bed::Folder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::component::{Component, file};
use crate::error::BedError;
use crate::pki::Authority;
use crate::user::{self, User};

/// How long a connection on loopback may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Lets users in.
pub(crate) struct Access {
    authority: Authority,
    url: String,
    /// How many users got a kubeconfig.
    users: AtomicU32,
}

impl Access {
    pub(crate) fn new(authority: Authority, port: u16) -> Self {
        Self { authority, url: format!("https://127.0.0.1:{port}"), users: AtomicU32::new(0) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Writes the kubeconfig of a component, if it needs one.
    pub(crate) fn let_component_in(&self, component: Component, folder: &Folder) -> Result<(), BedError> {
        let Some((name, groups)) = user::of_component(component) else { return Ok(()) };
        self.write(&component.kubeconfig(), &name, &groups, folder).map(drop)
    }

    /// Writes a kubeconfig, another one at each call.
    pub(crate) fn kubeconfig(&self, user: &User, folder: &Folder) -> Result<PathBuf, BedError> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        self.write(&format!("user-{number}.kubeconfig"), &user.name(), &user.groups(), folder)
    }

    /// A client on the runtime that it is asked for on.
    pub(crate) async fn client(&self, user: &User, folder: &Folder) -> Result<Client, BedError> {
        client(&user.name(), &self.kubeconfig(user, folder)?).await
    }

    /// How a client is made that acts as a user.
    pub(crate) async fn config(&self, user: &User, folder: &Folder) -> Result<Config, BedError> {
        config(&user.name(), &self.kubeconfig(user, folder)?).await
    }

    fn write(&self, file: &str, name: &str, groups: &[String], folder: &Folder) -> Result<PathBuf, BedError> {
        let identity = self.authority.client(name, groups)?;
        let certificate = folder.write(&format!("{file}.crt"), &identity.certificate)?;
        let key = folder.write(&format!("{file}.key"), &identity.key)?;
        let text = kubeconfig(&self.url, &folder.file(file::AUTHORITY), name, &certificate, &key);
        Ok(folder.write(file, &text)?)
    }
}

/// A client by a kubeconfig, on the runtime that it is asked for on.
pub(crate) async fn client(user: &str, kubeconfig: &Path) -> Result<Client, BedError> {
    let config = config(user, kubeconfig).await?;
    Client::try_from(config).map_err(|source| BedError::Client { user: user.to_owned(), source: source.into() })
}

async fn config(user: &str, kubeconfig: &Path) -> Result<Config, BedError> {
    let read = async {
        let mut config =
            Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &KubeConfigOptions::default()).await?;
        // Loopback is reached without the proxy that the environment may name.
        config.proxy_url = None;
        config.connect_timeout = Some(CONNECT_WITHIN);
        Ok(config)
    };
    read.await.map_err(|source| BedError::Client { user: user.to_owned(), source })
}

/// Writes a kubeconfig without credentials.
pub(crate) fn write_plain_kubeconfig(url: &str, name: &str, folder: &Folder) -> Result<PathBuf, BedError> {
    Ok(folder.write(name, &document(json!({ "server": url }), "proxied", json!({})))?)
}

fn kubeconfig(url: &str, authority: &Path, user: &str, certificate: &Path, key: &Path) -> String {
    let credentials = json!({ "client-certificate": certificate, "client-key": key });
    document(json!({ "server": url, "certificate-authority": authority }), user, credentials)
}

fn document(cluster: Value, user: &str, credentials: Value) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bed",
        "clusters": [{ "name": "bed", "cluster": cluster }],
        "contexts": [{ "name": "bed", "context": { "cluster": "bed", "user": user } }],
        "users": [{ "name": user, "user": credentials }],
    });
    config.to_string()
}
