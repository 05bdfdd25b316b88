//! A real Prometheus, which scrapes a service twice a second.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conductor_bed::{Signal, process};

use crate::authority::Identity;
use crate::contract::PATIENCE;

/// The file that says how it is asked.
const WEB: &str = "web.yaml";

/// A Prometheus; it ends with this, and its samples stay in the folder.
pub(crate) struct Prometheus {
    pub(crate) url: String,
    folder: PathBuf,
    port: u16,
    has_tls: bool,
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
        Self::serving(address, folder, false)
    }

    /// One that does so, and is asked by TLS only.
    pub(crate) fn with_tls(address: &str, folder: PathBuf, identity: &Identity) -> Self {
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        let text = format!("tls_server_config: {{ cert_file: {certificate}, key_file: {key} }}\n");
        std::fs::write(folder.join(WEB), text).unwrap();
        Self::serving(address, folder, true)
    }

    fn serving(address: &str, folder: PathBuf, has_tls: bool) -> Self {
        let text = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 400ms }}\nscrape_configs:\n  - job_name: shop\n    \
             static_configs: [{{ targets: ['{address}'] }}]\n"
        );
        std::fs::write(folder.join("prometheus.yaml"), text).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let url = format!("{}://127.0.0.1:{port}", if has_tls { "https" } else { "http" });
        let mut prometheus = Self { url, folder, port, has_tls, child: None };
        prometheus.start();
        prometheus
    }

    pub(crate) fn start(&mut self) {
        let mut command = program("prometheus");
        command.arg("--config.file").arg(self.folder.join("prometheus.yaml"));
        command.arg("--storage.tsdb.path").arg(self.folder.join("data"));
        command.arg("--web.listen-address").arg(format!("127.0.0.1:{}", self.port));
        if self.has_tls {
            command.arg("--web.config.file").arg(self.folder.join(WEB));
        }
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
