//! A real OpenTelemetry collector, which writes the spans that it gets to a file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::process::Command;

use conductor_tests::Bed;
use serde_json::Value;

use super::program::{Program, built, free_port};

/// A collector that takes OTLP over HTTP. It ends with this.
pub(super) struct Collector {
    _program: Program,
}

/// Where a collector listens and writes to, whether there is one or not.
pub(super) struct Place {
    port: u16,
    spans: String,
    configuration: String,
    log: String,
}

/// A span as the collector has written it, with the attributes of its resource.
pub(super) struct Span {
    pub(super) span: Value,
    pub(super) resource: Value,
}

impl Place {
    pub(super) fn of(bed: &Bed) -> Self {
        let port = free_port();
        let [spans, configuration, log] = ["spans.json", "collector.yaml", "collector.log"].map(|name| bed.path(name));
        let text = format!(
            "receivers: {{ otlp: {{ protocols: {{ http: {{ endpoint: '127.0.0.1:{port}' }} }} }} }}
exporters: {{ file: {{ path: {spans:?}, append: true, flush_interval: 100ms }} }}
service:
  pipelines: {{ traces: {{ receivers: [otlp], exporters: [file] }} }}
  telemetry: {{ metrics: {{ level: none }} }}
"
        );
        bed.write("collector.yaml", &text);
        Self { port, spans, configuration, log }
    }

    /// What the server's settings say.
    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts a collector there.
    pub(super) fn collect(&self) -> Collector {
        let mut command = Command::new(built("CONDUCTOR_COLLECTOR", "collector"));
        command.arg("--config").arg(format!("file:{}", self.configuration));
        Collector { _program: Program::start(&mut command, self.log.clone().into(), self.port) }
    }

    /// All spans that have come so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        let text = std::fs::read_to_string(&self.spans).unwrap_or_default();
        // The last line may not be whole yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut spans = Vec::new();
        for line in whole.lines() {
            let export: Value = serde_json::from_str(line).unwrap();
            for of_resource in list(&export["resourceSpans"]) {
                for of_scope in list(&of_resource["scopeSpans"]) {
                    let resource = &of_resource["resource"];
                    let of = |span: &Value| Span { span: span.clone(), resource: resource.clone() };
                    spans.extend(list(&of_scope["spans"]).iter().map(of));
                }
            }
        }
        spans
    }
}

impl Span {
    pub(super) fn name(&self) -> &str {
        self.span["name"].as_str().unwrap()
    }

    pub(super) fn id(&self) -> &str {
        self.span["spanId"].as_str().unwrap()
    }

    /// The span that it is within; empty where there is none.
    pub(super) fn parent(&self) -> &str {
        self.span["parentSpanId"].as_str().unwrap_or_default()
    }

    /// The text of an attribute.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        text(&self.span, key)
    }

    /// The text of an attribute of what has made it.
    pub(super) fn of_resource(&self, key: &str) -> Option<&str> {
        text(&self.resource, key)
    }
}

fn text<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    let attribute = list(&of["attributes"]).iter().find(|attribute| attribute["key"] == key)?;
    attribute["value"]["stringValue"].as_str()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
