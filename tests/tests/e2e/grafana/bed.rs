//! A real Grafana, as `cargo xtask grafana` builds it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use conductor_tests::{Bed, until};
use serde_json::{Value, json};

use crate::observed::program::{Program, built, free_port};
use crate::server::PATIENCE;

/// Who set it up, `admin` with the password `of-a-test`, as HTTP's basic authentication has it.
pub(super) const ADMIN: &str = "Basic YWRtaW46b2YtYS10ZXN0";

/// Where the dashboards and their provisioning are, from the root of the workspace.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/grafana");
/// Where the shipped provisioning looks for dashboards.
const INSTALLED: &str = "/var/lib/grafana/dashboards/loadtest-conductor";

/// A Grafana. It ends with this.
pub(super) struct Grafana {
    address: String,
    program: Program,
}

impl Grafana {
    /// Starts one with what is shipped in it, which knows no Prometheus that is there.
    pub(super) fn start(bed: &Bed) -> Self {
        Self::asking(bed, "http://127.0.0.1:1")
    }

    /// The same with the figures of a Prometheus.
    pub(super) fn asking(bed: &Bed, prometheus: &str) -> Self {
        let port = free_port();
        let home = built("CONDUCTOR_GRAFANA", "grafana");
        let [data, plugins, provisioning] =
            ["", "/plugins", "/provisioning"].map(|of| format!("{}{of}", bed.path("grafana")));
        for folder in ["datasources", "dashboards", "plugins", "notifiers", "alerting"] {
            std::fs::create_dir_all(format!("{provisioning}/{folder}")).unwrap();
        }
        let shipped = |file: &str| std::fs::read_to_string(format!("{SHIPPED}/{file}")).unwrap();
        let dashboards = shipped("provisioning/dashboards/conductor.yaml");
        assert!(dashboards.contains(INSTALLED), "{dashboards}");
        let dashboards = dashboards.replace(INSTALLED, &format!("{SHIPPED}/dashboards"));
        std::fs::write(format!("{provisioning}/dashboards/conductor.yaml"), dashboards).unwrap();
        let datasources = shipped("provisioning/datasources/conductor.yaml");
        std::fs::write(format!("{provisioning}/datasources/conductor.yaml"), datasources).unwrap();
        bed.write(
            "grafana.ini",
            &format!(
                "[server]\nhttp_addr = 127.0.0.1\nhttp_port = {port}\n\
                 [paths]\ndata = {data}\nplugins = {plugins}\nprovisioning = {provisioning}\n\
                 [analytics]\nreporting_enabled = false\ncheck_for_updates = false\ncheck_for_plugin_updates = false\n\
                 [security]\nadmin_password = of-a-test\n[log]\nmode = console\nlevel = warn\n"
            ),
        );
        let mut command = Command::new(home.join("grafana"));
        command.arg("server").arg("--homepath").arg(&home).arg("--config").arg(bed.path("grafana.ini"));
        command.env("CONDUCTOR_PROMETHEUS_URL", prometheus);
        let program = Program::start(&mut command, bed.path("grafana.log").into(), port);
        let grafana = Self { address: format!("127.0.0.1:{port}"), program };
        until("Grafana is well", PATIENCE, || grafana.ask("GET", "/api/health", ADMIN, None).0 == 200);
        grafana
    }

    /// Its address as people open it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the environment of a bed write there with the token of a service account that has a role; `none` for a token that
    /// is nobody's.
    pub(super) fn in_environment(&self, bed: &Bed, role: &str) {
        let token = if role == "none" { "glsa_nobody".to_owned() } else { self.token(role) };
        bed.write("grafana.token", &token);
        let settings = format!(
            "  grafana: {{ url: {:?}, auth: {{ bearerFile: grafana.token }}, tags: [\"team:shop\"] }}\n  kpis:",
            self.url()
        );
        bed.edit("environment.yaml", "  kpis:", &settings);
    }

    /// The token of a new service account.
    fn token(&self, role: &str) -> String {
        let account = self.done("/api/serviceaccounts", &json!({ "name": "conductor", "role": role }));
        let path = format!("/api/serviceaccounts/{}/tokens", account["id"]);
        self.done(&path, &json!({ "name": "of a test" }))["key"].as_str().unwrap().to_owned()
    }

    /// A dashboard as it is installed.
    pub(super) fn dashboard(&self, uid: &str) -> Value {
        let mut found = Value::Null;
        until("the dashboard is installed", PATIENCE, || {
            let (status, told) = self.ask("GET", &format!("/api/dashboards/uid/{uid}"), ADMIN, None);
            found = told;
            status == 200
        });
        assert_eq!(found["meta"]["provisioned"], true, "{found}");
        found["dashboard"].clone()
    }

    /// All annotations of a run.
    pub(super) fn annotations(&self, run: &str) -> Vec<Value> {
        self.annotations_with(&["loadtest", &format!("run:{run}")])
    }

    /// All annotations that have these tags.
    pub(super) fn annotations_with(&self, tags: &[&str]) -> Vec<Value> {
        let tags: String = tags.iter().map(|tag| format!("&tags={}", tag.replace(':', "%3A"))).collect();
        let (status, told) = self.ask("GET", &format!("/api/annotations?limit=1000{tags}"), ADMIN, None);
        assert_eq!(status, 200, "{told}");
        told.as_array().unwrap().clone()
    }

    /// What something that is made is answered with.
    fn done(&self, path: &str, body: &Value) -> Value {
        let (status, told) = self.ask("POST", path, ADMIN, Some(body));
        assert!((200..300).contains(&status), "{status}: {told}\n{}", self.program.log());
        told
    }

    /// The status and the text of an answer of its API.
    pub(super) fn ask(&self, method: &str, path: &str, authorization: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map_or_else(String::new, Value::to_string);
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
    }
}
