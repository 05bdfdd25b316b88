//! Room in quotas and on nodes.

use conductor_core::app::Allocation;
use serde::de::DeserializeOwned;

use super::*;

fn object<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap()
}

/// So many replicas of 500m and 1Gi each.
fn more(replicas: u32) -> Amounts {
    let given = [("requests.cpu", "500m"), ("requests.memory", "1Gi"), ("limits.memory", "2Gi")];
    let given = given.map(|(name, text)| (name.to_owned(), text.parse().unwrap()));
    let resources = BTreeMap::from([("main".to_owned(), BTreeMap::from(given))]);
    Amounts::of(&Allocation { resources, ..Allocation::of_replicas(replicas) })
}

fn told(found: Vec<Shortage>) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

const QUOTA: &str = "
metadata: { name: compute }
spec: { hard: { cpu: 10 } }
status:
  hard: { cpu: '10', limits.memory: 32Gi, pods: '30', count/secrets: '5' }
  used: { cpu: 6, limits.memory: 4Gi, pods: '10', count/secrets: '5' }
";

#[test]
fn a_quota_that_would_be_exceeded_is_told_with_all_three_figures() {
    let quota: ResourceQuota = object(&QUOTA.replace("cpu: 10 ", "cpu: '10' ").replace("cpu: 6,", "cpu: '6',"));
    assert_eq!(told(beyond_quota("shop", &quota, &more(8)).unwrap()), [""; 0], "8 x 500m are just enough");
    let found = beyond_quota("shop", &quota, &more(15)).unwrap();
    assert!(found.iter().all(|shortage| shortage.is_final));
    assert_eq!(
        told(found),
        [
            "ResourceQuota shop/compute allows 10 of cpu; 6 is used, and 7500m more is asked for",
            "ResourceQuota shop/compute allows 32Gi of limits.memory; 4Gi is used, and 30Gi more is asked for",
        ]
    );
    assert_eq!(told(beyond_quota("shop", &quota, &more(21)).unwrap()).len(), 3, "pods, too");
}

#[test]
fn a_quota_for_some_pods_only_is_not_judged() {
    let mut quota: ResourceQuota = object(&QUOTA.replace("cpu: 10 ", "cpu: '10' ").replace("cpu: 6,", "cpu: '6',"));
    quota.spec.as_mut().unwrap().scopes = Some(vec!["BestEffort".to_owned()]);
    assert_eq!(told(beyond_quota("shop", &quota, &more(100)).unwrap()), [""; 0]);
}

#[test]
fn nodes_are_full_by_what_their_pods_ask_for() {
    let node = |name: &str, more: &str| -> Node {
        object(&format!(
            "{{ metadata: {{ name: {name} }}, spec: {{ {more} }}, status: {{ allocatable: {{ cpu: '4', memory: 8Gi, pods: '10' }} }} }}"
        ))
    };
    let pod = |phase: &str, node: &str| -> Pod {
        object(&format!(
            "
metadata: {{ name: p }}
spec:
  {node}
  initContainers:
    - {{ name: once, resources: {{ requests: {{ cpu: '2' }} }} }}
    - {{ name: mesh, restartPolicy: Always, resources: {{ requests: {{ cpu: 500m }} }} }}
  containers: [{{ name: app, resources: {{ requests: {{ cpu: '1', memory: 1Gi }} }} }}]
status: {{ phase: {phase} }}"
        ))
    };
    let nodes = [node("a", ""), node("b", ""), node("drained", "unschedulable: true")];
    let pods = [pod("Running", "nodeName: a"), pod("Succeeded", "nodeName: a"), pod("Pending", "schedulerName: x")];
    let asked: Vec<Amounts> = pods.iter().filter(|pod| occupies(pod)).map(|pod| requests(pod).unwrap()).collect();
    // Two nodes of 4 less a pod of 2, for its init container.
    assert_eq!(told(beyond_nodes(&nodes, &asked, &more(12)).unwrap()), [""; 0]);
    let found = beyond_nodes(&nodes, &asked, &more(16)).unwrap();
    assert!(found.iter().all(|shortage| !shortage.is_final), "there may be more nodes tomorrow");
    assert_eq!(
        told(found),
        [
            "the nodes have 6 of requests.cpu free, and 8 more is asked for; pods wait until there are more nodes",
            "the nodes have 15Gi of requests.memory free, and 16Gi more is asked for; pods wait until there are more nodes",
        ]
    );
}
