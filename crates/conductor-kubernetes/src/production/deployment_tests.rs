//! What is read of one Deployment, from lists that no cluster would keep still for.

use conductor_core::ports::FailureKind;
use serde_json::{Value, json};

use super::*;
use crate::place::Kind;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// A Deployment of two replicas with its lists: two Ready pods of revision 3, and an older ReplicaSet without pods.
struct Production {
    deployment: Value,
    replica_sets: Vec<Value>,
    pods: Vec<Value>,
}

impl Production {
    fn settled() -> Self {
        Self {
            deployment: json!({
                "metadata": {
                    "name": "checkout", "namespace": "shop", "uid": "D", "generation": 7,
                    "annotations": { REVISION: "3" },
                },
                "spec": {
                    "replicas": 2,
                    "selector": {},
                    "template": { "spec": {
                        "containers": [{ "name": "main", "image": "host:5000/shop/checkout:v3" }],
                    } },
                },
                "status": { "observedGeneration": 7, "replicas": 2, "updatedReplicas": 2 },
            }),
            replica_sets: vec![replica_set("old", "2", 0), replica_set("new", "3", 2)],
            pods: vec![pod("new", ONE), pod("new", ONE)],
        }
    }

    fn read(&self) -> Result<Running, Vec<Refusal>> {
        let place = Place { namespace: "shop".to_owned(), kind: Kind::Deployment, name: "checkout".to_owned() };
        let deployment = serde_json::from_value(self.deployment.clone()).unwrap();
        let sets: Vec<ReplicaSet> =
            self.replica_sets.iter().cloned().map(|one| serde_json::from_value(one).unwrap()).collect();
        let pods: Vec<Pod> = self.pods.iter().cloned().map(|one| serde_json::from_value(one).unwrap()).collect();
        running(&place, &deployment, &sets, &pods, None)
    }

    fn image(&self) -> String {
        self.read().unwrap().images.remove("main").unwrap()
    }

    /// The only refusal.
    #[track_caller]
    fn refused(&self, kind: FailureKind) -> String {
        let refusals = self.read().unwrap_err();
        let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
        assert_eq!(refusal.kind(), kind);
        refusal.to_string()
    }
}

fn replica_set(uid: &str, revision: &str, replicas: i32) -> Value {
    json!({
        "metadata": { "uid": uid, "annotations": { REVISION: revision }, "ownerReferences": [owner("Deployment", "D")] },
        "spec": { "replicas": replicas, "selector": {} },
        "status": { "replicas": replicas },
    })
}

