//! A controller of custom resources in a cluster: its definitions, its ServiceAccount with a role, and what does its work.
//!
//! That is a small controller of the bed, or the real one where the controller's variable says where it is. Which of the
//! two it is makes no difference to a test.

mod own;
mod real;
pub(crate) mod rule;
mod served;

use std::fs::File;

use conductor_bed::Folder;
use futures::future::LocalBoxFuture;
use kube::Client;
use kube::api::ApiResource;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::component::Component;
use crate::controller::own::Own;
use crate::controller::real::Real;
use crate::error::BedError;
use crate::programs::Programs;
use crate::user::User;

/// What is to be known of a controller to start it.
pub(crate) struct Controller {
    /// What it is called, as `KEDA`.
    pub(crate) name: &'static str,
    /// The real one's program.
    pub(crate) program: &'static str,
    /// The variable that names the folder with the real one.
    pub(crate) variable: &'static str,
    /// The word that `cargo xtask` builds the real one by.
    pub(crate) word: &'static str,
    /// Namespace and name of its ServiceAccount, which is the name of its role, too.
    pub(crate) account: (&'static str, &'static str),
    /// The rules of its role, in all namespaces.
    pub(crate) rules: fn() -> Vec<Value>,
    /// The custom resource that it is for; its namespace must be served before anything begins.
    pub(crate) resource: fn() -> ApiResource,
    /// The definitions of its custom resources, where the bed's own is at work. The real one brings its own.
    pub(crate) definitions: fn() -> Vec<Value>,
    /// What the bed's own does until it is dropped, with a log for what goes wrong. `None` where that is done elsewhere, for
    /// each of the objects.
    pub(crate) own: Option<OwnWork>,
    /// How the real one is called.
    pub(crate) real: RealCommand,
}

/// The work of a controller of the bed.
pub(crate) type OwnWork = fn(Client, File) -> LocalBoxFuture<'static, ()>;

/// How a real controller is called.
pub(crate) struct RealCommand {
    /// `{front}` in one stands for the address of a front of the API server that wants no credentials.
    pub(crate) arguments: &'static [&'static str],
    /// Besides `KUBECONFIG`.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// Writes what files it wants into the folder that it runs in.
    pub(crate) prepare: fn(&Folder) -> Result<(), BedError>,
    /// What a line of its log has when it takes up its work.
    pub(crate) at_work: &'static [&'static str],
}

impl RealCommand {
    /// Of what is nowhere but in the bed.
    pub(crate) const NONE: Self = Self { arguments: &[], environment: &[], prepare: |_| Ok(()), at_work: &[] };
}

/// One that runs. Dropping it stops it.
pub(crate) enum Running {
    Own(Own),
    Elsewhere,
    Real(Real),
}

impl Controller {
    pub(crate) fn user(&self) -> User {
        let (namespace, name) = self.account;
        User::service_account(namespace, name)
    }

    /// True where the real one is here.
    pub(crate) fn is_real(&self) -> bool {
        Programs::of(self).is_some()
    }

    /// Who it is, and what lets it do its work.
    fn rights(&self) -> [Value; 4] {
        let (namespace, name) = self.account;
        let rbac = |kind: &str| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name } });
        let mut role = rbac("ClusterRole");
        role["rules"] = (self.rules)().into();
        let mut binding = rbac("ClusterRoleBinding");
        binding["roleRef"] = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
        binding["subjects"] = json!([{ "kind": "ServiceAccount", "namespace": namespace, "name": name }]);
        let account = json!({ "namespace": namespace, "name": name });
        [
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }),
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": account }),
            role,
            binding,
        ]
    }
}

impl Cluster {
    /// Starts a controller, unless it runs.
    ///
    /// # Errors
    /// When the API server refuses, a program is missing, or the real one has ended or does not come up.
    pub(crate) async fn start_controller(&self, controller: &'static Controller) -> Result<(), BedError> {
        let mut running = self.controllers.lock().await;
        if let Some(one) = running.get(controller.program) {
            return one.check(&self.folder);
        }
        running.insert(controller.program, self.bring_up(controller).await?);
        Ok(())
    }

    /// Stops a controller, if it runs. Its objects stay, and so does what it made of them.
    ///
    /// # Errors
    /// When the real one had ended before or had to be killed.
    pub(crate) async fn stop_controller(&self, controller: &Controller) -> Result<(), BedError> {
        match self.controllers.lock().await.remove(controller.program) {
            // It takes a moment, and needs nothing of this runtime.
            Some(one) => one.stop(&self.folder),
            None => Ok(()),
        }
    }

    async fn bring_up(&self, controller: &'static Controller) -> Result<Running, BedError> {
        let programs = Programs::of(controller);
        match &programs {
            Some(programs) => real::define(self, controller, programs).await?,
            None => {
                for definition in (controller.definitions)() {
                    self.apply(&definition).await?;
                }
            }
        }
        for object in controller.rights() {
            self.apply(&object).await?;
        }
        self.await_served(&(controller.resource)()).await?;
        match (programs, controller.own) {
            (Some(programs), _) => Real::start(self, controller, &programs).await.map(Running::Real),
            (None, None) => Ok(Running::Elsewhere),
            (None, Some(work)) => {
                let config = self.access.config(&controller.user(), &self.folder).await?;
                let log = Component::Controller(controller.program).new_log(&self.folder)?;
                Own::start(controller, work, config, log).await.map(Running::Own)
            }
        }
    }
}

impl Running {
    fn check(&self, folder: &Folder) -> Result<(), BedError> {
        match self {
            Self::Own(_) | Self::Elsewhere => Ok(()),
            Self::Real(real) => real.check(folder),
        }
    }

    /// Stops it.
    ///
    /// # Errors
    /// When the real one had ended before or had to be killed.
    pub(crate) fn stop(self, folder: &Folder) -> Result<(), BedError> {
        match self {
            Self::Own(own) => {
                drop(own);
                Ok(())
            }
            Self::Elsewhere => Ok(()),
            Self::Real(real) => real.stop(folder),
        }
    }
}
