//! Lines of the log: what is in them, how they look, and what never is.

use std::io::Write;
use std::sync::{Arc, Mutex};

use conductor_telemetry::{LOG_VARIABLE, LogFormat, LogSettings, Telemetry, TelemetrySettings};
use tracing_subscriber::fmt::MakeWriter;

/// What was logged. Clones are handles on the same.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is logged of some work, by these settings and with this in `CONDUCTOR_LOG`.
fn logged(logs: LogSettings, asked: Option<&str>, work: impl FnOnce()) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = TelemetrySettings { logs, ..TelemetrySettings::default() };
    let variable = |name: &str| asked.filter(|_| name == LOG_VARIABLE).map(ToOwned::to_owned);
    let lines = Lines::default();
    let (dispatch, _telemetry) =
        Telemetry::prepare(&settings, &variable, runtime.handle().clone(), lines.clone()).unwrap();
    tracing::dispatcher::with_default(&dispatch, work);
    lines.text()
}

#[test]
fn a_line_of_json_is_one_object_with_its_spans() {
    let logs = LogSettings { format: LogFormat::Json, ..LogSettings::default() };
    let text = logged(logs, None, || {
        tracing::info_span!("run", run = "evening-1").in_scope(|| tracing::warn!(revision = 7, "slow\nstore"));
    });
    let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["fields"]["message"], "slow\nstore");
    assert_eq!(line["fields"]["revision"], 7);
    assert_eq!(line["span"]["run"], "evening-1");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn the_variable_goes_before_the_settings() {
    let work = || tracing::info!("told");
    assert!(logged(LogSettings::default(), None, work).contains("told"));
    assert_eq!(logged(LogSettings::default(), Some("error"), work), "");
}

#[test]
fn what_may_hold_secrets_is_never_logged_whatever_is_asked_for() {
    let text = logged(LogSettings::default(), Some("trace,kube_client=trace,kube_client::client=trace"), || {
        tracing::error!(target: "kube_client", "one");
        tracing::error!(target: "kube_client::client", "two");
        tracing::trace!(target: "kube_runtime", "three");
    });
    assert!(text.contains("three") && !text.contains("one") && !text.contains("two"), "{text}");
}
