//! StackSets of Zalando in a cluster: their custom resources, the rights of their controller, and how it is started.

mod crd;
mod minimal;
mod rights;
mod stack;
mod stack_set;

use futures::FutureExt;
use kube::api::ApiResource;

use crate::cluster::Cluster;
use crate::controller::{Controller, RealCommand};
use crate::error::BedError;
pub use stack::{Stack, StackAutoscaler, StackSpec, StackStatus};
pub use stack_set::{
    DesiredTraffic, StackLifecycle, StackSet, StackSetSpec, StackSetStatus, StackTemplate, StackTemplateSpec, stack_set,
};

pub(crate) static STACK_SETS: Controller = Controller {
    name: "the controller of StackSets",
    program: "stackset-controller",
    variable: "CONDUCTOR_STACKS",
    word: "stacks",
    account: ("kube-system", "stackset-controller"),
    rules: rights::rules,
    resource: || ApiResource::erase::<Stack>(&()),
    definitions: || vec![crd::stack_sets(), crd::stacks()],
    own: Some(|client, log| minimal::follow(client, log).boxed_local()),
    real: RealCommand {
        // It looks every ten seconds unless it is told otherwise, and serves metrics to nobody here. By a kubeconfig it would
        // ask five times a second at most; by an address it is a hundred.
        arguments: &[
            "--apiserver={front}",
            "--interval=500ms",
            "--cluster-domain=example.org",
            "--metrics-address=127.0.0.1:0",
        ],
        environment: &[],
        prepare: |_| Ok(()),
        at_work: &["Synced StackSet watcher"],
    },
};

impl Cluster {
    /// Starts the controller of StackSets, unless it runs. It acts as ServiceAccount `stackset-controller` of namespace
    /// `kube-system`, on StackSets in every namespace, and ends with the cluster.
    ///
    /// It is a controller of the bed that does the same as far as tests can tell, or the real one where `CONDUCTOR_STACKS`
    /// names the folder with what `cargo xtask stacks` has built.
    ///
    /// # Errors
    /// When the API server refuses, a program is missing, or the real one has ended or does not come up.
    pub async fn stack_sets(&self) -> Result<(), BedError> {
        self.start_controller(&STACK_SETS).await
    }

    /// Stops the controller of StackSets, if it runs. StackSets stay, and so does what it made of them.
    ///
    /// # Errors
    /// When the real one had ended before or had to be killed.
    pub async fn stop_stack_sets(&self) -> Result<(), BedError> {
        self.stop_controller(&STACK_SETS).await
    }
}