fn pod(set: &str, digest: &str) -> Value {
    json!({
        "metadata": { "ownerReferences": [owner("ReplicaSet", set)] },
        "spec": { "containers": [{ "name": "main" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{
                "name": "main", "image": "", "imageID": format!("mirror.example/checkout@{digest}"),
                "ready": true, "restartCount": 0,
            }],
        },
    })
}

fn owner(kind: &str, uid: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": kind, "name": uid, "uid": uid, "controller": true })
}

#[test]
fn the_templates_repository_is_pinned_by_the_digest_that_runs() {
    let running = Production::settled().read().unwrap();
    assert_eq!(running.images["main"], format!("host:5000/shop/checkout@{ONE}"));
    assert_eq!(running.replicas, 2);
}

#[test]
fn only_ready_pods_of_the_newest_replica_set_are_asked() {
    let mut production = Production::settled();
    let mut dying = pod("new", OTHER);
    dying["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
    let mut unready = pod("new", OTHER);
    unready["status"]["conditions"][0]["status"] = json!("False");
    let mut done = pod("new", OTHER);
    done["status"]["phase"] = json!("Failed");
    production.pods.extend([dying, unready, done, pod("old", OTHER), pod("of somebody else", OTHER)]);
    // What was made by hand with the labels of the Deployment has no controller.
    let mut adopted = pod("new", OTHER);
    adopted["metadata"]["ownerReferences"][0]["controller"] = json!(false);
    production.pods.push(adopted);
    assert_eq!(production.image(), format!("host:5000/shop/checkout@{ONE}"));
}

#[test]
fn revisions_are_numbers_and_those_of_other_deployments_do_not_count() {
    let mut production = Production::settled();
    production.deployment["metadata"]["annotations"][REVISION] = json!("10");
    production.replica_sets[0]["metadata"]["annotations"][REVISION] = json!("9");
    production.replica_sets[1]["metadata"]["annotations"][REVISION] = json!("10");
    let mut others = replica_set("others", "99", 5);
    others["metadata"]["ownerReferences"] = json!([owner("Deployment", "another")]);
    production.replica_sets.push(others);
    assert_eq!(production.image(), format!("host:5000/shop/checkout@{ONE}"));
}

#[test]
fn a_rollout_is_refused_until_every_older_replica_is_gone() {
    let mut production = Production::settled();
    production.deployment["spec"]["replicas"] = json!(5);
    production.deployment["status"] = json!({ "observedGeneration": 7, "replicas": 5, "updatedReplicas": 3 });
    production.replica_sets = vec![replica_set("old", "2", 2), replica_set("new", "3", 3)];
    assert_eq!(
        production.refused(FailureKind::Unavailable),
        "production is in the middle of a rollout of Deployment shop/checkout: 3 of 5 replicas run the newest version; \
         try again when it is done"
    );
    production.deployment["status"] = json!({ "observedGeneration": 7, "replicas": 6, "updatedReplicas": 5 });
    production.replica_sets = vec![replica_set("old", "2", 1), replica_set("new", "3", 5)];
    assert!(production.refused(FailureKind::Unavailable).contains(": 5 of 6 replicas run the newest version;"));
}

#[test]
fn a_rollout_shows_in_the_deployment_alone_or_in_its_replica_sets_alone() {
    // A paused Deployment whose template was changed has no ReplicaSet of it yet.
    let mut paused = Production::settled();
    paused.deployment["status"]["updatedReplicas"] = json!(0);
    assert!(paused.refused(FailureKind::Unavailable).contains(": 0 of 2 replicas run the newest version;"));
    // An older ReplicaSet wants a pod that it did not get.
    let mut wanting = Production::settled();
    wanting.replica_sets[0]["spec"]["replicas"] = json!(1);
    assert!(wanting.refused(FailureKind::Unavailable).contains(": 2 of 3 replicas run the newest version;"));
}

#[test]
fn a_rollout_that_begins_while_production_is_read_is_refused() {
    let mut unseen = Production::settled();
    unseen.deployment["metadata"]["generation"] = json!(8);
    let told = unseen.refused(FailureKind::Unavailable);
    assert!(told.contains("a change of Deployment shop/checkout: its controller has not seen it yet"), "{told}");
    // The Deployment was listed before it began, the ReplicaSets after.
    let mut between = Production::settled();
    between.replica_sets.push(replica_set("newer", "4", 1));
    assert!(between.refused(FailureKind::Unavailable).contains(": 1 of 2 replicas run the newest version;"));
    let mut none = Production::settled();
    none.replica_sets.clear();
    assert!(none.refused(FailureKind::Unavailable).contains(": 0 of 2 replicas run the newest version;"));
}

#[test]
fn a_deployment_that_is_being_scaled_is_refused_as_that() {
    let mut production = Production::settled();
    production.deployment["spec"]["replicas"] = json!(1);
    let told = production.refused(FailureKind::Unavailable);
    assert!(told.contains("scaling Deployment shop/checkout: it has 2 replicas and wants 1"), "{told}");
    production.deployment["spec"].as_object_mut().unwrap().remove("replicas");
    assert_eq!(production.refused(FailureKind::Unavailable), told, "absent is one");
}

#[test]
fn pods_of_one_replica_set_with_different_digests_are_refused_whatever_else_is_wrong() {
    let mut production = Production::settled();
    production.pods[1] = pod("new", OTHER);
    let spec = &mut production.deployment["spec"]["template"]["spec"];
    spec["initContainers"] = json!([{ "name": "migrate", "image": "migrate:1" }]);
    let refusals = production.read().unwrap_err();
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            format!(
                "pods of Deployment shop/checkout run different digests of container main although they are of one \
                 ReplicaSet: {ONE}, {OTHER}"
            ),
            "production does not say yet which digest container migrate of Deployment shop/checkout runs; try again \
             when it does"
                .to_owned(),
        ]
    );
    assert_eq!(refusals[0].kind(), FailureKind::Rejected);
    assert_eq!(refusals[1].kind(), FailureKind::Unavailable);
}

#[test]
fn an_image_that_is_known_to_its_node_only_is_refused_unless_the_template_pins_it() {
    let mut production = Production::settled();
    production.pods[0]["status"]["containerStatuses"][0]["imageID"] = json!(format!("docker://{ONE}"));
    let told = production.refused(FailureKind::Rejected);
    assert!(told.starts_with("production does not tell which image container main of Deployment shop/checkout runs: "));
    assert!(told.contains(&format!("\"docker://{ONE}\" is the id of an image on its node")), "{told}");
    let pinned = json!(format!("host:5000/shop/checkout:v3@{OTHER}"));
    production.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = pinned;
    assert_eq!(production.image(), format!("host:5000/shop/checkout@{OTHER}"));
}

#[test]
fn a_pod_that_does_not_say_its_digest_yet_leaves_it_to_the_others() {
    let mut production = Production::settled();
    production.pods[0]["status"]["containerStatuses"][0]["imageID"] = json!("");
    assert_eq!(production.image(), format!("host:5000/shop/checkout@{ONE}"));
}

#[test]
fn a_version_that_no_pod_serves_is_not_what_production_runs_even_if_it_is_pinned() {
    let mut production = Production::settled();
    production.pods.clear();
    production.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!(format!("a@{ONE}"));
    let told = production.refused(FailureKind::Unavailable);
    assert!(told.starts_with("no pod of the newest version of Deployment shop/checkout is running and Ready"));
}

#[test]
fn what_was_put_into_pods_only_is_not_part_of_it() {
    let mut production = Production::settled();
    for pod in &mut production.pods {
        let proxy = json!({ "name": "proxy", "resources": { "requests": { "cpu": "10m" } } });
        pod["spec"]["containers"].as_array_mut().unwrap().push(proxy);
        let mut status = pod["status"]["containerStatuses"][0].clone();
        status["name"] = json!("proxy");
        pod["status"]["containerStatuses"].as_array_mut().unwrap().push(status);
    }
    let running = production.read().unwrap();
    assert_eq!(running.images.keys().collect::<Vec<_>>(), ["main"]);
    assert_eq!(running.resources.keys().collect::<Vec<_>>(), ["main"]);
}
