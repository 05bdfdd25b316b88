//! Runs of a server whose environment is in use, which wait there for their turn.

use conductor_engine::{Steward, StewardOptions};

use crate::bed::{Bed, Running};

/// A server that looks after its runs, with one that is active for long, and a load test that does so if it is busy.
async fn busy(if_busy: &str) -> (Bed, Steward, String, String) {
    let bed = Bed::start().await;
    let steward = bed.looked_after(StewardOptions::default());
    steward.ready().await;
    let active = bed.ask(&["start", &bed.load_test("40m")]).await.good().trim().to_owned();
    let file = bed.load_test("3m");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}  ifBusy: {if_busy}\n")).unwrap();
    (bed, steward, active, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_is_started_at_once_listed_with_its_place_and_taken_out_by_ctrl_c() {
    let (bed, _steward, active, file) = busy("queue").await;
    let first = bed.ask(&["start", &file]).await.good().trim().to_owned();
    let mut waiting = Running::start(bed.at_server(&["start", &file, "--wait"]));
    waiting.until(&format!("; it waits for the end of run {active}")).await;
    let listed = bed.ask(&["list"]).await.good();
    let line = |place: &str| listed.lines().find(|line| line.contains(place)).unwrap_or_default().to_owned();
    assert!(line("  waits, 1 ").starts_with(&first) && !line("  waits, 2 ").is_empty(), "{listed}");
    waiting.interrupt();
    waiting.until("the run is taken out of the queue").await;
    let (code, rest) = waiting.end().await;
    assert_eq!(code, Some(4), "{rest}");
    assert!(rest.contains("verdict    cancelled"), "{rest}");
    bed.ask(&["stop", &active]).await.good();
    let told = bed.ask(&["watch", &first]).await.good();
    assert!(told.contains("its turn has come") && told.contains("verdict    passed"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_run_includes_its_turn_and_the_one_that_it_replaces_says_so() {
    let (bed, _steward, active, file) = busy("replace").await;
    let told = bed.ask(&["start", &file, "--wait"]).await.good();
    assert!(told.contains(&format!("; it waits for the end of run {active}, which it replaces")), "{told}");
    assert!(told.contains("its turn has come") && told.contains("verdict    passed"), "{told}");
    let replaced = bed.ask(&["get", &active]).await.good();
    assert!(replaced.contains("cancelled"), "{replaced}");
    let word = std::fs::read_to_string(&file).unwrap().replace("ifBusy: replace", "ifBusy: later");
    std::fs::write(&file, word).unwrap();
    let refused = bed.ask(&["start", &file]).await.bad(2);
    let expected =
        "spec.ifBusy: \"later\" is not what becomes of a run; expected refuse (when absent), queue or replace";
    assert!(refused.contains(expected), "{refused}");
}
