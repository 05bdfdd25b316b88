//! Applications of every kind beside the shop, in both clusters: what scales them, and what keeps them as a repository says.

use conductor_kubernetes_bed::{
    Behaviour, Cluster, GitOps, Step, Tool, Trigger, deployment, rollout, scaled_object, search_cluster, stack_set,
    stateful_set,
};
use serde_json::{Value, json};

use super::PATIENCE;
use super::clusters::{ACCOUNTS, Clusters, READER, apply, manifest, read, runtime, said};
use crate::bed::until;

/// A kind of application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Deployment,
    StatefulSet,
    /// A Rollout of Argo Rollouts, whose canary pauses until somebody goes on.
    Rollout,
    /// A StackSet with one Stack, which has all traffic.
    StackSet,
    /// Of a custom kind of which nothing is known but that it can be scaled.
    Scalable,
    /// A Deployment that KEDA scales in the test cluster.
    Scaled,
    /// A Deployment that is kept in the test cluster as a repository says.
    Kept(Tool),
}

/// Their names, which are those of their workloads, too.
const APPLICATIONS: [(&str, Sort); 9] = [
    ("search", Sort::Deployment),
    ("ledger", Sort::StatefulSet),
    ("checkout", Sort::Rollout),
    ("wishes", Sort::StackSet),
    ("index", Sort::Scalable),
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
            Self::Deployment | Self::Scaled | Self::Kept(_) => "deployment",
            Self::StatefulSet => "statefulset",
            Self::Rollout => "rollouts.argoproj.io",
            Self::StackSet => "stackset",
            Self::Scalable => "searchclusters.example.com",
        }
    }

    fn workload(self, namespace: &str, name: &str, Version { tag, replicas, cpu }: Version) -> Value {
        let (ready, wanted) = (Behaviour::Ready, i32::try_from(replicas).unwrap());
        let (group, mut workload) = match self {
            Self::Deployment | Self::Scaled | Self::Kept(_) => ("apps/v1", json!(deployment(name, wanted, ready))),
            Self::StatefulSet => ("apps/v1", json!(stateful_set(name, wanted, ready))),
            Self::Rollout => {
                let steps = [Step::SetWeight(50), Step::pause()];
                ("argoproj.io/v1alpha1", json!(rollout(name, wanted, ready, &steps)))
            }
            Self::StackSet => ("zalando.org/v1", json!(stack_set(name, wanted, None))),
            Self::Scalable => ("example.com/v1", json!(search_cluster(name, wanted, ready))),
        };
        workload["apiVersion"] = json!(group);
        workload["metadata"]["namespace"] = json!(namespace);
        let container = workload.pointer_mut(&format!("{}/containers/0", self.pod())).unwrap();
        container["image"] = json!(format!("registry.example/{name}:{tag}"));
        container["resources"] = json!({ "requests": { "cpu": cpu }, "limits": { "memory": "1Gi" } });
        workload
    }

    /// Where its pods are described.
    const fn pod(self) -> &'static str {
        match self {
            Self::Deployment | Self::Scaled | Self::Kept(_) | Self::StatefulSet | Self::Rollout | Self::Scalable => {
                "/spec/template/spec"
            }
            Self::StackSet => "/spec/stackTemplate/spec/podTemplate/spec",
        }
    }

    /// What of it a load test changes, and where its pods are described there.
    fn changed(self, name: &str) -> (String, &'static str) {
        if self == Self::StackSet {
            return (format!("stacks.zalando.org/{name}-v1"), "/spec/podTemplate/spec");
        }
        (format!("{}/{name}", self.kind()), self.pod())
    }

    /// The kind of object of the same name that acts on it in the test cluster.
    const fn acts(self) -> Option<&'static str> {
        match self {
            Self::Deployment | Self::StatefulSet | Self::Rollout | Self::StackSet | Self::Scalable => None,
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
            Self::Rollout => format!("      - {{ name: {name}, rollout: {name} }}\n"),
            Self::StackSet => format!("      - {{ name: {name}, stackSet: {name} }}\n"),
            Self::Scalable => {
                let object = format!("apiVersion: example.com/v1, kind: SearchCluster, name: {name}");
                format!("      - {{ name: {name}, scalable: {{ {object} }} }}\n")
            }
        }
    }
}

