//! The dashboards that are shipped: what each panel says of itself, and that each of its queries has data of a real run.

use std::collections::BTreeSet;
use std::path::Path;

use conductor_tests::{Server, until};
use jiff::Timestamp;
use serde_json::Value;

use super::prometheus::{Prometheus, quoted};
use super::watched;
use crate::server::{PATIENCE, assert_put_back, start};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/grafana/dashboards");
const VARIABLES: [&str; 4] = ["datasource", "environment", "load_test", "run"];

/// The dashboards, by the names of their files.
fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path());
    let name = |file: &Path| file.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut dashboards: Vec<(String, Value)> = files
        .map(|file| (name(&file), serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()))
        .collect();
    dashboards.sort_by(|a, b| a.0.cmp(&b.0));
    dashboards
}

/// The panels, those that rows hide included.
fn panels(of: &Value) -> Vec<&Value> {
    let panels = of["panels"].as_array().unwrap().iter();
    panels.flat_map(|panel| std::iter::once(panel).chain(panel["panels"].as_array().into_iter().flatten())).collect()
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of.pointer(field).and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong with a panel, in words.
fn faults(panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{} {:?}: {what}", panel["id"], text(panel, "/title")));
        }
    };
    must(!text(panel, "/title").is_empty(), "no title");
    if panel["type"] == "row" {
        return faults;
    }
    must(!text(panel, "/description").is_empty(), "no description");
    must(!text(panel, "/fieldConfig/defaults/unit").is_empty(), "no unit");
    must(text(panel, "/datasource/uid") == "${datasource}", "its data source is not the variable's");
    let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
    must(!targets.is_empty(), "no query");
    for target in targets {
        must(!text(target, "/expr").is_empty(), "an empty query");
        must(text(target, "/datasource/uid") == "${datasource}", "a query's data source is not the variable's");
        must(target["hide"] != true, "a query that nobody sees");
    }
    faults
}

#[test]
fn each_panel_says_what_it_shows_in_which_unit_and_from_where() {
    let dashboards = dashboards();
    let names: Vec<&str> = dashboards.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["conductor-run", "conductor-runs"]);
    for (name, dashboard) in &dashboards {
        assert_eq!(dashboard["uid"], name.as_str(), "links lead there by it");
        let variables: Vec<&str> =
            dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| text(one, "/name")).collect();
        assert_eq!(variables, VARIABLES);
        let panels = panels(dashboard);
        let faults: Vec<String> = panels.iter().flat_map(|panel| faults(panel)).collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "each has an id of its own");
        assert!(panels.iter().any(|panel| panel.pointer("/fieldConfig/defaults/thresholds/steps/1").is_some()));
        let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
        let of_runs = annotations.filter(|one| text(one, "/target/tags/0") == "loadtest").count();
        assert!(of_runs > 0, "{name} shows nothing of what happens in runs");
    }
    let mut nameless = dashboards[0].1["panels"][1].clone();
    nameless["targets"] = Value::Null;
    nameless["description"] = "".into();
    assert_eq!(faults(&nameless).len(), 2, "what is wrong is seen");
}

#[test]
fn each_query_has_data_of_a_real_run_and_each_rule_is_evaluated() {
    let (bed, _shop) = watched::bed();
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let prometheus = Prometheus::scraping(&bed, &server);
    let from = Timestamp::now().as_second();
    let run = start(&server);
    assert_put_back(&bed, &rows, &server.ended(&run, PATIENCE));
    until("the end is scraped", PATIENCE, || !prometheus.ask("conductor_run_outcome").is_empty());
    let time = (from, Timestamp::now().as_second() + 1);
    let put_in = |expression: &str| {
        let range = format!("{}s", time.1 - time.0);
        let all = [
            ("$__rate_interval", "10s"),
            ("$__range", &range),
            ("$environment", "shop-local"),
            ("$load_test", "short"),
            ("$run", &run),
        ];
        all.iter().fold(expression.to_owned(), |expression, (variable, value)| expression.replace(variable, value))
    };

    let mut without = Vec::new();
    let mut asked = 0;
    for (name, dashboard) in &dashboards() {
        for panel in panels(dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = put_in(text(target, "/expr"));
                assert!(!expression.contains('$'), "{name} uses a variable that there is not: {expression}");
                asked += 1;
                if prometheus.values_between(&expression, time) == 0 {
                    without.push(format!("{name}, {}: {expression}", text(panel, "/title")));
                }
            }
        }
        for variable in &dashboard["templating"]["list"].as_array().unwrap()[1..] {
            let asks = put_in(text(variable, "/query/query"));
            let (series, label) = asks.trim_start_matches("label_values(").rsplit_once(", ").unwrap();
            let values =
                prometheus.get(&format!("label/{}/values?match%5B%5D={}", label.trim_end_matches(')'), quoted(series)));
            let expected = put_in(&format!("${}", text(variable, "/name")));
            assert!(values.as_array().unwrap().contains(&expected.into()), "{name}: {asks} has {values}");
        }
    }
    assert!(without.is_empty(), "without data: {without:#?}");
    assert!(asked > 30, "{asked} queries");

    let groups = prometheus.get("rules");
    let rules = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    for rule in rules {
        let name = text(rule, "/name");
        assert_eq!((text(rule, "/health"), text(rule, "/lastError")), ("ok", ""), "{name}");
        let query = text(rule, "/query");
        if rule["type"] == "recording" {
            assert!(prometheus.values_between(query, time) > 0, "{name} has nothing by its expression");
            assert!(prometheus.values_between(name, time) > 0, "{name} was not recorded");
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        for series in query.split(|c| !is_name(c)).filter(|word| word.starts_with("conductor_")) {
            assert!(prometheus.values_between(series, time) > 0, "{name} asks for {series}, which there is not");
        }
    }
    let fired = prometheus.values_between("ALERTS{alertstate=\"firing\"}", time);
    assert_eq!(fired, 0, "a clean run makes no alert: {:?}", prometheus.ask("max_over_time(ALERTS[10m])"));
    server.terminate().succeeded();
}
