//! One cluster, from its start to its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use conductor_bed::Folder;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::Mutex;

use crate::access::Access;
use crate::audit::{self, AuditLog};
use crate::component::{Component, file};
use crate::controller::Running;
use crate::error::BedError;
use crate::keeper::Keeper;
use crate::programs::Programs;
use crate::proxy::FaultProxy;
use crate::start;
use crate::user::User;

/// What a cluster is made with.
#[derive(Clone, Copy, Debug)]
pub struct ClusterSettings {
    /// How many nodes it has, in three zones.
    pub nodes: u32,
    /// The processors of each node. Memory is 4 TiB and there is room for 2,000 pods.
    pub cpu_per_node: u32,
    /// How long it may take until it can be used; a few seconds are usual.
    pub start_within: Duration,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self { nodes: 4, cpu_per_node: 1000, start_within: Duration::from_secs(120) }
    }
}

/// A running cluster. When it is dropped its processes are stopped, which takes a second or two, and its folder is removed.
pub struct Cluster {
    // Before what it talks to.
    pub(crate) controllers: Mutex<BTreeMap<&'static str, Running>>,
    // Before the folder, which must not go while processes write into it.
    pub(crate) keeper: Keeper,
    pub(crate) processes: Vec<(Component, u32)>,
    pub(crate) access: Access,
    pub(crate) programs: Programs,
    pub(crate) port: u16,
    pub(crate) folder: Folder,
}

impl Cluster {
    /// Starts a cluster and waits until its nodes take pods and namespace `default` can be used.
    ///
    /// # Errors
    /// When a program is missing, or a component ends by itself or does not come up in time, with the end of its log.
    /// Nothing is left behind then.
    pub async fn start(settings: ClusterSettings) -> Result<Self, BedError> {
        start::start(settings).await
    }

    /// A client for a user. It works on the runtime that it was made on.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub async fn client(&self, user: &User) -> Result<Client, BedError> {
        self.access.client(user, &self.folder).await
    }

    /// The kubeconfig of a user, for programs.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn kubeconfig(&self, user: &User) -> Result<PathBuf, BedError> {
        self.access.kubeconfig(user, &self.folder)
    }

    /// `kubectl`, called by a user.
    ///
    /// # Errors
    /// When it was not built, or a file cannot be written.
    pub fn kubectl(&self, user: &User) -> Result<Command, BedError> {
        let mut command = Command::new(self.programs.file("kubectl")?);
        // It caches under HOME what it learns of the server.
        command.env_clear().env("HOME", self.folder.path()).arg("--kubeconfig").arg(self.kubeconfig(user)?);
        Ok(command)
    }

    /// A proxy in front of the API server that acts as a user and fails when it is told to.
    ///
    /// # Errors
    /// When a file cannot be written, or there is no port or thread for it.
    pub async fn fault_proxy(&self, user: &User) -> Result<FaultProxy, BedError> {
        let mut behind = self.access.config(user, &self.folder).await?;
        // What the API server says is for the client to hear.
        behind.default_retry = false;
        FaultProxy::start(user.name(), behind, &self.folder).await
    }

    /// Makes a namespace and waits until pods can be made in it.
    ///
    /// # Errors
    /// When the API server refuses, or a component does not do its part.
    pub async fn namespace(&self, name: &str) -> Result<(), BedError> {
        let admin = self.client(&User::Admin).await?;
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let made = Api::<Namespace>::all(admin.clone()).create(&PostParams::default(), &namespace).await;
        made.map_err(|source| BedError::Api { act: format!("make namespace {name}"), source: Box::new(source) })?;
        self.await_account(&admin, name, ClusterSettings::default().start_within).await
    }

    /// What was written so far: everything that was answered before this was called.
    ///
    /// # Errors
    /// When the log cannot be read, or does not come that far.
    pub async fn audit(&self) -> Result<AuditLog, BedError> {
        let admin = self.client(&User::Admin).await?;
        let log = self.folder.file(file::AUDIT_LOG);
        let before = std::fs::metadata(&log).map_or(0, |log| log.len());
        let mark = audit::mark();
        let metadata = ObjectMeta { name: Some(mark.clone()), ..ObjectMeta::default() };
        let without_effect = PostParams { dry_run: true, ..PostParams::default() };
        let marks = Api::<ConfigMap>::default_namespaced(admin);
        let made = marks.create(&without_effect, &ConfigMap { metadata, ..ConfigMap::default() }).await;
        made.map_err(|source| BedError::Api { act: "mark the audit log".to_owned(), source: Box::new(source) })?;
        let within = ClusterSettings::default().start_within;
        let arrived = || std::future::ready(audit::has_mark(&log, before, &mark));
        self.await_that(Component::ApiServer, "the end of its audit log", within, arrived).await?;
        Ok(AuditLog::read(&log)?.without_marks())
    }

    /// Stops the components, the newest first, and removes the folder.
    ///
    /// # Errors
    /// When a component had ended by itself or had to be killed. Nothing is left behind all the same.
    pub async fn stop(mut self) -> Result<(), BedError> {
        let stopped = tokio::task::spawn_blocking(move || {
            let controllers = std::mem::take(self.controllers.get_mut()).into_values();
            // All of them, before the first that has failed is told.
            let stopped: Vec<_> = controllers.map(|one| one.stop(&self.folder)).collect();
            stopped.into_iter().chain([self.keeper.stop(&self.folder)]).collect()
        });
        stopped.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        self.access.url()
    }

    /// The port of loopback that the API server listens on, the only one of the cluster.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The folder with its state and logs. Every process of the cluster mentions it, or runs in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The processes by number, in the order in which they were started.
    pub fn processes(&self) -> &[(Component, u32)] {
        &self.processes
    }

    /// Waits until pods can be made in a namespace: the API server wants the account first.
    pub(crate) async fn await_account(&self, admin: &Client, name: &str, within: Duration) -> Result<(), BedError> {
        let accounts = Api::<ServiceAccount>::namespaced(admin.clone(), name);
        self.await_that(Component::ControllerManager, "a default ServiceAccount", within, || {
            let accounts = accounts.clone();
            async move { matches!(accounts.get_opt("default").await, Ok(Some(_))) }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_can_be_started_and_read_by_any_task() {
        fn for_any_task<T: Send>(_: &T) {}
        for_any_task(&Cluster::start(ClusterSettings::default()));
        let _: fn(&Cluster) = |cluster| {
            for_any_task(&cluster.audit());
            for_any_task(&cluster.namespace(""));
            for_any_task(&cluster.keda());
            for_any_task(&cluster.stop_keda());
            for_any_task(&cluster.rollouts());
            for_any_task(&cluster.stop_rollouts());
            for_any_task(&cluster.fault_proxy(&User::Admin));
        };
    }
}
