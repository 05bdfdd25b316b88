//! Settings as people write them.

use super::*;

const GOOD: &str = "
cluster: { kubeconfig: test.kubeconfig }
production: { kubeconfig: /etc/production.kubeconfig, context: live, namespaces: { shop: shop-live } }
namespace: shop
applications:
  - name: checkout
  - { name: ledger, namespace: bank, deployment: ledger-v2 }
  - { name: search, inProduction: { namespace: find, deployment: finder } }
  - { name: orders, statefulSet: orders-db, inProduction: { statefulSet: orders } }
  - { name: events, statefulSet: events, allowVolumeDeletion: true, inProduction: { namespace: bus } }
  - { name: cart, inProduction: { statefulSet: cart-db } }
  - { name: pay, rollout: payment, inProduction: { namespace: money } }
  - { name: load-workers, support: true }
";

fn settings(text: &str) -> KubernetesSettings {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn an_application_needs_no_more_than_its_name() {
    let settings = settings(GOOD).resolve(Path::new("/env"));
    assert_eq!(settings.violations(), []);
    let places = |of: fn(&KubernetesSettings, &Application) -> Place| -> Vec<String> {
        settings.applications.iter().map(|application| of(&settings, application).to_string()).collect()
    };
    assert_eq!(
        places(KubernetesSettings::place)[..7],
        [
            "Deployment shop/checkout",
            "Deployment bank/ledger-v2",
            "Deployment shop/search",
            "StatefulSet shop/orders-db",
            "StatefulSet shop/events",
            "Deployment shop/cart",
            "Rollout shop/payment",
        ]
    );
    assert_eq!(
        places(KubernetesSettings::place_in_production)[..7],
        [
            "Deployment shop-live/checkout",
            "Deployment bank/ledger-v2",
            "Deployment find/finder",
            "StatefulSet shop-live/orders",
            "StatefulSet bus/events",
            "StatefulSet shop-live/cart-db",
            "Rollout money/payment",
        ]
    );
    assert_eq!(settings.catalogue().len(), 7, "support is not in the catalogue");
    assert_eq!(settings.cluster.kubeconfig.as_deref(), Some(Path::new("/env/test.kubeconfig")));
    let production = settings.production.unwrap();
    assert_eq!(production.kubeconfig.as_deref(), Some(Path::new("/etc/production.kubeconfig")));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_field() {
    let bad = "
cluster: { requestsPerSecond: 4 }
production: { requestsPerSecond: 0 }
namespace: Shop
applications:
  - name: Checkout
  - { name: ledger, namespace: a_b, deployment: -x }
  - { name: one, namespace: shop, deployment: same }
  - { name: two, namespace: shop, deployment: same }
  - { name: two, namespace: shop, deployment: other }
  - { name: both, deployment: a, statefulSet: b }
  - { name: both-there, inProduction: { namespace: X, deployment: _, statefulSet: b } }
  - { name: wrong, statefulSet: a_b }
  - { name: three, namespace: shop, statefulSet: same }
  - { name: four, namespace: shop, statefulSet: same }
  - { name: five, allowVolumeDeletion: true }
  - { name: six, rollout: same-rollout, allowVolumeDeletion: true }
  - { name: seven, namespace: bank, rollout: paying }
  - { name: eight, namespace: bank, rollout: paying }
  - { name: nine, statefulSet: a, rollout: B, inProduction: { deployment: c, rollout: d } }
";
    let found: Vec<String> =
        settings(bad).violations().into_iter().map(|(field, problem, _)| format!("{field}: {problem}")).collect();
    assert_eq!(
        found,
        [
            "namespace: \"Shop\" is not a name",
            "cluster.requestsPerSecond: 4 requests in a second are too few for anything to be done in time",
            "production.requestsPerSecond: 0 requests in a second are too few for anything to be done in time",
            "applications[0].name: \"Checkout\" is not the name of a Deployment",
            "applications[1].namespace: \"a_b\" is not a name",
            "applications[1].deployment: \"-x\" is not the name of a Deployment",
            "applications[3].deployment: Deployment shop/same is \"one\" already",
            "applications[4].name: \"two\" is there twice",
            "applications[5].statefulSet: it is Deployment \"a\" already",
            "applications[6].inProduction.namespace: \"X\" is not a name",
            "applications[6].inProduction.deployment: \"_\" is not the name of a Deployment",
            "applications[6].inProduction.statefulSet: it is Deployment \"_\" already",
            "applications[7].statefulSet: \"a_b\" is not the name of a StatefulSet",
            "applications[9].statefulSet: StatefulSet shop/same is \"three\" already",
            "applications[10].allowVolumeDeletion: a Deployment has no volumes that scaling deletes",
            "applications[11].allowVolumeDeletion: a Rollout has no volumes that scaling deletes",
            "applications[13].rollout: Rollout bank/paying is \"seven\" already",
            "applications[14].rollout: \"B\" is not the name of a Rollout",
            "applications[14].rollout: it is StatefulSet \"a\" already",
            "applications[14].inProduction.rollout: it is Deployment \"c\" already",
        ]
    );
}
