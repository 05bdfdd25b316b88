//! KEDA in a cluster: its custom resource, its ServiceAccount with a role, and what does its work.
//!
//! That is a small controller of the bed, or KEDA itself where `CONDUCTOR_KEDA` says where it is. Which of the two it is
//! makes no difference to a test.

mod crd;
mod minimal;
mod operator;
mod rights;
mod scaled_object;

use kube::Api;
use kube::api::ListParams;
use serde_json::json;

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::Component;
use crate::error::BedError;
use crate::folder::Folder;
use crate::keda::minimal::Minimal;
use crate::keda::operator::Operator;
use crate::programs::Programs;
use crate::user::User;

pub(crate) use rights::user;
pub use scaled_object::{
    ScaleTarget, ScaledObject, ScaledObjectCondition, ScaledObjectSpec, ScaledObjectStatus, Trigger, scaled_object,
};

/// What does KEDA's work.
#[derive(Debug)]
pub(crate) enum Keda {
    Minimal(Minimal),
    Operator(Operator),
}

impl Cluster {
    /// Starts KEDA, unless it runs. It acts as ServiceAccount `keda-operator` of namespace `keda`, on ScaledObjects in every
    /// namespace, and ends with the cluster.
    ///
    /// It is a controller of the bed that does the same as far as tests can tell, or KEDA itself where `CONDUCTOR_KEDA` names
    /// the folder with what `cargo xtask keda` has built.
    ///
    /// # Errors
    /// When the API server refuses, a program is missing, or KEDA itself has ended or does not come up.
    pub async fn keda(&self) -> Result<(), BedError> {
        let mut keda = self.keda.lock().await;
        match keda.as_ref() {
            Some(Keda::Operator(operator)) => operator.check(&self.folder),
            Some(Keda::Minimal(_)) => Ok(()),
            None => {
                *keda = Some(self.start_keda().await?);
                Ok(())
            }
        }
    }

    /// Stops KEDA, if it runs. ScaledObjects stay, and so does what it made of them.
    ///
    /// # Errors
    /// When KEDA itself had ended before or had to be killed.
    pub async fn stop_keda(&self) -> Result<(), BedError> {
        match self.keda.lock().await.take() {
            // It takes a moment, and needs nothing of this runtime.
            Some(keda) => keda.stop(&self.folder),
            None => Ok(()),
        }
    }

    async fn start_keda(&self) -> Result<Keda, BedError> {
        let operator = Programs::keda();
        match &operator {
            Some(programs) => operator::define(self, programs).await?,
            None => self.apply(&crd::scaled_objects()).await?,
        }
        self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": rights::NAMESPACE } }))
            .await?;
        for object in [rights::account(), rights::role(), rights::binding()] {
            self.apply(&object).await?;
        }
        let objects = Api::<ScaledObject>::all(self.client(&User::Admin).await?);
        let first = ListParams::default().limit(1);
        let is_served = || {
            let (objects, first) = (objects.clone(), first.clone());
            async move { objects.list(&first).await.is_ok() }
        };
        let within = ClusterSettings::default().start_within;
        self.await_that(Component::ApiServer, "the custom resource ScaledObject", within, is_served).await?;
        match operator {
            Some(programs) => Operator::start(self, &programs).await.map(Keda::Operator),
            None => {
                let config = self.access.config(&user(), &self.folder).await?;
                let log = Component::Keda.new_log(&self.folder)?;
                Minimal::start(user().name(), config, log).await.map(Keda::Minimal)
            }
        }
    }
}

impl Keda {
    /// Stops it.
    ///
    /// # Errors
    /// When KEDA itself had ended before or had to be killed.
    pub(crate) fn stop(self, folder: &Folder) -> Result<(), BedError> {
        match self {
            Self::Minimal(minimal) => {
                drop(minimal);
                Ok(())
            }
            Self::Operator(operator) => operator.stop(folder),
        }
    }
}
