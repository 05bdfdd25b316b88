//! A real Alertmanager: it routes what the conductor tells it to somebody else.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conductor_bed::{Signal, process};
use serde_json::json;

use crate::service::{PATIENCE, Service, notice, notifier};

/// An Alertmanager; it ends with this.
struct Alertmanager {
    url: String,
    child: Child,
}

/// The one in the folder that `CONDUCTOR_ALERTMANAGER` names.
fn program() -> PathBuf {
    let path = PathBuf::from(std::env::var_os("CONDUCTOR_ALERTMANAGER").unwrap_or_default()).join("alertmanager");
    assert!(
        path.is_file(),
        "CONDUCTOR_ALERTMANAGER has no Alertmanager: cargo verify builds it, and cargo xtask alertmanager"
    );
    path
}

impl Alertmanager {
    /// One that sends warnings of an environment to a service.
    fn routing_to(service: &Service, folder: &Path) -> Self {
        let text = format!(
            "route:\n  receiver: nobody\n  group_by: [run, alertname]\n  group_wait: 100ms\n  group_interval: 500ms\n  \
             routes: [{{ receiver: service, matchers: ['severity = warning', 'environment = shop-test'] }}]\n\
             receivers:\n  - name: nobody\n  - name: service\n    webhook_configs: [{{ url: '{}', send_resolved: true }}]\n",
            service.url
        );
        std::fs::write(folder.join("alertmanager.yaml"), text).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program());
        command.arg("--config.file").arg(folder.join("alertmanager.yaml"));
        command.arg("--storage.path").arg(folder.join("data"));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = process::spawn(&mut command, Signal::SIGKILL).unwrap();
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "Alertmanager ended");
            assert!(begun.elapsed() < PATIENCE, "Alertmanager does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { url: format!("http://127.0.0.1:{port}"), child }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn alertmanager_routes_an_alert_by_its_labels_once_and_tells_when_it_is_resolved() {
    let service = Service::answering(200, Duration::ZERO).await;
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::routing_to(&service, folder.path());
    let notifier = notifier("alertmanager", &json!({ "url": format!("{}/", alertmanager.url) }));
    let fired = notice("firing");
    notifier.notify(&fired).await.unwrap();
    let told = service.body_with("firing").await;
    let alert = &told["alerts"][0];
    assert_eq!(told["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(alert["annotations"]["summary"], "replicas of shop: 1, and not 3");
    for (label, value) in [
        ("alertname", "LoadTestDrifted"),
        ("run", "cyber-week-1"),
        ("environment", "shop-test"),
        ("application", "shop"),
        ("severity", "warning"),
    ] {
        assert_eq!(alert["labels"][label], value);
    }
    // Told again while it fires, it is the same alert.
    notifier.notify(&fired).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(service.calls().len(), 1, "{:?}", service.calls());
    let mut resolved = notice("resolved");
    resolved.alert = fired.alert;
    notifier.notify(&resolved).await.unwrap();
    let told = service.body_with("\"status\":\"resolved\"").await;
    assert_eq!(told["alerts"][0]["labels"]["run"], "cyber-week-1");
}

#[tokio::test]
async fn what_alertmanager_does_not_take_is_told_with_its_words() {
    let service = Service::answering(200, Duration::ZERO).await;
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::routing_to(&service, folder.path());
    let elsewhere = format!("{}/elsewhere", alertmanager.url);
    let error = notifier("alertmanager", &json!({ "url": elsewhere })).notify(&notice("firing")).await.unwrap_err();
    assert!(error.to_string().starts_with("could not tell Alertmanager: 404 Not Found"), "{error}");
}
