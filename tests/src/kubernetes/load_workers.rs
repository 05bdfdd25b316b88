//! Load workers of Locust that are pods of the test cluster, with a process of Locust for each of these.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use conductor_kubernetes_bed::{Behaviour, Bridge, Replica, deployment};
use serde_json::json;

use super::ClusterBed;
use super::clusters::{POOL, apply, await_replicas, runtime};
use super::processes::up;
use crate::outside::locust;

/// Listens where the pod is up, and becomes the worker. Who opens a port for Locust is told by nothing else: a worker has none.
const UP: &str = "
import os, socket, sys
up = socket.socket()
up.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
up.bind(('127.0.0.1', int(sys.argv[1])))
up.listen()
up.set_inheritable(True)
os.execv(sys.argv[2], sys.argv[2:])
";

impl ClusterBed {
    /// The shop, and a Locust on this machine whose one worker is a pod of the test cluster. Every load test gives it three.
    pub fn with_load_workers(name: &str, dead_man: &str) -> Self {
        let mut bed = Self::new(name, dead_man);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut workers = json!(deployment("load-workers", 1, Behaviour::Ready));
        workers["apiVersion"] = json!("apps/v1");
        workers["kind"] = json!("Deployment");
        workers["metadata"]["namespace"] = json!(bed.namespace);
        let [pool, load] = POOL;
        workers["spec"]["template"]["spec"]["nodeSelector"] = json!({ pool: load });
        workers["spec"]["template"]["spec"]["tolerations"] = json!([{ "key": pool, "operator": "Exists" }]);
        apply(&bed.clusters.test, &workers.to_string());
        await_replicas(&bed.clusters.test, &bed.namespace, "deployment/load-workers");
        let (folder, master) = (bed.path(""), port.clone());
        let start = move |replica: &Replica| {
            let locust = locust();
            let mut command = Command::new(locust.with_file_name("python"));
            command.args(["-c", UP, &replica.own_port.to_string()]).arg(locust).current_dir(&folder);
            command.args(["-f", "locustfile.py,conductor_locust.py", "--stop-timeout", "5"]);
            command.args(["--worker", "--master-host", "127.0.0.1", "--master-port", &master]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let master = format!(r#", --master, --master-bind-host, 127.0.0.1, --master-bind-port, "{port}"]"#);
        for (from, to) in [
            (r#", --stop-timeout, "5"]"#, format!(r#", --stop-timeout, "5"{master}"#)),
            (
                "      - { name: payments, support: true }\n",
                "      - { name: payments, support: true }\n      - { name: load-workers, support: true }\n".to_owned(),
            ),
            (
                "    - { name: payments, replicas: 2 }\n",
                "    - { name: payments, replicas: 2 }\n    - { name: load-workers, replicas: 3 }\n".to_owned(),
            ),
        ] {
            bed.edit("environment.yaml", from, &to);
        }
        bed.bring_up();
        let bridge = Bridge::start(&bed.clusters.test, &bed.namespace, "load-workers", start);
        let bridge = runtime().block_on(bridge).unwrap();
        up(&bridge, 1);
        bed._load_workers = Some(bridge);
        bed
    }
}
