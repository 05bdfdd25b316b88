//! What it costs to change a whole company's applications, on a cluster of its own: 1,122 Deployments in 40 namespaces.
//!
//! First with the controllers standing still, where only the writes themselves count: those of the conductor, beside the
//! floor (bare patches of the same fields, by the same client) and beside `kubectl scale`. Then with everything alive:
//! reading, freezing, and scaling there and back until all have settled.
//!
//! `FLEET` is the number of Deployments, `FLEET_ROUNDS` how often the conductor and the floor are measured in turn (3),
//! `FLEET_KUBECTL` with how many processes at the same time kubectl is measured (1,8,40), and `FLEET_LIVE=no` leaves the
//! second part out.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on shall say so")]

mod conductor;
mod fleet;
mod floor;
mod kubectl;
mod memory;
mod requests;
mod table;
mod usage;
mod wave;

use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};

use crate::conductor::Conductor;
use crate::fleet::Fleet;
use crate::table::{Mutating, Round};

/// Where the fleet goes, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Three replicas, and twice the resources.
    Up,
    /// As it was.
    Back,
}

#[tokio::main]
async fn main() {
    // Cargo gives every benchmark this; test runners that only want a list of it do not.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (size, rounds) = (number("FLEET", 1122), number("FLEET_ROUNDS", 3));
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let fleet = Fleet::make(&cluster, size).await;
    let mutating = mutating(&cluster, &fleet, rounds).await;
    println!("{}", table::mutating(&fleet, &mutating));
    if std::env::var("FLEET_LIVE").is_ok_and(|live| live == "no") {
        return cluster.stop().await.unwrap();
    }
    println!("everything alive again");
    fleet.await_settled().await;
    fleet.install_freeze().await;
    println!("{}", table::live(&live(&fleet).await));
    cluster.stop().await.unwrap();
}

/// The writes, while nobody else acts.
async fn mutating(cluster: &Cluster, fleet: &Fleet, rounds: usize) -> Mutating {
    let paused = cluster.pause_controllers().unwrap();
    // The first of all is slower, whoever it is: everybody's caches are cold.
    floor::all(cluster, fleet, Way::Up).await;
    floor::all(cluster, fleet, Way::Back).await;
    let mut measured = Vec::new();
    for index in 0..rounds {
        println!("round {} of {rounds}", index + 1);
        let floor = async || [floor::all(cluster, fleet, Way::Up).await, floor::all(cluster, fleet, Way::Back).await];
        let before = floor().await;
        let (ours, memory, requests) = Conductor::measure(cluster, fleet).await;
        let anew = Conductor::measure_anew(cluster, fleet).await;
        measured.push(Round { floor: [before, floor().await], ours, anew, memory, requests });
    }
    println!("kubectl");
    let mut kubectl = Vec::new();
    let processes = std::env::var("FLEET_KUBECTL").unwrap_or_else(|_| "1,8,40".to_owned());
    for processes in processes.split(',').map(|text| text.parse().unwrap()) {
        let up = kubectl::all(cluster, fleet, Way::Up, processes).await;
        kubectl.push((processes, [up, kubectl::all(cluster, fleet, Way::Back, processes).await]));
    }
    drop(paused);
    Mutating { rounds: measured, kubectl }
}

/// What is waited for, by name and in seconds.
async fn live(fleet: &Fleet) -> Vec<(&'static str, f64)> {
    let mut times = Vec::new();
    let mut took = |what, seconds| {
        println!("{what}: {seconds:.2} s");
        times.push((what, seconds));
    };
    let conductor = Conductor::make(fleet).await;
    took("read what is deployed and allocated", conductor.read_time);
    took("freeze all and prove it", conductor.freeze().await);
    took("scale up until all have settled", conductor.settle(Way::Up).await);
    took("restore until all have settled", conductor.settle(Way::Back).await);
    conductor.thaw().await;
    times
}

/// Who the conductor and the floor are: as the shipped manifests have it.
pub(crate) fn user() -> User {
    User::service_account("loadtest-conductor", "loadtest-conductor")
}
