//! The part of an environment that is on ECS.

use super::*;

const ECS: &str = r#"  ecs:
    cluster: shop-test
    account: { region: eu-central-1, credentialsFile: test.credentials }
    production:
      cluster: shop-live
      account: { region: eu-west-1, profile: reader, roleArn: "arn:aws:iam::222222222222:role/reader", externalId: shop }
    poll: 5s
    rates: { update: 4 }
    applications:
      - { name: payment, service: pay, inProduction: { cluster: bank-live } }
      - { name: workers, support: true }
"#;

/// What is said of an environment on all three, by the fields of which it is said, where the files' part of ECS is another.
fn told(ecs: &str) -> Vec<String> {
    let told = environment(&format!("{GOOD}{KUBERNETES}{ecs}")).unwrap_err();
    told.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// The part with a text of it replaced.
fn with(from: &str, to: &str) -> String {
    assert!(ECS.contains(from), "{from}");
    ECS.replacen(from, to, 1)
}

#[test]
fn applications_may_be_services_of_ecs_beside_others_and_the_whole_survives_a_journal() {
    let read = environment(&format!("{GOOD}{KUBERNETES}{ECS}")).unwrap();
    let names: Vec<String> = read.catalogue().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["shop", "checkout", "payment"]);
    assert_eq!(read.applications().len(), 6);
    let ecs = read.spec.ecs.as_ref().unwrap();
    assert_eq!(ecs.account.credentials_file.as_deref(), Some(Path::new("/shop/test.credentials")));
    let production = ecs.production.as_ref().unwrap();
    assert_eq!(
        (production.cluster.as_deref(), production.account.profile.as_deref()),
        (Some("shop-live"), Some("reader"))
    );
    assert_eq!((ecs.poll, ecs.drift_poll, ecs.rates.update), (Span::seconds(5), Span::seconds(15), 4.0));
    let alone = GOOD.replace("  local:\n    productionManifest: production.yaml\n", "  local:\n");
    assert!(environment(&format!("{alone}{ECS}")).is_ok(), "it needs no other substrate's production");
    let without = serde_json::to_string(&environment(GOOD).unwrap()).unwrap();
    assert!(!without.contains("ecs"), "an older conductor can read it: {without}");
}

#[test]
fn what_supports_on_ecs_may_be_scaled_with_every_load_test() {
    let alongside = |name: &str| {
        environment(&format!("{GOOD}{ECS}  alongside: [{{ name: {name}, replicas: 4, cpu: 500m, memory: 1Gi }}]\n"))
    };
    assert_eq!(alongside("workers").unwrap().spec.alongside.len(), 1);
    assert_eq!(
        alongside("payment").unwrap_err(),
        "environment.yaml:25:23: spec.alongside[0].name: \"payment\" is no support application of the environment; expected one with support: true; what a load test has in scope is scaled as that says"
    );
}

#[test]
fn everything_wrong_with_ecs_is_told_at_once_and_pointed_at() {
    let bad = with("cluster: shop-test", "cluster: shop/test")
        .replace("region: eu-central-1", "externalId: x")
        .replace("poll: 5s", "poll: 3m")
        .replace("update: 4", "update: 0")
        .replace("service: pay,", "service: \"\",")
        .replace("name: workers", "name: payment");
    assert_eq!(
        environment(&format!("{GOOD}{bad}")).unwrap_err(),
        "environment.yaml:15:14: spec.ecs.cluster: \"shop/test\" is not a name; expected 1 to 255 letters, digits, '-' or '_', not its ARN\n\
         environment.yaml:16:28: spec.ecs.account.externalId: no role is taken on that could want it; expected roleArn beside it, or to leave it out\n\
         environment.yaml:20:11: spec.ecs.poll: 3m is out of range; expected 1s to 2m\n\
         environment.yaml:21:22: spec.ecs.rates.update: 0 calls in a second are out of range; expected 0.1 to 1000\n\
         environment.yaml:23:35: spec.ecs.applications[0].service: \"\" is not a name; expected 1 to 255 letters, digits, '-' or '_', not its ARN\n\
         environment.yaml:24:17: spec.ecs.applications[1].name: \"payment\" is there twice; expected a name of its own for each application"
    );
}

#[test]
fn a_name_is_told_once_that_another_substrate_has_already() {
    for (name, other) in [("shop", "local"), ("checkout", "kubernetes")] {
        assert_eq!(
            told(&with("name: payment", &format!("name: {name}"))),
            [format!(
                "spec.ecs.applications[0].name: \"{name}\" is there twice; expected a name of its own for each application"
            )],
            "{other}"
        );
    }
}

#[test]
fn two_applications_are_not_one_service() {
    assert_eq!(
        told(&with("name: workers,", "name: workers, service: pay,")),
        [
            "spec.ecs.applications[1].service: service pay of cluster shop-test is \"payment\" already; expected a service of its own"
        ]
    );
}

#[test]
fn a_field_that_ecs_does_not_have_is_pointed_at_with_what_it_has() {
    let told = |from: &str, to: &str| environment(&format!("{GOOD}{}", with(from, to))).unwrap_err();
    assert_eq!(
        told("region:", "regoin:"),
        "environment.yaml:16:16: unknown field `regoin`, expected one of region, credentialsFile, profile, roleArn, externalId, endpoint"
    );
    assert_eq!(told("    cluster: shop-test\n", ""), "environment.yaml:21:5: missing field `cluster`");
    assert_eq!(told("update: 4", "update: often"), "environment.yaml:21:22: spec.ecs.rates.update: not a number");
}
