//! Whole load tests between two real clusters: production's state is put into the test cluster, and everything there is put
//! back exactly, whatever becomes of the conductor.

mod layout;
mod unwell;

use std::time::Duration;

use conductor_kubernetes_bed::Deliver;
use conductor_tests::{ClusterBed, Moment, Requests, Running, Verb, until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// How long a conductor may take to get somewhere.
const SOON: Duration = Duration::from_secs(60);

/// Locust's dead man's switch where it shall stop by itself: longer than the interval of 5 s.
const IMPATIENT: &str = "12s";
/// The same where it shall not.
const PATIENT: &str = "3m";

#[test]
fn a_run_makes_the_test_cluster_like_production_and_puts_everything_back() {
    let bed = ClusterBed::up("whole", PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    assert!(plan.contains("would deploy\n  shop: registry.example/shop:v1 → registry.example/shop@sha256:"), "{plan}");
    assert!(
        plan.contains("3 replicas, pinned at 3, limits.cpu 4, limits.memory 2Gi, requests.cpu 2, requests.memory 1Gi"),
        "{plan}"
    );
    assert!(plan.contains("autoscaled from 1 to 2"), "{plan}");
    assert!(plan.contains("  payments: 1 replica → 2 replicas\n"), "{plan}");
    // Versions, replicas and resources are no difference: the run makes them equal.
    let differs = "differs from production in\n  shop\n    (minor) autoscaling: production absent, test pinned at 3\nwould generate";
    assert!(plan.contains(differs), "{plan}");
    assert_eq!(bed.writes(), [[], []], "planning has written");
    assert_eq!(bed.objects(), objects, "planning has changed something");

    bed.held_load();
    let mut running = bed.start();
    running.line("the ramp begins");
    bed.await_versions(&["v2", "v2", "v2"]);
    let container = &bed.object("deployment", "shop")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({ "cpu": "4", "memory": "2Gi" }));
    assert_eq!(bed.object("deployment", "payments")["spec"]["replicas"], 2, "the mock is scaled with it");
    let denied = bed.somebody_deploys();
    assert!(denied.contains("frozen by load test shop-two-thousand-"), "{denied}");
    let autoscaler = &bed.object("hpa", "shop")["spec"];
    assert_eq!([&autoscaler["minReplicas"], &autoscaler["maxReplicas"]], [3, 3]);
    let ended = running.wait().ended_with(0);
    assert!(ended.out.contains("restored   everything is as it was before"), "{}", ended.out);
    let parity = &bed.view()["parity"];
    assert_eq!((&parity["applications"], &parity["differences"][0]["aspect"]), (&1.into(), &"autoscaling".into()));
    assert!(ended.out.contains("parity     1 difference from production\n"), "{}", ended.out);
    assert!(!ended.out.contains("load generators or mocks"), "the mocks have nodes of their own: {}", ended.out);
    let looks = bed.view()["layout"].as_array().unwrap().clone();
    assert_eq!(looks.iter().map(|look| &look["when"]).collect::<Vec<_>>(), ["preflight", "beforeLoad", "duringLoad"]);
    assert!(looks.iter().all(|look| look["sight"]["loadPods"].as_u64() > Some(0)), "{looks:?}");
    // One replica takes 285 orders a minute.
    let mean = bed.view()["verdict"]["holds"][0]["figures"]["meanPerMin"].as_f64().unwrap();
    assert!(mean > 340.0, "{mean}\n{}", ended.out);
    bed.assert_back(&objects, &rows);
    let [production, test] = bed.writes();
    assert_eq!(production, [], "production was written to");
    assert!(!test.is_empty());
}

/// An autoscaler of the bed looks every two seconds.
const AUTOSCALED: Duration = Duration::from_secs(3);

/// Kills the conductor between two writes to Deployments, and lets a new one put everything back, after an autoscaler has
/// acted by what it was left with.
fn killed_at(name: &str, phase: &str, number: u32, at: Moment) {
    let bed = ClusterBed::up(name, PATIENT);
    let before = (bed.objects(), bed.rows());
    let mut held = bed.hold(Requests::writes().verb(Verb::Patch).resource("deployments"), number, at);
    let mut running = bed.start();
    running.line(&format!("== {phase}"));
    held.reached(SOON);
    kill(running);
    assert_ne!(bed.objects(), before.0, "nothing was changed when it was killed");
    held.let_go();
    std::thread::sleep(AUTOSCALED);
    put_back(&bed, &before);
}

/// Lets the load go on for longer than a test takes that ends it.
fn for_long(bed: &ClusterBed) {
    bed.edit("loadtest.yaml", "plateau: 20s", "plateau: 5m");
}

/// Leaves the time of the second look to the conductor: the bed shortens it.
fn looked_at_again_by_default(bed: &ClusterBed) {
    bed.edit("environment.yaml", "  recheckAfter: 5s\n", "");
}

fn kill(running: Running) {
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
}

/// Lets a new conductor put everything back, from the journal alone.
fn put_back(bed: &ClusterBed, (objects, rows): &(Vec<(String, Value)>, Vec<String>)) {
    bed.without_files(|| bed.conductor(&["restore"]).ended_with(0));
    bed.assert_back(objects, rows);
    assert_eq!(bed.writes()[0], [], "production was written to");
    assert_eq!(bed.conductor(&["restore"]).succeeded(), "nothing to restore: every run has ended\n");
}

#[test]
fn killed_before_it_hears_that_a_version_is_deployed() {
    killed_at("deploy", "DEPLOY", 1, Moment::After);
}

#[test]
fn killed_between_an_autoscaler_and_its_deployment_on_the_way_there() {
    killed_at("scale-up", "SCALE_UP", 2, Moment::Before);
}

#[test]
fn killed_between_an_autoscaler_and_its_deployment_on_the_way_back() {
    killed_at("scale-down", "SCALE_DOWN", 3, Moment::Before);
}

#[test]
fn killed_while_generating_load() {
    let bed = ClusterBed::up("load", IMPATIENT);
    for_long(&bed);
    let before = (bed.objects(), bed.rows());
    let mut running = bed.start();
    running.line("the ramp begins");
    until("the load", SOON, || bed.users() > 1);
    kill(running);
    until("Locust's own stop", SOON, || bed.users() == 0);
    put_back(&bed, &before);
}

#[test]
fn a_run_whose_journal_is_lost_is_put_back_by_what_it_has_left_in_the_cluster() {
    let bed = ClusterBed::up("lost", PATIENT);
    for_long(&bed);
    let (objects, rows) = (bed.objects(), bed.rows());
    let mut running = bed.start();
    running.line("the ramp begins");
    until("the load", SOON, || bed.users() > 1);
    kill(running);
    let run = bed.view()["id"].as_str().unwrap().to_owned();
    // Somebody has the files and what runs on this machine, and not the journal.
    let elsewhere = bed.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(bed.path("../state/local"), bed.path("elsewhere/local")).unwrap();
    let conductor = |arguments: &[&str]| bed.conductor(&[arguments, &["--state-dir", &elsewhere]].concat());

    let refused = conductor(&["run", &bed.path("loadtest.yaml")]).ended_with(1).out;
    let unplanned = conductor(&["plan", &bed.path("loadtest.yaml")]).ended_with(1).err;
    for told in [
        format!("run {run} has left its changes at payments, shop (its conductor may live: it has until "),
        format!("conductor restore {run} --from-cluster --settings FILE puts back what was before"),
    ] {
        assert!(refused.contains(&told), "{told:?} is not in\n{refused}");
        assert!(unplanned.contains(&told), "{told:?} is not in\n{unplanned}");
    }
    let from_cluster = ["--from-cluster", "--settings", &bed.path("environment.yaml")];
    let alone = conductor(&[&["restore"], &from_cluster[..]].concat()).succeeded();
    let living = format!("run {run} is left alone: its conductor lives, or has until ");
    assert!(alone.starts_with(&living), "{alone}");
    let restore = [&["restore", &run], &from_cluster[..]].concat();
    let restored = conductor(&restore).ended_with(0).out;
    assert!(restored.contains(&format!("run        {run}")), "{restored}");
    bed.assert_back(&objects, &rows);
    let nothing = format!("nothing to restore: run {run} has left nothing in the environment\n");
    assert_eq!(conductor(&restore).succeeded(), nothing);
    assert_eq!(bed.writes()[0], [], "production was written to");
}

#[test]
fn a_run_whose_way_back_failed_is_put_back_on_its_own_machine_by_what_it_has_left_in_the_cluster() {
    let bed = ClusterBed::up("stuck", PATIENT);
    for_long(&bed);
    let (objects, rows) = (bed.objects(), bed.rows());
    let mut running = bed.start();
    running.line("the ramp begins");
    kill(running);
    let run = bed.view()["id"].as_str().unwrap().to_owned();
    let stuck = bed.only_looking(|| bed.conductor(&["restore"]).ended_with(5));
    assert!(stuck.out.contains("NOT everything is back"), "{}", stuck.out);
    assert_ne!(bed.objects(), objects);
    let ended = format!("run {run} has ended although not everything was put back, as conductor get {run} tells");
    let command = format!("conductor restore {run} --from-cluster --settings FILE puts back what");
    let [any, named] = [&["restore"][..], &["restore", &run]].map(|verb| bed.conductor(verb).ended_with(5).err);
    let unplanned = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).ended_with(1).err;
    for (told, text) in [(&any, &ended), (&any, &command), (&named, &ended), (&named, &command), (&unplanned, &command)]
    {
        assert!(told.contains(text.as_str()), "{text:?} is not in\n{told}");
    }

    // Another machine can tell by nothing whether it lives.
    bed.forget(&run);
    let from_cluster = ["--from-cluster", "--settings", &bed.path("environment.yaml")];
    let elsewhere = bed.path("elsewhere");
    let unsigned = format!(
        "run {run} is left alone: nothing tells whether its conductor lives; if none does, conductor restore {run} \
         --from-cluster --settings FILE puts back what was before\n"
    );
    let all = [&["restore", "--state-dir", &elsewhere], &from_cluster[..]].concat();
    assert_eq!(bed.conductor(&all).ended_with(1).err, format!("error: {unsigned}"));
    let reaper = bed.reaper();
    let reaped = bed.conductor(&reaper.iter().map(String::as_str).collect::<Vec<_>>()).succeeded();
    assert!(reaped.starts_with(&unsigned), "{reaped}");
    assert_ne!(bed.objects(), objects, "it may be driven by somebody");

    let restored = bed.conductor(&[&["restore", &run], &from_cluster[..]].concat()).ended_with(0).out;
    assert!(restored.contains(&format!("run        {run}")), "{restored}");
    bed.assert_back(&objects, &rows);
    assert_eq!(bed.conductor(&["restore"]).succeeded(), "nothing to restore: every run has ended\n");
    assert!(bed.view()["verdict"]["restored"].as_bool().unwrap());
}

