//! The rules of Prometheus that are shipped, by the real promtool.

use super::prometheus::{RULES, TESTS_OF_RULES, documentation, promtool};

#[test]
fn the_rules_are_clean_and_pass_their_tests() {
    let checked = promtool(&["check", "rules", "--lint=all", "--lint-fatal", RULES]);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""), "{}", checked.out);
    let tested = promtool(&["test", "rules", TESTS_OF_RULES]);
    assert_eq!(tested.code, Some(0), "{}\n{}", tested.out, tested.err);
}

#[test]
fn each_alert_has_tests_where_it_fires_a_runbook_and_a_line_of_the_documentation() {
    let rules = std::fs::read_to_string(RULES).unwrap();
    let tests = std::fs::read_to_string(TESTS_OF_RULES).unwrap();
    let documentation = documentation();
    let mut count = 0;
    for rule in rules.split("      - alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        for field in ["labels: { severity: ", "summary: ", "description: ", "runbook: "] {
            assert!(rule.contains(field), "{name} has no {field}");
        }
        let fires = format!("ALERTS{{alertname=\"{name}\", alertstate=\"firing\"");
        assert!(tests.contains(&fires), "no test in which {name} fires");
        assert!(documentation.contains(&format!("| `{name}` |")), "{name} is not documented");
        count += 1;
    }
    assert!(count >= 4, "{count} alerts");
}
