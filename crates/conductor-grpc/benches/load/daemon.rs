//! The server's own program, with nothing to do: how soon it is ready, and what memory it takes.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::figures::{Aims, Spread};
use crate::process::Process;

/// Starts that are measured. The first one finds nothing of the program in memory, and does not count.
const STARTS: usize = 5;
/// The smallest environment that there can be.
const ENVIRONMENT: &str = r#"
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Environment
metadata: { name: idle }
spec:
  local:
    productionManifest: release-manifest.yaml
    applications: [{ name: shop, command: [shop], port: { number: 1 }, ready: { httpGet: /, within: 10s } }]
  locust: { url: "http://127.0.0.1:1" }
  kpis: { orders: { request: { method: POST, name: /orders, status: 201 } } }
"#;

/// Measures a program.
pub(crate) async fn measure(program: &Path, aims: &mut Aims) {
    let mut starts = Spread::default();
    let mut memory = 0;
    for number in 0..=STARTS {
        let folder = tempfile::tempdir().unwrap();
        let environment = folder.path().join("environment.yaml");
        std::fs::write(&environment, ENVIRONMENT).unwrap();
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]).arg(environment);
        command.arg("--state-dir").arg(folder.path()).stderr(std::process::Stdio::null());
        let begun = Instant::now();
        let server = Process::start(command, "metrics and probes on http://").await;
        let probes = server.told.split(';').next().unwrap().to_owned();
        while !is_ready(&probes).await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if number > 0 {
            starts.add(begun.elapsed().as_secs_f64() * 1000.0);
        }
        if number == STARTS {
            tokio::time::sleep(Duration::from_secs(2)).await;
            memory = server.memory_kib();
        }
        server.end().await;
    }
    println!("conductord: ready after {starts}, {:.1} MB idle", memory as f64 / 1024.0);
    aims.most("start to ready, median, in ms", starts.at(0.5), 100.0);
    aims.most("idle memory, in MB", memory as f64 / 1024.0, 25.0);
}

async fn is_ready(address: &str) -> bool {
    let mut probe = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    probe.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).await.unwrap();
    answer.starts_with("HTTP/1.1 200")
}
