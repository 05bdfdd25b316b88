//! The results of runs in the formats of others: JUnit's XML, Markdown, and JSON by its published schema.

use conductor_core::view::RunView;
use roxmltree::{Document, Node};
use serde_json::{Value, json};

use super::{Results, junit, markdown, schema};

fn document(outcome: &str) -> Value {
    let text = if outcome == "passed" {
        include_str!("../tests/data/passed.json")
    } else {
        include_str!("../tests/data/failed.json")
    };
    serde_json::from_str(text).unwrap()
}

fn view(document: &Value) -> RunView {
    serde_json::from_value(document.clone()).unwrap()
}

/// A run that was invalid for one reason and failed for another, warned, and did not put everything back.
fn invalid() -> Value {
    let mut run = document("failed");
    run["name"] = json!("a <b>&\"c'\u{1b} | run");
    let evidence = json!([{ "what": "share of the plateau", "value": 31.0, "limit": 10.0, "unit": "%" }]);
    let first = json!({ "outcome": "invalid", "code": "generator_bound", "message": "no CPU was left", "evidence": evidence, "advice": "add workers" });
    let causes = run["verdict"]["causes"].as_array_mut().unwrap();
    causes.insert(0, first);
    causes.push(json!({ "outcome": "warned", "code": "drift_reverted", "message": "shop was changed by @somebody" }));
    run["verdict"]["outcome"] = json!("invalid");
    run["verdict"]["restored"] = json!(false);
    run["ending"]["teardownFailures"] =
        json!([{ "activity": "scale shop down", "kind": "unavailable", "message": "gone" }]);
    run["verdict"]["slos"] = json!([
        { "slo": "p95(checkout) < 800ms", "status": "breached", "observed": 912.0, "limit": 800.0, "unit": "ms", "judged": 59,
          "broken": 7, "measured": 1.0 },
        { "slo": "error_rate < 1%", "status": "unmeasured", "unit": "%", "judged": 0, "broken": 0, "measured": 0.0 },
    ]);
    run
}

/// The end of a case's class, its name, and the element of its result.
type Told = (String, String, Option<String>);

/// The attributes that the schema of Jenkins' xunit plugin knows of each element that is written; another one is an error to it.
const KNOWN: [(&str, &[&str]); 10] = [
    ("testsuites", &["name", "time", "tests", "failures", "errors"]),
    ("testsuite", &["name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"]),
    ("properties", &[]),
    ("property", &["name", "value"]),
    ("testcase", &["classname", "name", "time"]),
    ("failure", &["type", "message"]),
    ("error", &["type", "message"]),
    ("skipped", &["type", "message"]),
    ("system-out", &[]),
    ("system-err", &[]),
];

/// Looks whether that schema knows every element and attribute of a document, and whether each time is digits with at most one point.
fn known(document: &Document<'_>) {
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let (_, attributes) = KNOWN.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("<{name}>"));
        for attribute in node.attributes() {
            assert!(attributes.contains(&attribute.name()), "{} of <{name}>", attribute.name());
        }
        let time = node.attribute("time").unwrap_or_default();
        assert!(
            time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && time.matches('.').count() <= 1,
            "{time}"
        );
    }
}

/// Looks whether a document is what readers of JUnit's XML know: the elements, their order, the attributes that must be there, and
/// counts that are those of the cases.
fn shape(xml: &str) -> (Vec<Told>, [u32; 4]) {
    let parsed = Document::parse(xml).unwrap();
    known(&parsed);
    let suites = parsed.root_element();
    assert_eq!(suites.tag_name().name(), "testsuites");
    let suite = suites.first_element_child().unwrap();
    assert_eq!(suite.tag_name().name(), "testsuite");
    let needed = ["name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"];
    needed.iter().for_each(|name| assert!(suite.has_attribute(*name), "{name}"));
    let kinds: Vec<&str> = suite.children().filter(Node::is_element).map(|child| child.tag_name().name()).collect();
    let cases = kinds.len() - 3;
    assert_eq!(kinds, [&["properties"][..], &vec!["testcase"; cases], &["system-out", "system-err"]].concat());
    let timestamp = suite.attribute("timestamp").unwrap();
    assert!(timestamp.len() == 19 && timestamp.contains('T'), "{timestamp} is no xs:dateTime without a zone");
    let mut counted = [0; 4];
    let told = suite.children().filter(|child| child.has_tag_name("testcase")).map(|case| {
        ["classname", "name", "time"].iter().for_each(|name| assert!(case.has_attribute(*name), "{name}"));
        let result = case.first_element_child();
        assert!(case.children().filter(Node::is_element).count() <= 1);
        counted[0] += 1;
        let kind = result.map(|result| result.tag_name().name().to_owned());
        match kind.as_deref() {
            Some("failure") => counted[1] += 1,
            Some("error") => counted[2] += 1,
            Some("skipped") => counted[3] += 1,
            _ => {}
        }
        let class = case.attribute("classname").unwrap().rsplit('.').next().unwrap().to_owned();
        (class, case.attribute("name").unwrap().to_owned(), kind)
    });
    let told: Vec<_> = told.collect();
    let count = |name| suite.attribute(name).unwrap().parse::<u32>().unwrap();
    assert_eq!(["tests", "failures", "errors", "skipped"].map(count), counted, "{xml}");
    (told, counted)
}

