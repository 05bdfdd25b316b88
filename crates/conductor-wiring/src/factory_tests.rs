//! Ports are made of every environment that could be read: what is missing is told by what cannot be used without it.

use std::path::Path;
use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::run::RunId;

use super::*;
use crate::declare::adopted;

const ENVIRONMENT: &str = r#"
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Environment
metadata: { name: shop }
spec:
  local:
    applications:
      - { name: shop, command: [shop], port: { number: 18080 }, ready: {} }
      - { name: locust, support: true, command: [locust], port: { number: 18089 }, ready: {} }
  locust: { url: "http://127.0.0.1:18089" }
  kpis: { orders: { request: { method: POST, name: /orders } } }
  testData: []
"#;

/// Only these two are there.
fn secret(name: &str) -> Option<String> {
    ["BANK_PASSWORD", "LOCUST_TOKEN"].contains(&name).then(|| "quite secret".to_owned())
}

async fn ports(environment: &str) -> Ports {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("environment.yaml");
    std::fs::write(&file, environment).unwrap();
    let created = adopted(&Environment::read(&file, Path::new("/state")).unwrap()).unwrap();
    Wiring::new(secret).ports(&created, 1).await.unwrap()
}

fn with_stores(stores: &[&str]) -> String {
    ENVIRONMENT.replace("testData: []", &format!("testData: [{}]", stores.join(", ")))
}

const NOTES: &str =
    "{ sqlite: { name: notes, path: /nowhere/notes.db, tables: [{ table: notes, tagColumn: run_id }] } }";
const BANK: &str = "{ postgres: { name: bank, host: 127.0.0.1, port: 1, database: bank, user: conductor, passwordEnv: BANK_PASSWORD, \
     tls: { mode: disable }, tables: [{ table: payments, tagColumn: run_id }] } }";

fn told<T>(result: Result<T, PortError>) -> (FailureKind, String) {
    let error = result.err().expect("it cannot be used");
    (error.kind, Failure::of("", &error).message)
}

#[tokio::test]
async fn a_store_without_its_password_says_so_when_it_is_used_and_the_others_are_there() {
    let run: RunId = "run-1".parse().unwrap();
    let mysql = BANK.replace("postgres:", "mysql:").replace("name: bank", "name: ledger");
    let missing = |store: &str| store.replace("BANK_PASSWORD", "NOT_THERE");
    let ports = ports(&with_stores(&[NOTES, &missing(BANK), &missing(&mysql)])).await;
    let names: Vec<String> = ports.test_data.iter().map(|store| store.name()).collect();
    assert_eq!(names, ["notes", "bank", "ledger"]);
    for (store, word) in ports.test_data[1..].iter().zip(["bank: testData[1].postgres", "ledger: testData[2].mysql"]) {
        let text =
            format!("test data {word}.passwordEnv names NOT_THERE, which is not set; expected the password in it");
        let expected = (FailureKind::Rejected, text);
        assert_eq!(told(store.check().await), expected);
        assert_eq!(told(store.count(&run).await), expected);
        assert_eq!(told(store.delete(&run).await), expected);
    }
    let (_, text) = told(ports.test_data[0].check().await);
    assert!(text.contains("notes.db"), "{text}");
}

#[tokio::test]
async fn locust_without_its_token_says_so_when_it_is_used() {
    let run: RunId = "run-1".parse().unwrap();
    let with_token = |name: &str| ENVIRONMENT.replace("locust: { ", &format!("locust: {{ tokenEnv: {name}, "));
    let ports_without = ports(&with_token("NOT_THERE")).await;
    let text = "locust.tokenEnv names NOT_THERE, which is not set; expected the token in it".to_owned();
    let expected = (FailureKind::Rejected, text);
    assert_eq!(told(ports_without.generator.check().await), expected);
    assert_eq!(told(ports_without.generator.status().await), expected);
    assert_eq!(told(ports_without.generator.stop(&run).await), expected);
    assert_eq!(told(ports_without.kpi.sample(&run, jiff::Timestamp::UNIX_EPOCH).await), expected);
    let with_it = ports(&with_token("LOCUST_TOKEN")).await;
    let (_, text) = told(with_it.generator.status().await);
    assert!(!text.contains("tokenEnv"), "{text}");
}

#[tokio::test]
async fn late_rows_are_waited_for_as_long_as_the_slowest_store_says() {
    let with = |store: &str, settle: &str| store.replacen("name: ", &format!("settle: {settle}, name: "), 1);
    for (stores, settle) in [
        (vec![NOTES.to_owned(), BANK.to_owned()], None),
        (vec![with(NOTES, "90s"), BANK.to_owned()], Some(90)),
        (vec![with(NOTES, "30s"), with(BANK, "5m")], Some(300)),
        (vec![with(NOTES, "5m"), with(BANK, "30s")], Some(300)),
    ] {
        let stores: Vec<&str> = stores.iter().map(String::as_str).collect();
        assert_eq!(ports(&with_stores(&stores)).await.settle, settle.map(Duration::from_secs), "{stores:?}");
    }
}

#[tokio::test]
async fn applications_on_ecs_are_watched_and_nothing_is_asked_of_aws_until_they_are() {
    let ecs = r#"  ecs:
    cluster: shop-test
    account: { region: eu-central-1, endpoint: "http://127.0.0.1:1" }
    timeout: 1s
    applications: [{ name: payment }]
  locust: {"#;
    let local = ports(ENVIRONMENT).await;
    assert!(local.guard.is_none() && local.parity.is_none(), "nobody else changes what runs here");
    let ports = ports(&ENVIRONMENT.replace("  locust: {", ecs)).await;
    assert!(ports.guard.is_some() && ports.parity.is_none(), "both sides of ECS are not compared");
}

#[tokio::test]
async fn a_mock_whose_token_is_not_there_cannot_be_proved_and_nothing_else_is_lost_by_it() {
    let mock = r#"mocks: [{ name: psp, hoverfly: { admin: ["http://127.0.0.1:1"], tokenEnv: NOT_THERE }, router: { metrics: ["http://127.0.0.1:1"], routes: { mock: [a], leak: [b], real: [c] } }, probe: { url: "http://127.0.0.1:1" } }]
  locust: { "#;
    let ports = ports(&ENVIRONMENT.replace("locust: { ", mock)).await;
    let sight = ports.mocks[0].look().await;
    let text = "mocks[0].hoverfly.tokenEnv names NOT_THERE, which is not set; expected the token in it";
    assert_eq!((ports.mocks[0].name().as_str(), sight.unread.as_deref()), ("psp", Some(text)));
}

#[tokio::test]
async fn a_grafana_without_its_token_says_so_and_one_that_nobody_writes_to_needs_none() {
    let annotator = |grafana: &str| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("environment.yaml");
        std::fs::write(&file, format!("{}{grafana}", ENVIRONMENT.trim_start())).unwrap();
        let created = adopted(&Environment::read(&file, Path::new("/state")).unwrap()).unwrap();
        Wiring::new(secret).annotator(&created).map(|annotator| annotator.is_some())
    };
    let with = |more: &str| annotator(&format!("  grafana: {{ url: \"http://127.0.0.1:1\", {more} }}\n"));
    assert_eq!(
        told(with("tokenEnv: NOT_THERE")),
        (
            FailureKind::Rejected,
            "grafana.tokenEnv names NOT_THERE, which is not set; expected the token of a service account in it"
                .to_owned()
        )
    );
    assert!(with("tokenEnv: LOCUST_TOKEN").unwrap());
    assert!(!with("annotations: false, tokenEnv: NOT_THERE").unwrap());
    assert!(!annotator("").unwrap());
}
