//! The conductor, as its engine calls it.

use std::time::{Duration, Instant};

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::Failure;
use conductor_core::guard::Guarded;
use conductor_core::ports::{Deployed, Deployer, EnvironmentGuard, PortError, Scaler, Way as PortWay};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, Observed, ScaleStep};
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::Cluster;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fleet::{Fleet, wanted};
use crate::wave::{Wave, wave};
use crate::{Way, memory, requests, user};

/// An environment with what was read of it.
pub(crate) struct Conductor {
    environment: KubernetesEnvironment,
    applications: Vec<ApplicationId>,
    baseline: Baseline,
    run: RunId,
    /// Seconds that the reads took.
    pub(crate) read_time: f64,
}

/// Megabytes before the conductor was made, and at most since then.
pub(crate) type Memory = [f64; 2];

impl Conductor {
    /// Connects, and reads what is deployed and allocated.
    pub(crate) async fn make(fleet: &Fleet) -> Self {
        let environment = connect(fleet).await;
        let applications: Vec<ApplicationId> = fleet.places.iter().map(|(_, name)| name.parse().unwrap()).collect();
        let begun = Instant::now();
        let deployed = environment.deployed(&applications).await.unwrap();
        let mut allocated = environment.allocated(&applications).await.unwrap();
        let read_time = begun.elapsed().as_secs_f64();
        let observed = |(application, Deployed { release, identity })| {
            let allocation = allocated.remove(&application).unwrap();
            (application, Observed { release, allocation, identity })
        };
        let baseline: Baseline = deployed.into_iter().map(observed).collect();
        assert_eq!(baseline.len(), fleet.places.len());
        Self { environment, applications, baseline, run: "fleet".parse().unwrap(), read_time }
    }

    /// Reads all, and writes to all there and back, without waiting for what never comes while the controllers stand still.
    /// With the memory that it took, and how many requests of every kind.
    pub(crate) async fn measure(cluster: &Cluster, fleet: &Fleet) -> ([Wave; 2], Memory, f64) {
        let size = fleet.places.len();
        let requests_before = requests::so_far(cluster).await;
        let memory_before = if memory::reset() { memory::now() } else { memory::peak() };
        let conductor = Self::make(fleet).await;
        let up = wave(cluster, &user(), size, conductor.scale_all(Way::Up)).await;
        let back = wave(cluster, &user(), size, conductor.scale_all(Way::Back)).await;
        let memory = [memory_before, memory::peak()];
        drop(conductor);
        // Watches are counted when they end.
        tokio::time::sleep(Duration::from_secs(1)).await;
        ([up, back], memory, requests::so_far(cluster).await - requests_before)
    }

    /// The same by conductors that have read nothing of what they write to, as one is that takes a run over.
    pub(crate) async fn measure_anew(cluster: &Cluster, fleet: &Fleet) -> [Wave; 2] {
        let size = fleet.places.len();
        let mut conductor = Self::make(fleet).await;
        conductor.environment = connect(fleet).await;
        let up = wave(cluster, &user(), size, conductor.scale_all(Way::Up)).await;
        conductor.environment = connect(fleet).await;
        [up, wave(cluster, &user(), size, conductor.scale_all(Way::Back)).await]
    }

    /// Seconds until all have settled.
    pub(crate) async fn settle(&self, way: Way) -> f64 {
        let begun = Instant::now();
        self.scale_all(way).await;
        begun.elapsed().as_secs_f64()
    }

    /// Seconds until nobody else can change them.
    pub(crate) async fn freeze(&self) -> f64 {
        let begun = Instant::now();
        let until = Timestamp::now() + Duration::from_secs(3600);
        let guarded = self.environment.freeze(&self.run, &self.applications, until).await;
        match guarded.unwrap_or_else(|error| panic!("{}", text(&error))) {
            Guarded::Frozen => begun.elapsed().as_secs_f64(),
            other @ (Guarded::Open { .. } | Guarded::Partly { .. } | Guarded::Alone) => {
                panic!("it is not frozen: {other:?}")
            }
        }
    }

    pub(crate) async fn thaw(&self) {
        self.environment.thaw(&self.run).await.unwrap();
    }

    async fn scale_all(&self, way: Way) {
        let steps = self.baseline.iter().map(|(application, observed)| {
            let (from, to) = (observed.allocation.clone(), up(&observed.allocation));
            match way {
                Way::Up => (ScaleStep { application: application.clone(), from, to }, PortWay::There),
                Way::Back => (ScaleStep { application: application.clone(), from: to, to: from }, PortWay::Back),
            }
        });
        let scaled = stream::iter(steps).map(async |(step, way)| self.environment.scale(&self.run, &step, way).await);
        let done = scaled.buffer_unordered(self.baseline.len());
        done.for_each(async |done| done.unwrap_or_else(|error| panic!("{}", text(&error)))).await;
    }
}

async fn connect(fleet: &Fleet) -> KubernetesEnvironment {
    let application = |(namespace, name): &(String, String)| json!({ "name": name, "namespace": namespace });
    let applications: Vec<Value> = fleet.places.iter().map(application).collect();
    let cluster = json!({ "kubeconfig": fleet.kubeconfig });
    let settings = json!({ "cluster": cluster, "steadyFor": "1s", "applications": applications });
    KubernetesEnvironment::connect(serde_json::from_value(settings).unwrap(), 1).await.unwrap()
}

/// What an application gets.
fn up(before: &Allocation) -> Allocation {
    let (replicas, requests) = wanted(Way::Up);
    let requests = requests.map(|(name, amount)| (format!("requests.{name}"), amount.parse().unwrap()));
    let resources = [("main".to_owned(), requests.into_iter().collect())].into_iter().collect();
    Allocation { replicas, resources, autoscaling: before.autoscaling }
}

fn text(error: &PortError) -> String {
    Failure::of("", error).message
}
