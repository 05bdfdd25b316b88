//! Reading environments: what becomes of a good one, and what is said of bad ones.

use super::*;

#[path = "tests/ecs.rs"]
mod ecs;
#[path = "tests/grafana.rs"]
mod grafana;
#[path = "tests/mocks.rs"]
mod mocks;
#[path = "tests/monitoring.rs"]
mod monitoring;

const GOOD: &str = r#"
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Environment
metadata: { name: shop }
spec:
  local:
    productionManifest: production.yaml
    applications:
      - { name: shop, command: [shop], port: { number: 18080 }, ready: {} }
      - { name: locust, support: true, command: [locust], port: { number: 18089 }, ready: {} }
  locust: { url: "http://127.0.0.1:18089", caFile: ca.pem }
  kpis: { orders: { request: { method: POST, name: /orders } } }
  testData: [{ sqlite: { name: shop, path: shop.db, tables: [{ table: orders, tagColumn: run_id }] } }]
"#;

fn environment(text: &str) -> Result<Environment, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("environment.yaml");
    std::fs::write(&file, text).unwrap();
    let shown = |error: InputError| error.to_string().replace(&file.display().to_string(), "environment.yaml");
    let mut read = Environment::read(&file, Path::new("/state")).map_err(shown)?;
    // The folder differs from test to test.
    let text = serde_json::to_string(&read).unwrap().replace(&folder.path().display().to_string(), "/shop");
    read = serde_json::from_str(&text).unwrap();
    Ok(read)
}

#[test]
fn every_path_becomes_absolute_and_the_whole_survives_a_journal() {
    let read = environment(GOOD).unwrap();
    assert_eq!(read.local_state, Path::new("/state/local/shop"));
    assert_eq!(read.spec.locust.ca_file.as_deref(), Some(Path::new("/shop/ca.pem")));
    let local = read.spec.local.as_ref().unwrap();
    assert_eq!(local.production_manifest.as_deref(), Some(Path::new("/shop/production.yaml")));
    let TestDataSettings::Sqlite(store) = &read.spec.test_data[0] else { panic!("{:?}", read.spec.test_data) };
    assert_eq!(store.path, Path::new("/shop/shop.db"));
    assert_eq!(read.catalogue(), ["shop".parse().unwrap()], "support is not in the catalogue");
}

#[test]
fn everything_wrong_is_told_at_once_and_pointed_at() {
    let bad = GOOD
        .replace("v1alpha1", "v9")
        .replace("kind: Environment", "kind: LoadTest")
        .replace("{ name: shop }", "{ name: a/b }")
        .replace("command: [shop]", "command: []");
    assert_eq!(
        environment(&bad).unwrap_err(),
        "environment.yaml:2:13: apiVersion: \"loadtest-conductor.dev/v9\" is not known; expected loadtest-conductor.dev/v1alpha1\n\
         environment.yaml:3:7: kind: \"LoadTest\" is not an environment; expected Environment\n\
         environment.yaml:4:19: metadata.name: \"a/b\" is not a name; expected 1 to 128 letters, digits, '-', '_' or '.', beginning with a letter or digit\n\
         environment.yaml:9:32: spec.local.applications[0].command: it is empty; expected a program and its arguments"
    );
}

const KUBERNETES: &str = "  kubernetes:
    cluster: { kubeconfig: test.kubeconfig }
    applications: [{ name: checkout, namespace: shop }, { name: search, support: true }]
";

#[test]
fn applications_may_be_on_kubernetes_and_on_this_machine() {
    let read = environment(&format!("{GOOD}{KUBERNETES}")).unwrap();
    let kubeconfig = read.spec.kubernetes.as_ref().unwrap().cluster.kubeconfig.as_deref();
    assert_eq!(kubeconfig, Some(Path::new("/shop/test.kubeconfig")));
    assert_eq!(read.catalogue(), ["shop".parse().unwrap(), "checkout".parse().unwrap()]);
    assert_eq!(read.applications().len(), 4);
    let twice = format!("{GOOD}{}", KUBERNETES.replace("name: search", "name: shop"));
    assert_eq!(
        environment(&twice).unwrap_err(),
        "environment.yaml:16:65: spec.kubernetes.applications[1].name: \"shop\" is there twice; expected a name of its own for each application"
    );
}

const HTTP: &str = r#"    - http:
        name: orders
        url: "https://orders.example"
        caFile: orders.pem
        tokenEnv: ORDERS_TOKEN
        resources:
          - name: orders
            list: { path: "/orders?runId={run}", items: /orders, id: /id, next: link }
            deleteItem: { path: "/orders/{id}" }
"#;

fn with_http(http: &str) -> String {
    GOOD.replace(
        "  testData: [{ sqlite: { name: shop, path: shop.db, tables: [{ table: orders, tagColumn: run_id }] } }]\n",
        "  testData:\n",
    ) + http
}

