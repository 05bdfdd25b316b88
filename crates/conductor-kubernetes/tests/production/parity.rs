//! Two clusters that are not alike: what differs is told, and no value of an environment variable is.

use std::path::Path;

use conductor_core::app::ApplicationId;
use conductor_core::parity::{Report, Rules, Sides, compare};
use conductor_core::ports::Parity;
use conductor_core::scale::Plan;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_kubernetes::{KubernetesEnvironment, KubernetesSettings};
use conductor_kubernetes_bed::{
    Behaviour, Cluster, ClusterSettings, Stack, StackSet, User, deployment, stack_set, until,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::admission::change_pods;
use crate::bed::{PATIENCE, api, cluster, conductor, create, namespace, settle};

/// The test cluster: one node, of a type of its own. Its processes end with this one.
async fn test_cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || {
        let settings = ClusterSettings { nodes: 1, cpu_per_node: 8, ..ClusterSettings::default() };
        let cluster = Cluster::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
        let nodes = Api::<Node>::all(cluster.client(&User::Admin).await.unwrap());
        let label = json!({ "metadata": { "labels": { "node.kubernetes.io/instance-type": "bed.small" } } });
        nodes.patch("node-0", &PatchParams::default(), &Patch::Merge(&label)).await.unwrap();
        cluster
    };
    CLUSTER.get_or_init(start).await
}

/// A namespace of both clusters, with the hands of their admins.
async fn namespaces(name: &str) -> [Client; 2] {
    let (_, production) = namespace(name).await;
    let test = test_cluster().await;
    test.namespace(name).await.unwrap();
    [production, test.client(&User::Admin).await.unwrap()]
}

fn checkout() -> ApplicationId {
    "checkout".parse().unwrap()
}

/// What both sides are like, for whoever may look at production.
async fn sides(namespace: &str, reader: &User) -> Sides {
    sides_of(namespace, reader, &json!({ "name": "checkout" })).await
}

async fn sides_of(namespace: &str, reader: &User, application: &Value) -> Sides {
    let (test, production) =
        (test_cluster().await.kubeconfig(&User::Admin).unwrap(), cluster().await.kubeconfig(reader).unwrap());
    let [test, production]: [&Path; 2] = [&test, &production];
    let settings: KubernetesSettings = serde_json::from_value(json!({
        "cluster": { "kubeconfig": test },
        // Whether they are one is not looked at: that takes a right of its own.
        "production": { "kubeconfig": production, "sameCluster": true },
        "namespace": namespace,
        "applications": [application],
    }))
    .unwrap();
    let environment = KubernetesEnvironment::connect(settings, 1).await.unwrap();
    environment.sides(&[checkout()]).await.unwrap().unwrap()
}

fn report(sides: &Sides) -> Report {
    let intent = Intent::new(checkout(), VersionChoice::Production, ScaleChoice::Production);
    compare(sides, &[intent], &Plan::default(), Rules::default(), "2026-11-26".parse().unwrap())
}

/// The differences, with a hash as `#`.
fn told(report: &Report) -> Vec<String> {
    let plain = |text: &str| match text.split_once('#') {
        Some((before, hash)) => format!("{before}#{}", &hash[16..]),
        None => text.to_owned(),
    };
    let one = |text: &str| text.split(", test ").map(plain).collect::<Vec<_>>().join(", test ");
    report.differences.iter().map(|difference| one(&difference.to_string())).collect()
}

/// Checkout with this put into its container.
fn with(container: &Value) -> Deployment {
    let mut object = serde_json::to_value(deployment("checkout", 2, Behaviour::Ready)).unwrap();
    json_patch::merge(&mut object["spec"]["template"]["spec"]["containers"][0], container);
    serde_json::from_value(object).unwrap()
}

