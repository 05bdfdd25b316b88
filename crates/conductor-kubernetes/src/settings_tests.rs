//! Settings as people write them.

use super::*;

const GOOD: &str = "
cluster: { kubeconfig: test.kubeconfig }
production:
  kubeconfig: /etc/production.kubeconfig
  context: live
  namespaces: { shop: shop-live }
  deployIdAnnotation: delivery.example/deployment-id
  releases:
    apiVersion: deploy.example/v1
    kind: Release
    name: '{application}-release'
    images: { main: '{.spec.image}' }
  registries: { registry.live.example: registry.test.example:5000/live }
namespace: shop
applications:
  - name: checkout
  - { name: ledger, namespace: bank, deployment: ledger-v2 }
  - { name: search, inProduction: { namespace: find, deployment: finder } }
  - { name: orders, statefulSet: orders-db, inProduction: { statefulSet: orders } }
  - { name: events, statefulSet: events, allowVolumeDeletion: true, inProduction: { namespace: bus } }
  - { name: cart, inProduction: { statefulSet: cart-db, releases: workload } }
  - { name: pay, rollout: payment, inProduction: { namespace: money } }
  - { name: shelf, stackSet: shelf-set, inProduction: { stackSet: shelf } }
  - { name: load-workers, support: true }
";

fn settings(text: &str) -> KubernetesSettings {
    serde_saphyr::from_str(text).unwrap()
}

/// What is wrong with settings, and what would be right.
fn told(bad: &str) -> Vec<String> {
    let violations = settings(bad).violations().into_iter();
    violations.map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}")).collect()
}