#[test]
fn a_reaper_puts_back_what_a_conductor_has_left_that_gives_no_sign_of_life_any_more() {
    let bed = ClusterBed::up("reaped", PATIENT);
    let before = (bed.objects(), bed.rows());
    let mut held = bed.hold(Requests::writes().verb(Verb::Patch).resource("deployments"), 2, Moment::Before);
    let mut running = bed.start();
    running.line("== SCALE_UP");
    held.reached(SOON);
    kill(running);
    held.let_go();
    let run = bed.view()["id"].as_str().unwrap().to_owned();
    let reaper = bed.reaper();
    let reap = || bed.conductor(&reaper.iter().map(String::as_str).collect::<Vec<_>>());
    let alone = reap().succeeded();
    assert!(alone.starts_with(&format!("run {run} is left alone: its conductor lives, or has until ")), "{alone}");
    assert_ne!(bed.objects(), before.0, "it may be driven by somebody");
    bed.lapse(&run);
    let reaped = reap().ended_with(0).out;
    assert!(reaped.contains(&format!("run        {run}")), "{reaped}");
    bed.assert_back(&before.0, &before.1);
    assert_eq!(
        reap().succeeded(),
        "nothing to restore: no run whose conductor is gone has left anything in the environment\n"
    );
}

#[test]
fn what_somebody_does_who_lifts_the_freeze_ends_the_run_where_the_environment_wants_that_and_stays() {
    let bed = ClusterBed::up("lifted", PATIENT);
    for_long(&bed);
    bed.edit("environment.yaml", "  locust: {", "  onDrift: abort\n  locust: {");
    looked_at_again_by_default(&bed);
    let mut running = bed.start();
    running.line("the ramp begins");
    let denied = bed.somebody_deploys();
    let (_, told) = denied.split_once("to lift it: conductor ").unwrap_or_else(|| panic!("{denied}"));
    let (told, _) = told.split_once(" (").unwrap_or_else(|| panic!("{denied}"));
    // The denial cannot know where the file is.
    let settings = bed.path("environment.yaml");
    let file = |word| if word == "environment.yaml" { settings.as_str() } else { word };
    let told: Vec<&str> = told.split(' ').map(file).collect();
    let name = told[1];
    let lifted = bed.conductor(&told).succeeded();
    assert_eq!(lifted, format!("freeze {name} is lifted\n"));
    until("somebody can deploy", SOON, || bed.somebody_deploys().is_empty());
    running.line("1m after the way back it is looked again whether everything stays as it was");
    let pinned = r#"{"spec":{"minReplicas":3,"maxReplicas":3}}"#;
    assert_eq!(bed.somebody_asks(&["patch", "hpa", "shop", "-p", pinned]), "", "the value of the run");
    let resources = ["set", "resources", "deployment/shop", "-c", "shop", "--requests=cpu=333m"];
    assert_eq!(bed.somebody_asks(&resources), "", "a value of their own");
    let ended = running.wait().ended_with(3).out;
    for told in [
        "restored_again: after the way back, shop: autoscaling is pinned at 3, not autoscaled from 1 to 2; changed by kubectl-patch (Update",
        "); put back once more",
        "changed_afterwards: after the way back, shop: requests.cpu of shop is 333m, not 250m; changed by kubectl-set (Update",
        "); left alone",
        "restored   everything of the run is back; what others have changed is NOT as it was before, see above",
        "during the load, shop: version of shop is registry.example/shop:v3, not registry.example/shop@sha256:",
        "changed by kubectl-set (Update",
        "version of shop is registry.example/shop:v3, which is neither registry.example/shop:v1 (before the run) nor",
    ] {
        assert!(ended.contains(told), "{told:?} is not in\n{ended}");
    }
    let shop = bed.object("deployment", "shop");
    let container = &shop["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/shop:v3", "their version stays");
    assert_eq!(container["resources"]["requests"]["cpu"], "333m", "and so does what they did after the way back");
    assert_eq!(container["resources"]["limits"]["cpu"], "500m", "all else is back");
    let autoscaler = &bed.object("hpa", "shop")["spec"];
    assert_eq!([&autoscaler["minReplicas"], &autoscaler["maxReplicas"]], [1, 2], "what had come back is back again");
    assert_eq!(shop["metadata"]["annotations"].to_string().matches("loadtest-conductor.dev").count(), 0);
    let again = bed.conductor(&["unfreeze", name, "--settings", &bed.path("environment.yaml")]).ended_with(1).err;
    assert_eq!(again, format!("error: environment shop-test has no freeze {name}\n"));
}

