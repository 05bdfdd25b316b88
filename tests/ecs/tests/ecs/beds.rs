//! Beds do not know of each other and leave nothing behind, however they end.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use conductor_bed::process::is_alive;
use conductor_bed::program;
use conductor_ecs_bed::{EcsBed, Motos, Rate, User, until};
use serde_json::{Value, json};

use super::support::{PATIENCE, bed_of_its_own, ecs};

#[tokio::test]
async fn two_beds_at_once_are_two() {
    let (one, two) = tokio::join!(bed_of_its_own(), bed_of_its_own());
    assert_ne!(one.endpoint(), two.endpoint());
    one.make_cluster("only-here").await.unwrap();
    let clusters = async |bed: &EcsBed| {
        let listed = ecs(bed, User::Conductor).await.list_clusters().send().await.unwrap();
        listed.cluster_arns().len()
    };
    assert_eq!((clusters(&one).await, clusters(&two).await), (2, 1));
    drop(one);
    assert_eq!(clusters(&two).await, 1);
}

#[tokio::test]
async fn a_bed_with_the_moto_of_an_earlier_one_knows_nothing_of_it() {
    static MOTOS: Motos = Motos::new();
    let one = EcsBed::start_with(&MOTOS).await.unwrap();
    one.make_cluster("only-here").await.unwrap();
    let role = "arn:aws:iam::222222222222:role/conductor";
    let there = one.actor(User::Admin).assume(role, "maker").await.unwrap();
    there.call("CreateCluster", json!({ "clusterName": "only-there" })).await.unwrap();
    one.throttle("ListClusters", Some(Rate { burst: 0, per_second: 0.0 }));
    let (process, endpoint) = (one.process().unwrap(), one.endpoint().to_owned());
    drop(one);
    assert!(is_alive(process) && !listens(&endpoint));
    let (two, three) = (EcsBed::start_with(&MOTOS).await.unwrap(), EcsBed::start_with(&MOTOS).await.unwrap());
    assert_eq!(two.process(), Some(process));
    assert_ne!(three.process(), Some(process), "it is another's now");
    assert_eq!(two.requests(), []);
    let there = two.actor(User::Admin).assume(role, "maker").await.unwrap();
    for actor in [two.actor(User::Admin), there] {
        assert_eq!(actor.call("ListClusters", json!({})).await.unwrap()["clusterArns"], json!([]));
    }
    // One that has ended is not used again.
    kill(process);
    until("moto is gone", PATIENCE, async || two.process().is_none().then_some(())).await;
    drop(two);
    EcsBed::start_with(&MOTOS).await.unwrap().make_cluster("test").await.unwrap();
}

#[tokio::test]
async fn a_dropped_bed_leaves_nothing_behind() {
    let bed = bed_of_its_own().await;
    let (process, endpoint) = (bed.process().unwrap(), bed.endpoint().to_owned());
    assert!(is_alive(process) && listens(&endpoint));
    until("the log tells of a request", PATIENCE, async || bed.log().contains("POST / HTTP").then_some(())).await;
    drop(bed);
    assert!(!is_alive(process) && !listens(&endpoint));
}

#[tokio::test]
async fn a_killed_owner_leaves_nothing_behind() {
    let mut owner =
        Command::new(program::example("account")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let held: Value = serde_json::from_str(&line).unwrap();
    let process = u32::try_from(held["process"].as_u64().unwrap()).unwrap();
    let endpoint = held["endpoint"].as_str().unwrap();
    assert_eq!(held["environment"]["AWS_ENDPOINT_URL"], endpoint);
    assert!(Path::new(held["environment"]["AWS_CONFIG_FILE"].as_str().unwrap()).is_file());
    assert!(is_alive(process) && listens(endpoint));
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("nothing is left", PATIENCE, async || (!is_alive(process) && !listens(endpoint)).then_some(())).await;
}

#[tokio::test]
async fn a_bed_without_moto_gives_no_answer() {
    let bed = bed_of_its_own().await;
    kill(bed.process().unwrap());
    until("moto is gone", PATIENCE, async || bed.process().is_none().then_some(())).await;
    let refused = bed.actor(User::Ci).call("ListClusters", json!({})).await.unwrap_err();
    assert_eq!((refused.to_string().as_str(), refused.kind()), ("could not call ListClusters: no answer", None));
}

fn kill(process: u32) {
    let process = nix::unistd::Pid::from_raw(process.try_into().unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
}

fn listens(endpoint: &str) -> bool {
    TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).is_ok()
}
