//! Two sides that are alike, to be changed: what is a difference and what is none, and what becomes of waivers.

mod differences;
mod severities;
mod waivers;

use std::collections::BTreeSet;

use super::*;
use crate::app::{ApplicationId, Bounds};
use crate::phase::Level;
use crate::scale::Plan;
use crate::spec::{Intent, ScaleChoice, VersionChoice};

fn app() -> ApplicationId {
    "shop".parse().unwrap()
}

/// As in production.
fn intent() -> Intent {
    Intent::new(app(), VersionChoice::Production, ScaleChoice::Production)
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn hash(number: u8) -> ValueHash {
    ValueHash::of([number; 8])
}

fn container() -> Container {
    Container {
        image: text("registry.example/shop@sha256:aa"),
        resources: [(text("requests.cpu"), "500m".parse().unwrap())].into(),
        env: [
            (text("LOG"), EnvValue::Hashed(hash(1))),
            (text("PASSWORD"), EnvValue::Reference(text("Secret db, key password"))),
        ]
        .into(),
        env_from: [(text("ConfigMap/shop"), text("all entries"))].into(),
        probes: [(text("readiness"), text("GET /health"))].into(),
        command: Some(hash(2)),
        ..Container::default()
    }
}

fn autoscaler(min: u32, max: u32) -> Option<Autoscaling> {
    let metrics = BTreeSet::from([text("cpu at 70 %")]);
    Some(Autoscaling::By(Autoscaler { bounds: Bounds { min, max }, metrics, behavior: text("default") }))
}

fn profile() -> Profile {
    Profile {
        replicas: 2,
        containers: [(text("main"), container())].into(),
        autoscaling: Some(Autoscaling::Absent),
        settings: [(text("strategy"), text("RollingUpdate"))].into(),
    }
}

fn node_type(count: u32, memory: &str) -> NodeType {
    NodeType { count, arch: text("amd64"), cpu: "4".parse().unwrap(), memory: memory.parse().unwrap() }
}

fn cluster() -> Cluster {
    let nodes = Nodes { types: [(text("m5.large"), node_type(3, "8Gi"))].into(), agents: [text("v1.36.2")].into() };
    Cluster { version: Some(text("v1.36.2")), nodes: Some(nodes) }
}

fn side(profile: Profile) -> Side {
    Side { cluster: cluster(), applications: [(app(), profile)].into(), ..Side::default() }
}

fn today() -> Day {
    "2026-11-26".parse().unwrap()
}

fn report(sides: &Sides, plan: &Plan, waivers: &[Waiver]) -> Report {
    compare(sides, &[intent()], plan, Rules { waivers, ..Rules::default() }, today())
}

/// What differs when both sides are the same but for this change of one.
fn differs(production: impl Fn(&mut Side), test: impl Fn(&mut Side)) -> Vec<(String, Severity)> {
    let mut sides = Sides { production: side(profile()), test: side(profile()) };
    production(&mut sides.production);
    test(&mut sides.test);
    let report = report(&sides, &Plan::default(), &[]);
    report.differences.iter().map(|one| (one.to_string(), one.severity)).collect()
}

fn shop(side: &mut Side) -> &mut Profile {
    side.applications.get_mut("shop").unwrap()
}

fn main(side: &mut Side) -> &mut Container {
    shop(side).containers.get_mut("main").unwrap()
}

fn same(_: &mut Side) {}
