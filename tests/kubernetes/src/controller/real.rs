//! A controller itself: a program that was built from its source, with the definitions of its custom resources.

use std::fs;

use conductor_bed::{Error, Folder};

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::Component;
use crate::controller::Controller;
use crate::error::BedError;
use crate::keeper::Keeper;
use crate::listening;
use crate::programs::Programs;
use crate::proxy::FaultProxy;
use crate::user::User;

/// Where the definitions are, beside the program.
const DEFINITIONS: &str = "crds";

/// What stands in an argument for the address of a front of the API server that wants no credentials.
const FRONT: &str = "{front}";

/// The running program. Dropping it stops it.
pub(crate) struct Real {
    // Before what it talks to.
    keeper: Keeper,
    component: Component,
    process: u32,
    /// The front of the API server, where it has one of its own.
    _front: Option<FaultProxy>,
}

/// Makes its custom resources.
pub(super) async fn define(cluster: &Cluster, controller: &Controller, programs: &Programs) -> Result<(), BedError> {
    // A folder that is not there is named with the way to get it.
    programs.file(controller.program)?;
    let mut kubectl = cluster.kubectl(&User::Admin)?;
    kubectl.args(["apply", "--server-side", "--filename"]).arg(programs.folder().join(DEFINITIONS));
    let applied = tokio::task::spawn_blocking(move || kubectl.output()).await;
    let applied = applied.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let applied = applied.map_err(Error::start("kubectl"))?;
    if applied.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&applied.stderr).into_owned();
    let act = format!("define the custom resources of {}", controller.name);
    Err(BedError::Refused { program: "kubectl", act, complaint })
}

impl Real {
    pub(super) async fn start(
        cluster: &Cluster,
        controller: &'static Controller,
        programs: &Programs,
    ) -> Result<Self, BedError> {
        let folder = &cluster.folder;
        let component = Component::Controller(controller.program);
        let how = &controller.real;
        (how.prepare)(folder)?;
        let kubeconfig = cluster.access.kubeconfig(&controller.user(), folder)?;
        let mut command = component.command(programs, folder, cluster.port)?;
        let has_front = how.arguments.iter().any(|argument| argument.contains(FRONT));
        let front = if has_front { Some(cluster.fault_proxy(&controller.user()).await?) } else { None };
        let address = front.as_ref().map_or("", FaultProxy::url);
        command.args(how.arguments.iter().map(|argument| argument.replace(FRONT, address)));
        command.env("KUBECONFIG", kubeconfig).envs(how.environment.iter().copied());
        let keeper = Keeper::new();
        let process = keeper.start(component, command)?;
        let real = Self { keeper, component, process, _front: front };
        let within = ClusterSettings::default().start_within;
        let is_at_work = || {
            let ended = real.keeper.check(folder);
            let log = fs::read_to_string(folder.file(&component.log())).unwrap_or_default();
            let at_work = log.lines().any(|line| how.at_work.iter().all(|words| line.contains(words)));
            std::future::ready(ended.is_err() || at_work)
        };
        cluster.await_that(component, "the beginning of its work", within, is_at_work).await?;
        real.check(folder)?;
        Ok(real)
    }

    /// # Errors
    /// When it has ended, with the end of its log, or listens elsewhere than on loopback.
    pub(super) fn check(&self, folder: &Folder) -> Result<(), BedError> {
        self.keeper.check(folder)?;
        let found = listening::beyond_loopback(self.process).map_err(Error::file("read", "/proc"))?;
        let component = self.component;
        found.first().map_or(Ok(()), |&address| Err(BedError::Exposed { component, address }))
    }

    pub(super) fn stop(mut self, folder: &Folder) -> Result<(), BedError> {
        self.keeper.stop(folder)
    }
}
