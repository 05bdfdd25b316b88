//! How the processes are started that answer for pods.

use std::process::{Command, Stdio};

use conductor_kubernetes_bed::{Bridge, Replica};

use super::PATIENCE;
use crate::bed::until;
use crate::outside::program;

/// Makes the command for a pod.
pub(super) type Start = Box<dyn FnMut(&Replica) -> Command + Send>;

/// A payment provider.
pub(super) fn serve_payments(replica: &Replica) -> Command {
    quiet(&["payments", "--port", &replica.own_port.to_string()])
}

/// A replica that takes 4.7 orders a second: 285 a minute, and three of it 857.
pub(super) fn serve_shop(replica: &Replica, version: &str, database: &str, provider: u16) -> Command {
    let [shared, own] = [replica.shared_port, replica.own_port].map(|port| port.to_string());
    let payments = format!("http://127.0.0.1:{provider}");
    let served = ["serve", "--version", version, "--port", &shared, "--health-port", &own, "--database", database];
    quiet(&[&served[..], &["--payments", &payments, "--at-a-time", "1"]].concat())
}

fn quiet(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("shop"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The processes of a bridge, once there are so many.
pub(super) fn up(bridge: &Bridge, count: usize) -> Vec<Replica> {
    let mut found = Vec::new();
    until(&format!("{count} processes"), PATIENCE, || {
        found = bridge.replicas().unwrap_or_else(|error| panic!("{error}"));
        found.len() == count
    });
    found
}
