//! A real Prometheus that scrapes the shop of a staged run every second, and can go down.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use conductor_bed::{Ending, Keeper};

use crate::bed::{Bed, until};

/// A Prometheus. It ends with this.
#[derive(Debug)]
pub struct Prometheus {
    port: u16,
    keeper: Mutex<Option<Keeper<&'static str>>>,
}

impl Prometheus {
    /// Starts one in the folder of a bed, which scrapes this port.
    pub fn scraping(bed: &Bed, port: &str) -> Self {
        let scrape = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 900ms }}\nscrape_configs:\n  - job_name: shop\n    \
             static_configs: [{{ targets: ['127.0.0.1:{port}'] }}]\n"
        );
        bed.write("prometheus.yaml", &scrape);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::var_os("CONDUCTOR_PROMETHEUS").unwrap_or_default();
        let program = std::path::PathBuf::from(folder).join("prometheus");
        assert!(program.exists(), "CONDUCTOR_PROMETHEUS names no prometheus: cargo verify builds it");
        let mut command = Command::new(program);
        command.arg("--config.file").arg(bed.path("prometheus.yaml"));
        command.arg("--storage.tsdb.path").arg(bed.path("prometheus"));
        command.arg("--web.listen-address").arg(format!("127.0.0.1:{port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = Keeper::new(Ending::KILL);
        keeper.start("prometheus", command).unwrap();
        until("Prometheus listens", Duration::from_secs(60), || {
            assert_eq!(keeper.ended(), None, "Prometheus has ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { port, keeper: Mutex::new(Some(keeper)) }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it, and leaves it down.
    pub fn go_down(&self) {
        *self.keeper.lock().unwrap() = None;
    }
}
