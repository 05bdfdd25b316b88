//! Settings as they are written, and what is said of those that make no sense.

use std::error::Error;

use conductor_telemetry::{LogFormat, Telemetry, TelemetrySettings};

fn read(yaml: &str) -> TelemetrySettings {
    serde_saphyr::from_str(yaml).unwrap()
}

/// What is said of settings that cannot be used.
fn refused(yaml: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = Telemetry::prepare(&read(yaml), &|_| None, runtime.handle().clone(), std::io::sink);
    let error = refused.err().unwrap();
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let settings = read("{}");
    assert_eq!(settings, TelemetrySettings::default());
    assert_eq!(settings.metrics.address.to_string(), "127.0.0.1:9464");
    assert_eq!(settings.logs.filter, "info");
    assert!(settings.traces.is_none());
}

#[test]
fn all_of_it_is_read_and_files_are_found_beside_the_settings() {
    let settings = read(
        "logs: { format: json, filter: warn }\n\
         metrics: { address: '[::]:9000', keepRuns: 5m }\n\
         traces:\n  endpoint: https://collector:4318\n  headers: [{ name: Authorization, file: token }]\n  \
         sampling: 0.1\n  serviceName: conductor-eu\n  resource: { region: eu }\n  interval: 2s\n  timeout: 3s\n  \
         caFile: ca.pem\n",
    );
    assert_eq!(settings.logs.format, LogFormat::Json);
    let traces = settings.resolve("/etc/conductor".as_ref()).traces.unwrap();
    assert_eq!(traces.ca_file.unwrap().to_str(), Some("/etc/conductor/ca.pem"));
    assert_eq!(traces.headers[0].file.as_ref().unwrap().to_str(), Some("/etc/conductor/token"));
    assert_eq!((traces.sampling, traces.service_name.as_str()), (0.1, "conductor-eu"));
}

#[test]
fn a_word_that_is_not_known_is_refused() {
    let error = serde_saphyr::from_str::<TelemetrySettings>("tracing: {}").unwrap_err().to_string();
    assert!(error.contains("tracing"), "{error}");
}

#[test]
fn what_makes_no_sense_is_told_by_its_field() {
    let cases = [
        ("logs: { filter: 'engine=loud' }", "logs.filter: \"engine=loud\" is no filter"),
        (
            "traces: { endpoint: 'collector:4318' }",
            "traces.endpoint: \"collector:4318\" is no address of a collector; expected one such as http://collector:4318",
        ),
        (
            "traces: { endpoint: 'http://c', sampling: 2 }",
            "traces.sampling: 2 is no share; expected a number from 0 to 1",
        ),
        ("traces: { endpoint: 'http://c', timeout: 0s }", "traces.timeout: it is zero; expected a time such as 5s"),
        (
            "traces: { endpoint: 'http://c', headers: [{ name: A, env: NOT_SET }] }",
            "traces.headers[0].env: the variable NOT_SET is not set; expected one that holds the value",
        ),
        (
            "traces: { endpoint: 'http://c', headers: [{ name: A }] }",
            "traces.headers[0]: it has no value; expected either env or file",
        ),
        (
            "traces: { endpoint: 'http://c', headers: [{ name: 'A B', env: X }] }",
            "traces.headers[0].name: \"A B\" is no name of a header; expected one such as Authorization",
        ),
        (
            "traces: { endpoint: 'http://c', headers: [{ name: A, file: /nowhere/token }] }",
            "traces.headers[0].file: could not read /nowhere/token: No such file",
        ),
        (
            "traces: { endpoint: 'http://c', caFile: /nowhere/ca.pem }",
            "traces.caFile: could not read /nowhere/ca.pem: No such file",
        ),
    ];
    for (yaml, words) in cases {
        let error = refused(yaml);
        assert!(error.starts_with(words), "{yaml}\n{error}\n{words}");
    }
}
