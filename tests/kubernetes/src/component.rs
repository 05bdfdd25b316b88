//! The programs of a control plane, in the order in which they start, and how each is called.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use conductor_bed::{Folder, log};

use crate::error::BedError;
use crate::programs::Programs;

/// One program of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// The store of the API server.
    Etcd,
    /// The API server, with RBAC and an audit log.
    ApiServer,
    /// The controllers, each under a ServiceAccount of its own.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// What stands in for kubelets.
    Kwok,
    /// A controller of custom resources, by the name of its program.
    Controller(&'static str),
}

/// Files of the folder that components share.
pub(crate) mod file {
    pub(crate) const AUTHORITY: &str = "authority.crt";
    pub(crate) const SERVER_CERTIFICATE: &str = "server.crt";
    pub(crate) const SERVER_KEY: &str = "server.key";
    pub(crate) const TOKEN_KEY: &str = "tokens.key";
    pub(crate) const TOKEN_PUBLIC_KEY: &str = "tokens.pub";
    pub(crate) const AUDIT_POLICY: &str = "audit-policy.json";
    pub(crate) const AUDIT_LOG: &str = "audit.log";
    pub(crate) const KWOK: &str = "kwok.yaml";
}

/// etcd takes the host of a unix address for the name of a file in its working folder.
const ETCD_CLIENTS: &str = "localhost:1";
const ETCD_PEERS: &str = "localhost:2";

impl Component {
    /// The name of its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Controller(program) => program,
        }
    }

    /// The name of its log file.
    pub(crate) fn log(self) -> String {
        format!("{}.log", self.name())
    }

    /// The name of its kubeconfig.
    pub(crate) fn kubeconfig(self) -> String {
        format!("{}.kubeconfig", self.name())
    }

    /// The command that starts it. Nothing of the caller's environment gets into it, but for where a controller finds programs.
    pub(crate) fn command(self, programs: &Programs, folder: &Folder, port: u16) -> Result<Command, BedError> {
        let mut command = Command::new(programs.file(self.name())?);
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path()).stdin(Stdio::null());
        match self {
            Self::Etcd => command.args(etcd()),
            // Without a limit its memory grows to gigabytes under a thousand workloads, and nothing is gained.
            Self::ApiServer => command.env("GOMEMLIMIT", "700MiB").args(api_server(folder.path(), port)),
            Self::ControllerManager => command.args(controller_manager()).args(client(self)),
            Self::Scheduler => command.args(scheduler()).args(client(self)),
            Self::Kwok => command.args(kwok()).args(client(self)),
            // How it is called is known where it is known.
            Self::Controller(_) => {
                command.env("TMPDIR", folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default())
            }
        };
        log::attach(&mut command, &folder.file(&self.log()))?;
        Ok(command)
    }

    /// Its log, empty.
    pub(crate) fn new_log(self, folder: &Folder) -> Result<File, BedError> {
        Ok(log::create(&folder.file(&self.log()))?)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

fn client(component: Component) -> [String; 1] {
    [format!("--kubeconfig={}", component.kubeconfig())]
}

fn etcd() -> Vec<String> {
    vec![
        "--name=bed".to_owned(),
        "--data-dir=etcd".to_owned(),
        format!("--listen-client-urls=unix://{ETCD_CLIENTS}"),
        format!("--advertise-client-urls=unix://{ETCD_CLIENTS}"),
        format!("--listen-peer-urls=unix://{ETCD_PEERS}"),
        format!("--initial-advertise-peer-urls=unix://{ETCD_PEERS}"),
        format!("--initial-cluster=bed=unix://{ETCD_PEERS}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

fn api_server(folder: &Path, port: u16) -> Vec<String> {
    let mut arguments = vec![
        format!("--etcd-servers=unix://{}", folder.join(ETCD_CLIENTS).display()),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", file::SERVER_CERTIFICATE),
        format!("--tls-private-key-file={}", file::SERVER_KEY),
        format!("--client-ca-file={}", file::AUTHORITY),
        format!("--service-account-signing-key-file={}", file::TOKEN_KEY),
        format!("--service-account-key-file={}", file::TOKEN_PUBLIC_KEY),
        // Where it is itself, so that those who trust its tokens find its keys.
        format!("--service-account-issuer=https://127.0.0.1:{port}"),
        format!("--audit-policy-file={}", file::AUDIT_POLICY),
        format!("--audit-log-path={}", file::AUDIT_LOG),
    ];
    let fixed = [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        // The port is held by a socket of ours until the API server listens on it.
        "--permit-port-sharing=true",
        "--authorization-mode=RBAC",
        "--audit-log-maxsize=0",
        "--cert-dir=kube-apiserver",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        "--profiling=false",
        "--shutdown-send-retry-after=false",
        "--shutdown-watch-termination-grace-period=0s",
    ];
    arguments.extend(fixed.map(str::to_owned));
    arguments
}

fn controller_manager() -> Vec<String> {
    let mut arguments = vec![
        format!("--root-ca-file={}", file::AUTHORITY),
        format!("--service-account-private-key-file={}", file::TOKEN_KEY),
    ];
    let fixed = [
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        "--horizontal-pod-autoscaler-sync-period=2s",
        // A pod that is made while a quota is may be counted with the next full count only: by default after five minutes.
        "--resource-quota-sync-period=5s",
        // kwok renews leases when it can; a busy machine is no reason to call a node lost.
        "--node-monitor-grace-period=1h",
        // As released it sends 20 requests a second, which costs seconds at each start and minutes with many workloads.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--concurrent-deployment-syncs=16",
        "--concurrent-replicaset-syncs=16",
        "--concurrent-statefulset-syncs=16",
        "--profiling=false",
    ];
    arguments.extend(fixed.map(str::to_owned));
    arguments
}

fn scheduler() -> [&'static str; 4] {
    ["--secure-port=0", "--leader-elect=false", "--kube-api-qps=1000", "--kube-api-burst=2000"]
}

fn kwok() -> Vec<String> {
    vec![
        format!("--config={}", file::KWOK),
        "--manage-all-nodes=true".to_owned(),
        "--cidr=10.64.0.0/16".to_owned(),
        "--node-ip=127.0.0.1".to_owned(),
        "--node-lease-duration-seconds=40".to_owned(),
    ]
}
