//! Waiting for a run: over servers that go away and come back, and until somebody has enough.

use conductor_access::AccessSettings;

use crate::bed::{Bed, Running};

fn open() -> AccessSettings {
    AccessSettings { off: true, ..AccessSettings::default() }
}

/// Somebody who has started a run with this plateau and waits for it, once it has load.
async fn waiting(bed: &Bed, plateau: &str) -> Running {
    let mut waiting = Running::start(bed.at_server(&["start", &bed.load_test(plateau), "--wait"]));
    waiting.until("== GENERATE_LOAD").await;
    waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_does_not_end_the_waiting() {
    let mut bed = Bed::start().await;
    let mut waiting = waiting(&bed, "5m").await;
    bed.stop().await;
    let lost = waiting.until("it is tried again").await;
    assert!(lost.ends_with("; it is tried again, and the run goes on there"), "{lost}");
    bed.serve(open(), None).await;
    waiting.until(&format!("http://{} answers again", bed.address)).await;
    let (code, rest) = waiting.end().await;
    assert_eq!(code, Some(0), "{rest}");
    assert!(rest.contains("verdict    passed"), "{rest}");
    assert_eq!(rest.matches("tried again").count(), 0, "it is told once:\n{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_once_ends_the_run_in_order() {
    let bed = Bed::start().await;
    let mut waiting = waiting(&bed, "40m").await;
    waiting.interrupt();
    waiting.until("Ctrl-C: the run is asked to end in order; once more leaves it to the server").await;
    let (code, rest) = waiting.end().await;
    assert_eq!(code, Some(4), "{rest}");
    assert!(rest.contains("verdict    cancelled") && rest.contains("restored   everything is as it was"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_twice_leaves_the_run_to_the_server() {
    let mut bed = Bed::start().await;
    let mut waiting = waiting(&bed, "40m").await;
    bed.stop().await;
    waiting.until("it is tried again").await;
    waiting.interrupt();
    waiting.until("once more leaves it to the server").await;
    waiting.interrupt();
    let (code, rest) = waiting.end().await;
    assert_eq!(code, Some(5), "{rest}");
    let left = format!("goes on at http://{}; conductor stop model-", bed.address);
    assert!(rest.contains(&left), "{rest}");
    bed.serve(open(), None).await;
    let listed = bed.ask(&["list"]).await.good();
    assert!(listed.contains("not ended"), "it goes on: {listed}");

    let mut watching = Running::start(bed.at_server(&["watch"]));
    watching.until("== GENERATE_LOAD").await;
    watching.interrupt();
    let (code, rest) = watching.end().await;
    assert_eq!(code, Some(0), "{rest}");
    assert!(rest.contains("state      GeneratingLoad"), "who watches ends nothing: {rest}");
    bed.ask(&["stop"]).await.good();
    let told = bed.ask(&["watch"]).await.good();
    assert!(told.contains("verdict    cancelled"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_hears_of_ctrl_c_when_it_is_back() {
    let mut bed = Bed::start().await;
    let mut waiting = waiting(&bed, "40m").await;
    bed.stop().await;
    waiting.until("it is tried again").await;
    waiting.interrupt();
    waiting.until("once more leaves it to the server").await;
    bed.serve(open(), None).await;
    waiting.until("the run ends in order: load stops").await;
    let (code, rest) = waiting.end().await;
    assert_eq!(code, Some(4), "{rest}");
}
