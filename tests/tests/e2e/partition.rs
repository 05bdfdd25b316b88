//! A server that is cut off from the cluster, and from nothing else: the run stays its own, and goes on or back as soon as the
//! cluster answers again.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use conductor_bed::{Backend, Front, WhenOpened};
use conductor_tests::{ClusterBed, Held, Moment, Requests, Server, Verb, until};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::server::{PATIENCE, loaded};

/// How long a server may take to get somewhere.
const SOON: Duration = Duration::from_secs(60);
/// Longer than a server waits for an answer of the cluster, and shorter than it tries on the way there.
const CUT: Duration = Duration::from_secs(30);
/// Longer than other servers wait before they take over a run of a dead one.
const TAKEN_OVER: Duration = Duration::from_secs(8);

/// Two servers of the same journal, of which the first one has a way to the cluster that can be cut.
struct Scene {
    first: Server,
    second: Server,
    front: Front,
    /// What is behind the front, where that is not the API server itself.
    held: Option<Held>,
    bed: ClusterBed,
    objects: Vec<(String, Value)>,
    rows: Vec<String>,
    _runtime: Runtime,
}

impl Scene {
    /// Puts the front before whatever the bed's kubeconfig leads to now, and lets the second server go by itself to the cluster.
    fn new(bed: ClusterBed, direct: &str, held: Option<Held>, when_opened: WhenOpened) -> Self {
        let (objects, rows) = (bed.objects(), bed.rows());
        let kubeconfig = std::fs::read_to_string(bed.path("test.kubeconfig")).unwrap();
        let (_, rest) = kubeconfig.split_once("//127.0.0.1:").unwrap();
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let front = {
            let _inside = runtime.enter();
            Front::before(Backend::Port(port.parse().unwrap()), when_opened).unwrap()
        };
        let led = |port: &str| format!("//127.0.0.1:{port}");
        bed.write("test.kubeconfig", &kubeconfig.replace(&led(&port), &led(&front.port().to_string())));
        bed.write("direct.kubeconfig", direct);
        let environment = std::fs::read_to_string(bed.path("environment.yaml")).unwrap();
        assert!(environment.contains("test.kubeconfig"), "{environment}");
        bed.write("direct.yaml", &environment.replace("test.kubeconfig", "direct.kubeconfig"));
        let first = Server::ready(&bed);
        let second = Server::start(&bed, &[&bed.path("direct.yaml")]);
        second.wait_until_ready();
        Self { first, second, front, held, bed, objects, rows, _runtime: runtime }
    }

