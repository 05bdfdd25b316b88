//! KEDA itself: a program that was built from its source, with the definitions of its custom resources.

use std::fs;

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::{Component, file};
use crate::error::BedError;
use crate::folder::Folder;
use crate::keeper::Keeper;
use crate::programs::Programs;
use crate::user::User;

/// Where the definitions are, beside the program.
const DEFINITIONS: &str = "crds";
/// What its log says, for each of its controllers, when that one takes up its work.
const AT_WORK: &str = "Starting workers";
/// This one is what it was started for.
const CONTROLLER: &str = "\"controllerKind\":\"ScaledObject\"";

/// The running program. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Operator(Keeper);

/// Makes its custom resources.
pub(super) async fn define(cluster: &Cluster, programs: &Programs) -> Result<(), BedError> {
    // A folder that is not there is named with the way to get it.
    programs.file(Component::Keda.name())?;
    let mut kubectl = cluster.kubectl(&User::Admin)?;
    kubectl.args(["apply", "--server-side", "--filename"]).arg(programs.folder().join(DEFINITIONS));
    let applied = tokio::task::spawn_blocking(move || kubectl.output()).await;
    let applied = applied.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let applied = applied.map_err(|source| BedError::Start { program: "kubectl", source })?;
    if applied.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&applied.stderr).into_owned();
    Err(BedError::Kubectl { act: "define the custom resources of KEDA", complaint })
}

impl Operator {
    pub(super) async fn start(cluster: &Cluster, programs: &Programs) -> Result<Self, BedError> {
        let folder = &cluster.folder;
        cluster.access.let_component_in(Component::Keda, folder)?;
        write_certificates(folder)?;
        let operator = Self(Keeper::new());
        operator.0.start(Component::Keda, Component::Keda.command(programs, folder, cluster.port)?)?;
        let within = ClusterSettings::default().start_within;
        let is_at_work = || {
            let ended = operator.0.check(folder);
            let log = fs::read_to_string(folder.file(&Component::Keda.log())).unwrap_or_default();
            let at_work = log.lines().any(|line| line.contains(AT_WORK) && line.contains(CONTROLLER));
            std::future::ready(ended.is_err() || at_work)
        };
        cluster.await_that(Component::Keda, "the beginning of its work", within, is_at_work).await?;
        operator.check(folder)?;
        Ok(operator)
    }

    /// # Errors
    /// When it has ended, with the end of its log.
    pub(super) fn check(&self, folder: &Folder) -> Result<(), BedError> {
        self.0.check(folder)
    }

    pub(super) fn stop(mut self, folder: &Folder) -> Result<(), BedError> {
        self.0.stop(folder)
    }
}

/// It wants to serve metrics with a certificate. The API server's does for that.
fn write_certificates(folder: &Folder) -> Result<(), BedError> {
    let certificates = folder.file(file::KEDA_CERTIFICATES);
    let failed = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| BedError::File { act: "write", path, source }
    };
    fs::create_dir_all(&certificates).map_err(failed(&certificates))?;
    for (from, to) in
        [(file::AUTHORITY, "ca.crt"), (file::SERVER_CERTIFICATE, "tls.crt"), (file::SERVER_KEY, "tls.key")]
    {
        let to = certificates.join(to);
        fs::copy(folder.file(from), &to).map_err(failed(&to))?;
    }
    Ok(())
}
