//! Clusters do not know of each other and leave nothing behind, however they end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use conductor_bed::program;
use conductor_kubernetes_bed::{Cluster, ClusterSettings, Component, User, until};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde::Deserialize;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn two_clusters_at_once_are_two() {
    let (one, two) = tokio::join!(start(), start());
    let (first, second) = (identity(&one).await, identity(&two).await);
    assert_ne!(first, second);
    assert_ne!(one.port(), two.port());
    one.namespace("only-here").await.unwrap();
    let namespaces = Api::<Namespace>::all(two.client(&User::Admin).await.unwrap());
    assert_eq!(namespaces.get_opt("only-here").await.unwrap(), None);
    // Neither lets the other's users in, and the end of one is nothing to the other.
    let mut stranger = one.kubectl(&User::Admin).unwrap();
    stranger.arg("--certificate-authority").arg(two.folder().join("authority.crt"));
    let refused = stranger.args(["--server", two.url(), "get", "nodes"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && complaint.contains("must be logged in"), "{complaint}");
    one.stop().await.unwrap();
    assert_eq!(identity(&two).await, second);
    two.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_cluster_leaves_nothing_behind() {
    let cluster = start().await;
    let left = Left { folder: cluster.folder().to_owned(), port: cluster.port() };
    assert_eq!(left.processes().len(), 6, "five components and what removes the folder: {left:?}");
    assert!(left.listens() && left.folder.exists());
    drop(cluster);
    assert_eq!(left.processes(), Vec::<String>::new());
    assert!(!left.listens() && !left.folder.exists());
}

#[tokio::test]
async fn a_component_that_is_lost_is_named_at_the_end() {
    let cluster = start().await;
    let (_, scheduler) = *cluster.processes().iter().find(|(component, _)| *component == Component::Scheduler).unwrap();
    kill(scheduler);
    let left = Left { folder: cluster.folder().to_owned(), port: cluster.port() };
    until("the scheduler is gone", PATIENCE, async || (left.processes().len() == 5).then_some(())).await;
    let error = cluster.stop().await.unwrap_err().to_string();
    assert!(error.starts_with("kube-scheduler ended by itself with signal: 9"), "{error}");
    assert!(!left.folder.exists());
}

#[tokio::test]
async fn a_killed_owner_leaves_nothing_behind() {
    let (mut owner, line) = example(&std::env::temp_dir(), &[]);
    let held: Held = serde_json::from_str(&line).unwrap();
    let left = Left { folder: held.folder, port: held.port };
    assert_eq!(held.processes.len(), 5);
    assert!(left.processes().len() >= 6 && left.listens() && left.folder.exists());
    kill(owner.id());
    owner.wait().unwrap();
    until("nothing is left", PATIENCE, async || {
        (left.processes().is_empty() && !left.listens() && !left.folder.exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_is_late_names_what_it_waits_for_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let (owner, line) = example(temporary.path(), &["1"]);
    assert_eq!(line, "");
    let ended = owner.wait_with_output().unwrap();
    let complaint = String::from_utf8(ended.stderr).unwrap();
    assert!(complaint.starts_with("kube-apiserver: readiness did not happen within"), "{complaint}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

async fn start() -> Cluster {
    Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

/// What tells a cluster from every other.
async fn identity(cluster: &Cluster) -> String {
    let namespaces = Api::<Namespace>::all(cluster.client(&User::Admin).await.unwrap());
    namespaces.get("kube-system").await.unwrap().metadata.uid.unwrap()
}

/// What the example says of its cluster.
#[derive(Deserialize)]
struct Held {
    folder: PathBuf,
    port: u16,
    processes: Vec<u32>,
}

/// Starts the example and reads its first line.
fn example(temporary: &Path, arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(program::example("cluster"));
    command
        .args(arguments)
        .env("TMPDIR", temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut owner = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (owner, line)
}

fn kill(process: u32) {
    let process = nix::unistd::Pid::from_raw(process.try_into().unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// What may be left of a cluster.
#[derive(Debug)]
struct Left {
    folder: PathBuf,
    port: u16,
}

impl Left {
    /// The command lines of all processes that run in the folder or mention it.
    fn processes(&self) -> Vec<String> {
        let folder = self.folder.to_str().unwrap();
        let look = |process: std::io::Result<std::fs::DirEntry>| {
            let process = process.unwrap().path();
            let words = std::fs::read(process.join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            let place = std::fs::read_link(process.join("cwd")).unwrap_or_default();
            (words.contains(folder) || place.to_string_lossy().starts_with(folder)).then_some(words)
        };
        std::fs::read_dir("/proc").unwrap().filter_map(look).collect()
    }

    fn listens(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }
}
