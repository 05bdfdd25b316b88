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
    assert_eq!(
        told(beyond_quota("shop", &quota, &more(8), &Claims::default()).unwrap()),
        [""; 0],
        "8 x 500m are just enough"
    );
    let found = beyond_quota("shop", &quota, &more(15), &Claims::default()).unwrap();
    assert!(found.iter().all(|shortage| shortage.is_final));
    assert_eq!(
        told(found),
        [
            "ResourceQuota shop/compute allows 10 of cpu; 6 is used, and 7500m more is asked for",
            "ResourceQuota shop/compute allows 32Gi of limits.memory; 4Gi is used, and 30Gi more is asked for",
        ]
    );
    assert_eq!(told(beyond_quota("shop", &quota, &more(21), &Claims::default()).unwrap()).len(), 3, "pods, too");
}

#[test]
fn a_quota_for_some_pods_only_is_not_judged() {
    let mut quota: ResourceQuota = object(&QUOTA.replace("cpu: 10 ", "cpu: '10' ").replace("cpu: 6,", "cpu: '6',"));
    quota.spec.as_mut().unwrap().scopes = Some(vec!["BestEffort".to_owned()]);
    assert_eq!(told(beyond_quota("shop", &quota, &more(100), &Claims::default()).unwrap()), [""; 0]);
}
