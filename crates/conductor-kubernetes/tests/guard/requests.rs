//! How often the cluster is asked for lists: what several look for at the same moment is listed once.

use std::collections::BTreeMap;

use conductor_core::ports::{Deployer, EnvironmentGuard, Scaler};
use conductor_kubernetes_bed::{FaultProxy, Tool, User, Verb};
use serde_json::{Value, json};

use crate::bed::{Bed, cluster, in_minutes};

/// How often each kind that others may have made was listed since there were so many requests.
fn lists(proxy: &FaultProxy, before: usize) -> BTreeMap<String, usize> {
    let mut lists = BTreeMap::new();
    for seen in proxy.requests().into_iter().skip(before).filter(|seen| seen.verb == Verb::List) {
        if !matches!(&*seen.object.api_group, "" | "apps" | "keda.sh" | "loadtest-conductor.dev") {
            *lists.entry(seen.object.resource.to_string()).or_default() += 1;
        }
    }
    lists
}

#[tokio::test]
async fn keepers_and_vertical_autoscalers_are_listed_once_before_a_run_and_autoscalers_once_for_its_freeze() {
    let cluster = cluster().await;
    cluster.vertical().await.unwrap();
    let mut bed = Bed::new("listed").await;
    let mut kept = Vec::new();
    for tool in [Tool::Kustomization, Tool::HelmRelease, Tool::Application] {
        kept.push(cluster.git_ops(tool, "listed", "any", Vec::<Value>::new()).await.unwrap());
    }
    let user = User::service_account("loadtest-conductor", "loadtest-conductor");
    let proxy = cluster.fault_proxy(&user).await.unwrap();
    bed.conductor = bed.connect(1, &json!({ "cluster": { "kubeconfig": proxy.kubeconfig() } })).await;
    let (conductor, applications) = (&bed.conductor, &bed.applications);
    // As the engine checks.
    let (deployed, allocated, left) = futures::join!(
        conductor.deployed(applications),
        conductor.allocated(applications),
        conductor.left_behind(applications)
    );
    assert!(deployed.is_ok() && allocated.is_ok() && left.is_ok());
    let once = |kinds: &[&str]| kinds.iter().map(|kind| ((*kind).to_owned(), 1)).collect::<BTreeMap<_, _>>();
    let keepers = ["applications", "helmreleases", "kustomizations", "verticalpodautoscalers"];
    let mut checked = lists(&proxy, 0);
    // What is allocated and what is left are two looks at them.
    assert_eq!(checked.remove("horizontalpodautoscalers"), Some(2));
    assert_eq!(checked, once(&keepers));

    let before = proxy.requests().len();
    conductor.freeze(&bed.run, applications, in_minutes(15)).await.unwrap();
    let all: Vec<&str> = keepers.into_iter().chain(["horizontalpodautoscalers"]).collect();
    assert_eq!(lists(&proxy, before), once(&all));
    conductor.thaw(&bed.run).await.unwrap();
}