#[test]
fn a_service_that_owns_its_data_is_read_and_survives_a_journal() {
    let read = environment(&with_http(HTTP)).unwrap();
    let TestDataSettings::Http(store) = &read.spec.test_data[0] else { panic!("{:?}", read.spec.test_data) };
    assert_eq!(store.ca_file.as_deref(), Some(Path::new("/shop/orders.pem")));
    assert_eq!(store.patience.to_string(), "1m");
}

#[test]
fn what_could_delete_the_data_of_others_is_pointed_at() {
    let bad = HTTP
        .replace("?runId={run}", "")
        .replace("/orders/{id}", "/orders")
        .replace("ORDERS_TOKEN", "ORDERS_TOKEN\n        timeout: 0s");
    assert_eq!(
        environment(&with_http(&bad)).unwrap_err(),
        "environment.yaml:19:18: spec.testData[0].http.timeout: 0s is out of range; expected 1s to 10m\n\
         environment.yaml:22:19: spec.testData[0].http.resources[0].list: neither the request nor the items tell the run, so that items of others could be deleted; expected {run} in path or body, or tag\n\
         environment.yaml:23:33: spec.testData[0].http.resources[0].deleteItem.path: it does not surely say which item, so that it may delete all; expected {id} in it before any ?, or in the body of a POST, PUT or PATCH"
    );
}

const WAIVERS: &str = "  parity:
    waivers:
      - { application: shop, aspect: env.FEATURE_X, reason: a test wants it off, until: 2026-12-31 }
      - { aspect: cluster.nodes.*, reason: smaller machines, until: 2027-03-31 }
";

#[test]
fn waivers_are_read_and_survive_a_journal() {
    let read = environment(&format!("{GOOD}{WAIVERS}")).unwrap();
    let told: Vec<String> = read.spec.parity.waivers.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "env.FEATURE_X of shop until 2026-12-31 (a test wants it off)",
            "cluster.nodes.* until 2027-03-31 (smaller machines)"
        ]
    );
    let without = serde_json::to_string(&environment(GOOD).unwrap()).unwrap();
    assert!(!without.contains("parity"), "an older conductor can read it: {without}");
}

#[test]
fn how_much_differences_matter_is_read_and_what_is_wrong_with_it_is_told_by_its_field() {
    let with = |rules: &str| format!("{GOOD}  parity:\n    severities:\n      - {rules}\n");
    let read = environment(&with("{ application: shop, aspect: image, severity: warn }")).unwrap();
    let kept: EnvironmentSpec = serde_json::from_value(serde_json::to_value(&read.spec).unwrap()).unwrap();
    assert_eq!((kept.parity.severities.len(), &kept.parity), (1, &read.spec.parity));
    let refused = |rules: &str| environment(&with(rules)).unwrap_err();
    let aspect = refused("{ aspect: imge, severity: warn }");
    assert!(
        aspect.contains("spec.parity.severities[0].aspect: \"imge\" is no aspect that is compared; expected"),
        "{aspect}"
    );
    let name = refused("{ application: chekout, aspect: image, severity: warn }");
    assert!(name.contains("spec.parity.severities[0].application: \"chekout\" is no application"), "{name}");
    let severity = refused("{ aspect: image, severity: loud }");
    assert!(severity.contains("loud") && severity.contains("expected one of info, warn"), "{severity}");
}

#[test]
fn everything_wrong_with_waivers_is_told_by_its_field() {
    let bad = WAIVERS
        .replace("application: shop", "application: chekout")
        .replace("env.FEATURE_X", "enviroment.X")
        .replace("smaller machines", "\"\"");
    let told = environment(&format!("{GOOD}{bad}")).unwrap_err();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert_eq!(
        lines[0],
        "environment.yaml:16:24: spec.parity.waivers[0].application: \"chekout\" is no application of the environment; expected one of them, or none for all of them and the cluster"
    );
    let begin = "environment.yaml:16:41: spec.parity.waivers[0].aspect: \"enviroment.X\" is no aspect that is compared; expected one that begins with existence, image, ";
    assert!(lines[1].starts_with(begin), "{told}");
    assert_eq!(
        lines[2],
        "environment.yaml:17:44: spec.parity.waivers[1].reason: it is empty; expected why the difference does not matter, for those who read the report"
    );
    let told = environment(&format!("{GOOD}{}", WAIVERS.replace("2026-12-31", "soon"))).unwrap_err();
    assert_eq!(
        told,
        "environment.yaml:16:89: spec.parity.waivers[0].until: \"soon\" is not a day; expected one such as 2026-12-31"
    );
    let told = environment(&format!("{GOOD}{}", WAIVERS.replace(", until: 2026-12-31", ""))).unwrap_err();
    assert!(told.contains("missing field `until`"), "a waiver ends: {told}");
}

#[test]
fn the_second_look_is_after_a_minute_unless_it_is_said_otherwise() {
    let after = |text: &str| environment(text).map(|read| read.spec.recheck_after.to_string());
    assert_eq!(after(GOOD).unwrap(), "1m");
    assert_eq!(after(&format!("{GOOD}  recheckAfter: 0s\n")).unwrap(), "0s");
    assert_eq!(
        after(&format!("{GOOD}  recheckAfter: 90m\n")).unwrap_err(),
        "environment.yaml:14:17: spec.recheckAfter: 1h30m is longer than an hour; expected at most 1h, or 0s for no second look"
    );
}

