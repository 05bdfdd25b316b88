//! How environments come up and go down, and what survives a crash.

use conductor_core::ports::{Deployer, FailureKind};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bed::{Bed, app, lives, until};

fn end(pid: u32) {
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn an_environment_comes_up_once_and_goes_down_without_a_trace() {
    let bed = Bed::new("shared", "v1", 2);
    assert!(conductor_local::status(&bed.state_dir).await.unwrap().is_none());
    let first = bed.up().await.unwrap();
    assert_eq!(bed.up().await.unwrap(), first, "a second up changes nothing");
    let pids: Vec<u32> = first.applications[0].replicas.iter().map(|replica| replica.pid).collect();
    assert_eq!(pids.len(), 2);
    conductor_local::down(&bed.state_dir).await.unwrap();
    assert!(!pids.into_iter().any(lives));
    assert!(bed.get().is_err());
    assert!(conductor_local::status(&bed.state_dir).await.unwrap().is_none());
    conductor_local::down(&bed.state_dir).await.unwrap();
}

#[tokio::test]
async fn other_settings_are_refused_while_it_is_up() {
    let mut bed = Bed::new("shared", "v1", 1);
    bed.up().await.unwrap();
    bed.settings.applications[0].replicas = 2;
    let error = bed.up().await.unwrap_err().to_string();
    assert!(error.contains("conductor local down first"), "{error}");
    assert_eq!(bed.versions().await, ["v1"]);
}

#[tokio::test]
async fn a_killed_replica_is_started_again() {
    let bed = Bed::new("shared", "v1", 2);
    let killed = bed.up().await.unwrap().applications[0].replicas[0].pid;
    end(killed);
    until("a new replica", async || {
        let replicas = &bed.status().await.applications[0].replicas;
        replicas.len() == 2 && replicas.iter().all(|replica| replica.pid != killed)
    })
    .await;
}

#[tokio::test]
async fn a_killed_supervisor_takes_its_processes_with_it_and_can_be_brought_up_again() {
    let bed = Bed::new("shared", "v1", 2);
    let pids: Vec<u32> = bed.up().await.unwrap().applications[0].replicas.iter().map(|replica| replica.pid).collect();
    let text = std::fs::read_to_string(bed.state_dir.join("supervisor.json")).unwrap();
    let supervisor: serde_json::Value = serde_json::from_str(&text).unwrap();
    end(supervisor["pid"].as_u64().unwrap().try_into().unwrap());
    until("the end of all replicas", async || !pids.iter().any(|pid| lives(*pid))).await;
    let error = bed.environment().deployed(&[app()]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not look at the local applications: the environment is not up; conductor local up ENVIRONMENT starts it"
    );
    assert!(std::error::Error::source(&error).is_none(), "a path of this machine is nothing to others: {error:?}");
    assert_eq!(error.kind, FailureKind::Unavailable, "a run that goes on waits for it");
    let error = bed.environment().is_up().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected, "a run does not begin without it");
    bed.up().await.unwrap();
    assert_eq!(bed.versions().await, ["v1", "v1"]);
}

#[tokio::test]
async fn a_stubborn_replica_is_killed_after_its_grace_period() {
    let bed = Bed::new("shared", "stubborn", 1);
    let pid = bed.up().await.unwrap().applications[0].replicas[0].pid;
    conductor_local::down(&bed.state_dir).await.unwrap();
    assert!(!lives(pid));
}

#[tokio::test]
async fn an_application_that_does_not_start_leaves_nothing_up() {
    let bed = Bed::new("shared", "broken", 1);
    let error = bed.up().await.unwrap_err().to_string();
    assert!(error.contains("app broken: 3 starts in a row failed"), "{error}");
    assert!(conductor_local::status(&bed.state_dir).await.unwrap().is_none());
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named() {
    let mut bed = Bed::new("shared", "v1", 1);
    bed.settings.applications[0].command[0] = "/no/such/program".to_owned();
    let error = bed.up().await.unwrap_err().to_string();
    assert!(error.contains("could not be started: /no/such/program: No such file"), "{error}");
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_named_before_anything_is_started() {
    let bed = Bed::new("exclusive", "v1", 1);
    let _held = std::net::TcpListener::bind(("127.0.0.1", bed.port)).unwrap();
    let error = bed.up().await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("port {} of application app is not free: Address already in use", bed.port)),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_with_a_long_path_works_as_well() {
    let bed = Bed::in_folder(&"long/".repeat(30), "behindFront", "v1", 2);
    bed.up().await.unwrap();
    until("an answer through the front", async || bed.get().is_ok_and(|answer| answer.starts_with("v1 "))).await;
}
