//! A real Prometheus, which scrapes a service twice a second.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conductor_bed::{Signal, process};

use crate::contract::PATIENCE;

/// A Prometheus; it ends with this, and its samples stay in the folder.
pub(crate) struct Prometheus {
    pub(crate) url: String,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// A program of Prometheus.
pub(crate) fn program(name: &str) -> Command {
    let folder = PathBuf::from(std::env::var_os("CONDUCTOR_PROMETHEUS").unwrap_or_default());
    let path = folder.join(name);
    assert!(path.exists(), "CONDUCTOR_PROMETHEUS names no {name}: cargo verify builds it, and cargo xtask prometheus");
    Command::new(path)
}

impl Prometheus {
    /// One that scrapes this address, from a folder of its own.
    pub(crate) fn scraping(address: &str, folder: PathBuf) -> Self {
        let text = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 400ms }}\nscrape_configs:\n  - job_name: shop\n    \
             static_configs: [{{ targets: ['{address}'] }}]\n"
        );
        std::fs::write(folder.join("prometheus.yaml"), text).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut prometheus = Self { url: format!("http://127.0.0.1:{port}"), folder, port, child: None };
        prometheus.start();
        prometheus
    }

    pub(crate) fn start(&mut self) {
        let mut command = program("prometheus");
        command.arg("--config.file").arg(self.folder.join("prometheus.yaml"));
        command.arg("--storage.tsdb.path").arg(self.folder.join("data"));
        command.arg("--web.listen-address").arg(format!("127.0.0.1:{}", self.port));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = process::spawn(&mut command, Signal::SIGKILL).unwrap();
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "Prometheus ended");
            assert!(begun.elapsed() < PATIENCE, "Prometheus does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.child = Some(child);
    }

    /// Ends it, in order.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            conductor_bed::stop(&mut child, Signal::SIGTERM, PATIENCE);
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails where it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
