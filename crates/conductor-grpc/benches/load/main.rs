//! What a server bears on one machine: runs and watchers at the same time, over real connections.
//!
//! `cargo bench -p conductor-grpc --bench load -- --conductord target/release/conductord`. The server is a process of its own, so
//! that its memory and processors are no one else's; the clients are this one, on the same cores. Its environments are models.
//! It fails when an aim is missed.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on shall say so")]

mod arguments;
mod daemon;
mod figures;
mod process;
mod runs;
mod server;
mod watchers;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::arguments::{Arguments, Role};
use crate::figures::{Aims, Spread};
use crate::process::Process;
use crate::runs::Clients;
use crate::watchers::Watchers;

/// Pause between two starts while the server is under its load.
const BETWEEN_STARTS: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> ExitCode {
    match Role::of(std::env::args().skip(1)) {
        Ok(Role::Server) => server::serve().await,
        Ok(Role::Measure(arguments)) => return measure(&arguments).await,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

async fn measure(arguments: &Arguments) -> ExitCode {
    let Arguments { runs, watchers, interval, seconds, conductord } = arguments;
    println!("{runs} runs, measured every {} s, and {watchers} watchers, for {seconds} s", interval.as_secs());
    let mut aims = Aims::default();
    if let Some(program) = conductord {
        daemon::measure(program, &mut aims).await;
    }
    let server = Process::of_this_program("--serve", "listens on ").await;
    let clients = Clients::to(&server.told, *interval).await;
    let idle = server.memory_kib();

    let begun = Instant::now();
    let (ids, starts) = clients.start_all(*runs).await;
    println!("{runs} runs started within {:.1} s, eight at a time: {starts} each", begun.elapsed().as_secs_f64());
    // Until all of them generate load.
    tokio::time::sleep(2 * *interval + Duration::from_secs(10)).await;
    let running = server.memory_kib();

    let watched = Watchers::begin(&server.told, &ids, *watchers, *interval).await;
    watched.all_told().await;
    let with_watchers = server.memory_kib();
    // What has happened before they came is none of it.
    drop(watched.seen());

    let (cpu, begun) = (server.cpu_s(), Instant::now());
    let mut more = Spread::default();
    for number in 0.. {
        if begun.elapsed() >= Duration::from_secs(*seconds) {
            break;
        }
        more.add(clients.start(runs + number).await.1.as_secs_f64() * 1000.0);
        tokio::time::sleep(BETWEEN_STARTS).await;
    }
    let busy = (server.cpu_s() - cpu) / begun.elapsed().as_secs_f64();
    let seen = watched.seen();
    let rate = seen.delays_ms.len() as f64 / begun.elapsed().as_secs_f64();
    println!(
        "the server took {busy:.2} cores, and told its watchers {rate:.0} updates a second, which came after {}",
        seen.delays_ms
    );
    println!(
        "memory: {} MB idle, {:.0} KB a run with its model, {:.1} KB a watcher, {} MB at the end",
        idle / 1024,
        (running - idle) as f64 / *runs as f64,
        with_watchers.saturating_sub(running) as f64 / *watchers as f64,
        server.memory_kib() / 1024
    );
    println!("tick lateness of {} ticks: {}, {} left out", seen.late_ms.len(), seen.late_ms, seen.left_out);
    println!("StartLoadTest under this load, {} times: {more}", more.len());
    aims.most("tick lateness, p99, in ms", seen.late_ms.at(0.99), interval.as_secs_f64() * 1000.0 * 0.05);
    aims.most("ticks left out", seen.left_out as f64, 0.0);
    aims.most("StartLoadTest, p99, in ms", more.at(0.99), 50.0);
    watched.end().await;
    server.end().await;
    if aims.tell() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
