//! Argo Rollouts in a cluster: its custom resource, its rights, and how it is started.

mod crd;
mod minimal;
mod rights;
mod rollout;

use futures::FutureExt;
use kube::api::ApiResource;

use crate::cluster::Cluster;
use crate::controller::{Controller, RealCommand};
use crate::error::BedError;
pub use rollout::{
    BlueGreen, BlueGreenStatus, Canary, Pause, PauseCondition, Rollout, RolloutSpec, RolloutStatus, Step, Strategy,
    blue_green, rollout,
};

pub(crate) static ROLLOUTS: Controller = Controller {
    name: "Argo Rollouts",
    program: "rollouts-controller",
    variable: "CONDUCTOR_ROLLOUTS",
    word: "rollouts",
    account: ("argo-rollouts", "argo-rollouts"),
    rules: rights::rules,
    resource: || ApiResource::erase::<Rollout>(&()),
    definitions: || vec![crd::rollouts()],
    own: Some(|client, log| minimal::follow(client, log).boxed_local()),
    real: RealCommand {
        // It can be told ports, and no address but every one. On a port that there cannot be it listens nowhere, says so in its log
        // and goes on.
        arguments: &[
            "--leader-elect=false",
            "--namespace=argo-rollouts",
            "--metricsPort=-1",
            "--healthzPort=-1",
            "--qps=1000",
            "--burst=2000",
        ],
        environment: &[],
        prepare: |_| Ok(()),
        at_work: &["Started rollout workers"],
    },
};

impl Cluster {
    /// Starts Argo Rollouts, unless it runs. It acts as ServiceAccount `argo-rollouts` of namespace `argo-rollouts`, on Rollouts
    /// in every namespace, and ends with the cluster.
    ///
    /// It is a controller of the bed that does the same as far as tests can tell, or Argo Rollouts itself where
    /// `CONDUCTOR_ROLLOUTS` names the folder with what `cargo xtask rollouts` has built.
    ///
    /// # Errors
    /// When the API server refuses, a program is missing, or Argo Rollouts itself has ended or does not come up.
    pub async fn rollouts(&self) -> Result<(), BedError> {
        self.start_controller(&ROLLOUTS).await
    }

    /// Stops Argo Rollouts, if it runs. Rollouts stay, and so does what it made of them.
    ///
    /// # Errors
    /// When Argo Rollouts itself had ended before or had to be killed.
    pub async fn stop_rollouts(&self) -> Result<(), BedError> {
        self.stop_controller(&ROLLOUTS).await
    }
}
