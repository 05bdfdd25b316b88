//! Responses by status code, as the page and the JSON tell them.

use conductor_core::view::RunView;
use serde_json::{Value, json};

use crate::{Results, report};

/// A run with these windows of ten seconds; `None` where the load generator did not tell.
fn view(windows: &[Option<&[(u16, u64)]>]) -> RunView {
    let mut run: Value = serde_json::from_str(include_str!("../tests/data/passed.json")).unwrap();
    let tick = run["ticks"][0].clone();
    let ticks = windows.iter().enumerate().map(|(position, codes)| {
        let (mut tick, from) = (tick.clone(), position as f64 * 10.0);
        (tick["fromS"], tick["toS"], tick["atS"]) = (json!(from), json!(from + 10.0), json!(from + 12.0));
        if let Some(codes) = codes {
            let told = codes.iter().map(|(code, count)| json!({ "code": code, "count": count }));
            tick["responses"] = told.collect();
        }
        tick
    });
    run["ticks"] = ticks.collect();
    serde_json::from_value(run).unwrap()
}

#[test]
fn a_run_without_codes_has_nothing_of_them() {
    let view = view(&[None, None]);
    let html = report(&view).unwrap();
    assert!(!html.contains("status code"), "{html}");
    assert_eq!(serde_json::to_value(Results::of(&view)).unwrap().get("responses"), None);
}

#[test]
fn codes_are_drawn_by_kind_and_told_one_by_one() {
    let view = view(&[Some(&[(200, 9_000)]), None, Some(&[(0, 1), (200, 18_000), (404, 100), (503, 2_000)])]);
    let html = report(&view).unwrap();
    for part in [
        "<h3>responses a second, by status code</h3>",
        "<title>Responses by status code</title>",
        "<th scope=\"row\">200</th><td>27,000</td><td>92.78 %</td><td>0:00 – 0:30</td>",
        "<tr class=\"warning\"><th scope=\"row\">503</th><td>2,000</td><td>6.87 %</td><td>0:20 – 0:30</td>",
        "<tr class=\"\"><th scope=\"row\">404</th><td>100</td><td>0.34 %</td>",
        "<tr class=\"warning\"><th scope=\"row\">no response</th><td>1</td><td>under 0.01 %</td>",
    ] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    let place = |code: &str| html.find(&format!("<th scope=\"row\">{code}</th>")).unwrap();
    assert!(place("200") < place("503") && place("503") < place("404"), "the most frequent first");
    for (class, text, is_there) in [
        ("succeeded", "2xx", true),
        ("elsewhere", "1xx, 3xx", false),
        ("refused", "4xx", true),
        ("broken", "5xx", true),
    ] {
        assert_eq!(
            html.contains(&format!("<path class=\"line {class}\" d=\"M0 5H26\"/></svg>{text}</span>")),
            is_there,
            "{text}"
        );
    }
    // A window that tells nothing is a gap, and one without a code has none of it.
    let drawn = |class: &str| {
        let (_, rest) = html.rsplit_once(&format!("<path class=\"line {class}\" d=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(drawn("succeeded").matches('M').count(), 2, "{}", drawn("succeeded"));
    assert!(drawn("broken").starts_with('M') && drawn("broken").contains(" 1000.0h0M"), "{}", drawn("broken"));

    let told = serde_json::to_value(Results::of(&view)).unwrap();
    let counts = [(0, 1), (200, 27_000), (404, 100), (503, 2_000)];
    assert_eq!(told["responses"], Value::from(counts.map(|(code, count)| json!({ "code": code, "count": count }))));
}

#[test]
fn of_many_codes_the_rare_ones_are_told_together() {
    let codes: Vec<(u16, u64)> = (400..430).map(|code| (code, u64::from(code))).collect();
    let html = report(&view(&[Some(&codes)])).unwrap();
    assert!(html.contains("<th scope=\"row\">429</th>") && html.contains("<th scope=\"row\">410</th>"), "{html}");
    assert!(!html.contains("<th scope=\"row\">409</th>"), "{html}");
    assert!(html.contains("<tr class=\"\"><th scope=\"row\">10 others</th><td>4,045</td>"), "{html}");
}
