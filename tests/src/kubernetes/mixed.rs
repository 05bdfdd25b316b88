//! Applications of every kind beside the shop, in both clusters: what scales them, and what keeps them as a repository says.

use conductor_kubernetes_bed::{Cluster, GitOps, Tool, Trigger, scaled_object};
use serde_json::{Value, json};

use super::PATIENCE;
use super::clusters::{Clusters, apply, await_replicas, read, runtime, said};
use crate::bed::until;

/// A kind of application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Deployment,
    StatefulSet,
    /// A Deployment that KEDA scales in the test cluster.
    Scaled,
    /// A Deployment that is kept in the test cluster as a repository says.
    Kept(Tool),
}

/// Their names, which are those of their workloads, too.
const APPLICATIONS: [(&str, Sort); 6] = [
    ("search", Sort::Deployment),
    ("ledger", Sort::StatefulSet),
    ("mailer", Sort::Scaled),
    ("catalog", Sort::Kept(Tool::Kustomization)),
    ("prices", Sort::Kept(Tool::HelmRelease)),
    ("basket", Sort::Kept(Tool::Application)),
];

/// The kinds of what keeps them.
const KEEPERS: [&str; 3] =
    ["kustomizations.kustomize.toolkit.fluxcd.io", "helmreleases.helm.toolkit.fluxcd.io", "applications.argoproj.io"];

/// What each runs in production, and in the test cluster.
const PRODUCTION: Version = Version { tag: "v2", replicas: 3, cpu: "500m" };
const TEST: Version = Version { tag: "v1", replicas: 1, cpu: "100m" };

#[derive(Clone, Copy)]
struct Version {
    tag: &'static str,
    replicas: u32,
    cpu: &'static str,
}

impl Sort {
    const fn kind(self) -> &'static str {
        match self {
            Self::Deployment | Self::Scaled | Self::Kept(_) => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }

    fn workload(self, namespace: &str, name: &str, Version { tag, replicas, cpu }: Version) -> Value {
        let labels = json!({ "app": name });
        let container = json!({
            "name": "main",
            "image": format!("registry.example/{name}:{tag}"),
            "resources": { "requests": { "cpu": cpu }, "limits": { "memory": "1Gi" } },
        });
        let mut workload = json!({
            "apiVersion": "apps/v1",
            "kind": self.kind(),
            "metadata": { "namespace": namespace, "name": name, "labels": labels },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } },
            },
        });
        if self == Self::StatefulSet {
            workload["spec"]["serviceName"] = json!(name);
            workload["spec"]["podManagementPolicy"] = json!("Parallel");
        }
        workload
    }

    /// The kind of object of the same name that acts on it in the test cluster.
    const fn acts(self) -> Option<&'static str> {
        match self {
            Self::Deployment | Self::StatefulSet => None,
            Self::Scaled => Some("scaledobjects.keda.sh"),
            Self::Kept(Tool::Kustomization) => Some(KEEPERS[0]),
            Self::Kept(Tool::HelmRelease) => Some(KEEPERS[1]),
            Self::Kept(Tool::Application) => Some(KEEPERS[2]),
        }
    }

    /// Names it in an environment's file.
    fn entry(self, name: &str) -> String {
        match self {
            Self::Deployment | Self::Scaled | Self::Kept(_) => format!("      - name: {name}\n"),
            Self::StatefulSet => format!("      - {{ name: {name}, statefulSet: {name} }}\n"),
        }
    }
}

/// Makes them in both clusters. They are kept for as long as the keepers are not dropped.
pub(super) fn make(clusters: &Clusters, namespace: &str) -> Vec<GitOps> {
    runtime().block_on(clusters.test.keda()).unwrap();
    let mut keepers = Vec::new();
    for (name, sort) in APPLICATIONS {
        apply(&clusters.production, &sort.workload(namespace, name, PRODUCTION).to_string());
        let workload = sort.workload(namespace, name, TEST);
        match sort {
            Sort::Kept(tool) => {
                let kept = clusters.test.git_ops(tool, namespace, name, vec![workload]);
                keepers.push(runtime().block_on(kept).unwrap());
            }
            Sort::Deployment | Sort::StatefulSet | Sort::Scaled => apply(&clusters.test, &workload.to_string()),
        }
        if sort == Sort::Scaled {
            let mut scaled = json!(scaled_object(name, 1..=2, Trigger::active()));
            scaled["metadata"]["namespace"] = json!(namespace);
            apply(&clusters.test, &scaled.to_string());
        }
    }
    for cluster in [&clusters.production, &clusters.test] {
        for (name, sort) in APPLICATIONS {
            let workload = format!("{}/{name}", sort.kind());
            until(&format!("{workload} is made"), PATIENCE, || exists(cluster, namespace, &workload));
            await_replicas(cluster, namespace, &workload);
        }
    }
    until("the keepers know what they keep", PATIENCE, || {
        KEEPERS.iter().all(|kind| {
            let keepers = read(&clusters.test, &["-n", namespace, "get", kind]);
            keepers["items"].as_array().unwrap().iter().all(|keeper| keeper["status"].is_object())
        })
    });
    keepers
}

fn exists(cluster: &Cluster, namespace: &str, workload: &str) -> bool {
    !said(cluster, &["-n", namespace, "get", workload, "--ignore-not-found", "-o", "name"]).is_empty()
}

/// Asserts that each is in the test cluster as it is in production, and that nobody else acts on it.
pub(super) fn assert_like_production(cluster: &Cluster, namespace: &str) {
    let Version { replicas, cpu, .. } = PRODUCTION;
    for (name, sort) in APPLICATIONS {
        let spec = &read(cluster, &["-n", namespace, "get", sort.kind(), name])["spec"];
        assert_eq!(spec["replicas"], replicas, "{name}");
        let container = &spec["template"]["spec"]["containers"][0];
        assert_eq!(container["resources"]["requests"]["cpu"], cpu, "{name}");
        let image = container["image"].as_str().unwrap();
        assert!(image.starts_with(&format!("registry.example/{name}@sha256:")), "{image}");
        let paused = match sort {
            Sort::Kept(Tool::Kustomization | Tool::HelmRelease) => Some(("/spec/suspend", json!(true))),
            Sort::Kept(Tool::Application) => Some(("/spec/syncPolicy/automated/enabled", json!(false))),
            Sort::Scaled => Some(("/spec/maxReplicaCount", json!(replicas))),
            Sort::Deployment | Sort::StatefulSet => None,
        };
        if let Some((field, value)) = paused {
            let kind = sort.acts().unwrap_or_default();
            let found = read(cluster, &["-n", namespace, "get", kind, name]);
            assert_eq!(found.pointer(field), Some(&value), "{kind} {name}");
        }
    }
}

/// The entries of all in an environment's file.
pub(super) fn entries() -> String {
    APPLICATIONS.iter().map(|(name, sort)| sort.entry(name)).collect()
}