#[test]
fn a_build_server_sees_each_level_objective_and_check() {
    let (cases, counts) = shape(&junit(&view(&document("passed"))));
    assert_eq!(counts[1..], [0; 3], "{cases:?}");
    assert!(cases.contains(&("levels".into(), "kpi 600/min from 30:00 to 1:30:00".into(), None)), "{cases:?}");
    assert!(cases.contains(&("validity".into(), "generator_bound".into(), None)));
    assert!(cases.contains(&("restore".into(), "everything is as it was before".into(), None)));

    let xml = junit(&view(&invalid()));
    let (cases, counts) = shape(&xml);
    assert_eq!(counts[1..], [3, 1, 1], "{cases:?}");
    for (class, name, kind) in [
        ("levels", "kpi 600/min from 30:00 to 1:30:00", "failure"),
        ("objectives", "p95(checkout) < 800ms", "failure"),
        ("objectives", "error_rate < 1%", "skipped"),
        ("validity", "generator_bound", "error"),
        ("restore", "everything is as it was before", "failure"),
    ] {
        assert!(cases.contains(&(class.into(), name.into(), Some(kind.into()))), "{class} {name}: {cases:?}");
    }
    let parsed = Document::parse(&xml).unwrap();
    let error = parsed.descendants().find(|node| node.has_tag_name("error")).unwrap();
    assert_eq!(
        (error.attribute("type"), error.attribute("message")),
        (Some("generator_bound"), Some("no CPU was left"))
    );
    assert_eq!(
        error.text(),
        Some("no CPU was left\n  share of the plateau: 31 % (limit 10 %)\nwhat to do: add workers")
    );
    assert_eq!(parsed.root_element().attribute("name"), Some("a <b>&\"c'\u{fffd} | run"));
    let out = parsed.descendants().find(|node| node.has_tag_name("system-out")).unwrap().text().unwrap();
    assert!(out.contains("\nwarned: shop was changed by @somebody"), "{out}");
}

#[test]
fn a_run_that_goes_on_has_one_case_that_was_skipped() {
    let mut run = document("passed");
    run["verdict"] = Value::Null;
    run["phase"] = json!("GENERATE_LOAD");
    let (cases, _) = shape(&junit(&view(&run)));
    assert_eq!(cases, [("run".to_owned(), "ended".to_owned(), Some("skipped".to_owned()))]);
}

#[test]
fn a_pull_request_sees_what_matters_and_nothing_in_it_is_markup() {
    let text = markdown(&view(&invalid()));
    for part in [
        "## ❔ a &lt;b&gt;&amp;\"c'\u{fffd} \\| run: invalid\n",
        "\n**invalid**: no CPU was left (`generator_bound`)\n\n- share of the plateau, 31 % (limit 10 %)\n\n> What to do: add workers\n",
        "changed by @\u{200b}somebody",
        "| p95(checkout) &lt; 800ms | breached | 912 ms | 800 ms | 7 of 59 |",
        "| application | before | during the load | after |\n|---|---|---|---|\n",
        "| shop | v1 with 1 replica | v2 with 3 replicas | v1 with 1 replica |",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let tables = text.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>();
    for line in tables {
        assert!(line.ends_with('|'), "{line}");
    }
    assert!(markdown(&view(&document("passed"))).starts_with("## ✅ model-nom600: passed\n\n"));
}

#[test]
fn programs_read_what_the_published_schema_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/results.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let published = std::fs::read_to_string(file).unwrap();
    assert_eq!(published, text, "run the tests with UPDATE_GOLDEN=1 to write {file}");
    let validator = jsonschema::validator_for(&serde_json::from_str(&published).unwrap()).unwrap();
    let mut running = document("passed");
    running["verdict"] = Value::Null;
    for run in [document("passed"), document("failed"), invalid(), running] {
        let told = serde_json::to_value(Results::of(&view(&run))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&told).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{told}");
        assert_eq!(serde_json::from_value::<Results>(told.clone()).unwrap(), Results::of(&view(&run)));
        let mut wrong = told;
        wrong["outcome"] = json!("good");
        assert!(!validator.is_valid(&wrong));
    }
}

#[test]
fn pages_that_show_the_run_are_in_markdown_and_json() {
    let mut run = document("passed");
    let url = "https://grafana.test/d/conductor-run?from=1&to=2&var-run=shop-1";
    run["links"] =
        json!([{ "title": "Grafana: [this] run", "url": url }, { "title": "no", "url": "data:text/html,no" }]);
    let view = view(&run);
    let text = markdown(&view);
    assert!(text.ends_with(&format!("\n[Grafana: \\[this\\] run](<{url}>)\n")), "{text}");
    let results = serde_json::to_value(Results::of(&view)).unwrap();
    assert_eq!(results["links"], json!([{ "title": "Grafana: [this] run", "url": url }]));
}
