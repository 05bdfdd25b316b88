//! What somebody wrote wrongly is told with file, line, column and what would be right, and nothing is changed.

use conductor_tests::{Bed, SHORT, Shop};

/// The error of a load test that differs from a good one, with the folder left out.
fn refused(from: &str, to: &str) -> String {
    let bed = Bed::new(Shop::default());
    assert!(SHORT.contains(from), "{from:?} is not in the load test");
    bed.write("loadtest.yaml", &SHORT.replace(from, to));
    let ended = bed.run().ended_with(2);
    assert_eq!(bed.conductor(&["list"]).succeeded(), "no runs\n");
    ended.err.replace(&bed.path("loadtest.yaml"), "loadtest.yaml")
}

#[test]
fn a_target_of_zero() {
    assert_eq!(
        refused("600/min", "0/min"),
        "error: loadtest.yaml:7:32: spec.kpi.target: \"0/min\" is not above zero; expected a positive rate such as 7200/min, 120/s or 600/h\n"
    );
}

#[test]
fn a_negative_duration_and_an_unknown_application_at_once() {
    let text =
        refused("plateau: 20s", "plateau: -20s\n  applications: [{ name: shop, version: keep }, { name: shop }]");
    assert!(text.contains("loadtest.yaml:9:12: spec.plateau: \"-20s\" is negative; expected a span of time"), "{text}");
    assert!(text.contains("loadtest.yaml:10:"), "{text}");
    let text = refused("plateau: 20s", "plateau: 20s\n  applications: [{ name: chekout }]");
    assert_eq!(
        text,
        "error: loadtest.yaml:10:26: spec.applications[0].name: \"chekout\" is not in the catalogue of environment \"shop-local\"; expected one of shop\n"
    );
}

#[test]
fn a_duplicate_key() {
    let text = refused("plateau: 20s", "plateau: 20s\n  plateau: 30s");
    assert!(
        text.starts_with("error: loadtest.yaml:10:3: duplicate mapping key: plateau; expected each field once"),
        "{text}"
    );
}

#[test]
fn a_file_of_ten_megabytes() {
    let padding = format!("{SHORT}\n{}", "# padding\n".repeat(1 << 20));
    let text = refused(SHORT, &padding);
    assert!(text.starts_with("error: loadtest.yaml: is longer than 1 MiB; expected"), "{text}");
}

#[test]
fn a_kpi_and_an_environment_that_are_not_there() {
    let text = refused("name: orders", "name: returns");
    assert!(
        text.contains("spec.kpi.name: \"returns\" is not a KPI of environment \"shop-local\"; expected one of orders"),
        "{text}"
    );
    let text = refused("environment: shop-local", "environment: production");
    assert!(
        text.contains("spec.environment: \"production\" is not the environment of the settings; expected shop-local"),
        "{text}"
    );
}

#[test]
fn an_environment_that_is_not_up_is_named_with_what_would_start_it() {
    let bed = Bed::new(Shop::default());
    let ended = bed.run().ended_with(1);
    let expected = "error: environment shop-local cannot be used: could not look at the local applications: the environment \
                    is not up; conductor local up ENVIRONMENT starts it\n";
    assert!(ended.err.ends_with(expected), "{}", ended.err);
    assert_eq!(bed.conductor(&["list"]).ended_with(0).out, "no runs\n", "no run was begun that could only fail");
}

#[test]
fn a_run_that_does_not_exist() {
    let bed = Bed::new(Shop::default());
    for verb in ["get", "watch", "report"] {
        assert_eq!(
            bed.conductor(&[verb, "nobody-1"]).ended_with(2).err,
            "error: could not read the run: there is no run nobody-1\n",
            "{verb}"
        );
    }
}

#[test]
fn a_missing_locust_is_named_before_anything_is_changed() {
    let bed = Bed::new(Shop::default());
    let environment = std::fs::read_to_string(bed.path("environment.yaml")).unwrap();
    let (before, rest) = environment.split_once("      - name: locust").unwrap();
    let (_, after) = rest.split_once("  locust: {").unwrap();
    bed.write("environment.yaml", &format!("{before}  locust: {{{after}"));
    bed.conductor(&["local", "up", &bed.path("environment.yaml")]).succeeded();
    let ended = bed.run().ended_with(1);
    assert!(ended.out.contains("check the load generator: "), "{}", ended.out);
    assert!(ended.out.contains("Locust at http://127.0.0.1:"), "{}", ended.out);
    assert_eq!(bed.replicas(), ["v1"]);
    assert!(!ended.out.contains("== DEPLOY"), "{}", ended.out);
}

#[test]
fn a_target_that_cannot_be_reached_is_named_before_anything_is_changed() {
    let bed = Bed::new(Shop::default());
    bed.edit("environment.yaml", "locust: { deadMan", "locust: { host: \"http://127.0.0.1:1\", deadMan");
    bed.conductor(&["local", "up", &bed.path("environment.yaml")]).succeeded();
    let ended = bed.run().ended_with(1);
    assert!(ended.out.contains("the users' target http://127.0.0.1:1 cannot be reached; expected"), "{}", ended.out);
    assert!(!ended.out.contains("== DEPLOY"), "{}", ended.out);
    assert_eq!(bed.replicas(), ["v1"]);
}
