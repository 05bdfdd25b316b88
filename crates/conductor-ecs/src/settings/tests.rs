//! Reading settings: what absent fields mean, and what is said of bad ones.

use super::*;

const GOOD: &str = "
cluster: shop-test
account: { region: eu-central-1, credentialsFile: test.credentials, roleArn: 'arn:aws:iam::1:role/tester', externalId: x }
production: { cluster: shop-live, account: { profile: live } }
applications:
  - name: checkout
  - { name: ledger, cluster: bank, service: ledger-v2, inProduction: { service: ledger } }
  - { name: search, support: true, inProduction: { cluster: find } }
";

fn read(text: &str) -> EcsSettings {
    serde_saphyr::from_str(text).unwrap()
}

fn told(text: &str) -> Vec<String> {
    let violations = read(text).violations().into_iter();
    violations.map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}")).collect()
}

#[test]
fn what_is_not_said_is_as_with_the_others() {
    let settings = read(GOOD);
    assert_eq!(told(GOOD), [""; 0]);
    let shown: Vec<String> = settings
        .applications
        .iter()
        .map(|one| {
            format!("{} | {}", settings.place(one).resource_id(), settings.place_in_production(one).resource_id())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "service/shop-test/checkout | service/shop-live/checkout",
            "service/bank/ledger-v2 | service/shop-live/ledger",
            "service/shop-test/search | service/find/search",
        ]
    );
    assert_eq!(settings.catalogue(), ["checkout".parse().unwrap(), "ledger".parse().unwrap()]);
    assert_eq!(
        (settings.poll, settings.drift_poll, settings.rates.update),
        (Span::seconds(10), Span::seconds(15), 2.0)
    );
    let resolved = settings.clone().resolve(Path::new("/shop"));
    assert_eq!(resolved.account.credentials_file.as_deref(), Some(Path::new("/shop/test.credentials")));
    let partly = read(&format!("{GOOD}rates: {{ update: 5 }}\n"));
    assert_eq!((partly.rates.update, partly.rates.register), (5.0, 1.0));
}

#[test]
fn everything_wrong_is_told_by_its_field() {
    let bad = "
cluster: arn:aws:ecs:eu-central-1:1:cluster/shop
account: { externalId: x, endpoint: localhost }
production: { cluster: '', account: { roleArn: tester } }
poll: 0s
timeout: 5m
rates: { register: 0, tag: .inf }
applications:
  - { name: a/b }
  - { name: cart, service: one }
  - { name: cart, service: two }
  - { name: shop, service: one, inProduction: { service: 'x y' } }
";
    assert_eq!(
        told(bad),
        [
            "cluster: \"arn:aws:ecs:eu-central-1:1:cluster/shop\" is not a name; expected 1 to 255 letters, digits, '-' or '_', not its ARN",
            "account.externalId: no role is taken on that could want it; expected roleArn beside it, or to leave it out",
            "account.endpoint: \"localhost\" is not a URL; expected one with https:// or http://",
            "production.cluster: \"\" is not a name; expected 1 to 255 letters, digits, '-' or '_', not its ARN",
            "production.account.roleArn: \"tester\" is not the ARN of a role; expected an ARN such as arn:aws:iam::123456789012:role/load-test-conductor",
            "poll: 0s is out of range; expected 1s to 2m",
            "timeout: 5m is out of range; expected 1s to 2m",
            "rates.register: 0 calls in a second are out of range; expected 0.1 to 1000",
            "rates.tag: inf calls in a second are out of range; expected 0.1 to 1000",
            "applications[0].name: \"a/b\" is not the name of a service; expected service: its name",
            "applications[2].name: \"cart\" is there twice; expected a name of its own for each application",
            "applications[3].inProduction.service: \"x y\" is not a name; expected 1 to 255 letters, digits, '-' or '_', not its ARN",
            "applications[3].service: service one of cluster arn:aws:ecs:eu-central-1:1:cluster/shop is \"cart\" already; expected a service of its own",
        ]
    );
}

#[test]
fn a_service_of_production_is_not_written_to_where_both_are_in_one_cluster() {
    let shared = "
cluster: shop
production: { sameCluster: true }
applications:
  - { name: cart, service: cart-test, inProduction: { service: cart } }
  - { name: search }
  - { name: ledger, service: cart, inProduction: { service: ledger } }
  - { name: mocks, support: true }
";
    let told = told(shared);
    assert_eq!(
        told,
        [
            "applications[1].service: service search of cluster shop is \"search\" in production, and would be written to; expected another service, or inProduction: { service: the one in production }",
            "applications[2].service: service cart of cluster shop is \"cart\" in production, and would be written to; expected another service, or inProduction: { service: the one in production }",
        ]
    );
}
