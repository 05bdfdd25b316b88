//! What a staged run finds: its bed, with what its scenery asks for.

use std::ops::Deref;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bed::{Bed, Shop, until};
use crate::kubernetes::ClusterBed;
use crate::staged::case::{Case, Kpi};
use crate::staged::front::StuckFront;
use crate::staged::prometheus::Prometheus;

/// 1,200 orders a minute for one minute, by some 25 customers: enough to tell 5 % from chance, and little for a machine.
const LOAD_TEST: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: LoadTest
metadata: { name: staged }
spec:
  environment: shop-local
  kpi: { name: orders, target: 1200/min }
  rampUp: 60s
  plateau: 60s
  interval: 5s
  limits: { maxUsers: 100, rehearsal: 40s }
  load: { usersPerKpi: 0.0217 }
";

/// The page of Locust that the plugin's counts are on.
const COUNTS: &str = "/conductor/series";

/// A staged run's surroundings. With it everything in it ends.
pub struct Scene {
    prometheus: Option<Prometheus>,
    front: Option<StuckFront>,
    place: Place,
}

enum Place {
    Local(Bed),
    Cluster(Box<ClusterBed>),
}

impl Deref for Scene {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        match &self.place {
            Place::Local(bed) => bed,
            Place::Cluster(bed) => bed,
        }
    }
}

impl Scene {
    /// Sets the scene of a case, and brings everything up.
    pub fn of(case: &Case) -> Self {
        let scenery = &case.scenery;
        let mut scene = if scenery.cluster {
            Self { place: Place::Cluster(Box::new(in_cluster(case.name))), prometheus: None, front: None }
        } else {
            let shop = Shop { capacity: scenery.capacity, mock: scenery.mock, ..Shop::default() };
            let bed = Bed::new(shop);
            if scenery.workers > 0 {
                bed.add_load_worker();
            }
            bed.edit("locustfile.py", "between(0.5, 1)", "between(0.3, 0.4)");
            bed.write("loadtest.yaml", LOAD_TEST);
            if scenery.workers > 1 {
                let ready = format!("ready: {{}}\n        replicas: {}\n", scenery.workers);
                bed.edit("environment.yaml", "ready: {}\n", &ready);
            }
            Self { place: Place::Local(bed), prometheus: None, front: None }
        };
        scene.count(scenery.kpi);
        if scenery.front {
            let url = scene.between("url: \"http://", "\"");
            let front = StuckFront::before(url.clone(), COUNTS);
            scene.edit(
                "environment.yaml",
                &format!("url: \"http://{url}"),
                &format!("url: \"http://{}", front.address()),
            );
            scene.front = Some(front);
        }
        (case.prepare)(&scene);
        scene.bring_up();
        let workers = scenery.workers as usize;
        until("Locust has its workers", Duration::from_secs(60), || scene.users_by_worker().len() >= workers);
        scene
    }

    /// Names who counts the orders in the environment, and starts a Prometheus where it is one of them.
    fn count(&mut self, kpi: Kpi) {
        if kpi == Kpi::Locust {
            return;
        }
        let port = self.between("--host, \"http://127.0.0.1:", "\"");
        let prometheus = Prometheus::scraping(self, &port);
        let counter = format!("prometheus: {{ url: \"{}\", counter: shop_orders_total }}", prometheus.url());
        let request = "request: { method: POST, name: /orders, status: 201 }";
        let sources = if kpi == Kpi::Prometheus {
            format!("source: {{ {counter} }}")
        } else {
            format!("source: {{ locust: {{ {request} }} }}, crossCheck: {{ source: {{ {counter} }} }}")
        };
        self.edit("environment.yaml", &format!("orders: {{ {request} }}"), &format!("orders: {{ {sources} }}"));
        self.prometheus = Some(prometheus);
    }

    /// The first text of the environment between two others.
    pub(super) fn between(&self, from: &str, to: &str) -> String {
        let text = std::fs::read_to_string(self.path("environment.yaml")).unwrap();
        let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from:?} in\n{text}"));
        rest.split_once(to).unwrap().0.to_owned()
    }

    /// The Prometheus that scrapes the shop.
    pub fn prometheus(&self) -> &Prometheus {
        self.prometheus.as_ref().expect("the scenery has a Prometheus")
    }

    /// The front before Locust.
    pub fn front(&self) -> &StuckFront {
        self.front.as_ref().expect("the scenery has a front")
    }

    /// The cluster with the shop.
    pub fn cluster(&self) -> &ClusterBed {
        match &self.place {
            Place::Cluster(bed) => bed,
            Place::Local(_) => panic!("the scenery has no cluster"),
        }
    }

    /// Sends a signal to the first replica of an application.
    pub fn signal(&self, application: &str, signal: Signal) {
        let replicas = self.replicas_of(application);
        let process = replicas.first().and_then(|replica| replica["pid"].as_i64()).unwrap();
        kill(Pid::from_raw(process.try_into().unwrap()), signal).unwrap();
    }

    /// Changes what the shop and its customers do from now on.
    pub fn conditions(&self, conditions: &Value) {
        // Whoever reads it must not find half of it.
        self.write("conditions.new", &conditions.to_string());
        std::fs::rename(self.path("conditions.new"), self.path("conditions.json")).unwrap();
    }
}

/// A shop in two real clusters, with a load that is held for three quarters of a minute.
fn in_cluster(name: &str) -> ClusterBed {
    let bed = ClusterBed::new(&format!("staged-{}", name.replace(' ', "-").to_lowercase()), "3m");
    bed.held_load();
    bed
}
