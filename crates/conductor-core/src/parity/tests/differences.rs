//! What is a difference, and what is none.

use super::*;
use crate::app::Allocation;
use crate::release::{Release, Rollout};
use crate::scale::ScaleStep;

#[test]
fn what_is_the_same_on_both_sides_is_no_difference() {
    assert_eq!(differs(same, same), []);
    let report = report(&Sides { production: side(profile()), test: side(profile()) }, &Plan::default(), &[]);
    assert_eq!((report.applications, report.level()), (1, Level::Info));
    assert_eq!(report.summary(), "no differences from production");
}

#[test]
fn every_aspect_of_an_application_is_compared() {
    type Change = fn(&mut Side);
    let cases: [(Change, &str, Severity); 18] = [
        (|side| shop(side).replicas = 5, "replicas: production 2, test 5", Severity::Error),
        (
            |side| shop(side).autoscaling = autoscaler(1, 4),
            "autoscaling: production absent, test autoscaled from 1 to 4",
            Severity::Warn,
        ),
        (
            |side| shop(side).autoscaling = autoscaler(2, 2),
            "autoscaling: production absent, test pinned at 2",
            Severity::Info,
        ),
        (
            |side| drop(shop(side).settings.insert(text("priorityClass"), text("high"))),
            "priorityClass: production absent, test high",
            Severity::Info,
        ),
        (
            |side| drop(shop(side).settings.insert(text("strategy"), text("Recreate"))),
            "strategy: production RollingUpdate, test Recreate",
            Severity::Info,
        ),
        (
            |side| main(side).image = text("registry.example/shop@sha256:bb"),
            "image of main: production registry.example/shop@sha256:aa, test registry.example/shop@sha256:bb",
            Severity::Error,
        ),
        (
            |side| drop(main(side).resources.insert(text("requests.cpu"), "1".parse().unwrap())),
            "requests.cpu of main: production 500m, test 1",
            Severity::Error,
        ),
        (
            |side| drop(main(side).resources.insert(text("limits.memory"), "1Gi".parse().unwrap())),
            "limits.memory of main: production absent, test 1Gi",
            Severity::Error,
        ),
        (
            |side| drop(main(side).env.insert(text("LOG"), EnvValue::Hashed(hash(9)))),
            "env.LOG of main: production value #0101010101010101, test value #0909090909090909",
            Severity::Warn,
        ),
        (
            |side| drop(main(side).env.insert(text("FEATURE_X"), EnvValue::Hashed(hash(9)))),
            "env.FEATURE_X of main: production absent, test value #0909090909090909",
            Severity::Warn,
        ),
        (
            |side| drop(main(side).env.remove("PASSWORD")),
            "env.PASSWORD of main: production Secret db, key password, test absent",
            Severity::Warn,
        ),
        (
            |side| main(side).env_from.clear(),
            "envFrom.ConfigMap/shop of main: production all entries, test absent",
            Severity::Warn,
        ),
        (
            |side| main(side).probes.clear(),
            "probes.readiness of main: production GET /health, test absent",
            Severity::Warn,
        ),
        (
            |side| main(side).command = None,
            "command of main: production #0202020202020202, test absent",
            Severity::Warn,
        ),
        (
            |side| main(side).role = Role::Init,
            "container of main: production container, test init container",
            Severity::Error,
        ),
        (
            |side| drop(shop(side).containers.remove("main")),
            "container of main: production container, test absent",
            Severity::Error,
        ),
        (
            |side| {
                let mesh = Container { role: Role::Injected, ..container() };
                shop(side).containers.insert(text("mesh"), mesh);
            },
            "container of mesh: production absent, test injected sidecar",
            Severity::Warn,
        ),
        (|side| side.applications.clear(), "existence: production there, test absent", Severity::Error),
    ];
    for (change, expected, severity) in cases {
        assert_eq!(differs(same, change), [(text(expected), severity)]);
    }
}

#[test]
fn autoscalers_are_compared_by_what_they_go_by_and_only_where_both_are_known() {
    let other = |side: &mut Side| {
        shop(side).autoscaling = autoscaler(1, 4);
        if let Some(Autoscaling::By(one)) = &mut shop(side).autoscaling {
            (one.metrics, one.behavior) = (BTreeSet::from([text("cpu at 50 %")]), text("slow"));
        }
    };
    let found = differs(|side| shop(side).autoscaling = autoscaler(1, 9), other);
    let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "autoscaling: production autoscaled from 1 to 9, test autoscaled from 1 to 4",
            "autoscaling.metrics: production cpu at 70 %, test cpu at 50 %",
            "autoscaling.behavior: production default, test slow",
        ]
    );
    assert_eq!(differs(|side| shop(side).autoscaling = None, other), []);
}

#[test]
fn what_is_written_otherwise_and_means_the_same_is_no_difference() {
    let cases: [fn(&mut Side); 4] = [
        |side| drop(main(side).resources.insert(text("requests.cpu"), "0.5".parse().unwrap())),
        |side| main(side).image = text("mirror.example/shop@sha256:aa"),
        |side| {
            let nodes = side.cluster.nodes.as_mut().unwrap();
            nodes.types.insert(text("m5.large"), node_type(3, "8000Mi"));
        },
        |side| (side.cluster.version, side.cluster.nodes) = (None, None),
    ];
    for (position, change) in cases.into_iter().enumerate() {
        assert_eq!(differs(same, change), [], "{position}");
    }
    let env = |side: &mut Side| {
        shop(side).containers.insert(text("mesh"), Container { role: Role::Injected, ..container() });
    };
    let other = |side: &mut Side| {
        env(side);
        shop(side).containers.get_mut("mesh").unwrap().env.clear();
    };
    assert_eq!(differs(env, other), [], "what injects a sidecar gives it its variables");
}

