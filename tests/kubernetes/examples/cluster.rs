//! Starts a cluster, says as JSON where it is, and keeps it until the standard input ends: to look into one by hand, and for
//! the tests that kill its owner.
//!
//! Its argument says within how many milliseconds the cluster must be there.

use std::io::Read;
use std::time::Duration;

use conductor_kubernetes_bed::{BedError, Cluster, ClusterSettings, User};
use serde_json::json;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match hold().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn hold() -> Result<(), BedError> {
    let mut settings = ClusterSettings::default();
    if let Some(within) = std::env::args().nth(1).and_then(|argument| argument.parse().ok()) {
        settings.start_within = Duration::from_millis(within);
    }
    let cluster = Cluster::start(settings).await?;
    let processes: Vec<u32> = cluster.processes().iter().map(|(_, process)| *process).collect();
    let kubeconfig = cluster.kubeconfig(&User::Admin)?;
    println!(
        "{}",
        json!({
            "folder": cluster.folder(), "port": cluster.port(), "processes": processes, "kubeconfig": kubeconfig,
        })
    );
    // An input that cannot be read is at its end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    cluster.stop().await
}