#[test]
fn an_application_needs_no_more_than_its_name() {
    let settings = settings(GOOD).resolve(Path::new("/env"));
    assert_eq!(settings.violations(), []);
    let places = |of: fn(&KubernetesSettings, &Application) -> Place| -> Vec<String> {
        settings.applications.iter().map(|application| of(&settings, application).to_string()).collect()
    };
    assert_eq!(
        places(KubernetesSettings::place)[..8],
        [
            "Deployment shop/checkout",
            "Deployment bank/ledger-v2",
            "Deployment shop/search",
            "StatefulSet shop/orders-db",
            "StatefulSet shop/events",
            "Deployment shop/cart",
            "Rollout shop/payment",
            "StackSet shop/shelf-set",
        ]
    );
    assert_eq!(
        places(KubernetesSettings::place_in_production)[..8],
        [
            "Deployment shop-live/checkout",
            "Deployment bank/ledger-v2",
            "Deployment find/finder",
            "StatefulSet shop-live/orders",
            "StatefulSet bus/events",
            "StatefulSet shop-live/cart-db",
            "Rollout money/payment",
            "StackSet shop-live/shelf",
        ]
    );
    assert_eq!(settings.catalogue().len(), 8, "support is not in the catalogue");
    assert_eq!(settings.cluster.kubeconfig.as_deref(), Some(Path::new("/env/test.kubeconfig")));
    let told_by = |name: &str| {
        let application = settings.applications.iter().find(|one| one.name.as_str() == name).unwrap();
        settings.release_object(application).map(|object| object.name.as_str())
    };
    assert_eq!([told_by("checkout"), told_by("cart")], [Some("{application}-release"), None]);
    let written = serde_json::to_value(&settings).unwrap();
    assert_eq!(serde_json::from_value::<KubernetesSettings>(written).unwrap(), settings, "it survives a journal");
    let production = settings.production.unwrap();
    assert_eq!(production.kubeconfig.as_deref(), Some(Path::new("/etc/production.kubeconfig")));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_field() {
    let bad = "
cluster: { requestsPerSecond: 4 }
production:
  requestsPerSecond: 0
  deployIdAnnotation: delivery.example/
  releases: { apiVersion: /v1, kind: release, name: '{app}', images: {} }
  registries:
    https://registry.example: x.example
    registry.example/shop: x.example/shop:v1
namespace: Shop
layout:
  pods: [{ namespace: Load, labels: { app/: locust, app: -x } }]
  pool: { pool: load/1 }
  except: [ingress]
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
  - { name: six, namespace: shop, stackSet: same, allowVolumeDeletion: true }
  - { name: seven, deployment: a, stackSet: b }
  - { name: eight, stackSet: a_b, inProduction: { statefulSet: a, stackSet: b } }
  - { name: nine, namespace: shop, stackSet: nine }
  - { name: ten, namespace: shop, stackSet: nine }
  - { name: eleven, rollout: same-rollout, allowVolumeDeletion: true }
  - { name: twelve, namespace: bank, rollout: paying }
  - { name: thirteen, namespace: bank, rollout: paying }
  - { name: fourteen, statefulSet: a, rollout: B, inProduction: { deployment: c, rollout: d } }
";
    let found: Vec<String> =
        settings(bad).violations().into_iter().map(|(field, problem, _)| format!("{field}: {problem}")).collect();
    assert_eq!(
        found,
        [
            "namespace: \"Shop\" is not a name",
            "cluster.requestsPerSecond: 4 requests in a second are too few for anything to be done in time",
            "production.requestsPerSecond: 0 requests in a second are too few for anything to be done in time",
            "production.deployIdAnnotation: \"delivery.example/\" is not the key of an annotation or a label",
            "production.releases.apiVersion: \"/v1\" is not a group and a version",
            "production.releases.kind: \"release\" is not a kind",
            "production.releases.images: it is empty",
            "production.releases.name: {app} stands for nothing",
            "production.registries.https://registry.example: \"https://registry.example\" has a scheme",
            "production.registries.registry.example/shop: \"x.example/shop:v1\" has a tag",
            "layout.pool.pool: \"load/1\" is not the value of a label",
            "layout.except[0]: \"ingress\" is no application with support: true",
            "layout.pods[0].namespace: \"Load\" is not a name",
            "layout.pods[0].labels.app: \"-x\" is not the value of a label",
            "layout.pods[0].labels.app/: \"app/\" is not the key of a label",
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
            "applications[11].allowVolumeDeletion: a StackSet has no volumes that scaling deletes",
            "applications[12].stackSet: it is Deployment \"a\" already",
            "applications[13].stackSet: \"a_b\" is not the name of a StackSet",
            "applications[13].inProduction.stackSet: it is StatefulSet \"a\" already",
            "applications[15].stackSet: StackSet shop/nine is \"nine\" already",
            "applications[16].allowVolumeDeletion: a Rollout has no volumes that scaling deletes",
            "applications[18].rollout: Rollout bank/paying is \"twelve\" already",
            "applications[19].rollout: \"B\" is not the name of a Rollout",
            "applications[19].rollout: it is StatefulSet \"a\" already",
            "applications[19].inProduction.rollout: it is Deployment \"c\" already",
        ]
    );
}

#[test]
fn what_is_a_word_or_has_fields_is_refused_where_it_is_neither() {
    let refused = |releases: &str| {
        let text = format!("cluster: {{}}\nproduction: {{ releases: {releases} }}\napplications: []\n");
        let error = serde_saphyr::from_str::<KubernetesSettings>(&text).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    };
    for (releases, told) in [
        ("workloads", "\"workloads\" is not known; expected workload or what has fields"),
        (
            "{ apiVersion: a/v1, kind: B, images: { main: spec.image } }",
            "\"spec.image\" is not a JSONPath; expected one such as",
        ),
        ("{ apiVersion: a/v1, kind: B, image: x }", "unknown field `image`, expected one of"),
    ] {
        let error = refused(releases);
        assert!(error.contains(told) && error.contains("line 2"), "{error}");
    }
}

#[test]
fn a_stack_set_is_deployed_by_its_images_and_not_by_an_object_which_has_no_more_time_than_its_phase() {
    let deployed = "namespace: shop
freeze: { controllers: ['system:serviceaccount:delivery:controller'] }
deploy:
  template: { apiVersion: delivery.example/v1, kind: Task, spec: { app: '{application}' } }
  phase: { jsonPath: .status.phase, succeeded: [Done], failed: [Failed] }
  within: 5m";
    let bad = GOOD.replace("namespace: shop\n", &format!("{deployed}\n"));
    assert_eq!(
        told(&bad),
        [
            "applications[7].deploy: a delivery would make another Stack and let it have the traffic, and that of before may be \
             scaled to none, or deleted, before it could have it back; expected images",
        ]
    );
    let stack_set = "stackSet: shelf-set, ";
    let images = bad.replace(stack_set, &format!("{stack_set}deploy: images, "));
    assert_eq!(settings(&images.replace("within: 5m", "within: 20m")).violations(), []);
    let [(field, problem, expected)] = &settings(&images.replace("within: 5m", "within: 21m")).violations()[..] else {
        panic!("one violation")
    };
    assert_eq!(
        [field.as_str(), problem, expected],
        ["deploy.within", "all deployments of a run have no more than 20m", "20m or less"]
    );
}

#[test]
fn a_scalable_is_an_object_of_a_custom_kind_and_names_it_whole() {
    let good = "
cluster: {}
production: { namespaces: { shop: shop-live }, releases: { apiVersion: a/v1, kind: B, images: { main: '{.spec.image}' } } }
namespace: shop
applications:
  - { name: search, scalable: { apiVersion: example.com/v1, kind: SearchCluster, name: finder } }
  - name: index
    scalable: { apiVersion: example.com/v1, kind: SearchCluster, name: index }
    inProduction: { scalable: { apiVersion: example.com/v2, kind: Index, name: main } }
  - { name: other, inProduction: { scalable: { apiVersion: example.com/v1, kind: SearchCluster, name: other } } }
  - name: moved
    scalable: { apiVersion: example.com/v1, kind: SearchCluster, name: moved }
    inProduction: { deployment: moved }
";
    let settings = settings(good);
    assert_eq!(settings.violations(), []);
    let places: Vec<String> = settings
        .applications
        .iter()
        .map(|one| {
            let is_scalable = one.scalable_in_production().is_some();
            assert_eq!(settings.release_object(one).is_none(), is_scalable, "nobody knows its version");
            format!("{} and {}", settings.place(one), settings.place_in_production(one))
        })
        .collect();
    assert_eq!(
        places,
        [
            "SearchCluster shop/finder and SearchCluster shop-live/finder",
            "SearchCluster shop/index and Index shop-live/main",
            "Deployment shop/other and SearchCluster shop-live/other",
            "SearchCluster shop/moved and Deployment shop-live/moved",
        ]
    );
    let written = serde_json::to_value(&settings).unwrap();
    assert_eq!(serde_json::from_value::<KubernetesSettings>(written).unwrap(), settings, "it survives a journal");
}

#[test]
fn everything_wrong_with_a_scalable_is_told_with_its_field() {
    let bad = "
cluster: {}
freeze: { controllers: ['system:serviceaccount:delivery:controller'] }
deploy:
  template: { apiVersion: delivery.example/v1, kind: Task, spec: { app: '{application}' } }
  phase: { succeeded: [Done] }
applications:
  - { name: one, deploy: images, scalable: { apiVersion: /v1, kind: search, name: a_b } }
  - { name: two, deploy: images, scalable: { apiVersion: apps/v1, kind: Deployment, name: two } }
  - { name: three, deploy: images, deployment: x, scalable: { apiVersion: example.com/v1, kind: Search, name: three } }
  - { name: four, deploy: images, scalable: { apiVersion: zalando.org/v1, kind: StackSet, name: four } }
  - { name: five, scalable: { apiVersion: example.com/v1, kind: Search, name: five } }
  - { name: six, deploy: images, scalable: { apiVersion: example.com/v2, kind: Search, name: five } }
  - { name: seven, deploy: images, inProduction: { scalable: { apiVersion: example.com/, kind: Search, name: seven } } }
  - { name: eight, deploy: images, scalable: { apiVersion: zalando.org/v1, kind: Stack, name: eight } }
";
    assert_eq!(
        told(bad),
        [
            "applications[0].scalable: \"a_b\" is not the name of a search; expected 1 to 253 lower-case letters, digits, '-' or \
             '.', beginning and ending with a letter or digit",
            "applications[0].scalable.apiVersion: \"/v1\" is not the group and version of a kind; expected such as example.com/v1",
            "applications[0].scalable.kind: \"search\" is not a kind; expected such as SearchCluster",
            "applications[1].scalable.kind: more is known of a Deployment; expected deployment: its name, in place of all this",
            "applications[2].scalable: it is Deployment \"x\" already; expected deployment or scalable",
            "applications[3].scalable.kind: more is known of a StackSet; expected stackSet: its name, in place of all this",
            "applications[4].deploy: which version it is nobody knows, so that none can be delivered; expected images",
            "applications[5].scalable: Search default/five is \"five\" already; expected a Search of its own",
            "applications[6].inProduction.scalable.apiVersion: \"example.com/\" is not the group and version of a kind; expected such \
             as example.com/v1",
            "applications[7].scalable.kind: more is known of a Stack; expected stackSet: its name, in place of all this",
        ]
    );
}
