//! What an environment says of the Prometheus that has figures and saturation.

use conductor_observe::Credentials;

use super::{GOOD, environment};

fn with(settings: &str) -> String {
    format!("{}{settings}\n", GOOD.trim_start())
}

#[test]
fn figures_and_saturation_are_read_with_their_defaults_and_survive_a_journal() {
    let figures =
        r#"  figures: { prometheus: { url: "https://prometheus", auth: { bearerFile: token }, caFile: ca.pem } }"#;
    let saturation = r#"  saturation: { prometheus: { url: "http://prometheus:9090", delay: 30s }, query: cpu }"#;
    let read = environment(&with(&format!("{figures}\n{saturation}"))).unwrap();
    let figures = read.spec.figures.unwrap().prometheus;
    assert_eq!(figures.auth, Some(Credentials::BearerFile("/shop/token".into())));
    assert_eq!(figures.ca_file, Some("/shop/ca.pem".into()));
    assert_eq!((figures.delay.to_string(), figures.timeout.to_string()), ("0s".to_owned(), "10s".to_owned()));
    let saturation = read.spec.saturation.unwrap();
    assert_eq!((saturation.label.as_str(), saturation.threshold), ("application", 0.9));
}

#[test]
fn what_is_wrong_with_them_is_told_by_its_field() {
    let wrong = r#"  figures: { prometheus: { url: "prometheus:9090" } }
  saturation: { prometheus: { url: "http://prometheus:9090", timeout: 1h }, query: "", label: "9", threshold: 0 }"#;
    let told = environment(&with(wrong)).unwrap_err();
    for told_of in [
        "spec.figures.prometheus.url: its scheme is prometheus; expected http:// or https://",
        "spec.saturation.prometheus.timeout: 1h is too short or too long; expected 100ms to 2m",
        "spec.saturation.query: it is empty; expected a query of one series for each application",
        "spec.saturation.label: \"9\" is not the name of a label; expected letters",
        "spec.saturation.threshold: 0 is not such a share; expected a share above 0",
    ] {
        assert!(told.contains(told_of), "{told_of}: {told}");
    }
    let none = environment(&with("  saturation: { query: cpu }")).unwrap_err();
    assert!(none.contains("missing field `prometheus`"), "{none}");
}
