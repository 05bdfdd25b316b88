//! Connections that a network has forgotten: what passed before is silent for good, and nobody says so. New ones are as good as ever.

use std::time::{Duration, Instant};

use conductor_bed::{Backend, Front, WhenOpened};
use conductor_core::ports::{Deployer, Way};
use conductor_kubernetes::{ClusterSettings, connect};
use futures::StreamExt;
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::bed::{Bed, PATIENCE, cluster, conductor};
use crate::plans::image;
use crate::scene::Scene;

/// How many connections are idle when the network forgets them.
const CONNECTIONS: usize = 6;
/// A cut that is shorter than the wait for one answer.
const CUT: Duration = Duration::from_secs(8);
/// The wait for one answer; trying one dead connection takes as long.
const ONE_ANSWER: Duration = Duration::from_secs(20);
/// More than the sockets of Linux take in before the other end has to read.
const MORE_THAN_FITS: usize = 40 * 1024 * 1024;

/// A way to the API server that can forget its connections.
struct Forgetful {
    front: Front,
    kubeconfig: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Forgetful {
    async fn new() -> Self {
        let direct = std::fs::read_to_string(cluster().await.kubeconfig(&conductor()).unwrap()).unwrap();
        let (_, rest) = direct.split_once("//127.0.0.1:").unwrap();
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let front = Front::before(Backend::Port(port.parse().unwrap()), WhenOpened::StaySilent).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let led = |port: &str| format!("//127.0.0.1:{port}");
        std::fs::write(&kubeconfig, direct.replace(&led(&port), &led(&front.port().to_string()))).unwrap();
        Self { front, kubeconfig, _folder: folder }
    }

    async fn client(&self) -> Client {
        let settings = ClusterSettings { kubeconfig: Some(self.kubeconfig.clone()), ..ClusterSettings::default() };
        connect(&settings).await.unwrap()
    }

    /// Forgets all connections there are, and takes new ones from the end of the cut on.
    async fn forget(&self, cut: Duration) {
        self.front.silence();
        tokio::time::sleep(cut).await;
        self.front.open();
    }
}

#[tokio::test]
async fn a_write_after_a_cut_goes_by_a_new_connection() {
    let scene = Scene::new("forgotten", &["shop"], false).await;
    let way = Forgetful::new().await;
    let conductor = scene.bed.by_way_of(&way.kubeconfig, 1).await;
    // As many connections as there are calls at the same time.
    try_join_all((0..CONNECTIONS).map(|_| scene.bed.try_observe(&conductor))).await.unwrap();
    way.forget(CUT).await;
    let begun = Instant::now();
    conductor.roll_out(&scene.bed.run, &scene.changes.plan.rollouts[0], Way::There).await.unwrap();
    assert!(begun.elapsed() < ONE_ANSWER, "a dead connection was tried: {:?}", begun.elapsed());
    let live = scene.bed.api::<Deployment>().get("shop").await.unwrap();
    assert_eq!(live.spec.unwrap().template.spec.unwrap().containers[0].image, Some(image("shop")));
}

#[tokio::test]
async fn what_nobody_takes_off_the_wire_ends_the_connection_before_the_wait_for_its_answer() {
    let bed = Bed::new("unacknowledged", &["shop"]).await;
    let way = Forgetful::new().await;
    let client = way.client().await;
    client.apiserver_version().await.unwrap();
    way.front.silence();
    let large = json!({ "metadata": { "name": "large" }, "data": { "text": "x".repeat(MORE_THAN_FITS) } });
    let large: ConfigMap = serde_json::from_value(large).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, &bed.namespace);
    let begun = Instant::now();
    let written = tokio::time::timeout(PATIENCE, maps.create(&PostParams::default(), &large)).await;
    let error = written.expect("the connection stays for ever").unwrap_err();
    let took = begun.elapsed();
    assert!((Duration::from_secs(5)..ONE_ANSWER).contains(&took), "{took:?}: {error:?}");
    assert!(format!("{error:?}").contains("TimedOut"), "{error:?}");
}

#[tokio::test]
async fn a_watch_stays_for_longer_than_an_unused_connection() {
    let bed = Bed::new("long-lived", &["shop"]).await;
    let way = Forgetful::new().await;
    let maps: Api<Deployment> = Api::namespaced(way.client().await, &bed.namespace);
    let mut watch = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    tokio::time::sleep(ONE_ANSWER).await;
    bed.kubectl(&["create", "deployment", "late", "--image=late", "--replicas=0"], "").await;
    let seen = async {
        while let Some(event) = watch.next().await {
            if let WatchEvent::Added(deployment) = event.unwrap()
                && deployment.metadata.name.as_deref() == Some("late")
            {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, seen).await.expect("nothing comes"), "the watch has ended");
}