#[test]
fn what_cannot_work_is_told_by_its_field_before_anything_is_changed() {
    let bed = ClusterBed::up("refused", PATIENT);
    let environment = std::fs::read_to_string(bed.path("environment.yaml")).unwrap();
    let refused = |from: &str, to: &str, codes: [i32; 2], text: &str| {
        assert!(environment.contains(from), "{from:?} is not in the environment");
        bed.write("environment.yaml", &environment.replace(from, to));
        let text = text.replace("FOLDER", bed.path("x").strip_suffix("/x").unwrap());
        for (verb, code) in ["plan", "run"].into_iter().zip(codes) {
            let ended = bed.conductor(&[verb, &bed.path("loadtest.yaml")]).ended_with(code);
            assert!(
                ended.err.contains(&text) || ended.out.contains(&text),
                "{verb}: {text:?} is not in\n{}{}",
                ended.out,
                ended.err
            );
        }
    };
    refused(
        "kubeconfig: production.kubeconfig",
        "kubeconfig: test.kubeconfig",
        [1, 1],
        "kubernetes.production is the very cluster that is written to (its kube-system has the same uid); expected another one, or sameCluster: true",
    );
    refused(
        "kubeconfig: test.kubeconfig",
        "kubeconfig: tset.kubeconfig",
        [2, 2],
        "could not connect to the test cluster (kubernetes.cluster): could not read the kubeconfig FOLDER/tset.kubeconfig: No such file or directory (os error 2)\n",
    );
    refused(
        "cluster: { kubeconfig: test.kubeconfig",
        "cluster: { kubeconfig: test.kubeconfig, context: live",
        [2, 2],
        "could not connect to the test cluster (kubernetes.cluster): context: \"live\" is not in the kubeconfig FOLDER/test.kubeconfig; expected one of bed\n",
    );
    refused(
        "kubeconfig: production.kubeconfig",
        "kubeconfig: none",
        [1, 1],
        "could not connect to production (kubernetes.production): could not read the kubeconfig FOLDER/none: No such file or directory (os error 2)\n",
    );
    refused(
        "- name: shop\n",
        "- name: shop\n      - { name: ledger, deployment: ledger-v2 }\n",
        [1, 1],
        "ledger does not exist in the environment",
    );
    assert_eq!(bed.writes(), [[], []]);
}

