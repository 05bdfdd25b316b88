//! A real Prometheus, which scrapes a server as docs/observability.md says.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::Write;
use std::process::{Command, Stdio};

use conductor_tests::{Bed, Ended, Server, answer};
use serde_json::Value;

use super::program::{Program, built, free_port};

/// The rules that are shipped, and their tests.
pub(super) const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus/conductor.rules.yaml");
pub(super) const TESTS_OF_RULES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus/conductor.rules.test.yaml");

/// A Prometheus. It ends with this.
pub(crate) struct Prometheus {
    address: String,
    program: Program,
}

/// A page of the documentation.
pub(super) fn documentation() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md")).unwrap()
}

/// The configuration of the documentation, for a server, without its long times and with the rules that are shipped.
fn configuration(server: &Server) -> String {
    let documentation = documentation();
    let (_, rest) = documentation.split_once("```yaml\nscrape_configs:").unwrap();
    let (jobs, _) = rest.split_once("```").unwrap();
    let mut text = format!("scrape_configs:{jobs}");
    for (from, to) in [("127.0.0.1:9464", server.probes.as_str()), ("scrape_interval: 15s", "scrape_interval: 500ms")] {
        assert!(text.contains(from), "no {from:?} in\n{text}");
        text = text.replace(from, to);
    }
    format!("global: {{ evaluation_interval: 1s }}\nrule_files: [{RULES:?}]\n{text}    scrape_timeout: 500ms\n")
}

impl Prometheus {
    pub(crate) fn scraping(bed: &Bed, server: &Server) -> Self {
        bed.write("conductor-prometheus.yaml", &configuration(server));
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(built("CONDUCTOR_PROMETHEUS", "prometheus").join("prometheus"));
        command.arg("--config.file").arg(bed.path("conductor-prometheus.yaml"));
        command.arg("--storage.tsdb.path").arg(bed.path("conductor-prometheus"));
        command.arg("--web.listen-address").arg(&address);
        let program = Program::start(&mut command, bed.path("conductor-prometheus.log").into(), port);
        Self { address, program }
    }

    /// Where it is asked.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The data of an answer of its API.
    pub(super) fn get(&self, path: &str) -> Value {
        let page = answer(&self.address, &format!("/api/v1/{path}"));
        let mut told: Value = serde_json::from_str(&page).unwrap_or_else(|error| panic!("{error}: {page}"));
        assert_eq!(told["status"], "success", "{path}: {told:#}\n{}", self.program.log());
        told["data"].take()
    }

    /// How many finite values a question in PromQL has, second by second between two times in Unix seconds.
    pub(super) fn values_between(&self, question: &str, (from, to): (i64, i64)) -> usize {
        self.get(&format!("parse_query?query={}", quoted(question)));
        let data = self.get(&format!("query_range?query={}&start={from}&end={to}&step=1", quoted(question)));
        let values = data["result"].as_array().unwrap().iter().flat_map(|series| series["values"].as_array().unwrap());
        values.filter(|value| value[1].as_str().unwrap().parse::<f64>().unwrap().is_finite()).count()
    }

    /// What a question in PromQL is answered with: labels and value of each series.
    pub(super) fn ask(&self, question: &str) -> Vec<(Value, f64)> {
        let data = self.get(&format!("query?query={}", quoted(question)));
        let series = data["result"].as_array().unwrap().iter();
        series.map(|one| (one["metric"].clone(), one["value"][1].as_str().unwrap().parse().unwrap())).collect()
    }
}

/// A text as a part of a query string.
pub(super) fn quoted(text: &str) -> String {
    let percent = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(percent).collect()
}

/// What promtool says of files.
pub(super) fn promtool(arguments: &[&str]) -> Ended {
    let mut command = Command::new(built("CONDUCTOR_PROMETHEUS", "prometheus").join("promtool"));
    let output = command.args(arguments).output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What promtool finds wrong with metrics in the text that it reads.
pub(super) fn lint(metrics: &str) -> Ended {
    let mut command = Command::new(built("CONDUCTOR_PROMETHEUS", "prometheus").join("promtool"));
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    running.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// OpenMetrics as the older text, which promtool reads: a counter is called there as its only series is, and there are no infos.
pub(super) fn as_older_text(open_metrics: &str) -> String {
    let mut lines = Vec::new();
    let mut families = Vec::new();
    for line in open_metrics.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.push((name, kind));
        }
    }
    for line in open_metrics.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let renamed = match words[..] {
            ["#", keyword, name, rest] => {
                let kind = families.iter().find(|family| family.0 == name).map(|family| family.1);
                let (name, rest) = match kind {
                    Some("counter") => (format!("{name}_total"), rest),
                    Some("info") => (format!("{name}_info"), if keyword == "TYPE" { "gauge" } else { rest }),
                    _ => (name.to_owned(), rest),
                };
                format!("# {keyword} {name} {rest}")
            }
            _ => line.to_owned(),
        };
        lines.push(renamed + "\n");
    }
    lines.concat()
}