    /// Starts a load test of half a minute with the first server.
    fn start(&self) -> String {
        let load_test = json!({
            "apiVersion": "loadtest-conductor.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": { "name": "short" },
            "spec": {
                "environment": "shop-test",
                "kpi": { "name": "orders", "target": "360/min" },
                "rampUp": "10s",
                "plateau": "20s",
                "interval": "5s",
                "limits": { "maxUsers": 800 }
            }
        });
        let answer = self.first.call("StartLoadTest", &json!({ "loadTest": load_test })).json();
        answer["run"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a run is in a phase, as the second server sees it.
    fn reaches(&self, run: &str, phase: &str) {
        until(phase, PATIENCE, || self.second.get(run)["phase"] == phase);
    }

    /// Asserts that a run has ended with everything put back, once, and by the server that has begun it.
    fn assert_its_own_to_the_end(&self, run: &str) -> Value {
        let ended = self.first.ended(run, PATIENCE);
        assert_eq!(ended["verdict"]["restored"], true, "{ended:#}");
        assert_eq!(self.second.get(run), ended, "both servers tell the same");
        let events = ended["events"].as_array().unwrap();
        let taken_over = events.iter().filter(|event| event["message"].to_string().contains("without a conductor"));
        assert_eq!(taken_over.count(), 0, "{events:#?}");
        let phases = ended["phases"].as_array().unwrap();
        assert_eq!(phases.iter().filter(|phase| phase["phase"] == "PHASE_SCALE_DOWN").count(), 1, "{phases:#?}");
        self.bed.assert_back(&self.objects, &self.rows);
        ended
    }
}

/// Cuts the first server off while it scales, when a write of it is under way whose answer it will never see. What has connected
/// the two by then stays silent for good, as behind a gateway that has forgotten its connections.
fn cut_while_scaling(name: &str) -> (Scene, String) {
    let bed = ClusterBed::up(name, "3m");
    let direct = std::fs::read_to_string(bed.path("test.kubeconfig")).unwrap();
    let held = bed.hold(Requests::writes().verb(Verb::Patch).resource("deployments"), 2, Moment::Before);
    let mut scene = Scene::new(bed, &direct, Some(held), WhenOpened::StaySilent);
    let run = scene.start();
    scene.held.as_ref().unwrap().reached(SOON);
    scene.reaches(&run, "PHASE_SCALE_UP");
    scene.front.silence();
    scene.held.as_mut().unwrap().let_go();
    (scene, run)
}

#[test]
fn a_server_that_is_cut_off_from_the_cluster_while_it_scales_goes_on_when_the_cluster_answers() {
    let (scene, run) = cut_while_scaling("cut-scaling");
    std::thread::sleep(CUT);
    for server in [&scene.first, &scene.second] {
        assert_eq!(server.get(&run)["phase"], "PHASE_SCALE_UP", "it is tried on");
    }
    scene.front.open();
    let ended = scene.assert_its_own_to_the_end(&run);
    assert_eq!(ended["ending"]["cause"], "completed", "{}", ended["ending"]);
}

#[test]
#[ignore = "takes two minutes: a stage of `cargo verify --full`"]
fn a_server_that_is_cut_off_for_longer_than_it_tries_to_scale_puts_back_when_the_cluster_answers() {
    let (scene, run) = cut_while_scaling("cut-for-long");
    scene.reaches(&run, "PHASE_SCALE_DOWN");
    std::thread::sleep(TAKEN_OVER);
    assert_eq!(scene.second.get(&run)["phase"], "PHASE_SCALE_DOWN", "it is tried on, and by nobody else");
    assert_ne!(scene.bed.objects(), scene.objects, "nothing was changed when it was cut off");
    scene.front.open();
    let ended = scene.assert_its_own_to_the_end(&run);
    assert_eq!(ended["verdict"]["outcome"], "OUTCOME_FAILED", "{}", ended["verdict"]);
    assert!(ended["ending"].to_string().contains("scale "), "{}", ended["ending"]);
}

#[test]
fn a_server_that_is_cut_off_from_the_cluster_under_load_ends_it_and_puts_back_when_the_cluster_answers() {
    let bed = ClusterBed::up("cut-load", "3m");
    let direct = std::fs::read_to_string(bed.path("test.kubeconfig")).unwrap();
    // Packets that were lost are sent again, as TCP does.
    let scene = Scene::new(bed, &direct, None, WhenOpened::PassOn);
    let run = scene.start();
    loaded(&scene.second, &run);
    scene.front.silence();
    std::thread::sleep(TAKEN_OVER);
    assert_eq!(scene.second.get(&run)["phase"], "PHASE_GENERATE_LOAD");
    assert!(scene.bed.users() > 0, "the load goes on");
    scene.reaches(&run, "PHASE_SCALE_DOWN");
    assert_eq!(scene.bed.users(), 0, "the load ends in its time");
    std::thread::sleep(TAKEN_OVER);
    assert_eq!(scene.second.get(&run)["phase"], "PHASE_SCALE_DOWN", "it is tried on, and by nobody else");
    assert_ne!(scene.bed.objects(), scene.objects, "it could not put anything back");
    scene.front.open();
    let ended = scene.assert_its_own_to_the_end(&run);
    assert_eq!(ended["ending"]["cause"], "completed", "{}", ended["ending"]);
}
