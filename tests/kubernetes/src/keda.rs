//! KEDA in a cluster: its custom resource, its rights, and how it is started.

mod crd;
mod minimal;
mod rights;
mod scaled_object;

use std::fs;

use conductor_bed::{Error, Folder};
use futures::FutureExt;
use kube::api::ApiResource;

use crate::cluster::Cluster;
use crate::component::file;
use crate::controller::{Controller, RealCommand};
use crate::error::BedError;
pub use scaled_object::{
    ScaleTarget, ScaledObject, ScaledObjectCondition, ScaledObjectSpec, ScaledObjectStatus, Trigger, scaled_object,
};

/// Where KEDA finds its certificates.
const CERTIFICATES: &str = "keda";

pub(crate) static KEDA: Controller = Controller {
    name: "KEDA",
    program: "keda-operator",
    variable: "CONDUCTOR_KEDA",
    word: "keda",
    account: ("keda", "keda-operator"),
    rules: rights::rules,
    resource: || ApiResource::erase::<ScaledObject>(&()),
    definitions: || vec![crd::scaled_objects()],
    own: Some(|client, log| minimal::follow(client, log).boxed_local()),
    real: RealCommand {
        // It serves metrics to nobody here, on a port of loopback that the kernel chooses, and opens no other.
        arguments: &[
            "--leader-elect=false",
            "--enable-cert-rotation=false",
            "--cert-dir=keda",
            "--metrics-bind-address=0",
            "--health-probe-bind-address=0",
            "--metrics-service-bind-address=127.0.0.1:0",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        ],
        // Where it looks for secrets of its own, and that it looks at ScaledObjects everywhere.
        environment: &[("POD_NAMESPACE", "keda"), ("KEDA_CLUSTER_OBJECT_NAMESPACE", "keda"), ("WATCH_NAMESPACE", "")],
        prepare: write_certificates,
        // Each of its controllers says so; this one is what it was started for.
        at_work: &["Starting workers", "\"controllerKind\":\"ScaledObject\""],
    },
};

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
        self.start_controller(&KEDA).await
    }

    /// Stops KEDA, if it runs. ScaledObjects stay, and so does what it made of them.
    ///
    /// # Errors
    /// When KEDA itself had ended before or had to be killed.
    pub async fn stop_keda(&self) -> Result<(), BedError> {
        self.stop_controller(&KEDA).await
    }
}

/// It wants to serve metrics with a certificate. The API server's does for that.
fn write_certificates(folder: &Folder) -> Result<(), BedError> {
    let certificates = folder.file(CERTIFICATES);
    fs::create_dir_all(&certificates).map_err(Error::file("write", &certificates))?;
    for (from, to) in
        [(file::AUTHORITY, "ca.crt"), (file::SERVER_CERTIFICATE, "tls.crt"), (file::SERVER_KEY, "tls.key")]
    {
        let to = certificates.join(to);
        fs::copy(folder.file(from), &to).map_err(Error::file("write", &to))?;
    }
    Ok(())
}
