//! The Grafana of an environment's settings.

use conductor_observe::Credentials;

use super::{GOOD, environment};

fn with(grafana: &str) -> String {
    format!("{}  grafana: {grafana}\n", GOOD.trim_start())
}

#[test]
fn a_grafana_is_read_with_its_defaults_and_survives_a_journal() {
    let read = environment(&with(r#"{ url: "https://grafana.test", auth: { bearerFile: grafana.token } }"#)).unwrap();
    let grafana = read.spec.grafana.unwrap();
    assert_eq!(grafana.auth, Some(Credentials::BearerFile("/shop/grafana.token".into())));
    assert_eq!(
        (grafana.dashboards.run.as_str(), grafana.dashboards.runs.as_str()),
        ("conductor-run", "conductor-runs")
    );
    assert!(grafana.annotations);
}

#[test]
fn what_is_wrong_with_it_is_pointed_at() {
    let wrong =
        environment(&with(r#"{ url: "grafana.test", annotations: false, dashboards: { run: "" } }"#)).unwrap_err();
    assert_eq!(
        wrong,
        "environment.yaml:13:19: spec.grafana.url: relative URL without a base; expected http:// or https://, a host and \
         Grafana's path prefix; secrets go into tokenEnv or auth\n\
         environment.yaml:13:74: spec.grafana.dashboards.run: \"\" is no uid; expected the uid of a dashboard: 1 to 40 \
         letters, digits, '-' or '_'"
    );
    let nobody = environment(&with(r#"{ url: "https://grafana.test" }"#)).unwrap_err();
    assert!(
        nobody.contains(
            "spec.grafana.annotations: nothing says who writes annotations; expected tokenEnv or auth, or annotations: false"
        ),
        "{nobody}"
    );
    let unknown = environment(&with(r#"{ url: "https://grafana.test", token: abc }"#)).unwrap_err();
    assert!(unknown.contains("unknown field `token`"), "{unknown}");
}