#[test]
fn clusters_are_compared_by_version_and_nodes() {
    let nodes = |side: &mut Side, of: &[(&str, NodeType)]| {
        let types = of.iter().map(|(name, one)| (text(name), one.clone())).collect();
        side.cluster.nodes.as_mut().unwrap().types = types;
    };
    let differs = |change: &dyn Fn(&mut Side)| differs(same, change);
    let one = |text: &str, severity| [(text.to_owned(), severity)];
    assert_eq!(
        differs(&|side| side.cluster.version = Some(text("v1.36.9"))),
        one("cluster.version: production v1.36.2, test v1.36.9", Severity::Info)
    );
    assert_eq!(
        differs(&|side| side.cluster.version = Some(text("v1.35.2"))),
        one("cluster.version: production v1.36.2, test v1.35.2", Severity::Warn)
    );
    assert_eq!(
        differs(&|side| side.cluster.nodes.as_mut().unwrap().agents = [text("v1.35.0"), text("v1.36.2")].into()),
        one("cluster.agents: production v1.36.2, test v1.35.0, v1.36.2", Severity::Info)
    );
    let large = "3 × amd64 with cpu 4, memory 8Gi";
    assert_eq!(
        differs(&|side| nodes(side, &[("m5.large", node_type(1, "8Gi"))])),
        one(
            &format!("cluster.nodes.m5.large: production {large}, test 1 × amd64 with cpu 4, memory 8Gi"),
            Severity::Info
        )
    );
    assert_eq!(
        differs(&|side| nodes(side, &[("m5.large", node_type(3, "7Gi"))])),
        one(
            &format!("cluster.nodes.m5.large: production {large}, test 3 × amd64 with cpu 4, memory 7Gi"),
            Severity::Warn
        )
    );
    let other = differs(&|side| nodes(side, &[("t3.micro", node_type(3, "1Gi"))]));
    assert_eq!(other[0].0, format!("cluster.nodes.m5.large: production {large}, test absent"));
    assert_eq!(other[1].0, "cluster.nodes.t3.micro: production absent, test 3 × amd64 with cpu 4, memory 1Gi");
}

#[test]
fn what_the_run_makes_equal_is_no_difference_and_what_it_makes_other_is_one() {
    let small = |side: &mut Side| {
        shop(side).replicas = 1;
        shop(side).autoscaling = autoscaler(1, 2);
        main(side).image = text("registry.example/shop:v1");
        main(side).resources = [(text("requests.cpu"), "100m".parse().unwrap())].into();
        shop(side).containers.insert(text("mesh"), Container { role: Role::Injected, ..container() });
    };
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    small(&mut sides.test);
    shop(&mut sides.production).containers.insert(text("mesh"), Container { role: Role::Injected, ..container() });
    let allocation = |replicas, cpu: &str| Allocation {
        resources: [(text("main"), [(text("requests.cpu"), cpu.parse().unwrap())].into())].into(),
        autoscaling: Some(Bounds::pinned(replicas)),
        ..Allocation::of_replicas(replicas)
    };
    let plan = |image: &str, replicas, cpu| {
        let to = Release::new([(text("main"), text(image)), (text("mesh"), text("never"))].into());
        Plan {
            rollouts: vec![Rollout::new(app(), Release::single("v1"), to)],
            scale_steps: vec![ScaleStep {
                application: app(),
                from: allocation(1, "100m"),
                to: allocation(replicas, cpu),
            }],
        }
    };
    let texts = |plan: &Plan| -> Vec<String> {
        report(&sides, plan, &[]).differences.iter().map(ToString::to_string).collect()
    };
    let pinned = |replicas| format!("autoscaling: production absent, test pinned at {replicas}");
    assert_eq!(texts(&plan("registry.example/shop@sha256:aa", 2, "0.5")), [pinned(2)]);
    assert_eq!(
        texts(&plan("registry.example/shop@sha256:cc", 1, "250m")),
        [
            text("replicas: production 2, test 1"),
            pinned(1),
            text("image of main: production registry.example/shop@sha256:aa, test registry.example/shop@sha256:cc"),
            text("requests.cpu of main: production 500m, test 250m"),
        ]
    );
    assert_eq!(texts(&Plan::default()).len(), 4, "without a plan everything is as it is");
}

#[test]
fn what_could_not_be_read_is_told_and_is_no_difference() {
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    sides.production.applications.clear();
    sides.production.unknown.insert(app());
    sides.production.unread.push(text("could not list pods"));
    let unread = report(&sides, &Plan::default(), &[]);
    assert_eq!((unread.applications, unread.differences.len(), unread.level()), (0, 0, Level::Warning));
    assert_eq!(unread.summary(), "not compared with production; could not list pods");
    let nowhere = compare(&Sides::default(), &[intent()], &Plan::default(), Rules::default(), today());
    assert_eq!(nowhere.notes, ["not compared, since nothing tells what they are like: shop"]);
    let without = Report::incomparable("there is none");
    assert_eq!(
        (without.summary(), without.level()),
        (text("not compared with production: there is none"), Level::Info)
    );
}
