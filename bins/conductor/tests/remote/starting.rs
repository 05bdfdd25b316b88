//! What is started, and what is refused before or by the server.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::bed::{Bed, LONGEST, answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_name_makes_one_run_which_is_changed_and_ended_by_its_id() {
    let bed = Bed::start().await;
    let file = bed.load_test("40m");
    let first = bed.ask(&["start", &file, "--request-id", "nightly-7"]).await;
    let shows = format!("conductor watch {} shows it\n", first.out.trim());
    assert_eq!(first.err, shows);
    let run = first.good();
    assert_eq!(bed.ask(&["start", &file, "--request-id", "nightly-7"]).await.good(), run, "asked once more");
    let other = bed.load_test("41m");
    assert!(bed.ask(&["start", &other, "--request-id", "nightly-7"]).await.bad(2).contains("nightly-7"));
    let busy = bed.ask(&["start", &file]).await.bad(1);
    assert!(busy.contains("model"), "the environment is in use: {busy}");
    let odd = bed.ask(&["start", &file, "--request-id", "a b"]).await.bad(2);
    assert!(odd.contains("a request id of 3 bytes is not all visible ASCII"), "{odd}");

    let run = run.trim();
    let changed = bed.ask(&["update", "--target", "1800/min", "--within", "1m", "--plateau", "30m"]).await.good();
    assert!(changed.starts_with(&format!("run {run} was asked to go for 1800/min")), "{changed}");
    let stopped = bed.ask(&["stop"]).await.good();
    assert_eq!(stopped, format!("run {run} was asked to end; conductor watch {run} shows it\n"));
    let told = bed.ask(&["watch"]).await.good();
    assert!(told.contains("verdict    cancelled"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_told_with_its_place_before_anything_is_sent() {
    let bed = Bed::start().await;
    let file = bed.load_test("soon");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    for verb in ["start", "plan"] {
        let told = answer(bed.command(&[verb, &file, "--server", &silent])).await.bad(2);
        assert!(told.starts_with(&format!("error: {file}:8:12: spec.plateau: \"soon\" is no")), "{told}");
    }
    let connected = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(connected.is_err(), "nobody has asked the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_finds_wrong_is_told_with_its_place_in_the_file() {
    let bed = Bed::start().await;
    let file = bed.load_test("3m");
    let text = std::fs::read_to_string(&file).unwrap().replace("environment: model", "environment: store");
    std::fs::write(&file, text).unwrap();
    for verb in ["start", "plan"] {
        let told = bed.ask(&[verb, &file]).await.bad(2);
        let problem = "\"store\" is not an environment of the server; expected model";
        assert_eq!(told, format!("error: {file}:5:16: spec.environment: {problem}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_orders_the_terminal_nothing() {
    let bed = Bed::start().await;
    let file = bed.load_test("3m");
    let text = std::fs::read_to_string(&file).unwrap();
    // What is refused is repeated, by this program as by a server.
    std::fs::write(&file, text.replace("environment: model", "environment: \"\\e]0;owned\\a\\e[2J\"")).unwrap();
    let told = bed.ask(&["plan", &file]).await.bad(2);
    let problem = r#""\u{1b}]0;owned\u{7}\u{1b}[2J" is not a name; expected "#;
    assert!(told.starts_with(&format!("error: {file}:5:16: spec.environment: {problem}")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_beside_the_load_test_goes_with_it() {
    let bed = Bed::start().await;
    bed.file("day.csv", "0,0.5\n60,1\n120,0.5\n");
    let file = bed.load_test("3m");
    let text = std::fs::read_to_string(&file).unwrap();
    let stages = "  stages: [{ curve: day.csv, scale: 1500/min }]\n";
    std::fs::write(&file, text.replace("  rampUp: 2m\n  plateau: 3m\n", stages)).unwrap();
    let told = bed.ask(&["start", &file, "--wait", "--output", "json"]).await;
    let view: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let points = view["profile"].as_array().unwrap();
    let levels: Vec<f64> = points.iter().map(|point| point["perMin"].as_f64().unwrap()).collect();
    assert!(levels.contains(&1500.0) && levels.contains(&750.0), "{levels:?}");
    assert!(told.err.contains("== GENERATE_LOAD"), "progress is beside the answer: {}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_of_this_machine_are_refused_with_a_server_and_do_not_mind_a_current_one() {
    let bed = Bed::start().await;
    let file = bed.load_test("3m");
    let told = answer(bed.command(&["run", &file, "--server", "http://127.0.0.1:1"])).await.bad(2);
    assert_eq!(
        told,
        "error: --server: this works on this machine alone; `conductor start LOADTEST --wait` runs a load test at a server\n"
    );
    for arguments in [&["restore", "--context", "a"][..], &["schema", "--context", "a"]] {
        let told = answer(bed.command(arguments)).await.bad(2);
        assert_eq!(told, "error: --context: this works on this machine alone; expected it without a server\n");
    }
    let told = answer(bed.command(&["start", &file])).await.bad(2);
    assert!(told.contains("expected --server, --context, CONDUCTOR_SERVER or a current context"), "{told}");
    assert!(bed.ask(&["schema"]).await.good().contains("LoadTest"));
    assert_eq!(bed.ask(&["restore"]).await.good(), "nothing to restore: every run has ended\n");
    assert_eq!(bed.ask(&["list", "--local"]).await.good(), "no runs\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_after_some_attempts() {
    let bed = Bed::stopped();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let told = answer(bed.command(&["list", "--server", &nobody])).await.bad(6);
    assert!(told.starts_with(&format!("error: could not reach {nobody}: ")) && told.contains("refused"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_whose_answer_is_lost_is_asked_again_and_makes_no_second_run() {
    let bed = Bed::start().await;
    let file = bed.load_test("40m");
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", front.local_addr().unwrap());
    let starting = tokio::spawn(answer(bed.command(&["start", &file, "--server", &server])));
    // What is asked reaches the server, and no answer comes back.
    let (mut asked, unanswered) = front.accept().await.unwrap().0.into_split();
    let (unheard, mut there) = TcpStream::connect(bed.address).await.unwrap().into_split();
    let asking = tokio::spawn(async move { tokio::io::copy(&mut asked, &mut there).await });
    let listed = tokio::time::timeout(LONGEST, async {
        loop {
            let listed = bed.ask(&["list"]).await.good();
            if listed != "no runs\n" {
                return listed;
            }
        }
    });
    let listed = listed.await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    drop((unanswered, unheard));

    let to = bed.address;
    let answering = tokio::spawn(async move {
        loop {
            let (mut again, _) = front.accept().await.unwrap();
            let mut there = TcpStream::connect(to).await.unwrap();
            // How a connection ends is nobody's concern once everything was said.
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut again, &mut there).await });
        }
    });
    let run = starting.await.unwrap().good();
    answering.abort();
    assert!(listed.starts_with(run.trim()), "{run} is the one that was made:\n{listed}");
    assert_eq!(bed.ask(&["list"]).await.good(), listed, "and the only one");
}