#[tokio::test]
async fn what_differs_between_two_clusters_is_told_without_values() {
    let [production, test] = namespaces("unlike").await;
    let resources = "JSONPatch{ op: 'add', path: '/spec/containers/0/resources', \
                     value: Object.spec.containers.resources{ requests: { 'cpu': '750m' } } }";
    let is_changed = |pod: &Pod| {
        pod.spec.as_ref().unwrap().containers[0].resources.as_ref().is_some_and(|given| given.requests.is_some())
    };
    change_pods(&production, "unlike", resources, is_changed).await;
    let env = |password: &str| json!([{ "name": "PASSWORD", "value": password }, { "name": "SAME", "value": "v4lue" }]);
    let probe = json!({ "httpGet": { "path": "/health", "port": 8080 } });
    settle(
        &api(&production, "unlike"),
        with(
            &json!({ "env": env("hunter2"), "readinessProbe": probe, "resources": { "requests": { "cpu": "100m" } } }),
        ),
    )
    .await;
    let mut others = env("pa55w0rd");
    others.as_array_mut().unwrap().push(json!({ "name": "FEATURE_X", "value": "enabl3d" }));
    settle(&api(&test, "unlike"), with(&json!({ "env": others, "resources": { "requests": { "cpu": "100m" } } })))
        .await;
    let autoscaler = json!({
        "metadata": { "name": "checkout" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout" },
            "minReplicas": 2, "maxReplicas": 5,
        },
    });
    create(&api::<HorizontalPodAutoscaler>(&production, "unlike"), autoscaler).await;

    let sides = sides("unlike", &conductor()).await;
    let report = report(&sides);
    assert_eq!(
        told(&report),
        [
            "cluster.nodes.bed.large: production 4 × amd64 with cpu 1k, memory 4Ti, test absent",
            "cluster.nodes.bed.small: production absent, test 1 × amd64 with cpu 8, memory 4Ti",
            "autoscaling: production autoscaled from 2 to 5, test absent",
            "requests.cpu of main: production 750m, test 100m",
            "env.FEATURE_X of main: production absent, test value #",
            "env.PASSWORD of main: production value #, test value #",
            "probes.readiness of main: production failureThreshold=3 httpGet.path=/health httpGet.port=8080 \
             httpGet.scheme=HTTP periodSeconds=10 successThreshold=1 timeoutSeconds=1, test absent",
        ]
    );
    assert_eq!((report.applications, report.notes.as_slice()), (1, &[][..]));
    assert!(sides.production.cluster.version.as_ref().unwrap().starts_with("v1."), "{:?}", sides.production.cluster);
    assert_eq!(sides.production.cluster.version, sides.test.cluster.version);
    let shown = format!("{sides:?}{}", serde_json::to_string(&report).unwrap());
    for secret in ["hunter2", "pa55w0rd", "v4lue", "enabl3d"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_told_and_the_rest_is_compared() {
    let [production, test] = namespaces("narrow").await;
    for admin in [&production, &test] {
        settle(&api(admin, "narrow"), deployment("checkout", 1, Behaviour::Ready)).await;
    }
    let person = User::person("narrow-minded");
    let blind = report(&sides("narrow", &person).await);
    assert_eq!((blind.applications, told(&blind)), (0, Vec::new()));
    let begins = |report: &Report| -> Vec<String> {
        report.notes.iter().map(|note| note.split(':').next().unwrap().to_owned()).collect()
    };
    let nodes = "could not list nodes in production";
    assert_eq!(begins(&blind), [nodes, "could not list deployments of namespace narrow in production"]);
    let binding = json!({
        "metadata": { "name": "narrow-minded" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "loadtest-conductor-reader" },
        "subjects": [{ "kind": "User", "name": "narrow-minded" }],
    });
    create(&api::<RoleBinding>(&production, "narrow"), binding).await;
    let seen = until("the role has come into force", PATIENCE, async || {
        let report = report(&sides("narrow", &person).await);
        (report.applications == 1).then_some(report)
    })
    .await;
    assert_eq!((begins(&seen), told(&seen)), (vec![nodes.to_owned()], Vec::new()), "nodes are in no namespace");
}

#[tokio::test]
async fn stack_sets_are_compared_by_what_is_made_of_their_stacks_with_the_traffic() {
    let [production, test] = namespaces("stack-sets").await;
    for (cluster, admin, replicas) in [(cluster().await, production, 3), (test_cluster().await, test, 2)] {
        cluster.stack_sets().await.unwrap();
        let sets: Api<StackSet> = api(&admin, "stack-sets");
        sets.create(&Default::default(), &stack_set("checkout", replicas, Some(1..=replicas))).await.unwrap();
        let stacks: Api<Stack> = api(&admin, "stack-sets");
        until("all of it is there", PATIENCE, async || {
            let status = stacks.get_opt("checkout-v1").await.unwrap()?.status?;
            (status.actual_traffic_weight >= 100.0 && status.ready_replicas == replicas).then_some(())
        })
        .await;
        let scalers: Api<HorizontalPodAutoscaler> = api(&admin, "stack-sets");
        until("its autoscaler", PATIENCE, async || scalers.get_opt("checkout-v1").await.unwrap()).await;
    }
    let application = json!({ "name": "checkout", "stackSet": "checkout" });
    let report = report(&sides_of("stack-sets", &conductor(), &application).await);
    let told = told(&report);
    let of_it: Vec<&str> = told.iter().filter(|line| !line.contains("cluster.")).map(String::as_str).collect();
    assert_eq!(
        of_it,
        [
            "replicas: production 3, test 2",
            "autoscaling: production autoscaled from 1 to 3, test autoscaled from 1 to 2",
        ]
    );
    assert_eq!(report.notes, [""; 0]);
}