#[test]
fn the_delivery_system_deploys_what_production_has_and_everything_is_back_whatever_becomes_of_the_conductor() {
    let bed = ClusterBed::up("delivered", "3m");
    let delivery = bed.delivery();
    let before = (bed.objects(), bed.rows());
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    let rollout = plan.lines().find(|line| line.starts_with("  shop: registry.example/shop:v1 → ")).unwrap();
    assert!(rollout.ends_with(" (deploy id d-7), by a DeploymentTask of delivery.example/v1"), "{plan}");
    assert_eq!(bed.deployment_tasks(), [""; 0], "planning has made something");

    delivery.say("d-7", Deliver::Hangs);
    let mut running = bed.start();
    running.line("== DEPLOY");
    until("the deployment goes on", SOON, || bed.deployment_tasks() == ["d-7 Deploying"]);
    kill(running);
    let template = [bed.path("deployment-task.yaml"), bed.path("away")];
    std::fs::rename(&template[0], &template[1]).unwrap();
    put_back(&bed, &before);
    std::fs::rename(&template[1], &template[0]).unwrap();
    assert_eq!(bed.deployment_tasks(), [""; 0], "the deployment goes on");

    // A tag, and more replicas than the run has planned so far.
    let container = json!({ "name": "shop", "image": "registry.example/shop:v2" });
    let manifests = json!({ "spec": { "replicas": 2, "template": { "spec": { "containers": [container] } } } });
    delivery.say("d-7", Deliver::Manifests(manifests));
    bed.edit("loadtest.yaml", "plateau: 20s", "plateau: 5m");
    let mut running = bed.start();
    running.line("the ramp begins");
    bed.await_versions(&["v2", "v2", "v2"]);
    assert_eq!(bed.deployment_tasks(), ["d-7 Succeeded"]);
    let image = bed.object("deployment", "shop")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert!(image.as_str().unwrap().starts_with("registry.example/shop@sha256:"), "{image}");
    let denied = bed.somebody_deploys();
    assert!(denied.contains("frozen by load test shop-two-thousand-"), "{denied}");
    running.signal(Signal::SIGINT);
    let ended = running.wait().ended_with(4).out;
    assert!(ended.contains(" (deploy id d-7)"), "{ended}");
    assert!(ended.contains("restored   everything is as it was before"), "{ended}");
    let view = bed.view();
    let shop = view["applications"].as_array().unwrap().iter().find(|one| one["application"] == "shop").unwrap();
    assert_eq!(shop["deployId"], "d-7");
    assert_eq!(bed.deployment_tasks(), [""; 0]);
    bed.assert_back(&before.0, &before.1);
}
