//! The smallest workloads that the API server takes, to start a test from.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::behaviour::Behaviour;

/// A Deployment with one container `main` of the image `registry.example/NAME:1`. Its pods have the label `app: NAME`.
pub fn deployment(name: &str, replicas: i32, behaviour: Behaviour) -> Deployment {
    let spec = DeploymentSpec {
        replicas: Some(replicas),
        selector: selector(name),
        template: template(name, behaviour),
        ..DeploymentSpec::default()
    };
    Deployment { metadata: named(name), spec: Some(spec), status: None }
}

/// A StatefulSet like the Deployment of [`deployment`], without volumes.
pub fn stateful_set(name: &str, replicas: i32, behaviour: Behaviour) -> StatefulSet {
    let spec = StatefulSetSpec {
        replicas: Some(replicas),
        selector: selector(name),
        service_name: Some(name.to_owned()),
        template: template(name, behaviour),
        ..StatefulSetSpec::default()
    };
    StatefulSet { metadata: named(name), spec: Some(spec), status: None }
}

/// A Service of the pods with the label `app: APP`.
pub fn service(name: &str, app: &str) -> Service {
    let spec =
        ServiceSpec { cluster_ip: Some("None".to_owned()), selector: Some(labels(app)), ..ServiceSpec::default() };
    Service { metadata: named(name), spec: Some(spec), status: None }
}

fn template(name: &str, behaviour: Behaviour) -> PodTemplateSpec {
    let container = Container {
        name: "main".to_owned(),
        image: Some(format!("registry.example/{name}:1")),
        ..Container::default()
    };
    let mut template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(name)), ..ObjectMeta::default() }),
        spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
    };
    behaviour.write_to(&mut template);
    template
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn selector(name: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(labels(name)), match_expressions: None }
}

fn labels(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), name.to_owned())])
}