#[test]
fn an_environment_without_applications_is_refused() {
    let (start, end) = (GOOD.find("  local:").unwrap(), GOOD.find("  locust:").unwrap());
    let none = format!("{}{}", &GOOD[..start], &GOOD[end..]);
    assert!(
        environment(&none)
            .unwrap_err()
            .contains("spec: it has no applications; expected local, kubernetes or ecs, or several")
    );
}

#[test]
fn a_field_that_does_not_exist_is_pointed_at() {
    let error = environment(&GOOD.replace("caFile", "cafile")).unwrap_err();
    assert!(error.starts_with("environment.yaml:11:44: unknown field `cafile`, expected one of"), "{error}");
}

const MOCKS: &str = "  alongside:
    - { name: search, replicas: 4, cpu: 500m }
";

#[test]
fn what_is_scaled_with_every_test_is_read_and_survives_a_journal() {
    let read = environment(&format!("{GOOD}{KUBERNETES}{MOCKS}")).unwrap();
    let intent = serde_json::to_value(read.spec.alongside[0].intent()).unwrap();
    let exactly = serde_json::json!({ "replicas": 4, "cpu": "500m", "memory": null });
    assert_eq!(
        intent,
        serde_json::json!({ "application": "search", "version": "keep", "scale": { "exactly": exactly }, "support": true })
    );
    let without = serde_json::to_string(&environment(GOOD).unwrap()).unwrap();
    assert!(!without.contains("alongside"), "an older conductor can read it: {without}");
}

#[test]
fn everything_wrong_with_what_is_scaled_with_every_test_is_told_by_its_field() {
    let bad = "  alongside:
    - { name: checkout, replicas: 2 }
    - { name: locust, replicas: 2 }
    - { name: locust, replicas: 1, memory: 1Gi }
    - { name: search }
    - { name: search, replicas: 100001 }
";
    let told = environment(&format!("{GOOD}{KUBERNETES}{bad}")).unwrap_err();
    assert_eq!(
        told.lines().map(|line| line.split_once(": ").unwrap().1).collect::<Vec<_>>(),
        [
            "spec.alongside[0].name: \"checkout\" is no support application of the environment; expected one with support: true; what a load test has in scope is scaled as that says",
            "spec.alongside[1].replicas: replicas cannot share its port; expected 1, or port.mode shared or behindFront",
            "spec.alongside[2].name: \"locust\" is there twice; expected each application once",
            "spec.alongside[2].memory: a process of this machine cannot be given that; expected replicas only",
            "spec.alongside[3].name: nothing is said of \"search\"; expected replicas, cpu or memory beside it",
            "spec.alongside[4].name: \"search\" is there twice; expected each application once",
            "spec.alongside[4].replicas: 100001 is out of range; expected 0 to 100000",
        ]
    );
}

const POSTGRES: &str = "postgres: { name: bank, host: db.test, database: bank, user: conductor, passwordEnv: BANK,
      tls: { caFile: db.pem }, tables: [{ table: bookings, tagColumn: run_id }] }";

#[test]
fn a_database_is_read_with_its_files_and_survives_a_journal() {
    let read = environment(
        &GOOD
            .replace("sqlite: { name: shop, path: shop.db, tables: [{ table: orders, tagColumn: run_id }] }", POSTGRES),
    );
    let TestDataSettings::Postgres(store) = &read.unwrap().spec.test_data[0] else { panic!("it is no database") };
    assert_eq!(store.tls.ca_file.as_deref(), Some(Path::new("/shop/db.pem")));
    assert_eq!((store.port, store.batch_size.get()), (5432, 10_000));
}

#[test]
fn everything_wrong_with_stores_of_test_data_is_told_by_its_field() {
    let bad = POSTGRES
        .replace("name: bank", "name: shop, settle: 21m, lockTimeout: 1m")
        .replace("tagColumn: run_id", "rowGuard: { mostRows: 0 }")
        .replace("host: db.test", "host: \"\"");
    let told = environment(&GOOD.replace("testData: [{", &format!("testData: [{{ {bad} }}, {{"))).unwrap_err();
    let mut told: Vec<&str> = told.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "spec.testData[0].postgres.host: it is empty; expected what the server is reached by",
            "spec.testData[0].postgres.lockTimeout: it is longer than statementTimeout, which ends the wait before; expected a shorter one",
            "spec.testData[0].postgres.settle: 21m is longer than 20m; expected at most 20m",
            "spec.testData[0].postgres.tables[0].rowGuard.mostRows: 0 lets nothing be deleted; expected 1 or more",
            "spec.testData[0].postgres.tables[0]: bookings has neither tagColumn nor via, so that rows of others could match; expected one of them",
            "spec.testData[1].sqlite.name: \"shop\" is there twice; expected a name of its own for each store",
        ]
    );
}
