//! What becomes of waivers, and what a journal keeps.

use super::*;

fn waiver(fields: serde_json::Value) -> Waiver {
    let mut all = serde_json::json!({ "aspect": "env.LOG", "reason": "only logs", "until": "2026-12-31" });
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

#[test]
fn a_waiver_waives_what_it_is_about_until_its_last_day_has_passed() {
    use serde_json::json;
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    main(&mut sides.test).env.clear();
    let cases = [
        (json!({}), WaiverState::Applied, 1),
        (json!({ "application": "shop" }), WaiverState::Applied, 1),
        (json!({ "application": "search" }), WaiverState::Unused, 0),
        (json!({ "aspect": "env.*" }), WaiverState::Applied, 2),
        (json!({ "aspect": "env.LO" }), WaiverState::Unused, 0),
        (json!({ "aspect": "env.LO*" }), WaiverState::Applied, 1),
        (json!({ "until": "2026-11-26" }), WaiverState::Applied, 1),
        (json!({ "until": "2026-11-25" }), WaiverState::Expired, 1),
        (json!({ "until": "2026-11-25", "aspect": "replicas" }), WaiverState::Unused, 0),
    ];
    for (fields, state, differences) in cases {
        let report = report(&sides, &Plan::default(), &[waiver(fields.clone())]);
        let judged = &report.waivers[0];
        assert_eq!((judged.state, judged.differences), (state, differences), "{fields}");
        let waived = if state == WaiverState::Applied { differences as usize } else { 0 };
        assert_eq!(report.differences.len() - report.unwaived().count(), waived, "{fields}");
    }
}

#[test]
fn waived_expired_and_unused_waivers_are_told() {
    use serde_json::json;
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    main(&mut sides.test).env.clear();
    let waivers = [
        waiver(json!({ "application": "shop" })),
        waiver(json!({ "aspect": "env.PASSWORD", "until": "2026-01-31" })),
        waiver(json!({ "aspect": "cluster.nodes.*" })),
    ];
    let report = report(&sides, &Plan::default(), &waivers);
    assert_eq!(report.summary(), "2 differences from production, 1 of them waived; 1 waiver expired");
    let told: Vec<String> = report.waivers.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "waiver of env.LOG of shop until 2026-12-31 (only logs) applies",
            "waiver of env.PASSWORD until 2026-01-31 (only logs) has expired and waives nothing",
            "waiver of cluster.nodes.* until 2026-12-31 (only logs) matches no difference and may go",
        ]
    );
    assert_eq!(
        report.differences[0].to_string(),
        "env.LOG of main: production value #0101010101010101, test absent; waived until 2026-12-31: only logs"
    );
    let only_waived = [waiver(json!({ "aspect": "env.*" }))];
    assert_eq!(self::report(&sides, &Plan::default(), &only_waived).level(), Level::Info);
    assert_eq!(report.level(), Level::Warning);
}

#[test]
fn a_waiver_that_makes_no_sense_is_told_by_its_field() {
    use serde_json::json;
    assert_eq!(waiver(json!({})).violations(), []);
    for fine in ["env.*", "requests.cpu", "cluster.nodes.m5.large", "priorityClass", "autoscaling*", "image"] {
        assert_eq!(waiver(json!({ "aspect": fine })).violations(), [], "{fine}");
    }
    for bad in ["*", "", "environment.X", "env.*.X", "Image"] {
        let found = waiver(json!({ "aspect": bad, "reason": " " })).violations();
        let told: Vec<String> = found.iter().map(|(field, problem, _)| format!("{field}: {problem}")).collect();
        assert_eq!(told, [format!("aspect: \"{bad}\" is no aspect that is compared"), text("reason: it is empty")]);
        assert!(found[0].2.starts_with("one that begins with existence, image, "), "{}", found[0].2);
    }
    for bad in ["2026-13-01", "tomorrow", "", "2026-12-31T10:00", "20261231"] {
        let error = bad.parse::<Day>().unwrap_err().to_string();
        assert_eq!(error, format!("\"{bad}\" is not a day; expected one such as 2026-12-31"));
    }
    assert_eq!(Day::of("2026-11-26T23:59:59Z".parse().unwrap()), today());
}

#[test]
fn a_report_survives_a_journal() {
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    main(&mut sides.test).env.clear();
    sides.test.cluster.version = Some(text("v1.35.0"));
    let report = report(&sides, &Plan::default(), &[waiver(serde_json::json!({}))]);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(json.contains(r#""aspect":"env.LOG","production":"value #0101010101010101","severity":"warn","waived":{"#));
}