/// Makes them in both clusters. They are kept for as long as the keepers are not dropped.
pub(super) fn make(clusters: &Clusters, namespace: &str) -> Vec<GitOps> {
    runtime().block_on(async {
        clusters.test.keda().await.unwrap();
        for cluster in [&clusters.production, &clusters.test] {
            cluster.rollouts().await.unwrap();
            cluster.stack_sets().await.unwrap();
            cluster.search_clusters().await.unwrap();
        }
    });
    apply(&clusters.test, &manifest("scalable.yaml"));
    apply(&clusters.production, &reading_scalables().to_string());
    let mut keepers = Vec::new();
    for (name, sort) in APPLICATIONS {
        apply(&clusters.production, &sort.workload(namespace, name, PRODUCTION).to_string());
        let workload = sort.workload(namespace, name, TEST);
        match sort {
            Sort::Kept(tool) => {
                let kept = clusters.test.git_ops(tool, namespace, name, vec![workload]);
                keepers.push(runtime().block_on(kept).unwrap());
            }
            Sort::Deployment | Sort::StatefulSet | Sort::Rollout | Sort::StackSet | Sort::Scalable | Sort::Scaled => {
                apply(&clusters.test, &workload.to_string());
            }
        }
        if sort == Sort::Scaled {
            let mut scaled = json!(scaled_object(name, 1..=2, Trigger::active()));
            scaled["metadata"]["namespace"] = json!(namespace);
            apply(&clusters.test, &scaled.to_string());
        }
    }
    for (cluster, Version { replicas, .. }) in [(&clusters.production, PRODUCTION), (&clusters.test, TEST)] {
        for (name, sort) in APPLICATIONS {
            until(&format!("{name} has its replicas"), PATIENCE, || has(cluster, namespace, name, sort, replicas));
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

/// The rights of the reader of production to objects of the custom kind.
fn reading_scalables() -> Value {
    let meta = json!({ "name": "reading-scalables" });
    let rbac = "rbac.authorization.k8s.io";
    let reading = json!({ "apiGroups": ["example.com"], "resources": ["searchclusters"], "verbs": ["get"] });
    let definition = json!({
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "resourceNames": ["searchclusters.example.com"],
        "verbs": ["get"],
    });
    let role = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": meta, "rules": [reading, definition],
    });
    let binding = json!({
        "apiVersion": format!("{rbac}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": meta,
        "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": "reading-scalables" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": ACCOUNTS, "name": READER }],
    });
    json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] })
}

/// True once an application has its replicas, and all of its traffic where it says that.
fn has(cluster: &Cluster, namespace: &str, name: &str, sort: Sort, replicas: u32) -> bool {
    let (object, _) = sort.changed(name);
    let found = said(cluster, &["-n", namespace, "get", &object, "--ignore-not-found", "-o", "json"]);
    let Ok(found) = serde_json::from_str::<Value>(&found) else { return false };
    let status = &found["status"];
    let is_served = sort != Sort::StackSet || status["actualTrafficWeight"] == 100.0;
    let ready = if sort == Sort::Scalable { &status["nodes"] } else { &status["readyReplicas"] };
    is_served && *ready == replicas
}

/// Asserts that each is in the test cluster as it is in production, and that nobody else acts on it.
pub(super) fn assert_like_production(cluster: &Cluster, namespace: &str) {
    let Version { replicas, cpu, .. } = PRODUCTION;
    for (name, sort) in APPLICATIONS {
        let (object, pod) = sort.changed(name);
        let found = read(cluster, &["-n", namespace, "get", &object]);
        if sort == Sort::Scalable {
            assert_eq!(found["spec"]["nodes"]["data"], replicas, "{name}");
            assert_eq!(found.pointer(&format!("{pod}/containers/0/resources/requests/cpu")), Some(&json!(TEST.cpu)));
            continue;
        }
        assert_eq!(found["spec"]["replicas"], replicas, "{name}");
        let container = found.pointer(&format!("{pod}/containers/0")).unwrap();
        assert_eq!(container["resources"]["requests"]["cpu"], cpu, "{name}");
        let image = container["image"].as_str().unwrap();
        assert!(image.starts_with(&format!("registry.example/{name}@sha256:")), "{image}");
        let paused = match sort {
            Sort::Kept(Tool::Kustomization | Tool::HelmRelease) => Some(("/spec/suspend", json!(true))),
            Sort::Kept(Tool::Application) => Some(("/spec/syncPolicy/automated/enabled", json!(false))),
            Sort::Scaled => Some(("/spec/maxReplicaCount", json!(replicas))),
            Sort::Deployment | Sort::StatefulSet | Sort::Rollout | Sort::StackSet | Sort::Scalable => None,
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
