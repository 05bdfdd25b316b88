//! Room on nodes, for those that can go there.

use serde::de::DeserializeOwned;

use super::*;

fn object<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap()
}

/// One of 4 CPUs, 8 GiB and 10 pods.
fn node(name: &str, labels: &str, more: &str) -> Node {
    object(&format!(
        "{{ metadata: {{ name: {name}, labels: {{ {labels} }} }}, spec: {{ {more} }}, \
         status: {{ allocatable: {{ cpu: '4', memory: 8Gi, pods: '10' }} }} }}"
    ))
}

/// Which nodes these pods can go to.
fn fit(spec: &str) -> Fit {
    Fit::of(Some(&object(&format!("{{ spec: {{ containers: [], {spec} }} }}"))))
}

/// So many replicas of 500m and 1Gi each.
fn replicas(count: i128) -> Amounts {
    let mut more = Amounts::default();
    more.add("requests.cpu", count * 500_000_000);
    more.add("requests.memory", count * (1_i128 << 30) * 1_000_000_000);
    more.add(Amounts::PODS, count * 1_000_000_000);
    more
}

/// What is told of applications with so many replicas more each.
fn told(nodes: &[Node], asked: &[(String, Amounts)], wanted: &[(&str, i128, &Fit)]) -> Vec<String> {
    let names: Vec<ApplicationId> = wanted.iter().map(|(name, ..)| name.parse().unwrap()).collect();
    let demands = names.iter().zip(wanted);
    let demands = demands.map(|(application, (_, count, fit))| Demand { application, more: replicas(*count), fit });
    let found = beyond_nodes(nodes, asked, &demands.collect::<Vec<_>>()).unwrap();
    assert!(found.iter().all(|shortage| !shortage.is_final), "there may be more nodes tomorrow");
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn nodes_are_full_by_what_their_pods_ask_for() {
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
    let nodes = [node("a", "", ""), node("b", "", ""), node("drained", "", "unschedulable: true")];
    let running = pod("Running", "nodeName: a");
    let pods = [
        running,
        pod("Running", "nodeName: drained"),
        pod("Succeeded", "nodeName: a"),
        pod("Pending", "schedulerName: x"),
    ];
    let asked: Vec<_> = pods.iter().filter_map(requests).map(Result::unwrap).collect();
    assert_eq!(asked.len(), 2);
    // Two nodes of 4 less a pod of 2, for its init container.
    let (here, anywhere) = (fit(""), Fit::default());
    for fit in [&here, &anywhere] {
        assert_eq!(told(&nodes, &asked, &[("shop", 12, fit)]), [""; 0]);
        assert_eq!(
            told(&nodes, &asked, &[("shop", 16, fit)]),
            [
                "the nodes have 6 of requests.cpu free, and 8 more is asked for; pods wait until there are more nodes",
                "the nodes have 15Gi of requests.memory free, and 16Gi more is asked for; pods wait until there are more nodes",
            ]
        );
    }
}

#[test]
fn nodes_that_pods_cannot_go_to_do_not_count() {
    let tainted = |effect: &str| format!("taints: [{{ key: pool, value: load, effect: {effect} }}]");
    let load = "pool: load";
    for (taint, toleration, goes) in [
        ("NoSchedule", "", false),
        ("NoExecute", "", false),
        ("PreferNoSchedule", "", true),
        ("NoSchedule", "tolerations: [{ key: pool, value: load }]", true),
        ("NoSchedule", "tolerations: [{ key: pool, operator: Equal, value: load, effect: NoSchedule }]", true),
        ("NoExecute", "tolerations: [{ key: pool, value: load, effect: NoSchedule }]", false),
        ("NoSchedule", "tolerations: [{ key: pool, value: other }]", false),
        ("NoSchedule", "tolerations: [{ key: other, operator: Exists }]", false),
        ("NoSchedule", "tolerations: [{ key: pool, operator: Exists }]", true),
        ("NoSchedule", "tolerations: [{ operator: Exists }]", true),
        ("NoSchedule", "tolerations: [{ key: pool, value: load }], nodeSelector: { pool: load }", true),
        ("NoSchedule", "tolerations: [{ key: pool, value: load }], nodeSelector: { pool: apps }", false),
    ] {
        assert_eq!(fit(toleration).takes(&node("a", load, &tainted(taint))), goes, "{taint}: {toleration}");
    }
    assert!(Fit::of(None).takes(&node("a", load, &tainted("NoSchedule"))), "of whom nothing is known");
}

#[test]
fn who_can_go_to_some_nodes_only_is_judged_by_these() {
    let taint = "taints: [{ key: pool, value: load, effect: NoSchedule }]";
    let nodes = [node("a", "", ""), node("b", "pool: load", taint), node("c", "pool: load", taint)];
    let (apps, load) = (fit(""), fit("tolerations: [{ key: pool, operator: Exists }], nodeSelector: { pool: load }"));
    let both = fit("tolerations: [{ operator: Exists }]");
    assert_eq!(told(&nodes, &[], &[("shop", 8, &apps), ("mocks", 16, &load)]), [""; 0]);
    let short = |whose: &str, [free, more]: [&str; 2]| {
        format!("the nodes{whose} have {free} free, and {more} more is asked for; pods wait until there are more nodes")
    };
    assert_eq!(
        told(&nodes, &[], &[("shop", 9, &apps), ("mocks", 1, &load)]),
        [short(" for shop", ["4 of requests.cpu", "4500m"]), short(" for shop", ["8Gi of requests.memory", "9Gi"]),],
        "all nodes together have enough"
    );
    assert_eq!(
        told(&nodes, &[], &[("shop", 8, &apps), ("mocks", 10, &load), ("cart", 7, &both)]),
        [short("", ["12 of requests.cpu", "12500m"]), short("", ["24Gi of requests.memory", "25Gi"])],
        "each would have enough alone"
    );
    let names = ["a", "b", "c", "d", "e"].map(|name| (name, 2, &apps));
    assert!(told(&nodes, &[], &names)[0].starts_with("the nodes for a, b, c and 2 more have 4 of"));
    assert!(
        told(&nodes, &[], &[("shop", 1, &fit("nodeSelector: { pool: none }"))])[0]
            .starts_with("the nodes for shop have 0 of")
    );
}
