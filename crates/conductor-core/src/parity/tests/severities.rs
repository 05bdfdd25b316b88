//! How much differences matter: by what the load test wants, by what others choose, and by what the environment says.

use serde_json::json;

use super::*;

/// What differs for a load test with this intent in an environment with these rules.
fn judged(sides: &Sides, intent: Intent, severities: &[SeverityRule]) -> Vec<(String, Severity)> {
    let rules = Rules { severities, ..Rules::default() };
    let report = compare(sides, &[intent], &Plan::default(), rules, today());
    report.differences.into_iter().map(|one| (one.aspect, one.severity)).collect()
}

fn rule(fields: serde_json::Value) -> SeverityRule {
    serde_json::from_value(fields).unwrap()
}

/// The test side is otherwise in all that a run makes equal.
fn unlike() -> Sides {
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    shop(&mut sides.test).replicas = 1;
    main(&mut sides.test).image = text("registry.example/shop:v9");
    main(&mut sides.test).resources = [(text("requests.cpu"), "100m".parse().unwrap())].into();
    sides
}

#[test]
fn what_the_load_test_wants_otherwise_is_no_error_and_what_it_takes_from_production_is_one() {
    let told = |version: VersionChoice, scale| judged(&unlike(), Intent::new(app(), version, scale), &[]);
    let all =
        |replicas, image, cpu| [(text("replicas"), replicas), (text("image"), image), (text("requests.cpu"), cpu)];
    let (error, warn) = (Severity::Error, Severity::Warn);
    assert_eq!(told(VersionChoice::Production, ScaleChoice::Production), all(error, error, error));
    assert_eq!(told(VersionChoice::Keep, ScaleChoice::Production), all(error, warn, error));
    assert_eq!(told(VersionChoice::Release(text("v9")), ScaleChoice::Production), all(error, warn, error));
    assert_eq!(told(VersionChoice::Production, ScaleChoice::Factor(0.5)), all(warn, error, warn));
    assert_eq!(told(VersionChoice::Production, ScaleChoice::Keep), all(warn, error, warn));
    let mut new = Sides { production: side(profile()), test: side(profile()) };
    new.production.applications.clear();
    let existence = |version| judged(&new, Intent::new(app(), version, ScaleChoice::Production), &[]);
    assert_eq!(existence(VersionChoice::Production), [(text("existence"), error)]);
    assert_eq!(existence(VersionChoice::Keep), [(text("existence"), warn)]);
}

#[test]
fn what_is_no_application_under_test_is_not_compared() {
    let told = judged(&unlike(), Intent { support: true, ..intent() }, &[]);
    assert_eq!(told, []);
}

#[test]
fn replicas_that_productions_autoscaler_may_choose_are_no_error() {
    let severity = |bounds: (u32, u32)| {
        let mut sides = Sides { production: side(profile()), test: side(profile()) };
        shop(&mut sides.production).autoscaling = autoscaler(bounds.0, bounds.1);
        shop(&mut sides.test).autoscaling = autoscaler(bounds.0, bounds.1);
        shop(&mut sides.test).replicas = 3;
        judged(&sides, intent(), &[])
    };
    assert_eq!(severity((1, 4)), [(text("replicas"), Severity::Warn)]);
    assert_eq!(severity((1, 2)), [(text("replicas"), Severity::Error)]);
    assert_eq!(severity((3, 3)), [(text("replicas"), Severity::Error)], "it has no choice");
}

#[test]
fn what_only_pods_have_is_none_of_the_runs_business_and_no_error() {
    let mesh = |image: &str| Container { role: Role::Injected, image: text(image), ..container() };
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    shop(&mut sides.production).containers.insert(text("mesh"), mesh("mesh:1"));
    shop(&mut sides.test).containers.insert(text("mesh"), mesh("mesh:2"));
    assert_eq!(judged(&sides, intent(), &[]), [(text("image"), Severity::Warn)]);
}

#[test]
fn the_environment_says_it_otherwise_and_the_first_rule_that_is_about_a_difference_holds() {
    let rules = [
        rule(json!({ "aspect": "replicas", "application": "search", "severity": "info" })),
        rule(json!({ "aspect": "replicas", "application": "shop", "severity": "info" })),
        rule(json!({ "aspect": "image", "severity": "error" })),
        rule(json!({ "aspect": "requests.*", "severity": "warn" })),
        rule(json!({ "aspect": "requests.cpu", "severity": "error" })),
    ];
    let kept = Intent::new(app(), VersionChoice::Keep, ScaleChoice::Production);
    assert_eq!(
        judged(&unlike(), kept, &rules),
        [(text("replicas"), Severity::Info), (text("image"), Severity::Error), (text("requests.cpu"), Severity::Warn),]
    );
    let wrong = rule(json!({ "aspect": "imge", "severity": "warn" })).violations();
    assert_eq!(wrong[0].1, "\"imge\" is no aspect that is compared");
    let unknown = serde_json::from_value::<SeverityRule>(json!({ "aspect": "image", "severity": "loud" })).unwrap_err();
    assert!(unknown.to_string().contains("unknown variant `loud`, expected one of `info`, `warn`"), "{unknown}");
}

#[test]
fn unwaived_errors_are_counted_in_the_summary_and_waived_ones_are_not() {
    let waivers: Vec<Waiver> =
        serde_json::from_value(json!([{ "aspect": "replicas", "reason": "cheaper", "until": "2026-12-31" }])).unwrap();
    let report = report(&unlike(), &Plan::default(), &waivers);
    assert_eq!(report.summary(), "3 differences from production, 1 of them waived, 2 of severity error");
    let aspects: Vec<&str> = report.errors().map(|one| one.aspect.as_str()).collect();
    assert_eq!(aspects, ["image", "requests.cpu"]);
}

#[test]
fn reports_of_before_there_were_severities_are_read_and_have_no_errors() {
    for (level, severity) in [("info", Severity::Info), ("warning", Severity::Warn)] {
        let old = json!({ "aspect": "image", "production": "a", "test": "b", "level": level });
        assert_eq!(serde_json::from_value::<Difference>(old).unwrap().severity, severity);
    }
}
